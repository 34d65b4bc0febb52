"""Why a file of the configuration cannot be written or read, and what to run so that it can."""

import errno
import os
import pwd
from pathlib import Path

from monitor.errors import ConfigError
from monitor.phrases import Phrase

__all__ = ["reason_of", "unreadable", "unwritable"]


def unwritable(path: Path, error: OSError) -> ConfigError:
    """Return that the station cannot write a file, and how it is allowed to; the phrase can be translated."""
    folder = path.resolve().parent
    if error.errno == errno.EROFS:
        return ConfigError(
            Phrase(
                "the station may not write {path}, for that part of the disk is read-only for it; where it runs as a "
                "service, add ReadWritePaths={folder} to that (systemctl edit nicu-monitor), or change the file by "
                "hand",
                path=path,
                folder=folder,
            )
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return ConfigError(
            Phrase(
                "the station may not write {path}; let it with: sudo chown {user} {folder}; or change the file by hand",
                path=path,
                user=_user(),
                folder=folder,
            )
        )
    return ConfigError(Phrase("cannot write {path} ({reason})", path=path, reason=error.strerror))


def unreadable(path: Path) -> ConfigError:
    """Return that the station may not read a file, and how it is allowed to."""
    return ConfigError(
        Phrase("the station may not read {path}; let it with: sudo chown {user} {path}", path=path, user=_user())
    )


def reason_of(error: ConfigError) -> str:
    """Return what a configuration's error says: a phrase where it can be said in another language."""
    words = error.args[0] if error.args else ""
    return words if isinstance(words, Phrase) else str(error)


def _user() -> str:
    """Return the name of the user that runs this; its number where it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
