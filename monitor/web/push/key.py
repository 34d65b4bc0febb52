"""The key with which a station signs what it sends, so that a push service takes notices from it alone (VAPID)."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from monitor.errors import ConfigError

__all__ = ["load_push_key", "public_key_text"]

_FILE = "push.key"


def load_push_key(directory: Path) -> Any:  # noqa: ANN401 - py-vapid publishes no types
    """Return the key (`py_vapid.Vapid02`); made at the first call, in a file that only its owner reads.

    Raises:
        ConfigError: The file cannot be read or written, is no key, or others may read it.
    """
    from py_vapid import Vapid02

    path = directory / _FILE
    if not path.exists():
        key = Vapid02()
        key.generate_keys()
        _write(path, key.private_pem())
    try:
        if path.stat().st_mode & 0o077 and os.name == "posix":
            raise ConfigError(f"others may read the push key {path}; run: chmod 600 {path}")
        return Vapid02.from_pem(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read the push key {path} ({error.strerror})") from None
    except (ValueError, TypeError, IndexError):
        raise ConfigError(f"{path} is damaged; remove it: devices are then to be added again") from None


def public_key_text(key: Any) -> str:  # noqa: ANN401 - py-vapid publishes no types
    """Return what browsers need of a key: its point on P-256, uncompressed, in base64 for addresses."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from py_vapid.utils import b64urlencode

    return str(b64urlencode(key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)))


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise ConfigError(f"cannot write the push key {path} ({error.strerror})") from None
