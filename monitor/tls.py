"""Whom a connection with TLS trusts, and who it says that it is."""

import ssl
from pathlib import Path

from monitor.errors import ConfigError

__all__ = ["add_certificate", "tls_context"]


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


def add_certificate(context: ssl.SSLContext, cert_file: Path, key_file: Path | None, field: str) -> None:
    """Let a client show a certificate of its own.

    Args:
        context: Of the client.
        cert_file: The certificate in PEM form, and its key where `key_file` is None.
        key_file: The key.
        field: Where the certificate is named, for the message.

    Raises:
        ConfigError: A file cannot be read, is not in PEM form, or the key is that of another certificate.
    """
    try:
        context.load_cert_chain(cert_file, key_file)
    except ssl.SSLError:
        raise ConfigError(
            f"{field}: {cert_file} and {key_file or 'the key in it'} are no certificate in PEM form and its key"
        ) from None
    except OSError as error:
        raise ConfigError(f"{field}: {error.filename or cert_file} cannot be read ({error.strerror})") from None
