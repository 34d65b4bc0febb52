"""Runs every test that is not slow, kind by kind, and ends with one table: what `make test` does.

A kind that fails keeps none of the later ones from running. What failed beside other tests is run twice more, alone: a
test that passes then is *unstable*. It is a fault all the same, of the test or of the product, and fails the run;
`--unstable report` only lists it, for a delivery that one test in thousands is not to hold up.

`--short` runs the short tests of single parts only, once: what `make check` does. mypy works beside the first kind, on
what its tests leave of the cores. In a whole run the tests of trainer and export, which only compute, and the branch
coverage of alarm logic and delivery do so beside all the others at low priority: whole programs wait for a third of
their time.
"""

import argparse
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[2]
CACHES = REPOSITORY / "build" / "tests"

SHORT = "not (slow or e2e or docs or browser or bench or faults or long)"
QUICK = "not (slow or e2e or docs or browser or bench or faults)"
WHOLE = "(e2e or docs or browser or faults) and not (slow or bench)"
ALL = "not (slow or bench)"
BENCH = "bench and not slow"

# Where the kernel shares time among sessions, a priority counts within its session only. A test may wait for minutes.
LOW = '{ echo 10 >/proc/self/autogroup; } 2>/dev/null; PYTEST_TIMEOUT=850 exec nice -n 10 "$@"'
BESIDE_WORKERS = 2

MOST_REPEATED = 5
"""More failures than this are no matter of chance."""

# A test that hangs in a library's code hears no signal, so no time limit of its own: the run ends, with a traceback.
HANG = ("-o", "faulthandler_timeout=900", "-o", "faulthandler_exit_on_timeout=true")
SHARED = ("--dist", "loadgroup", "--no-loadscope-reorder")


class Processes:
    """Processes that run one after another, and what they used.

    Attributes:
        seconds: How long they took.
        cpu_seconds: Processor time of theirs and of all that they started and waited for.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._pid: int | None = None

    def run(self, *command: str, output: IO[bytes] | None = None, low: bool = False) -> int:
        """Run one to its end; return its exit status.

        Args:
            command: Program and arguments.
            output: Where it writes; None: where this program does.
            low: Run it, and what it starts, on what everything else leaves of the cores.
        """
        began = time.monotonic()
        prefix = ("sh", "-c", LOW, "sh") if low else ()
        process = subprocess.Popen(
            [*prefix, *command], cwd=REPOSITORY, stdout=output, stderr=output, start_new_session=low
        )
        self._pid = process.pid if low else None
        _, status, used = os.wait4(process.pid, 0)
        self._pid = None
        process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds += time.monotonic() - began
        self.cpu_seconds += used.ru_utime + used.ru_stime
        return process.returncode

    @property
    def runs(self) -> bool:
        """Say whether one runs at low priority."""
        return self._pid is not None

    def hurry(self) -> None:
        """Give one that runs at low priority the usual one where this is allowed: nobody else needs the cores now."""
        if self._pid is not None:
            with contextlib.suppress(OSError):
                Path(f"/proc/{self._pid}/autogroup").write_text("0", encoding="ascii")
                os.setpriority(os.PRIO_PGRP, self._pid, 0)

    def end(self) -> None:
        """End one that runs at low priority: in its own session it does not hear of Ctrl-C in a terminal."""
        if self._pid is not None:
            os.killpg(self._pid, signal.SIGTERM)


class Aside:
    """Work that is done beside tests; what it prints is shown when it has ended.

    Args:
        name: Of its log.
        work: Takes the log.
    """

    def __init__(self, name: str, work: Callable[[IO[bytes]], object]) -> None:
        self._log = CACHES / f"{name}.log"
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[IO[bytes]], object]) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            work(log)

    def wait(self) -> None:
        """Wait for the end and print what was said."""
        self._thread.join()
        print(self._log.read_text(encoding="utf-8", errors="replace"), end="", flush=True)


class Target(Aside):
    """Commands of a make target beside tests.

    Args:
        name: Of the target.
        low: Run it on what everything else leaves of the cores.
    """

    def __init__(self, name: str, *, low: bool = False) -> None:
        self.name = name
        self.code = 0
        self._low = low
        self.used = Processes()
        super().__init__(name, self._make)

    def _make(self, log: IO[bytes]) -> None:
        self.code = self.used.run("make", "--no-print-directory", self.name, output=log, low=self._low)


@dataclass
class Stage:
    """Tests that run together.

    The monitor's tests have processes of their own, without torch and TensorRT beside GStreamer, as the monitor has.
    What measures speed comes last, alone.

    Attributes:
        beside: Runs at low priority beside the others, which wait much; for tests that only compute.
    """

    name: str
    marks: str
    paths: tuple[str, ...]
    workers: int = 0
    beside: bool = False
    code: int = 0
    used: Processes = field(default_factory=Processes)
    failed: list[str] = field(default_factory=list)
    unstable: list[str] = field(default_factory=list)

    def run(self, arguments: Sequence[str], output: IO[bytes] | None = None) -> None:
        """Run the tests; `failed` names those that did not pass."""
        cache = CACHES / self.name.replace(" ", "-")
        shutil.rmtree(cache, ignore_errors=True)
        parallel = ("-n", str(self.workers), *SHARED) if self.workers else ()
        options = ("-m", self.marks, *parallel, "-o", f"cache_dir={cache}")
        self.code = self._pytest(*options, *arguments, *self.paths, output=output, low=self.beside)
        self.failed = _failed(cache / "v" / "cache" / "lastfailed")

    def repeat(self) -> None:
        """Run twice, alone, what failed."""
        for test in list(self.failed):
            if all(self._pytest("-m", "", test) == 0 for _ in range(2)):
                self.failed.remove(test)
                self.unstable.append(test)

    @property
    def is_good(self) -> bool:
        """Say whether all passed, be it at a repetition."""
        return self.code == 0 or (self.code == 1 and not self.failed and bool(self.unstable))

    def _pytest(self, *arguments: str, output: IO[bytes] | None = None, low: bool = False) -> int:
        return self.used.run(sys.executable, "-m", "pytest", *HANG, *arguments, output=output, low=low)


def _failed(lastfailed: Path) -> list[str]:
    try:
        return [test_of(key) for key in json.loads(lastfailed.read_text())]
    except FileNotFoundError:
        return []


def test_of(key: str) -> str:
    """Return the test that a report of pytest-xdist names as test@group; a test's own name may hold the sign, too."""
    at = key.find("@")
    while at >= 0:
        test, group = key[:at], key[at + 1 :]
        if "::" in test and (test.startswith(group) or group.isidentifier()):
            return test
        at = key.find("@", at + 1)
    return key


