"""`nicu-monitor acknowledge`: say that somebody has seen an alert."""

from typing import Any

import click

from monitor.commands import examples
from monitor.publish.sender import order_options, send_order

__all__ = ["command"]


@click.command(
    epilog=examples(
        "nicu-monitor acknowledge 0123456789abcdef --by nurse-7 --config station.yaml",
        "nicu-monitor acknowledge 0123456789abcdef --by nurse-7 --token-file token --redis redis://127.0.0.1/0 "
        "--station station-1",
    )
)
@click.argument("alert_id")
@order_options
def command(alert_id: str, **sending: Any) -> int:  # noqa: ANN401 - the options that every order has
    """Silence the signal of one alert for a while; the condition stays.

    ALERT_ID is what `nicu-monitor tail --json` prints. Exit code 0 when the station has recorded it, 1 when it has not.
    """
    return send_order({"action": "acknowledge", "alert_id": alert_id}, **sending)
