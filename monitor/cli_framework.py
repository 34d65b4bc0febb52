"""What the three command lines share: lazy commands, one-sentence errors, exit codes.

A command's module, and what it imports, is loaded only when that command runs, so that `--help` and completion answer
at once. Colours are for terminals, and not even for those where NO_COLOR is set (https://no-color.org).
"""

import errno
import importlib
import io
import math
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from monitor import __version__
from monitor.errors import MonitorError, without_logins

__all__ = [
    "EXIT_CODES",
    "EXIT_ERROR",
    "EXIT_NO",
    "ConfigCommand",
    "LazyCommand",
    "LazyGroup",
    "NumberRange",
    "OutputFile",
    "examples",
    "program",
    "refuse_overwriting",
    "run",
]

EXIT_NO = 1
EXIT_ERROR = 3
_EXIT_INTERRUPTED = 130
_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})
EXIT_CODES = {
    0: "done",
    EXIT_NO: "the answer is no: a check failed, something was not as expected",
    2: "the command line is wrong",
    EXIT_ERROR: "an error, which one sentence on standard error explains",
    _EXIT_INTERRUPTED: "interrupted with Ctrl-C",
}
"""What the exit codes of every command mean."""


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command lives: the `attribute` of `module` is a click command; and its line in the overview."""

    module: str
    summary: str
    attribute: str = "command"


class LazyGroup(click.Group):
    """A group of commands whose modules are imported only when they are run.

    Args:
        lazy: Command name to its lazy.
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
        lazy = self._lazy.get(cmd_name)
        if lazy is None:
            return super().get_command(ctx, cmd_name)
        command = getattr(importlib.import_module(lazy.module), lazy.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{lazy.module}.{lazy.attribute} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview from the declared summaries, without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in self._lazy.items()])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete command names from the declared summaries, without importing anything."""
        names = [
            CompletionItem(name, help=lazy.summary) for name, lazy in self._lazy.items() if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def examples(*lines: str) -> str:
    """Return an epilog that shows worked examples, one a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


class ConfigCommand(click.Command):
    """A command that takes `--config FILE`, and a file alone for the same: `nicu-monitor run station.yaml`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line."""
        try:
            return super().parse_args(ctx, self._with_option(ctx, args))
        except click.MissingParameter as error:
            if error.param is None or error.param.name != "config_file":
                raise
            words = f"no configuration is named; write it behind the command: {ctx.command_path} FILE.yaml"
            raise click.UsageError(words, ctx) from None

    def _with_option(self, ctx: click.Context, args: list[str]) -> list[str]:
        options, alone, _ = self.make_parser(ctx).parse_args(list(args))
        is_file = len(alone) == 1 and (alone[0].endswith((".yaml", ".yml")) or Path(alone[0]).is_file())
        if not is_file or options.get("config_file") is not None:
            return args
        # The last of its name: what a word before it belongs to has been read.
        at = len(args) - 1 - args[::-1].index(alone[0])
        return [*args[:at], "--config", *args[at:]]


class NumberRange(click.FloatRange):
    """A number within bounds; "nan", which is within any, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's own type
        """Return the number, or say that it is none."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class OutputFile(click.Path):
    """A file that a command writes at its end: refused at its beginning where it cannot be written."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False, writable=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's own type
        """Return the path, or say why nothing can be written there."""
        path = super().convert(value, param, ctx)
        folder = Path(os.fsdecode(path)).parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            self.fail(f"there is no folder {folder} that can be written; make it, or choose another path", param, ctx)
        return path


def refuse_overwriting(outputs: Mapping[str, Path | None], inputs: Iterable[Path | None]) -> None:
    """Refuse to write over what the command reads, or two results into one file: the first would be lost.

    Args:
        outputs: By the option that names each; None for one that is not given.
        inputs: Files that the command reads; None for one that is not given.

    Raises:
        click.UsageError: Two of them are one file, also under two names.
    """
    taken = [(path, "which this command reads") for path in inputs if path is not None]
    for option, output in outputs.items():
        if output is None:
            continue
        for path, use in taken:
            if _is_same_file(output, path):
                raise click.UsageError(f"{option} would write over {path}, {use}; name another file")
        taken.append((output, f"which {option} writes, too"))


def _is_same_file(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        # What is no file on a disk, such as /dev/null or a terminal, holds nothing to lose.
        return one.is_file() and one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)


_COMMON = {"completion": LazyCommand("monitor.commands.completion", "Print what makes a shell complete this program.")}


def program(name: str, summary: str, lazy: Mapping[str, LazyCommand]) -> click.Group:
    """Return the top-level group of one command line."""
    group = LazyGroup(
        {**lazy, **_COMMON}, name=name, help=summary, context_settings={"help_option_names": ["-h", "--help"]}
    )
    return click.version_option(__version__, prog_name=name)(group)


def run(group: click.Group) -> NoReturn:
    """Run a command line and exit; every foreseen error is one sentence on standard error."""
    try:
        # Decided here, so that no command can forget it: None lets click check whether it writes to a terminal.
        result = group.main(standalone_mode=False, color=False if os.environ.get("NO_COLOR") else None)
        sys.exit(result if isinstance(result, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(without_logins(shown.getvalue()), nl=False, err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        if isinstance(error.__context__, EOFError):
            click.echo("error: standard input ended before the answer; type it in a terminal, or pipe it in", err=True)
            sys.exit(EXIT_ERROR)
        click.echo("interrupted", err=True)
        sys.exit(_EXIT_INTERRUPTED)
    except MonitorError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_ERROR)
    except OSError as error:
        # Whatever a command did not foresee of files: a full disk, a folder that was taken away while it ran.
        if error.filename is None and error.errno in _FULL_DISK:  # a write, unlike opening, names no file
            click.echo(f"error: a file cannot be written: {error.strerror}; free some space and try again", err=True)
            sys.exit(EXIT_ERROR)
        if error.filename is None or not isinstance(error.errno, int):
            raise
        reason = error.strerror or type(error).__name__
        click.echo(
            f"error: {without_logins(str(error.filename))}: {reason}; check the path, its rights and the free space",
            err=True,
        )
        sys.exit(EXIT_ERROR)
