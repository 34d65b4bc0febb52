"""A bed's tile where beds are many: what `BedTile` shows, in a seventh of the elements.

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


_AT_FIRST = 40
"""Histories that are drawn with the page; those of the tiles below follow within seconds."""


class CompactTile:
    """One bed on the page of a large ward.

    Args:
        frame: The page.
        bed_id: Which bed.
        turn: Counts the tiles, so that not all histories are drawn in the same second.
    """

    def __init__(self, frame: PageLayout, bed_id: str, turn: int) -> None:
        self._frame = frame
        self._bed_id = bed_id
        self._turn = turn
        self._marks = ""
        self._waits = turn // _AT_FIRST
        self._parts: dict[str, ui.html] = {}
        self._acknowledge: AcknowledgeButton | None = None
        self._card = ui.element("article").classes("tile many").props(f'aria-label="{bed_id}" data-bed="{bed_id}"')

    def show(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> None:
        """Show a bed as it is now."""
        link = f'<a class="nicegui-link tile-link" href="/bed/{quote(self._bed_id)}">{escape(self._bed_id)}</a>'
        self._put("tile-head", f"<h2>{link}</h2>")
        self._show_status(bed, snapshot)
        self._put("tile-numbers", self._numbers(bed))
        if self._waits == 0 or (self._waits < 0 and (snapshot.number + self._turn) % _SPARKLINE_EVERY == 0):
            self._put("tile-history", self._history(bed, snapshot))
        self._waits -= self._waits >= 0
        if self._acknowledge is None and any(needs_acknowledgement(episode) for episode in bed.open_alerts):
            with self._card:
                self._acknowledge = AcknowledgeButton(self._frame, self._bed_id)
        if self._acknowledge is not None:
            self._acknowledge.offer(bed.open_alerts)

    def move(self, position: int) -> None:
        """Move the tile to its position in the order of the configuration."""
        self._card.move(target_index=position)

    def delete(self) -> None:
        """Remove the tile."""
        self._card.delete()

    def _put(self, name: str, content: str) -> None:
        """Make a part of the tile, or change its content where it differs."""
        part = self._parts.get(name)
        if part is None:
            with self._card:
                self._parts[name] = ui.html(content, sanitize=False).classes(name)
        elif part.content != content:
            part.set_content(content)

    def _show_status(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> None:
        words = status_words(bed, snapshot, self._frame.t, self._frame.site.limits_of(bed))
        if words.marks != self._marks:
            self._marks = words.marks
            self._card.props(words.marks)
        detail = escape(words.detail)
        self._put(
            "status",
            f'<i class="q-icon notranslate material-icons status-shape" aria-hidden="true">{words.icon}</i>'
            f'<div class="status-text"><div class="status-words">{escape(words.headline)}</div>'
            f'<div class="status-detail" title="{detail}">{detail}</div>'
            f'<div class="status-since">{escape(words.since)}</div>'
            f'<div class="status-extra">{escape(words.extra)}</div></div>',
        )

    def _numbers(self, bed: BedSnapshot) -> str:
        t, seen = self._frame.t, bed.observation
        # A level that does not count any more must not stand there as if it did.
        level = seen.display_level if seen is not None and bed.status.can_see else None
        help_text = escape(t("How strongly the face shows signs of pain now, from 0 to 1"))
        coverage = t("not known") if seen is None else t.percent(seen.coverage)
        face = face_words(bed.seconds_since_face, t)
        facts = (
            (t("Face seen"), t("When the infant's face was last seen well enough"), face),
            (t("Seen of the last 30 s"), t("Share of the last half minute in which the face was seen"), coverage),
        )
        rows = "".join(
            f'<div title="{escape(meaning)}"><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>'
            for name, meaning, value in facts
        )
        return (
            f'<div class="level-now" title="{help_text}"><div class="fact-name">{escape(t("Level, 0 to 1"))}</div>'
            f'<div class="level-number">{escape(t.level(level))}</div></div><dl class="facts">{rows}</dl>'
        )

    def _history(self, bed: BedSnapshot, snapshot: BoardSnapshot) -> str:
        t = self._frame.t
        drawn = sparkline(bed, snapshot.taken_seconds, self._frame.site.limits_of(bed), t)
        minutes = t.decimal(history_span_seconds(bed, snapshot.taken_seconds) / 60, 0)
        return (
            f'<div class="spark">{drawn}</div>'
            f'<div class="spark-span">{escape(t("last {minutes} min", minutes=minutes))}</div>'
        )
