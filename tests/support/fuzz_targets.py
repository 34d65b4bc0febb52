"""What is fuzzed: every reader of something that a stranger may have written, and the errors that it may raise.

A target takes bytes. It returns when they were accepted, or when they were refused with an error that is meant for
people; anything else that it raises is a fault.
"""

import atexit
import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from monitor.alerts.record import Alert
from monitor.clock import ManualClock
from monitor.config import AlarmSettings
from monitor.config.file import find_mistakes
from monitor.delivery.request_reader import CommandOutcome, CommandReader
from monitor.errors import MonitorError
from monitor.inference.bundle import read_bundle
from monitor.pain import BedAlarms, Sample, Visibility
from monitor.pipeline.alarm_snapshot import unpack
from trainer.data.manifest import read_manifest
from trainer.data.pictures import read_picture
from trainer.data.rejection import RejectedImageError

Target = Callable[[bytes], None]

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it; on a disk each file would cost 3 ms
_FOLDER = Path(tempfile.mkdtemp(prefix="nicu-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


def config(data: bytes) -> None:
    """A station's configuration: every mistake is listed, none raised."""
    path = _FOLDER / "station.yaml"
    path.write_bytes(data)
    for mistake in find_mistakes(path, {}):
        assert str(mistake)


def alert(data: bytes) -> None:
    """An entry of the alert stream: accepted only when it says the same after a round trip."""
    with contextlib.suppress(ValidationError):
        read = Alert.model_validate_json(data)
        assert Alert.model_validate_json(read.model_dump_json(by_alias=True)) == read


class _Stream:
    """A Redis stream with one entry."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields

    def memory_usage(self, *_: object, **__: object) -> int:
        return 1000

    def xrange(self, *_: object, **__: object) -> list[tuple[str, dict[str, str]]]:
        return [("1-1", self.fields)]

    def time(self) -> tuple[int, int]:
        return 2, 0

    def xdel(self, *_: object) -> None:
        self.fields = {}


def command(data: bytes) -> None:
    """An entry of the commands stream: dealt with and removed, whatever it holds."""
    parts = [part.decode("utf-8", "surrogateescape") for part in data.split(b"\0")]
    stream = _Stream(dict(zip(parts[::2], parts[1::2], strict=False)))
    taken = []
    outcomes = CommandReader(stream, "nicu:commands:x", None, taken.append).poll()
    assert outcomes in ([CommandOutcome.ACCEPTED], [CommandOutcome.MALFORMED])
    assert len(taken) == (outcomes == [CommandOutcome.ACCEPTED])
    assert not stream.fields


def bundle(data: bytes) -> None:
    """A bundle's manifest, with its own digest put right, so that the fields behind it are reached too."""
    directory = _FOLDER / "bundle"
    directory.mkdir(exist_ok=True)
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(data)
        if isinstance(document, dict):
            document.pop("manifest_sha256", None)
            text = json.dumps(document, sort_keys=True, separators=(",", ":"))
            document["manifest_sha256"] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            data = json.dumps(document).encode()
    (directory / "bundle.json").write_bytes(data)
    with contextlib.suppress(MonitorError):
        read_bundle(directory)


def manifest(data: bytes) -> None:
    """A data set's manifest."""
    path = _FOLDER / "manifest.csv"
    path.write_bytes(data)
    with contextlib.suppress(MonitorError):
        assert read_manifest(path).records


def alarm_state(data: bytes) -> None:
    """Alarm state of an earlier run: taken as a whole, and usable then, or refused."""
    bed = BedAlarms(AlarmSettings(), lambda: "id")
    with contextlib.suppress(ValueError):
        state, away_seconds = unpack(data.decode("utf-8", "replace"), ManualClock().wall())
        assert isinstance(state, dict)
        assert 0.0 <= away_seconds <= 86_400.0
        bed.restore(state, 1000.0, away_seconds)
    bed.observe(Sample(1001.0, 0.5, Visibility.USABLE))
    bed.tick(1100.0)
    assert bed.snapshot()


def picture(data: bytes) -> None:
    """A still picture of a data set: RGB of 8 bits, or refused."""
    path = _FOLDER / "picture"
    path.write_bytes(data)
    with contextlib.suppress(RejectedImageError):
        image = read_picture(path)
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3


TARGETS: dict[str, Target] = {
    "alarm_state": alarm_state,
    "alert": alert,
    "bundle": bundle,
    "command": command,
    "config": config,
    "manifest": manifest,
    "picture": picture,
}
