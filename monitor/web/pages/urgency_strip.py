"""The names of the beds that need somebody, the most urgent first, above beds that never change their order."""

from urllib.parse import quote

from nicegui import ui

from monitor.board import BedSnapshot, BedState, BoardSnapshot
from monitor.pain.vocabulary import Signal
from monitor.web.pages.bed_names import common_ends, short_name
from monitor.web.pages.labels import ICONS
from monitor.web.pages.layout import PageLayout, say
from monitor.web.pages.station_alerts import is_silent, station_words

__all__ = ["UrgencyStrip", "is_urgent"]

_URGENT = frozenset(
    {
        BedState.PAIN_SUSTAINED,
        BedState.PAIN_SIGN,
        BedState.PAIN_LATCHED,
        BedState.CAMERA_LOST,
        BedState.CANNOT_SEE,
    }
)

_Chip = tuple[str, str, str, str, str]  # address, shape, words, state, whether it was acknowledged


def is_urgent(bed: BedSnapshot) -> bool:
    """Return whether a bed's name belongs into the strip."""
    return bed.status.state in _URGENT


class UrgencyStrip:
    """One row of fixed height, whatever it holds, so that the beds below never move.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        self._t = frame.t
        self._shown: tuple[_Chip, ...] | None = None
        label = frame.t("Beds that need somebody, the most urgent first")
        with ui.element("nav").classes("urgency").props(f'aria-label="{label}"'):
            self._count = ui.label().classes("urgency-count")
            self._chips = ui.element("div").classes("urgency-chips").props("tabindex=0")

    def show(self, snapshot: BoardSnapshot) -> None:
        """Show the names of the beds that need somebody now, and the station where something is wrong with it."""
        urgent = [bed for bed in snapshot.by_urgency() if is_urgent(bed)]
        ends = common_ends([bed.info.bed_id for bed in snapshot.beds])
        chips = (*self._station(snapshot), *(self._bed(bed, ends) for bed in urgent))
        if chips == self._shown:
            return
        self._shown = chips
        nothing = self._t("No bed is signalled")
        many = self._t.plural("{count} bed needs somebody", "{count} beds need somebody", len(urgent))
        say(self._count, many if urgent else nothing)
        self._chips.clear()
        with self._chips:
            for address, shape, words, state, acknowledged in chips:
                with (
                    ui.link(target=address)
                    .classes("urgency-chip")
                    .props(f"data-state={state} data-acknowledged={acknowledged}")
                ):
                    ui.icon(shape).props("aria-hidden=true")
                    ui.label(words)

    def _bed(self, bed: BedSnapshot, ends: tuple[str, str]) -> _Chip:
        status = bed.status
        words = f"{short_name(bed.info.bed_id, ends)}: {self._t(status.words)}"
        seen = str(status.is_acknowledged).lower()
        return f"/bed/{quote(bed.info.bed_id)}", ICONS[status.state], words, status.state.value, seen

    def _station(self, snapshot: BoardSnapshot) -> list[_Chip]:
        words = station_words(snapshot, self._t)
        present = [episode.newest for episode in snapshot.open_alerts if episode.newest.condition_present]
        unseen = is_silent(snapshot) or any(alert.signal is not Signal.ACKNOWLEDGED for alert in present)
        return [("/station", "build", words, "station", str(not unseen).lower())] if words else []
