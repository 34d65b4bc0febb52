"""How time and memory of `nicu-trainer ingest` and `crop` grow with the number of pictures.

    python tests/bench/trainer_growth.py 100 1000 10000

Pictures are smooth random patterns of 160 x 120 px. `crop` takes them whole: the detector takes the same time for every
picture, whatever their number. Processor time and peak memory are those of the commands and of their children.
"""

import argparse
import csv
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np


@dataclass(frozen=True)
class Cost:
    """What one command took: processor seconds, and the peak of its resident memory in MiB."""

    cpu_seconds: float
    peak_mib: float


def paint(folder: Path, count: int) -> Path:
    """Write a set of pictures and its table."""
    random = np.random.default_rng(count)
    with (folder / "set.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("image", "subject", "label"))
        for index in range(count):
            coarse = random.integers(0, 256, (9, 12, 3)).astype(np.uint8)
            picture = cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / f"{index:05d}.jpg"), picture)
            table.writerow((f"{index:05d}.jpg", f"s{index // 10}", index % 2))
    return folder / "set.csv"


def run(*arguments: str) -> Cost:
    """Run `nicu-trainer` and return what it took."""
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", "from trainer.cli import main; main()", *arguments],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"nicu-trainer {' '.join(arguments)} failed")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("counts", type=int, nargs="*", default=[100, 1_000, 10_000])
    base: tuple[Cost, Cost] | None = None
    print(
        "| pictures | ingest, CPU s | ms a further picture | peak MiB | crop, CPU s | ms a further picture | peak MiB |"
    )
    print("|---|---|---|---|---|---|---|")
    counts = sorted(parser.parse_args().counts)
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            table = paint(Path(folder), count)
            taken = run("ingest", "table", str(table))
            cut = run("crop", str(table.with_name("set.manifest.csv")), "--faces", "whole", "--jobs", "1")
        base = base or (taken, cut)
        cells = [f"{count:,}"]
        for cost, first in zip((taken, cut), base, strict=True):
            further = (cost.cpu_seconds - first.cpu_seconds) / max(count - counts[0], 1) * 1000
            cells += [f"{cost.cpu_seconds:.1f}", "" if count == counts[0] else f"{further:.2f}", f"{cost.peak_mib:.0f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
