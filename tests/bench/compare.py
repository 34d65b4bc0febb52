"""Prints results of `nicu-monitor bench --json` side by side: what machines they come from, and their figures.

    python tests/bench/compare.py here/capacity.json there/capacity.json

A result of an earlier version lacks some values; they are shown as `-`. Compare results of one kind, made with the same
options.
"""

import argparse
import itertools
import json
import sys
from pathlib import Path

MACHINE = (
    *("model", "cores", "physical_cores", "memory_megabytes", "load_average"),
    *("kernel", "python", "onnxruntime", "openvino", "gstreamer", "opencv"),
)
CONCLUSIONS = {
    "capacity, beds": "cameras",
    "least found": "least",
    "largest found": "largest",
    "cores for each further bed": "cores_per_further_bed",
    "MB for each further bed": "resident_megabytes_per_further_bed",
}
"""Of a search and of growth, by the words that are shown."""


def shown(value):
    """Return a value as a table has it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if value < 1000 else f"{value:.0f}"
    return str(value)


def figures(found):
    """Return what one result says, by name: its machine first."""
    if "main" in found:
        parts = {name: figures(one) for name, one in found.items()}
        machine = {name: parts["main"][name] for name in MACHINE}
        return machine | {
            f"{name}: {what}": value
            for name, part in parts.items()
            for what, value in part.items()
            if what not in MACHINE
        }
    steps = found.get("steps")
    run = found if steps is None else steps[-1]["result"]
    told = {name: run["machine"].get(name) for name in MACHINE}
    if steps is not None:
        told |= {words: found[name] for words, name in CONCLUSIONS.items() if name in found}
        return told
    told |= {"cameras": run["cameras"], "clip": run["clip"]}
    if "medians" in found:
        return told | {name: spread["median"] for name, spread in found["medians"].items()}
    analysed = run["total"]["analysed_frames"]
    return told | {
        "cores_used": run["cores_used"],
        "kernel_share": run.get("kernel_share"),
        "resident_megabytes": run["resident_megabytes"],
        "cpu_seconds_per_frame": run["cpu_seconds_per_frame"],
        **{
            f"cpu_seconds_per_frame_{stage}": spent / analysed
            for stage, spent in run["cpu_seconds"].items()
            if analysed
        },
    }


def compare(paths):
    """Return the lines of a table of results; of two with their ratio, the second over the first."""
    columns = []
    for path in paths:
        try:
            columns.append(figures(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            sys.exit(f"{path} is no result of `nicu-monitor bench --json`")
    names = list(dict.fromkeys(itertools.chain.from_iterable(columns)))
    rows = []
    for name in names:
        values = [column.get(name) for column in columns]
        ratio = "-"
        if name not in MACHINE and all(isinstance(value, int | float) for value in values) and values[0]:
            ratio = f"{values[-1] / values[0]:.2f}"
        rows.append((name, *map(shown, values), *([ratio] if len(paths) == 2 else [])))
    cells = [("", *map(str, paths), *(["ratio"] if len(paths) == 2 else [])), *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", nargs="+", type=Path, metavar="JSON")
    print(*compare(parser.parse_args().results), sep="\n")


if __name__ == "__main__":
    main()
