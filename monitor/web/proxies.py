"""Which requests come from a trusted proxy, and whom it says it has authenticated."""

import ipaddress
from collections.abc import Sequence

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase

__all__ = ["BehindProxies", "user_of_proxy"]

_FROM_PROXY_KEY = "nicu.from_proxy"


class BehindProxies:
    """ASGI middleware that takes a proxy's word for who is asking and how, and nobody else's.

    It has to be the outermost one: the address of the peer is replaced by the visitor's for those within.

    Args:
        app: What stands behind the proxies.
        trusted: Addresses or networks of the proxies.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self._app = ProxyHeadersMiddleware(app, trusted_hosts=list(trusted))  # type: ignore[arg-type]  # uvicorn has ASGI types of its own
        self._networks = [ipaddress.ip_network(address) for address in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note whether the peer is a proxy, and pass the request on."""
        scope[_FROM_PROXY_KEY] = self._is_trusted(scope.get("client"))
        await self._app(scope, receive, send)  # type: ignore[arg-type]  # uvicorn has ASGI types of its own

    def _is_trusted(self, peer: tuple[str, int] | None) -> bool:
        try:
            address = ipaddress.ip_address(peer[0] if peer else "")
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def user_of_proxy(connection: HTTPConnection, header: str | None) -> str | None:
    """Return the name of the user that a trusted proxy has authenticated; None where it names nobody.

    Args:
        connection: The request.
        header: In which a proxy says it; None where none does.

    Raises:
        RefusedError: There are two names: a visitor's own may be one of them.
    """
    if header is None or not connection.scope.get(_FROM_PROXY_KEY, False):
        return None
    names = connection.headers.getlist(header)
    if len(names) > 1:
        words = Phrase("the proxy passes on two headers {header}; it must replace the visitor's own", header=header)
        raise RefusedError(words, RefusalCode.PROXY_AMBIGUOUS)
    return names[0].strip() or None if names else None
