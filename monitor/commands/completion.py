"""`completion`: what makes a shell complete the options and commands of one of the three programs."""

import click
from click.shell_completion import get_completion_class

from monitor.cli_framework import examples

__all__ = ["command"]


@click.command(
    epilog=examples(
        'eval "$(nicu-monitor completion bash)"      # in ~/.bashrc; zsh in the same way',
        "nicu-monitor completion fish > ~/.config/fish/completions/nicu-monitor.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of this program for SHELL."""
    root = context.find_root()
    name = root.info_name or "nicu-monitor"
    variable = f"_{name.replace('-', '_').upper()}_COMPLETE"
    writer = get_completion_class(shell)
    assert writer is not None  # noqa: S101 - the choice names what click has
    click.echo(writer(root.command, {}, name, variable).source())
