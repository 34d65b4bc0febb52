"""The button with which a person says that they have seen an alarm, and takes that back within ten seconds."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from nicegui import ui

from monitor.board import AlertEpisode, BoardSnapshot
from monitor.errors import RefusedError
from monitor.pain.conditions import CONDITIONS, Source
from monitor.pain.vocabulary import Signal
from monitor.web.api import request_acknowledgement, request_withdrawal
from monitor.web.pages.labels import alert_title, refusal_words
from monitor.web.pages.layout import PageLayout, refuse
from monitor.web.pages.name_dialog import ask_for_name
from monitor.web.pages.sent_requests import follow_sent
from monitor.web.pages.undo_bar import UNDO_SECONDS

__all__ = ["AcknowledgeButton", "needs_acknowledgement", "recent_acknowledgements", "still_acknowledged"]


def needs_acknowledgement(episode: AlertEpisode) -> bool:
    """Return whether somebody should say that they have seen it."""
    return episode.newest.signal in {Signal.ON, Signal.LATCHED}


def recent_acknowledgements(episodes: Sequence[AlertEpisode], now: datetime) -> dict[str, tuple[datetime, list[str]]]:
    """Return who acknowledged within the last ten seconds: when at last, and the ids of those alerts."""
    found: dict[str, tuple[datetime, list[str]]] = {}
    for alert in (episode.newest for episode in episodes):
        given = alert.acknowledgement
        is_word = CONDITIONS[alert.code].source is Source.PERSON  # what somebody said of the bed is no acknowledgement
        if alert.signal is not Signal.ACKNOWLEDGED or given is None or is_word:
            continue
        if 0.0 <= (now - given.at).total_seconds() < UNDO_SECONDS:
            at, alert_ids = found.get(given.by, (given.at, []))
            found[given.by] = max(at, given.at), [*alert_ids, alert.alert_id]
    return found


def still_acknowledged(
    episodes: Sequence[AlertEpisode], alert_ids: Sequence[str], withdrawn: Sequence[bool]
) -> list[AlertEpisode]:
    """Return the alerts whose acknowledgement was to be withdrawn, was not, and keeps them silent.

    Args:
        episodes: As they are shown.
        alert_ids: Those to be withdrawn.
        withdrawn: For each id, whether its alert is signalled again.
    """
    kept = {alert_id for alert_id, is_withdrawn in zip(alert_ids, withdrawn, strict=True) if not is_withdrawn}
    return [one for one in episodes if one.newest.alert_id in kept and one.newest.signal is Signal.ACKNOWLEDGED]


class AcknowledgeButton:
    """A button for the open alerts of one bed, or for one alert; asks for a name where nobody is logged in.

    It takes its room whether it is shown or not, so that nothing else comes under a finger that aims at it.

    Args:
        frame: The page.
        scope: What is acknowledged, for people: a bed's id.
    """

    def __init__(self, frame: PageLayout, scope: str) -> None:
        self._frame = frame
        self._t = frame.t
        self._scope = scope
        self._alert_ids: tuple[str, ...] = ()
        self._is_shown = False
        self._was_offered = False
        label = self._t("Acknowledge {bed}", bed=scope)
        with ui.element("div").classes("ack-slot"):
            self._button = (
                ui.button(self._t("Acknowledge"), on_click=self._clicked, color=None)
                .props("unelevated no-caps")
                .classes("ack unseen")
            )
        self._button.props(f'aria-label="{label}" title="{label}"')

    def offer(self, episodes: Sequence[AlertEpisode]) -> None:
        """Show the button if any of these alerts waits for an acknowledgement and the visitor may give it."""
        if not self._was_offered:
            self._was_offered = True
            self._offer_again(episodes)
        waiting = tuple(episode.newest.alert_id for episode in episodes if needs_acknowledgement(episode))
        self._alert_ids = waiting if self._frame.may_acknowledge else ()
        if bool(self._alert_ids) != self._is_shown:
            self._is_shown = bool(self._alert_ids)
            self._button.classes(**({"remove": "unseen"} if self._is_shown else {"add": "unseen"}))

    def _clicked(self) -> None:
        alert_ids = self._alert_ids
        name = self._frame.visitor.name
        if name is not None:
            self._acknowledge(alert_ids, name)
            return
        note = self._t("This silences the signal for a while. It does not say that the infant is well.")
        title = self._t("Acknowledge {bed}", bed=self._scope)
        question = self._t("Who acknowledges?")
        ask_for_name(
            self._t, self._t("Acknowledge"), title, note, lambda by: self._acknowledge(alert_ids, by), question
        )

    def _acknowledge(self, alert_ids: tuple[str, ...], by: str) -> None:
        # A login may have ended since the page was opened.
        if not self._frame.is_still_allowed_to_acknowledge():
            refuse(self._t("You are not logged in any more."))
            return
        given, before = [], self._episodes(alert_ids)
        for alert_id in alert_ids:
            try:
                is_taken = request_acknowledgement(self._frame.site, alert_id, by)
            except LookupError:
                continue  # it has ended meanwhile
            except RefusedError as error:
                refuse(refusal_words(error, self._t))
                return
            if is_taken:
                given.append(alert_id)
        if given and self._frame.site.ward is not None:
            self._follow(given, before, by)
        else:
            self._tell(given, by)

    def _tell(self, given: Sequence[str], by: str, age_seconds: float = 0.0) -> None:
        """Say what was acknowledged some seconds ago, and offer to withdraw it; or that nothing was."""
        if not given:
            refuse(self._t("{bed}: nothing was acknowledged, for that alarm needs nobody any more", bed=self._scope))
            return
        words = self._words(by, self._frame.site.clock.wall() - timedelta(seconds=age_seconds))
        self._frame.offer_undo(words, lambda: self._withdraw(given, by), age_seconds)

    def _follow(self, alert_ids: Sequence[str], before: Mapping[str, AlertEpisode], by: str) -> None:
        """Wait until the station to which acknowledgements were sent shows that it has taken them."""

        def is_done(_: BoardSnapshot) -> bool:
            return not any(needs_acknowledgement(one) for one in self._episodes(alert_ids).values())

        def done(age_seconds: float) -> None:
            given = [
                alert_id
                for alert_id, episode in self._episodes(alert_ids).items()
                if (word := episode.acknowledgement) is not None
                and word.by == by
                and (alert_id not in before or word != before[alert_id].acknowledgement)
            ]
            self._tell(given, by, age_seconds)

        follow_sent(self._frame, self._scope, self._station_of(alert_ids), is_done, done)

    def _episodes(self, alert_ids: Sequence[str]) -> dict[str, AlertEpisode]:
        found = {alert_id: self._frame.site.board.find_alert(alert_id) for alert_id in alert_ids}
        return {alert_id: episode for alert_id, episode in found.items() if episode is not None}

    def _station_of(self, alert_ids: Sequence[str]) -> str:
        bed = self._frame.site.board.snapshot().bed(self._scope)
        if bed is not None and bed.info.station:
            return bed.info.station
        return next((one.newest.station for one in self._episodes(alert_ids).values()), "")

    def _words(self, by: str, at: datetime) -> str:
        site = self._frame.site
        limits = site.limits_of(site.board.snapshot().bed(self._scope))
        if limits is None:
            return self._t("{bed}: acknowledged by {name}", bed=self._scope, name=by)
        until = at + timedelta(seconds=limits.acknowledge_expires_seconds)
        return self._t(
            "{bed}: acknowledged by {name} until {time}",
            bed=self._scope,
            name=by,
            time=self._t.moment(until, site.clock.wall(), seconds=False),
        )

    def _offer_again(self, episodes: Sequence[AlertEpisode]) -> None:
        """Offer to withdraw what was acknowledged some seconds before the page was opened."""
        now = self._frame.site.clock.wall()
        bed = self._frame.site.board.snapshot().bed(self._scope)
        paused_by = None if bed is None or bed.pause is None else bed.pause.by
        for by, (at, alert_ids) in recent_acknowledgements(episodes, now).items():
            if by == paused_by:
                continue  # a pause acknowledges, too, and is ended by a button of its own
            age_seconds = (now - at).total_seconds()
            self._frame.offer_undo_again(by, age_seconds, self._words(by, at), partial(self._withdraw, alert_ids, by))

    def _withdraw(self, alert_ids: Sequence[str], by: str) -> None:
        if not self._frame.is_still_allowed_to_acknowledge():
            refuse(self._t("You are not logged in any more."))
            return
        try:
            withdrawn = [request_withdrawal(self._frame.site, alert_id, by) for alert_id in alert_ids]
        except RefusedError as error:
            refuse(refusal_words(error, self._t))
            return
        if any(withdrawn) and self._frame.site.ward is not None:
            self._follow_withdrawal(alert_ids)
            return
        left = still_acknowledged(list(self._episodes(alert_ids).values()), alert_ids, withdrawn)
        if left:
            names = ", ".join(alert_title(episode.newest, self._t) for episode in left)
            refuse(self._t("{bed}: too late to undo, still acknowledged: {alerts}", bed=self._scope, alerts=names))
        elif any(withdrawn):
            ui.notify(self._t("{bed}: not acknowledged", bed=self._scope), position="top")
        else:
            refuse(self._t("{bed}: it was too late to undo that", bed=self._scope))

    def _follow_withdrawal(self, alert_ids: Sequence[str]) -> None:
        def is_done(_: BoardSnapshot) -> bool:
            return any(needs_acknowledgement(one) for one in self._episodes(alert_ids).values())

        def done(_: float) -> None:
            ui.notify(self._t("{bed}: not acknowledged", bed=self._scope), position="top")

        follow_sent(self._frame, self._scope, self._station_of(alert_ids), is_done, done)
