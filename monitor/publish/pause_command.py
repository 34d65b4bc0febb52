"""`nicu-monitor pause`: silence what a bed signals, for instance during care."""

from typing import Any

import click

from monitor.commands import examples
from monitor.publish.sender import order_options, send_order

__all__ = ["command"]


@click.command(
    epilog=examples(
        "nicu-monitor pause bed-1 --by nurse-7 --config station.yaml",
        "nicu-monitor pause bed-1 --seconds 300 --by nurse-7 --token-file token --config station.yaml",
    )
)
@click.argument("bed")
@click.option("--seconds", type=click.FloatRange(min=1.0), help="For how long; at most as an acknowledgement lasts.")
@order_options
def command(bed: str, seconds: float | None, **sending: Any) -> int:  # noqa: ANN401 - the options of every order
    """Silence all that BED signals now, and the same kinds of condition in advance, for a limited time.

    Another kind of condition, or a worse one, is signalled as ever, and all is recorded. A pause in calm covers
    nothing. BED is `_station` for the conditions of the whole station. Exit code 0 when the station has recorded it, 1
    when it has not.
    """
    fields = {"action": "pause", "bed": bed}
    return send_order(fields if seconds is None else {**fields, "seconds": f"{seconds:g}"}, **sending)
