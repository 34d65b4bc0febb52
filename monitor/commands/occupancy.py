"""`nicu-monitor admit`, `discharge`, `standby` and `procedure`: who lies in a bed, and what is done there."""

from typing import Any

import click

from monitor.cli_framework import NumberRange, examples
from monitor.delivery.request_client import request_options, send_request
from monitor.pain.procedure import ProcedureKind

__all__ = ["admit", "discharge", "procedure", "standby"]


@click.command(
    "admit",
    epilog=examples(
        "nicu-monitor admit bed-1 --by nurse-7 --config station.yaml",
        "nicu-monitor admit bed-1 --infant infant-12 --by nurse-7 --token-file token --config station.yaml",
    ),
)
@click.argument("bed")
@click.option("--infant", help="A pseudonym, never a name; stands beside the bed on the page.")
@request_options
def admit(bed: str, infant: str | None, **sending: Any) -> int:  # noqa: ANN401 - the options that every order has
    """Say that an infant was laid into BED.

    Nothing of the infant before passes to it: its alarms are ended in the name of --by, and level, pauses and
    acknowledgements begin from nothing. Exit code 0 when the station has recorded it, 1 when it has not.
    """
    fields = {"action": "admit", "bed": bed}
    return send_request(fields if infant is None else {**fields, "infant": infant}, **sending)


@click.command(
    "discharge",
    epilog=examples(
        "nicu-monitor discharge bed-1 --by nurse-7 --config station.yaml",
        "nicu-monitor discharge bed-1 --by nurse-7 --token-file token --config station.yaml",
    ),
)
@click.argument("bed")
@request_options
def discharge(bed: str, **sending: Any) -> int:  # noqa: ANN401 - the options that every order has
    """Say that BED is empty: its alarms end, and it is not watched until an infant is admitted.

    Exit code 0 when the station has recorded it, 1 when it has not, or when the bed was empty already.
    """
    return send_request({"action": "discharge", "bed": bed}, **sending)


@click.command(
    "standby",
    epilog=examples(
        "nicu-monitor standby bed-1 --minutes 30 --reason bath --by nurse-7 --config station.yaml",
        "nicu-monitor standby bed-1 --until-face --by nurse-7 --token-file token --config station.yaml",
    ),
)
@click.argument("bed")
@click.option("--minutes", type=NumberRange(min=0.0, min_open=True), help="For how long at most.")
@click.option("--until-face", is_flag=True, help="End it, too, when a face returns after the infant has left.")
@click.option("--reason", help="Why, in a few words; stands beside the bed on the page.")
@request_options
def standby(
    bed: str,
    *,
    minutes: float | None,
    until_face: bool,
    reason: str | None,
    **sending: Any,  # noqa: ANN401 - the options that every order has
) -> int:
    """Say that the infant of BED is away for a while: no pain alarms until then, but those of the camera.

    Give --minutes, --until-face or both; the configuration limits how long. `nicu-monitor resume` ends it early. Exit
    code 0 when the station has recorded it, 1 when it has not.
    """
    if minutes is None and not until_face:
        raise click.UsageError("give --minutes, --until-face or both")
    fields = {"action": "standby", "bed": bed, "until_face": str(until_face).lower()}
    if minutes is not None:
        fields["seconds"] = f"{60 * minutes:g}"
    if reason is not None:
        fields["reason"] = reason
    return send_request(fields, **sending)


@click.command(
    "procedure",
    epilog=examples(
        "nicu-monitor procedure bed-1 heel_lance --by nurse-7 --config station.yaml",
        'nicu-monitor procedure bed-1 other --note "chest drain" --minutes 20 --by nurse-7 --config station.yaml',
    ),
)
@click.argument("bed")
@click.argument("kind", type=click.Choice([str(kind) for kind in ProcedureKind]))
@click.option("--minutes", type=NumberRange(min=0.0, max=60.0, min_open=True), help="Ten when left out.")
@click.option("--note", help="A few words more; stand beside the bed on the page.")
@request_options
def procedure(
    bed: str,
    kind: str,
    *,
    minutes: float | None,
    note: str | None,
    **sending: Any,  # noqa: ANN401 - the options that every order has
) -> int:
    """Say that something painful (KIND) is done to the infant of BED now: pain is expected, and alarmed as ever.

    It silences and hides nothing; it is recorded, and shown in the trend and in the handover. Exit code 0 when the
    station has recorded it, 1 when it has not.
    """
    fields = {"action": "procedure", "bed": bed, "kind": kind}
    if minutes is not None:
        fields["seconds"] = f"{60 * minutes:g}"
    if note is not None:
        fields["note"] = note
    return send_request(fields, **sending)
