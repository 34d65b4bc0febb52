"""A ward of simulated beds on one engine: queueing, ages of frames and fairness of batches over beds.

    python tests/support/batch_simulation.py --beds 100 --workers 32 --latency 1.5,0.8
    python tests/support/batch_simulation.py --largest 1    # the same without batches, for comparison

Real threads, the station's scheduler and the batcher; in place of the models an engine that sleeps for as long as a
batch of that size takes: `base + rows x slope` milliseconds, from a measurement of the engine in question. Cameras and
everything around the models are left out, so the result is about queueing alone.
"""

import argparse
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from monitor.inference.batching import Batcher
from monitor.inference.engine import TensorSpec
from monitor.inference.padded_engine import BATCH_SIZES, BatchSizes, PaddedEngine, warm_up
from monitor.pipeline.scheduler import FairScheduler


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulation measured.

    Attributes:
        frames: Analysed, of all beds.
        wanted_frames: That the cameras made.
        age_ms_p50: Median age of a frame at its answer.
        age_ms_p99: 99th percentile.
        queue_ms_p50: Median time that a frame waited for a worker.
        queue_ms_p99: 99th percentile.
        batch_ms_p50: Median time that a worker's request waited for its batch to begin.
        batch_ms_p99: 99th percentile.
        least_share: Frames of the bed that was served least, over the mean.
        fairness: Jain's index of the frames of all beds, 1 where all have the same (Jain, Chiu and Hawe 1984).
        mean_rows: Mean batch before it is filled up.
    """

    frames: int
    wanted_frames: int
    age_ms_p50: float
    age_ms_p99: float
    queue_ms_p50: float
    queue_ms_p99: float
    batch_ms_p50: float
    batch_ms_p99: float
    least_share: float
    fairness: float
    mean_rows: float


class SleepingEngine:
    """Takes as long as a measured engine, and answers in how many seconds it did so."""

    name = "sleeping"
    inputs = (TensorSpec("images", (None, 1), np.dtype(np.uint8)),)
    outputs = (TensorSpec("scores", (None,), np.dtype(np.float32)),)

    def __init__(self, base_ms: float, slope_ms: float) -> None:
        self._base_ms, self._slope_ms = base_ms, slope_ms

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        rows = len(inputs["images"])
        began = time.monotonic()
        time.sleep((self._base_ms + rows * self._slope_ms) / 1000)
        return {"scores": np.full(rows, time.monotonic() - began, np.float32)}

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
    beds: int,
    seconds: float,
    workers: int,
    latency_ms: tuple[float, float],
    frames_per_second: float = 5.0,
    largest: int = BATCH_SIZES[-1],
) -> Outcome:
    """Run the ward for some seconds.

    Args:
        beds: How many; each makes frames at the same rate, evenly spread.
        seconds: Of simulated watching, in real time.
        workers: Threads that wait for batches.
        latency_ms: Of a batch: base, and slope by row.
        frames_per_second: Of each bed.
        largest: Batch; 1 for none.
    """
    scheduler = FairScheduler()
    sources = {f"bed-{number}": Source() for number in range(beds)}
    for name, source in sources.items():
        scheduler.add(name, source)
    sizes = BatchSizes(largest)
    engine = SleepingEngine(*latency_ms)
    sizes.note(warm_up(engine, sizes.sizes))
    batcher = Batcher(PaddedEngine(engine, sizes), "simulation", sizes=sizes)
    handles = [batcher.open() for _ in range(workers)]
    served: Counter[str] = Counter()
    ages: list[float] = []
    queued: list[float] = []
    waited: list[float] = []
    lock, stopping = threading.Lock(), threading.Event()

    def work(handle) -> None:
        picture = np.zeros((1, 1), np.uint8)
        while not stopping.is_set():
            taken = scheduler.take(0.1)
            if taken is None:
                continue
            name, made = taken
            asked = time.monotonic()
            ran_seconds = float(handle.run({"images": picture})["scores"][0])
            answered = time.monotonic()
            with lock:
                ages.append(answered - made)
                queued.append(asked - made)
                waited.append(max(0.0, answered - asked - ran_seconds))
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
    counts = [served[name] for name in names]
    return Outcome(
        frames=len(ages),
        wanted_frames=made,
        age_ms_p50=_milliseconds(ages, 50),
        age_ms_p99=_milliseconds(ages, 99),
        queue_ms_p50=_milliseconds(queued, 50),
        queue_ms_p99=_milliseconds(queued, 99),
        batch_ms_p50=_milliseconds(waited, 50),
        batch_ms_p99=_milliseconds(waited, 99),
        least_share=min(counts) / (len(ages) / beds),
        fairness=sum(counts) ** 2 / (beds * sum(count * count for count in counts)),
        mean_rows=sum(size * count for size, count in rows.items()) / max(1, sum(rows.values())),
    )


def _milliseconds(seconds: list[float], rank: int) -> float:
    return round(1000 * float(np.percentile(seconds, rank)), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beds", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--latency", default="1.5,0.8", metavar="BASE,SLOPE", help="milliseconds, and per row")
    parser.add_argument("--largest", type=int, default=BATCH_SIZES[-1], help="batch; 1 for none")
    arguments = parser.parse_args()
    base, slope = (float(part) for part in arguments.latency.split(","))
    outcome = simulate(arguments.beds, arguments.seconds, arguments.workers, (base, slope), largest=arguments.largest)
    print(json.dumps(asdict(outcome), indent=1))


if __name__ == "__main__":
    main()
