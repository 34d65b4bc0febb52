"""How long the programs take to answer, and a station to its first result.

    python tests/bench/startup.py

Help is measured in CPU time of a child process, which a busy machine does not change much; the first result in CPU
and in wall time, from the start of the process to the first analysed frame of a clip.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = {"nicu-monitor": "monitor.cli", "nicu-trainer": "trainer.cli", "nicu-export": "export.cli"}
ROUNDS = 5
FIRST_JUDGEMENT = """
import sys, threading, time
from pathlib import Path
from monitor.config import BedSettings, CameraSettings, HttpSettings, RedisSettings, SpoolSettings, StationConfig
from monitor.config import WebSettings
from monitor.alerts.record import GenerationMode
from monitor.station.station import Station
clip, directory = sys.argv[1:]
bed = BedSettings(id="bed-1", camera=CameraSettings(url=clip, loop=True))
analysed = threading.Event()
config = StationConfig(beds=(bed,)).model_copy(update={
    "spool": SpoolSettings(directory=Path(directory) / "state"), "http": HttpSettings(port=0),
    "redis": RedisSettings.model_validate({"url": "redis://127.0.0.1:9/0"}), "web": WebSettings(enabled=False)})
with Station(config, GenerationMode.TEST, on_result=lambda *_: analysed.set()):
    if not analysed.wait(60):
        sys.exit("no frame was analysed")
    print(time.process_time(), time.time())
"""


def cpu_seconds_of(arguments):
    """Run a program and return its CPU time."""
    before = os.times()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def baseline_seconds():
    """Return the median CPU time of a Python that imports what a command line needs and nothing of ours."""
    program = "import click, importlib.metadata, json, logging"
    return statistics.median(cpu_seconds_of([sys.executable, "-c", program]) for _ in range(ROUNDS))


def help_seconds():
    """Return the median CPU time of `--help` by program."""
    command = "import sys; from {0} import main; sys.argv = ['x', '--help']; main()"
    return {
        name: statistics.median(cpu_seconds_of([sys.executable, "-c", command.format(module)]) for _ in range(ROUNDS))
        for name, module in PROGRAMS.items()
    }


def first_result():
    """Return CPU and wall seconds from the start of a station's process to its first analysed frame."""
    from monitor.bench.clips import draw_clip

    with tempfile.TemporaryDirectory(prefix="nicu-startup-") as directory:
        clip = Path(directory) / "synthetic.mp4"
        draw_clip(clip, 720, 2.0)
        began = time.time()
        ended = subprocess.run(
            [sys.executable, "-c", FIRST_JUDGEMENT, str(clip), directory], check=True, stdout=subprocess.PIPE, text=True
        )
    cpu, at = (float(number) for number in ended.stdout.split()[-2:])
    return {"cpu_seconds": cpu, "wall_seconds": at - began}


def main():
    print(json.dumps({"help_cpu_seconds": help_seconds(), "first_result": first_result()}, indent=2))


if __name__ == "__main__":
    main()
