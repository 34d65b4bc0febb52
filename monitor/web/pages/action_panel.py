"""What the face did in the last half minute, as bars and in words, with the PIPP-R points of its three items."""

from nicegui import ui

from monitor.board import BedSnapshot
from monitor.localization import Localizer
from monitor.pain.vocabulary import ActionReading, FaceAction
from monitor.web.pages.labels import ACTION_NAMES
from monitor.web.pages.layout import PageLayout, say

__all__ = ["ActionPanel"]


class ActionPanel:
    """A bar for each facial action: the share of the last half minute in which it was seen.

    Args:
        frame: The page.
    """

    def __init__(self, frame: PageLayout) -> None:
        t = self._t = frame.t
        self._rows: dict[FaceAction, tuple[ui.element, ui.label]] = {}
        with ui.element("section").props(f'aria-label="{t("Facial actions")}"') as self._panel:
            with ui.element("dl").classes("facts"):
                for action, name in ACTION_NAMES.items():
                    with ui.element("div"):
                        with ui.element("dt"):
                            ui.label(t(name))
                        with ui.element("dd"):
                            bar = ui.element("meter").props(f'min=0 max=1 value=0 aria-label="{t(name)}"')
                            self._rows[action] = (bar, ui.label())
            ui.label(t("Shares of the last half minute. PIPP-R points of the face alone are no PIPP-R score."))
        self._panel.set_visibility(False)

    def show(self, bed: BedSnapshot) -> None:
        """Show what was measured; nothing where it was too little."""
        actions = () if bed.observation is None else bed.observation.actions
        self._panel.set_visibility(bool(actions) and bed.status.can_see)
        for reading in actions:
            bar, label = self._rows[reading.action]
            bar.props(f"value={reading.share:.2f}")
            say(label, _words(reading, self._t))


def _words(reading: ActionReading, t: Localizer) -> str:
    share = t.percent(reading.share)
    if reading.pipp_r is None:
        return t("{share} of 30 s", share=share)
    return t("{share} of 30 s, PIPP-R {points}", share=share, points=reading.pipp_r)
