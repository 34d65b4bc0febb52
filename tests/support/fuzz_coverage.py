"""One reader under atheris, guided by coverage: `make fuzz-coverage`, with FUZZ_TARGET=config.

Arguments after the target's name go to libFuzzer. Needs the extra `fuzz`.
"""

import logging
import sys

import atheris
from fuzz_mutation import CORPUS

with atheris.instrument_imports(include=["monitor", "trainer.data"]):
    from fuzz_targets import TARGETS


def main() -> None:
    """Fuzz until libFuzzer ends."""
    name, *options = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    # libFuzzer writes what it finds interesting into the first folder; the stored corpus stays small.
    work = CORPUS.parents[2] / "build" / "fuzz" / name
    work.mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], *options, str(work), str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
