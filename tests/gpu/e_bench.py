"""Step (e): the whole bench with the GPU's engine, and streams that are decoded on the CPU."""

import importlib.util
import json
import os
import subprocess
import sys
from typing import Any

from step import NotHereError, is_rehearsal, run_step


def measure(numbers: dict[str, Any]) -> None:
    if importlib.util.find_spec("gi") is None:
        raise NotHereError("GStreamer's Python binding (gi) is not installed")
    if is_rehearsal():
        command, limit = ["--help"], 30
    else:
        command, limit = ["--cameras", "16", "--seconds", "8", "--engine", "onnxruntime-cuda", "--json"], 38
        if os.environ.get("NICU_CLIP"):
            command += ["--clip", os.environ["NICU_CLIP"]]
    done = subprocess.run(
        [sys.executable, "-c", "from monitor.cli import main; main()", "bench", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=limit,
    )
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or ["the bench gave no reason"])[-1])
    if is_rehearsal() and "--find-capacity" not in done.stdout:
        raise RuntimeError("the command does not start")
    numbers["bench"] = "the command starts" if is_rehearsal() else json.loads(done.stdout)


if __name__ == "__main__":
    run_step("e_bench", measure)
