"""Runs every test that is not slow, kind by kind, and ends with one table: what `make test` does.

A kind that fails keeps none of the later ones from running. What failed beside other tests is run twice more, alone: a
test that passes then is *unstable*. It is a fault all the same, of the test or of the product, and fails the run;
`--unstable report` only lists it, for a delivery that one test in thousands is not to hold up.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHES = REPOSITORY / "build" / "tests"

QUICK = "not (slow or e2e or docs or browser or bench or faults)"
WHOLE = "(e2e or docs or browser or faults) and not (slow or bench)"
BENCH = "bench and not slow"

MOST_REPEATED = 5
"""More failures than this are no matter of chance."""

# A test that hangs in a library's code hears no signal, so no time limit of its own: the run ends, with a traceback.
HANG = ("-o", "faulthandler_timeout=900", "-o", "faulthandler_exit_on_timeout=true")
SHARED = ("--dist", "loadgroup", "--no-loadscope-reorder")


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
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)
    unstable: list[str] = field(default_factory=list)

    def run(self, arguments: Sequence[str]) -> None:
        """Run the tests; `failed` names those that did not pass."""
        cache = CACHES / self.name.replace(" ", "-")
        shutil.rmtree(cache, ignore_errors=True)
        began = time.monotonic()
        parallel = ("-n", str(self.workers), *SHARED) if self.workers else ()
        self.code = _pytest("-m", self.marks, *parallel, "-o", f"cache_dir={cache}", *arguments, *self.paths)
        self.failed = _failed(cache / "v" / "cache" / "lastfailed")
        self.seconds = time.monotonic() - began

    def repeat(self) -> None:
        """Run twice, alone, what failed."""
        began = time.monotonic()
        for test in list(self.failed):
            if all(_pytest("-m", "", test) == 0 for _ in range(2)):
                self.failed.remove(test)
                self.unstable.append(test)
        self.seconds += time.monotonic() - began

    @property
    def is_good(self) -> bool:
        """Say whether all passed, be it at a repetition."""
        return self.code == 0 or (self.code == 1 and not self.failed and bool(self.unstable))


def _pytest(*arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", *HANG, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode


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


def main() -> int:
    """Run the stages and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="for tests that compute")
    parser.add_argument("--whole-workers", type=int, default=2, help="for whole programs, which wait much")
    parser.add_argument("--unstable", choices=("fail", "report"), default="fail")
    options, arguments = parser.parse_known_args()
    rest = ("tests", "--ignore=tests/monitor")
    stages = [
        Stage("monitor", QUICK, ("tests/monitor",), options.workers),
        Stage("trainer and export", QUICK, rest, options.workers),
        Stage("monitor as a program", WHOLE, ("tests/monitor",), options.whole_workers),
        Stage("faults and documentation", WHOLE, rest, options.whole_workers),
        Stage("bench of the monitor", BENCH, ("tests/monitor/bench",)),
        Stage("bench", BENCH, ("tests/bench",)),
    ]
    for stage in stages:
        stage.run(arguments)
    if sum(len(stage.failed) for stage in stages) <= MOST_REPEATED:
        for stage in stages:
            stage.repeat()
    print()
    for stage in stages:
        print(f"{'passed' if stage.code == 0 else 'FAILED':8}{stage.seconds:6.0f} s  {stage.name}")
        for test in stage.failed:
            print(f"  failed: {test}")
        for test in stage.unstable:
            print(f"  unstable, passed twice alone, to be mended: {test}")
    is_good = all(stage.code == 0 or (stage.is_good and options.unstable == "report") for stage in stages)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
