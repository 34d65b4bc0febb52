"""A station's publishing in a process that is killed with SIGKILL at random moments, again and again.

Run as `python publishing_process.py STATE_DIRECTORY REDIS_URL KILLS SEED`. Every life goes on from the alarm state that
the one before stored; the last one is allowed to finish. Prints how many alerts there must be.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from alerts import make_draft

from monitor.clock import SystemClock
from monitor.config import RedisSettings, SpoolSettings
from monitor.delivery.publisher import Publisher
from monitor.pain.vocabulary import Phase


def live(state: Path, url: str, seed: int, *, last: bool) -> None:
    """Raise numbered alerts, each with the state from which the next life would go on."""
    dice = random.Random(seed)
    settings = RedisSettings.model_validate({"url": url, "timeout_seconds": 0.5})
    publisher = Publisher(settings, SpoolSettings(directory=state), "station-1", SystemClock())
    number = int(publisher.load_snapshots().get("bed-1", "0"))
    publisher.start()
    until = time.monotonic() + (0.3 if last else 60.0)
    while time.monotonic() < until:
        drafts = []
        for _ in range(dice.choice([1, 1, 1, 2, 5])):
            number += 1
            # Every alert has two records, a start and an end.
            drafts.append(make_draft(f"alert-{(number + 1) // 2}", Phase.START if number % 2 else Phase.END))
        publisher.submit(drafts, {"bed-1": str(number)})
        time.sleep(dice.choice([0.0, 0.001, 0.005, 0.02]))
    publisher.stop(20.0)
    print(number, flush=True)


def main() -> None:
    """Fork one life after the other: the imports are paid for once."""
    state, url, kills, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    dice = random.Random(seed)
    for life in range(kills + 1):
        last = life == kills
        child = os.fork()
        if child == 0:
            live(state, url, seed + life, last=last)
            os._exit(0)
        if not last:
            time.sleep(dice.uniform(0.0, 0.15))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
            sys.exit("a life ended by itself")


if __name__ == "__main__":
    main()
