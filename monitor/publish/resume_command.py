"""`nicu-monitor resume`: end a pause before its time."""

from typing import Any

import click

from monitor.commands import examples
from monitor.publish.sender import order_options, send_order

__all__ = ["command"]


@click.command(
    epilog=examples(
        "nicu-monitor resume bed-1 --by nurse-7 --config station.yaml",
        "nicu-monitor resume bed-1 --by nurse-7 --token-file token --config station.yaml",
    )
)
@click.argument("bed")
@order_options
def command(bed: str, **sending: Any) -> int:  # noqa: ANN401 - the options that every order has
    """End the pause of BED: what still holds is signalled again.

    Exit code 0 when the station has taken the command, 1 when no station took it.
    """
    return send_order({"action": "resume", "bed": bed}, **sending)
