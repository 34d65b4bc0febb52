"""A bed's tile where beds are many: what `BedTile` shows, in a fifth of the elements.

Each element of the UI library costs the station and the browser about as much as ten lines of HTML. The tile of a small
ward has some thirty-five; three hundred of those take seconds to build. Here the parts that change together are one
piece of HTML each, which is sent when its text has changed.
"""

from html import escape
from urllib.parse import quote

from nicegui import ui

from monitor.board import BedSnapshot, BoardSnapshot
from monitor.web.pages.acknowledge_button import AcknowledgeButton, needs_acknowledgement
from monitor.web.pages.labels import face_words, history_span_seconds
from monitor.web.pages.layout import PageLayout
from monitor.web.pages.sparkline import sparkline
from monitor.web.pages.status import status_words

__all__ = ["CompactTile"]

_SPARKLINE_EVERY = 16
"""Snapshots between two drawings of one bed's history; the beds take turns."""


class CompactTile:
    """One bed on the page of a large ward.

    Args:
        frame: The page.
        bed_id: Which bed.
        turn: Differs from tile to tile, so that not all histories are drawn in the same second.
    """

    def __init__(self, frame: PageLayout, bed_id: str, turn: int) -> None:
        self._frame = frame
        self._bed_id = bed_id
        self._turn = turn
        self._on_level = frame.site.config.alarms.on_level
        self._marks = ""
        self._drawn = False
        self._acknowledge: AcknowledgeButton | None = None
        link = f'<a class="nicegui-link tile-link" href="/bed/{quote(bed_id)}">{escape(bed_id)}</a>'
        self._card = ui.element("article").classes("tile many").props(f'aria-label="{bed_id}" data-bed="{bed_id}"')
        with self._card:
            with ui.element("div").classes("tile-head") as self._head:
                ui.html(link, sanitize=False, tag="h2")
            self._status = ui.html("", sanitize=False).classes("status")
            with ui.element("div").classes("tile-body"):
                self._level = ui.html("", sanitize=False)
                self._spark = ui.html("", sanitize=False)
                self._facts = ui.html("", sanitize=False, tag="dl").classes("facts")

    def show(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> None:
        """Show a bed as it is now."""
        self._show_status(bed, snapshot)
        self._show_numbers(bed, snapshot)
        if self._acknowledge is None and any(needs_acknowledgement(episode) for episode in bed.open_alerts):
            with self._head:
                self._acknowledge = AcknowledgeButton(self._frame, self._bed_id)
        if self._acknowledge is not None:
            self._acknowledge.offer(bed.open_alerts)

    def move(self, position: int) -> None:
        """Move the tile to its position in the order of the configuration."""
        self._card.move(target_index=position)

    def delete(self) -> None:
        """Remove the tile."""
        self._card.delete()

    def _show_status(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> None:
        words = status_words(bed, snapshot, self._frame.t, self._frame.acknowledge_expires_seconds)
        if words.marks != self._marks:
            self._marks = words.marks
            self._card.props(words.marks)
        detail = escape(words.detail)
        _put(
            self._status,
            f'<i class="q-icon notranslate material-icons status-shape" aria-hidden="true">{words.icon}</i>'
            f'<div class="status-text"><div class="status-words">{escape(words.headline)}</div>'
            f'<div class="status-detail" title="{detail}">{detail}</div>'
            f'<div class="status-since">{escape(words.since)}</div>'
            f'<div class="status-extra">{escape(words.extra)}</div></div>',
        )

    def _show_numbers(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> None:
        t, seen = self._frame.t, bed.observation
        # A level that does not count any more must not stand there as if it did.
        level = seen.display_level if seen is not None and bed.status.can_see else None
        help_text = escape(t("How strongly the face shows signs of pain now, from 0 to 1"))
        _put(
            self._level,
            f'<div class="level-now" title="{help_text}"><div class="fact-name">{escape(t("Level, 0 to 1"))}</div>'
            f'<div class="level-number">{escape(t.level(level))}</div></div>',
        )
        coverage = t("not known") if seen is None else t.percent(seen.coverage)
        facts = (
            (
                t("Face seen"),
                t("When the infant's face was last seen well enough"),
                face_words(bed.seconds_since_face, t),
            ),
            (t("Seen of the last 30 s"), t("Share of the last half minute in which the face was seen"), coverage),
        )
        _put(
            self._facts,
            "".join(
                f'<div title="{escape(meaning)}"><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>'
                for name, meaning, value in facts
            ),
        )
        if not self._drawn or (snapshot.number + self._turn) % _SPARKLINE_EVERY == 0:
            self._drawn = True
            minutes = t.decimal(history_span_seconds(bed, snapshot.taken_seconds) / 60, 0)
            _put(
                self._spark,
                f'<div class="spark">{sparkline(bed, snapshot.taken_seconds, self._on_level, t)}</div>'
                f'<div class="spark-span">{escape(t("last {minutes} min", minutes=minutes))}</div>',
            )


def _put(element: ui.html, content: str) -> None:
    """Change an element's content, and send it only when it differs."""
    if element.content != content:
        element.set_content(content)
