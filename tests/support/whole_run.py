"""Runs every test that is not slow, kind by kind, and ends with one table: what `make test` does.

A kind that fails keeps none of the later ones from running. What failed beside other tests is run twice more, alone: a
test that passes then is *unstable*. It is a fault all the same, of the test or of the product, and fails the run;
`--unstable report` only lists it, for a delivery that one test in thousands is not to hold up.

`--short` runs the short tests of single parts only, once: what `make check` does. mypy works beside the first kind, on
what its tests leave of the cores.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[2]
CACHES = REPOSITORY / "build" / "tests"

SHORT = "not (slow or e2e or docs or browser or bench or faults or long)"
QUICK = "not (slow or e2e or docs or browser or bench or faults)"
WHOLE = "(e2e or docs or browser or faults) and not (slow or bench)"
BENCH = "bench and not slow"

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

    def run(self, *command: str, output: IO[bytes] | None = None) -> int:
        """Run one to its end; return its exit status."""
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds += time.monotonic() - began
        self.cpu_seconds += used.ru_utime + used.ru_stime
        return process.returncode


class Aside:
    """Commands of a make target that run beside tests and print when they have ended."""

    def __init__(self, target: str) -> None:
        self.name = target
        self.code = 0
        self.used = Processes()
        self._log = CACHES / f"{target}.log"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self.code = self.used.run("make", "--no-print-directory", self.name, output=log)

    def wait(self) -> None:
        """Wait for the end and print what was said."""
        self._thread.join()
        print(self._log.read_text(encoding="utf-8", errors="replace"), end="", flush=True)


@dataclass
class Stage:
    """Tests that run together.

    The monitor's tests have processes of their own, without torch and TensorRT beside GStreamer, as the monitor has.
    What measures speed comes last, alone.
    """

    name: str
    marks: str
    paths: tuple[str, ...]
    workers: int = 0
    code: int = 0
    used: Processes = field(default_factory=Processes)
    failed: list[str] = field(default_factory=list)
    unstable: list[str] = field(default_factory=list)

    def run(self, arguments: Sequence[str]) -> None:
        """Run the tests; `failed` names those that did not pass."""
        cache = CACHES / self.name.replace(" ", "-")
        shutil.rmtree(cache, ignore_errors=True)
        parallel = ("-n", str(self.workers), *SHARED) if self.workers else ()
        self.code = self._pytest("-m", self.marks, *parallel, "-o", f"cache_dir={cache}", *arguments, *self.paths)
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

    def _pytest(self, *arguments: str) -> int:
        return self.used.run(sys.executable, "-m", "pytest", *HANG, *arguments)


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
    here, rest = ("tests/monitor",), ("tests", "--ignore=tests/monitor")
    if short:
        return [Stage("monitor", SHORT, here, workers), Stage("trainer and export", SHORT, rest, workers)]
    return [
        Stage("monitor", QUICK, here, workers),
        Stage("trainer and export", QUICK, rest, workers),
        Stage("monitor as a program", WHOLE, here, whole_workers),
        Stage("faults and documentation", WHOLE, rest, whole_workers),
        Stage("bench", BENCH, ("tests/monitor/bench", "tests/bench")),
    ]


def main() -> int:
    """Run the stages and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=3, help="for tests of single parts")
    parser.add_argument("--whole-workers", type=int, default=3, help="for whole programs, which wait much")
    parser.add_argument("--unstable", choices=("fail", "report"), default="fail")
    parser.add_argument("--short", action="store_true", help="the short tests of single parts, without a repetition")
    options, arguments = parser.parse_known_args()
    stages = stages_of(options.workers, options.whole_workers, short=options.short)
    types = Aside("types")
    for stage in stages:
        stage.run(arguments)
        if stage is stages[0]:
            types.wait()
    if not options.short and sum(len(stage.failed) for stage in stages) <= MOST_REPEATED:
        for stage in stages:
            stage.repeat()
    print("\n         time    CPU time")
    for part in (types, *stages):
        state = "passed" if part.code == 0 else "FAILED"
        print(f"{state:8}{part.used.seconds:6.0f} s  {part.used.cpu_seconds:6.0f} s  {part.name}")
    for stage in stages:
        for test in stage.failed:
            print(f"  failed: {test}")
        for test in stage.unstable:
            print(f"  unstable, passed twice alone, to be mended: {test}")
    is_good = all(stage.code == 0 or (stage.is_good and options.unstable == "report") for stage in stages)
    return 0 if is_good and types.code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
