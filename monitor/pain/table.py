"""The table of conditions in plain words, for the documentation: `python -m monitor.pain.table` prints it."""

from monitor.config import AlarmSettings
from monitor.pain.conditions import CONDITIONS, Condition, Source

__all__ = ["condition_table"]

_SEEN_BY = {
    Source.LEVEL: "pain level",
    Source.FACE: "analysed frames",
    Source.FRAMES: "analysed frames",
    Source.REPORT: "other parts of the station",
    Source.PERSON: "a person",
}


def condition_table(settings: AlarmSettings) -> str:
    """Return every condition as one row of a Markdown table, with the delays of these settings."""
    head = ("code", "kind", "priority", "seen by", "declared after", "over after", "stays signalled", "casts doubt")
    rows = [head, ("---",) * len(head), *(_row(condition, settings) for condition in CONDITIONS.values())]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _row(condition: Condition, settings: AlarmSettings) -> tuple[str, ...]:
    return (
        f"`{condition.code}`",
        condition.kind.value,
        condition.priority.value,
        _SEEN_BY[condition.source],
        f"{condition.delay_seconds(settings):g} s",
        f"{condition.clear_seconds(settings):g} s",
        "until acknowledged" if condition.is_latching else "while it holds",
        "yes" if condition.casts_doubt else "no",
    )


if __name__ == "__main__":
    import click

    click.echo(condition_table(AlarmSettings()), nl=False)