def stages_of(workers: int, whole_workers: int, *, short: bool) -> list[Stage]:
    """Return what is run, in this order."""
    here, computing = ("tests/monitor",), ("tests/trainer", "tests/export")
    if short:
        rest = ("tests", "--ignore=tests/monitor")
        return [Stage("monitor", SHORT, here, workers), Stage("trainer and export", SHORT, rest, workers)]
    rest = ("tests", *(f"--ignore={path}" for path in (*here, *computing)))
    return [
        Stage("trainer and export", ALL, computing, BESIDE_WORKERS, beside=True),
        Stage("monitor", QUICK, here, workers),
        Stage("other parts", QUICK, rest, workers),
        Stage("monitor as a program", WHOLE, here, whole_workers),
        Stage("faults and documentation", WHOLE, rest, whole_workers),
        Stage("bench", BENCH, ("tests/monitor/bench", "tests/bench")),
    ]


def run_all(stages: Sequence[Stage], arguments: Sequence[str], types: Target, others: Sequence[Target] = ()) -> None:
    """Run the stages one after another, but for those beside the others, and what measures speed after all others.

    Args:
        stages: In their order.
        arguments: For pytest.
        types: Waited for after the first stage.
        others: Of low priority, waited for before speed is measured, or at the end.
    """
    asides = [
        Aside(stage.name.replace(" ", "-"), functools.partial(stage.run, arguments)) for stage in stages if stage.beside
    ]
    beside = [*(stage.used for stage in stages), *(target.used for target in others)]
    try:
        for number, stage in enumerate(stage for stage in stages if not stage.beside):
            if stage.marks == BENCH:
                for used in beside:
                    used.hurry()
                for aside in (*asides, *others):
                    aside.wait()
            stage.run(arguments)
            if number == 0:
                types.wait()
    finally:
        for used in beside:
            used.end()


def main() -> int:
    """Run the stages and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=3, help="for tests of single parts")
    parser.add_argument("--whole-workers", type=int, default=3, help="for whole programs, which wait much")
    parser.add_argument("--unstable", choices=("fail", "report"), default="fail")
    parser.add_argument("--short", action="store_true", help="the short tests of single parts, without a repetition")
    options, arguments = parser.parse_known_args()
    stages = stages_of(options.workers, options.whole_workers, short=options.short)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    types = Target("types")
    others = [] if options.short else [Target("coverage-core", low=True)]
    run_all(stages, arguments, types, others)
    if not options.short and sum(len(stage.failed) for stage in stages) <= MOST_REPEATED:
        for stage in stages:
            stage.repeat()
    print("\n         time    CPU time")
    for part in (types, *others, *stages):
        state = "passed" if part.code == 0 else "FAILED"
        print(f"{state:8}{part.used.seconds:6.0f} s  {part.used.cpu_seconds:6.0f} s  {part.name}")
    for stage in stages:
        for test in stage.failed:
            print(f"  failed: {test}")
        for test in stage.unstable:
            print(f"  unstable, passed twice alone, to be mended: {test}")
    is_good = all(stage.code == 0 or (stage.is_good and options.unstable == "report") for stage in stages)
    return 0 if is_good and all(target.code == 0 for target in (types, *others)) else 1


if __name__ == "__main__":
    sys.exit(main())
