"""What the three command lines share: lazy commands, one-sentence errors, exit codes.

Exit codes: 0 done, 1 the answer is no (a check failed), 2 the command line is wrong, 3 an error that the message
explains, 130 interrupted. A command's module, and what it imports, is loaded only when that command runs, so that
`--help` answers at once.
"""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from monitor import __version__
from monitor.errors import MonitorError

__all__ = ["EXIT_ERROR", "EXIT_NO", "LazyCommand", "LazyGroup", "program", "run"]

EXIT_NO = 1
EXIT_ERROR = 3
_EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command lives: `module`, whose attribute `command` is a click command, and its line in the overview."""

    module: str
    summary: str


class LazyGroup(click.Group):
    """A group of commands whose modules are imported only when they are run.

    Args:
        lazy: Command name to its place.
        **settings: As for `click.Group`.
    """

    def __init__(self, lazy: Mapping[str, LazyCommand], **settings: Any) -> None:  # noqa: ANN401 - click's own type
        super().__init__(**settings)
        self._lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they were declared: the way a newcomer would use them."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return the command."""
        place = self._lazy.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        command = importlib.import_module(place.module).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{place.module}.command is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview from the declared summaries, without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in self._lazy.items()])


def program(name: str, summary: str, lazy: Mapping[str, LazyCommand]) -> click.Group:
    """Return the top-level group of one command line."""
    group = LazyGroup(lazy, name=name, help=summary, context_settings={"help_option_names": ["-h", "--help"]})
    return click.version_option(__version__, prog_name=name)(group)


def run(group: click.Group) -> NoReturn:
    """Run a command line and exit; every foreseen error is one sentence on standard error."""
    try:
        result = group.main(standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(_EXIT_INTERRUPTED)
    except MonitorError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_ERROR)
