"""The command line `nicu-export`."""

from typing import NoReturn

from monitor.commands import LazyCommand, program, run

__all__ = ["main"]

COMMANDS: dict[str, LazyCommand] = {}


def main() -> NoReturn:
    """Run `nicu-export`."""
    run(
        program(
            "nicu-export",
            "Turn trained networks into verified model bundles and engines.",
            COMMANDS,
        )
    )
