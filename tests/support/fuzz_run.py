"""Many thousand random inputs for every reader: `make fuzz`, with FUZZ_ARGS="--cases 100000 --seed 1".

An input that a reader chokes on is written to tests/fuzz/corpus and named; from then on every test run tries it.
"""

import argparse
import hashlib
import logging
import os
import random
import sys
import time
import traceback

from fuzz_mutation import CORPUS, corpus, mutate
from fuzz_targets import TARGETS


def main() -> None:
    """Fuzz every target, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", help=f"some of {', '.join(TARGETS)}; all when absent")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    sys.set_int_max_str_digits(4300)
    # Libraries of picture formats write what they think of each file straight to standard error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    failed = False
    for name in options.targets or TARGETS:
        dice, known, began = random.Random(options.seed), corpus(name), time.monotonic()
        for _ in range(options.cases):
            data = mutate(dice.choice(known), known, dice)
            try:
                TARGETS[name](data)
            except Exception:  # noqa: BLE001 - any other error is what the fuzzer searches for
                failed = True
                path = CORPUS / name / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
                path.write_bytes(data)
                traceback.print_exc(limit=-3, file=sys.stdout)
                print(f"{name}: stored as {path}", flush=True)
                break
        else:
            rate = options.cases / (time.monotonic() - began)
            print(f"{name}: {options.cases} cases, none unforeseen ({rate:.0f}/s, seed {options.seed})", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
