"""`nicu-monitor acknowledge`, `pause` and `resume`: requests that silence what a station signals, for a while."""

from typing import Any

import click

from monitor.cli_framework import NumberRange, examples
from monitor.delivery.request_client import request_options, send_request

__all__ = ["acknowledge", "pause", "resume"]


@click.command(
    "acknowledge",
    epilog=examples(
        "nicu-monitor acknowledge 0123456789abcdef --by nurse-7 --config station.yaml",
        "nicu-monitor acknowledge 0123456789abcdef --by nurse-7 --token-file token --redis redis://127.0.0.1/0 "
        "--station station-1",
    ),
)
@click.argument("alert_id")
@request_options
def acknowledge(alert_id: str, **sending: Any) -> int:  # noqa: ANN401 - the options that every order has
    """Silence the signal of one alert for a while; the condition stays.

    ALERT_ID is what `nicu-monitor tail --json` prints. Exit code 0 when the station has recorded it, 1 when it has not.
    """
    return send_request({"action": "acknowledge", "alert_id": alert_id}, **sending)


@click.command(
    "pause",
    epilog=examples(
        "nicu-monitor pause bed-1 --by nurse-7 --config station.yaml",
        "nicu-monitor pause bed-1 --seconds 300 --by nurse-7 --token-file token --config station.yaml",
    ),
)
@click.argument("bed")
@click.option("--seconds", type=NumberRange(min=1.0), help="For how long; at most as an acknowledgement lasts.")
@request_options
def pause(bed: str, seconds: float | None, **sending: Any) -> int:  # noqa: ANN401 - the options of every order
    """Silence all that BED signals now, and the same kinds of condition in advance, for a limited time.

    Another kind of condition, or a worse one, is signalled as ever, and all is recorded. A pause in calm covers
    nothing. BED is `_station` for the conditions of the whole station. Exit code 0 when the station has recorded it, 1
    when it has not.
    """
    fields = {"action": "pause", "bed": bed}
    return send_request(fields if seconds is None else {**fields, "seconds": f"{seconds:g}"}, **sending)


@click.command(
    "resume",
    epilog=examples(
        "nicu-monitor resume bed-1 --by nurse-7 --config station.yaml",
        "nicu-monitor resume bed-1 --by nurse-7 --token-file token --config station.yaml",
    ),
)
@click.argument("bed")
@request_options
def resume(bed: str, **sending: Any) -> int:  # noqa: ANN401 - the options that every order has
    """End the pause of BED, so that what still holds is signalled again, or its stand-by.

    Exit code 0 when the station has taken the command, 1 when no station took it or nothing had to be ended.
    """
    return send_request({"action": "resume", "bed": bed}, **sending)
