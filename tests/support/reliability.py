"""What the fault tests measured: stored as JSON, from which the tables in docs/reliability.md are made.

A duration is held against its limit times the machine's allowance. The allowance is 1 on a machine with a
core to spare. Where more programs want to run than there are cores, as on a busy machine that also runs other test
suites, it is the load per core: each program then gets that share of a core, so everything takes so much longer. It
never exceeds 10, so that a promise of seconds is never excused from minutes. The tables show the measured value
itself beside the plain limit, and the load at which it was measured.

A duration whose limit was widened by more than half shows nothing about the plain limit. It is not published: an
earlier result stays, and where there is none the row says that the promise held and nothing of durations.
"""

import datetime as dt
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

_MOST_ALLOWED = 10.0
MOST_PUBLISHED = 1.5


def load_per_core() -> float:
    """Programs that want to run for each core that this process may use, over the last minute."""
    return os.getloadavg()[0] / len(os.sched_getaffinity(0))


def allowance() -> float:
    """By what a limit in seconds is multiplied on this machine now; see the module's text."""
    return min(_MOST_ALLOWED, max(1.0, load_per_core()))


@dataclass(slots=True)
class Measurement:
    """One measured value.

    Attributes:
        name: What was measured.
        value: The result.
        limit: What it must not exceed; None where it is only reported.
        unit: Of both.
    """

    name: str
    value: float
    limit: float | None
    unit: str


@dataclass(slots=True)
class Record:
    """The result of one run of one fault test.

    Attributes:
        test: File and function.
        variant: Parameters; '' where there are none.
        fault: What broke.
        injected: How.
        promise: What holds all the same.
        slo: The service level objective that it shows; '' for none.
        measurements: What was measured.
        load: Load per core while it was.
        at: The day.
    """

    test: str
    variant: str
    fault: str
    injected: str
    promise: str
    slo: str
    measurements: list[Measurement] = field(default_factory=list)
    load: float = 0.0
    at: str = ""


class Measured:
    """Takes a test's measurements, and fails the test where one exceeds its limit."""

    def __init__(self) -> None:
        self.measurements: list[Measurement] = []
        self.load = 0.0

    def seconds(self, name: str, value: float, limit: float | None = None) -> None:
        """Note a duration; its limit is widened by the machine's allowance."""
        self.measurements.append(Measurement(name, value, limit, "s"))
        self.load = max(self.load, load_per_core())
        if limit is not None:
            allowed = limit * allowance()
            assert value <= allowed, f"{name}: {value:.2f} s, allowed {allowed:.2f} s ({limit} s on an idle machine)"

    def quantity(self, name: str, value: float, limit: float | None = None, unit: str = "") -> None:
        """Note anything else; its limit is what it is."""
        self.measurements.append(Measurement(name, value, limit, unit))
        if limit is not None:
            assert value <= limit, f"{name}: {value:g} {unit}, allowed {limit:g} {unit}"


def published(record: Record) -> list[Measurement]:
    """Return the measurements of a result that may be shown; durations only where their limit was hardly widened."""
    is_quiet = record.load <= MOST_PUBLISHED
    return [item for item in record.measurements if is_quiet or item.unit != "s" or item.limit is None]


def store(record: Record, path: Path) -> bool:
    """Put one result into the file of results, in place of an earlier one of the same test and variant.

    Of measurements of the same name, as a loop makes them, the worst is stored.

    Returns:
        False where the machine was too busy for the durations and the earlier result stays.
    """
    stored = load(path)
    worst: dict[str, Measurement] = {}
    for item in sorted(record.measurements, key=lambda item: item.value):
        worst[item.name] = item
    record.measurements = [worst[name] for name in dict.fromkeys(item.name for item in record.measurements)]
    record.load = round(max(record.load, load_per_core()), 1)
    record.at = dt.datetime.now(tz=dt.UTC).date().isoformat()
    hidden = len(published(record)) < len(record.measurements)
    if hidden and any((other.test, other.variant) == (record.test, record.variant) for other in stored):
        return False
    record.measurements = published(record)
    stored = [other for other in stored if (other.test, other.variant) != (record.test, record.variant)]
    stored.append(record)
    stored.sort(key=lambda item: (item.test, item.variant))
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(json.dumps([asdict(item) for item in stored], indent=1) + "\n", encoding="utf-8")
    beside.replace(path)  # a run that is broken off leaves the results of the one before
    return True


def load(path: Path) -> list[Record]:
    """Return the results of a file; none where there is no file."""
    if not path.exists():
        return []
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Record(**{**row, "measurements": [Measurement(**item) for item in row["measurements"]]}) for row in rows]
