"""Which push services a station sends to: those of the browsers' makers, and those that its configuration adds.

A browser names the address to which its notices are sent, so anybody who may log in could have a station send requests
to any address that it reaches. Only listed hosts are taken, by https, and no redirect is followed.
"""

import re
from collections.abc import Sequence

__all__ = ["KNOWN_SERVICES", "LONGEST_ENDPOINT", "service_of"]

KNOWN_SERVICES = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
"""Of Chromium and its kin, Firefox, Safari and Edge; `*.` stands for any name below."""

LONGEST_ENDPOINT = 1024

# No user, no backslash, no fragment: nothing that two programs could read as two hosts.
_ENDPOINT = re.compile(r"https://(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::(?P<port>\d{1,5}))?/[!-\[\]-~]+", re.ASCII)


def service_of(endpoint: str, further: Sequence[str] = ()) -> str | None:
    """Return the push service that an address belongs to, as it is listed; None where it is none that may be used.

    Args:
        endpoint: Which the browser names.
        further: Hosts of the configuration, as `host` or `host:port`.
    """
    found = _ENDPOINT.fullmatch(endpoint) if len(endpoint) <= LONGEST_ENDPOINT and "#" not in endpoint else None
    if found is None:
        return None
    host, port = found["host"], int(found["port"] or 443)
    name = host if port == 443 else f"{host}:{port}"
    for service in (*KNOWN_SERVICES, *further):
        if name == service or (service.startswith("*.") and name.endswith(service[1:])):
            return service
    return None
