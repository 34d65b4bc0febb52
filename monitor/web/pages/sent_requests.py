"""What becomes of a request that a ward has sent to the station of a bed: only the station's records tell."""

from collections.abc import Callable

from nicegui import ui

from monitor.board import BedSnapshot, BoardSnapshot
from monitor.pain.vocabulary import Code
from monitor.web.pages.layout import PageLayout, refuse

__all__ = ["follow_request", "follow_sent"]

_ANSWER_SECONDS = 8.0
"""A station takes a request within a second; its records are read once a second."""


def follow_sent(
    frame: PageLayout,
    scope: str,
    station: str,
    is_done: Callable[[BoardSnapshot], bool],
    done: Callable[[float], None],
) -> None:
    """Say that a request was sent, and a moment later that it was done, or that nothing shows it.

    Args:
        frame: The page.
        scope: What it concerns, for people: a bed's id.
        station: To which station it was sent.
        is_done: Whether what is shown now is what the request leads to.
        done: Called once where it is, with the seconds since it was sent.
    """
    t, clock = frame.t, frame.site.clock
    sent_seconds = clock.monotonic()
    ui.notify(t("{bed}: sent to {station}", bed=scope, station=station), position="top")

    def check(snapshot: BoardSnapshot) -> bool:
        waited_seconds = clock.monotonic() - sent_seconds
        if is_done(snapshot):
            done(waited_seconds)
        elif waited_seconds >= _ANSWER_SECONDS:
            refuse(
                t(
                    "{bed}: nothing shows that {station} has done that. What is shown here still holds.",
                    bed=scope,
                    station=station,
                )
            )
        else:
            return False
        return True

    frame.check_until_done(check)


def follow_request(frame: PageLayout, before: BedSnapshot, by: str | None, done: Callable[[float], None]) -> None:
    """Follow a request about a bed, which is done once the bed shows another word of somebody's than before.

    Args:
        frame: The page.
        before: The bed before the request was sent.
        by: Whose word it must be then; None where a word is taken back, or a pause ended.
        done: Called once where it is done, with the seconds since it was sent.
    """
    said = _said(before)

    def is_done(snapshot: BoardSnapshot) -> bool:
        bed = snapshot.bed(before.info.bed_id)
        if bed is None:
            return False
        now = _said(bed)
        return now != said if by is None else any(name == by for name, _ in now - said)

    follow_sent(frame, before.info.bed_id, before.info.station or "", is_done, done)


def _said(bed: BedSnapshot) -> set[tuple[str | None, object]]:
    """Return who has said what of a bed: of its pause, of who lies there, of procedures."""
    occupancy = bed.occupancy
    said: set[tuple[str | None, object]] = {
        (occupancy.by, (occupancy.state, occupancy.reason, occupancy.until_face)),
    }
    if bed.pause is not None:
        said.add((bed.pause.by, "pause"))
    for episode in bed.open_alerts:
        newest = episode.newest
        if newest.code is Code.PROCEDURE and newest.condition_present:
            by = None if newest.acknowledgement is None else newest.acknowledgement.by
            said.add((by, newest.alert_id))
    return said
