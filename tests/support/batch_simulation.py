"""A ward of simulated beds on one engine: queueing, ages of frames and fairness of batches over beds.

    python tests/support/batch_simulation.py --beds 100 --workers 32 --latency 1.5,0.8

Real threads, the station's scheduler and the batcher; in place of the models an engine that sleeps for as long as a
batch of that size takes: `base + rows x slope` milliseconds, from a measurement of the engine in question. Cameras and
everything around the models are left out, so the result is about queueing alone.
"""

import argparse
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from monitor.inference.batching import Batcher, PaddedEngine
from monitor.inference.engine import TensorSpec
from monitor.pipeline.scheduler import FairScheduler


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulation measured.

    Attributes:
        frames: Analysed, of all beds.
        wanted_frames: That the cameras made.
        age_ms_p50: Median age of a frame at its answer.
        age_ms_p99: 99th percentile.
        least_share: Frames of the bed that was served least, over the mean.
        mean_rows: Mean batch before it is filled up.
    """

    frames: int
    wanted_frames: int
    age_ms_p50: float
    age_ms_p99: float
    least_share: float
    mean_rows: float


class SleepingEngine:
    """Takes as long as a measured engine, and answers nothing of interest."""

    name = "sleeping"
    inputs = (TensorSpec("images", (None, 1), np.dtype(np.uint8)),)
    outputs = (TensorSpec("scores", (None,), np.dtype(np.float32)),)

    def __init__(self, base_ms: float, slope_ms: float) -> None:
        self._base_ms, self._slope_ms = base_ms, slope_ms

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        rows = len(inputs["images"])
        time.sleep((self._base_ms + rows * self._slope_ms) / 1000)
        return {"scores": np.zeros(rows, np.float32)}

    def close(self) -> None:
        pass


class Source:
    """Holds the newest frame of a bed: the moment at which it was made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: float | None = None

    def put(self, made: float) -> None:
        with self._lock:
            self._made = made

    @property
    def waiting_since_seconds(self) -> float | None:
        return self._made

    def take(self, timeout_seconds: float = 0.0) -> float | None:  # noqa: ARG002 - as the cameras' has it
        with self._lock:
            made, self._made = self._made, None
            return made


def simulate(
    beds: int, seconds: float, workers: int, latency_ms: tuple[float, float], frames_per_second: float = 5.0
) -> Outcome:
    """Run the ward for some seconds.

    Args:
        beds: How many; each makes frames at the same rate, evenly spread.
        seconds: Of simulated watching, in real time.
        workers: Threads that wait for batches.
        latency_ms: Of a batch: base, and slope by row.
        frames_per_second: Of each bed.
    """
    scheduler = FairScheduler()
    sources = {f"bed-{number}": Source() for number in range(beds)}
    for name, source in sources.items():
        scheduler.add(name, source)
    batcher = Batcher(PaddedEngine(SleepingEngine(*latency_ms), 64), "simulation")
    handles = [batcher.open() for _ in range(workers)]
    served: Counter[str] = Counter()
    ages: list[float] = []
    lock, stopping = threading.Lock(), threading.Event()

    def work(handle) -> None:
        picture = np.zeros((1, 1), np.uint8)
        while not stopping.is_set():
            taken = scheduler.take(0.1)
            if taken is None:
                continue
            name, made = taken
            handle.run({"images": picture})
            with lock:
                ages.append(time.monotonic() - made)
                served[name] += 1
            scheduler.done(name)

    threads = [threading.Thread(target=work, args=(handle,)) for handle in handles]
    for thread in threads:
        thread.start()
    made = 0
    began = time.monotonic()
    interval = 1.0 / (beds * frames_per_second)
    names = list(sources)
    while (now := time.monotonic()) - began < seconds:
        while made * interval <= now - began:
            sources[names[made % beds]].put(now)
            scheduler.wake()
            made += 1
        time.sleep(min(interval, 0.002))
    stopping.set()
    scheduler.close()
    for thread in threads:
        thread.join()
    rows = batcher.batches
    for handle in handles:
        handle.close()
    ordered = sorted(ages)
    return Outcome(
        frames=len(ages),
        wanted_frames=made,
        age_ms_p50=1000 * statistics.median(ordered),
        age_ms_p99=1000 * ordered[int(0.99 * (len(ordered) - 1))],
        least_share=min(served[name] for name in names) / (len(ages) / beds),
        mean_rows=sum(size * count for size, count in rows.items()) / max(1, sum(rows.values())),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beds", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--latency", default="1.5,0.8", metavar="BASE,SLOPE", help="milliseconds, and per row")
    arguments = parser.parse_args()
    base, slope = (float(part) for part in arguments.latency.split(","))
    print(json.dumps(asdict(simulate(arguments.beds, arguments.seconds, arguments.workers, (base, slope)))))


if __name__ == "__main__":
    main()
