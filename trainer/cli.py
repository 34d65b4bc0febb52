"""The command line `nicu-trainer`."""

from typing import NoReturn

from monitor.commands import LazyCommand, program, run

__all__ = ["main"]

COMMANDS: dict[str, LazyCommand] = {
    "ingest": LazyCommand("trainer.commands.ingest", "take a data set in: check every file, write a manifest"),
}


def main() -> NoReturn:
    """Run `nicu-trainer`."""
    run(
        program(
            "nicu-trainer",
            "Train and evaluate classifiers of pain in newborns' faces.",
            COMMANDS,
        )
    )
