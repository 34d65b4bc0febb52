"""The whole monitor on labelled videos, as far as it was evaluated."""

from trainer.evaluation.clip_results import clips_tables
from trainer.reporting.document import Block, Grid, Section, Text
from trainer.reporting.gathering import Comparison

__all__ = ["videos_section"]


def videos_section(comparison: Comparison) -> Section:
    """Return episodes found, false alarms and delays of each evaluation of videos."""
    title = "The whole monitor on labelled videos"
    if not comparison.clips:
        text = (
            "No evaluation of videos was given (--clips): nothing here says how many episodes an alarm finds, or how "
            "often it is false."
        )
        return Section(title, (Text(text),))
    blocks: list[Block] = [
        Text("Detector, tracker, visibility, classifier and alarms as in a station; still pictures show none of this.")
    ]
    blocks += [Grid(table) for results in comparison.clips for table in clips_tables(results)]
    return Section(title, tuple(blocks))
