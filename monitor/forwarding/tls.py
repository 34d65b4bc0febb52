"""Whom a connection with TLS trusts."""

import ssl
from pathlib import Path

from monitor.errors import ConfigError

__all__ = ["tls_context"]


def tls_context(ca_file: Path | None, field: str) -> ssl.SSLContext:
    """Return a context for a client that trusts an authority of one's own, or those of the system.

    Args:
        ca_file: Certificates in PEM form; None for the system's.
        field: Where the file is named, for the message.

    Raises:
        ConfigError: The file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError:
        raise ConfigError(f"{field}: {ca_file} holds no certificate in PEM form") from None
    except OSError as error:
        raise ConfigError(f"{field}: {ca_file} cannot be read ({error.strerror})") from None
