"""The devices to which notices are sent: one file in the state directory that only its owner reads.

An address and the keys beside it let anybody who has the station's key write to a device, so the file is as secret as
the key. It is bounded; who is sent notices loses them with the login that asked for them.
"""

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from monitor.alerts.record import AlertDraft
from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase
from monitor.pain.vocabulary import Code, Kind, Priority
from monitor.private_file import replace_private_file
from monitor.web.access import HeldLogin
from monitor.web.push.services import LONGEST_ENDPOINT

__all__ = ["DEVICES_OF_ONE_USER", "DeviceStore", "PushChoices", "PushDevice"]

_log = logging.getLogger(__name__)

DEVICES_OF_ONE_USER = 10
_MOST = 500
_FILE = "push-devices.json"
_STATION_CODES = frozenset(
    {
        Code.OVERLOAD,
        Code.PUBLISHER_BACKLOG,
        Code.DISK_LOW,
        Code.CLOCK_UNSYNCHRONISED,
        Code.SELF_CHECK_FAILED,
        Code.ALARM_BURDEN_HIGH,
    }
)
"""Conditions that concern who keeps the station; all other technical ones say that a bed is not seen or not watched."""


class PushChoices(BaseModel):
    """Of what a person wants to be notified.

    Attributes:
        pain: Signs of pain.
        unwatched: A bed that cannot be seen, or that nobody watches.
        technical: Trouble of the station.
        only_urgent: Of these, priority medium and high alone.
        names_bed: Whether a notice carries the bed's id.
    """

    model_config = ConfigDict(frozen=True)

    pain: bool = True
    unwatched: bool = True
    technical: bool = False
    only_urgent: bool = False
    names_bed: bool = True

    def include(self, alert: AlertDraft) -> bool:
        """Return whether an alert is one that the person wants to be notified of."""
        if self.only_urgent and alert.priority is Priority.LOW:
            return False
        if alert.kind is Kind.PHYSIOLOGICAL:
            return self.pain
        return self.technical if alert.code in _STATION_CODES else self.unwatched


class PushDevice(BaseModel):
    """One browser on one device of one person.

    Attributes:
        id: No secret.
        login: With which it was added.
        endpoint: Where its push service takes notices.
        p256dh: Its public key, in base64 for addresses.
        auth: Its secret, in base64 for addresses.
        label: What its owner calls it, such as `Chrome, Android`.
        language: Of its notices.
        choices: Of what.
        added_seconds: When it was added, s since 1970.
    """

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, Field(max_length=64)]
    login: HeldLogin
    endpoint: Annotated[str, Field(max_length=LONGEST_ENDPOINT)]
    p256dh: Annotated[str, Field(max_length=128)]
    auth: Annotated[str, Field(max_length=64)]
    label: Annotated[str, Field(max_length=63)]
    language: Annotated[str, Field(max_length=16)]
    choices: PushChoices
    added_seconds: float


_LIST = TypeAdapter(list[PushDevice])


class DeviceStore:
    """Reads and writes the list; may be used from any thread.

    Args:
        directory: Where the file lies.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self._lock = threading.Lock()
        self._devices = {device.id: device for device in _read(self._path)}

    def all(self) -> tuple[PushDevice, ...]:
        """Return the devices of everybody."""
        with self._lock:
            return tuple(self._devices.values())

    def of(self, user: str) -> tuple[PushDevice, ...]:
        """Return the devices of a user, in the order in which they were added."""
        return tuple(device for device in self.all() if device.login.name == user)

    def get(self, device_id: str) -> PushDevice | None:
        """Return a device by id."""
        with self._lock:
            return self._devices.get(device_id)

    def put(self, device: PushDevice) -> None:
        """Add a device, or change it; a browser has one owner at a time.

        Raises:
            RefusedError: There are too many already.
        """
        with self._lock:
            others = {key: known for key, known in self._devices.items() if key != device.id}
            of_user = sum(known.login.name == device.login.name for known in others.values())
            if of_user >= DEVICES_OF_ONE_USER or len(others) >= _MOST:
                words = Phrase("there are too many devices already; remove one first")
                raise RefusedError(words, RefusalCode.PUSH_TOO_MANY)
            self._devices = {**others, device.id: device}
            self._write()

    def remove(self, unwanted: Callable[[PushDevice], bool]) -> tuple[PushDevice, ...]:
        """Remove the devices for which `unwanted` is true, and return them."""
        with self._lock:
            gone = tuple(device for device in self._devices.values() if unwanted(device))
            if gone:
                names = {device.id for device in gone}
                self._devices = {key: device for key, device in self._devices.items() if key not in names}
                self._write()
            return gone

    def _write(self) -> None:
        devices = [device.model_dump(mode="json") for device in self._devices.values()]
        try:
            replace_private_file(self._path, json.dumps(devices))
        except OSError as error:
            _log.warning("cannot write %s (%s); devices are known until a restart", self._path, error.strerror)


def _read(path: Path) -> Iterable[PushDevice]:
    try:
        if path.stat().st_mode & 0o077 and os.name == "posix":
            _log.warning("others may read %s; it is not used; run: chmod 600 %s", path, path)
            return []
        return _LIST.validate_json(path.read_bytes())[:_MOST]
    except FileNotFoundError:
        return []
    except (OSError, ValidationError):
        _log.warning("%s cannot be read; people must add their devices again", path)
        return []
