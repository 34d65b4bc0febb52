"""What the fault tests measured: kept as JSON, from which the tables in docs/reliability.md are made.

A figure in seconds is held against its limit times the machine's allowance. The allowance is 1 on a machine with a
core to spare. Where more programs want to run than there are cores, as on a busy machine that also runs other test
suites, it is the load per core: each program then gets that share of a core, so everything takes so much longer. It
never exceeds 10, so that a promise of seconds is never excused from minutes. The tables show the measured figure
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
class Figure:
    """One measured figure.

    Attributes:
        name: What was measured.
        value: The result.
        limit: What it must not exceed; None where it is only told.
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
        figures: What was measured.
        load: Load per core while it was.
        at: The day.
    """

    test: str
    variant: str
    fault: str
    injected: str
    promise: str
    slo: str
    figures: list[Figure] = field(default_factory=list)
    load: float = 0.0
    at: str = ""


class Measured:
    """Takes a test's figures, and fails the test where one exceeds its limit."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.load = 0.0

    def seconds(self, name: str, value: float, limit: float | None = None) -> None:
        """Note a duration; its limit is widened by the machine's allowance."""
        self.figures.append(Figure(name, value, limit, "s"))
        self.load = max(self.load, load_per_core())
        if limit is not None:
            allowed = limit * allowance()
            assert value <= allowed, f"{name}: {value:.2f} s, allowed {allowed:.2f} s ({limit} s on an idle machine)"

    def figure(self, name: str, value: float, limit: float | None = None, unit: str = "") -> None:
        """Note anything else; its limit is what it is."""
        self.figures.append(Figure(name, value, limit, unit))
        if limit is not None:
            assert value <= limit, f"{name}: {value:g} {unit}, allowed {limit:g} {unit}"


def published(record: Record) -> list[Figure]:
    """Return the figures of a result that may be shown; durations only where their limit was hardly widened."""
    is_quiet = record.load <= MOST_PUBLISHED
    return [figure for figure in record.figures if is_quiet or figure.unit != "s" or figure.limit is None]


def keep(record: Record, path: Path) -> bool:
    """Put one result into the file of results, in place of an earlier one of the same test and variant.

    Of figures of the same name, as a loop makes them, the worst is kept.

    Returns:
        False where the machine was too busy for the durations and the earlier result stays.
    """
    kept = load(path)
    worst: dict[str, Figure] = {}
    for figure in sorted(record.figures, key=lambda figure: figure.value):
        worst[figure.name] = figure
    record.figures = [worst[name] for name in dict.fromkeys(figure.name for figure in record.figures)]
    record.load = round(max(record.load, load_per_core()), 1)
    record.at = dt.datetime.now(tz=dt.UTC).date().isoformat()
    hidden = len(published(record)) < len(record.figures)
    if hidden and any((other.test, other.variant) == (record.test, record.variant) for other in kept):
        return False
    record.figures = published(record)
    kept = [other for other in kept if (other.test, other.variant) != (record.test, record.variant)]
    kept.append(record)
    kept.sort(key=lambda item: (item.test, item.variant))
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(json.dumps([asdict(item) for item in kept], indent=1) + "\n", encoding="utf-8")
    beside.replace(path)  # a run that is broken off leaves the results of the one before
    return True


def load(path: Path) -> list[Record]:
    """Return the results of a file; none where there is no file."""
    if not path.exists():
        return []
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Record(**{**row, "figures": [Figure(**figure) for figure in row["figures"]]}) for row in rows]
