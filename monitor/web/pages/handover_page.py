"""Handover: what was with every bed since the shift began, to be read aloud or printed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from fastapi import Request
from nicegui import run, ui

from monitor.control.access import Role
from monitor.errors import HistoryError
from monitor.history.handover import BedHandover, Episode
from monitor.localization import Localizer, message
from monitor.web.exports import EXPORT_PATH
from monitor.web.history_api import read_handover
from monitor.web.pages.history_words import action_title
from monitor.web.pages.labels import code_title
from monitor.web.pages.layout import PageLayout, page_frame
from monitor.web.periods import checked_period, local_moment, zone_of

__all__ = ["show_bed_handover", "show_handover", "zone_words"]

_STATION = ""
_FINE_EXPORT = timedelta(hours=24)
"""Up to here every point goes into an exported file."""
_SHIFTS = ("07:00", "13:00", "19:00")
_SHOWN_ACTIONS = frozenset({"admit", "discharge", "standby", "procedure", "pause", "undo"})


@ui.page("/handover")
def show_handover(request: Request) -> None:
    """Build the handover of all beds."""
    _show(request, None)


@ui.page("/handover/{bed_id}")
def show_bed_handover(request: Request, bed_id: str) -> None:
    """Build the handover of one bed."""
    _show(request, bed_id)


def _show(request: Request, bed_id: str | None) -> None:
    with page_frame(request, message("Handover")) as frame:
        t, history = frame.t, frame.site.history
        known = [bed.info.bed_id for bed in frame.site.board.snapshot().beds]
        if bed_id is not None and bed_id not in known:
            ui.label(t("There is no such bed")).props("role=heading aria-level=1").classes("page-title")
            ui.link(t("All beds"), "/handover")
            return
        title = t("Handover") if bed_id is None else t("Handover of {bed}", bed=bed_id)
        ui.label(title).props("role=heading aria-level=1").classes("page-title")
        if history is None:
            ui.label(t("This station keeps no history."))
            return
        now = frame.site.clock.wall()
        since, until, problem = _period(request, frame, now)
        _choice(frame, bed_id, since, until, problem)
        names = [bed_id] if bed_id is not None else [*known, _STATION]
        with ui.element("div").props("aria-live=polite") as place:
            ui.label(t("The record is being read; for many beds and days that takes a while.")).classes("handover-wait")

            async def read() -> None:
                try:
                    beds = await run.io_bound(read_handover, history, names, since, until)
                except HistoryError:
                    place.clear()
                    with place:
                        words = t("The record cannot be read now; the page of the station says why.")
                        ui.label(words).props("role=alert")
                    return
                if beds is not None:  # None: the server ends
                    place.clear()
                    with place:
                        _summary(frame, beds, since, until)

        # After the page has come to its reader: a page that is not built within seconds is none at all.
        ui.timer(0.0, read, once=True)


def _period(request: Request, frame: PageLayout, now: datetime) -> tuple[datetime, datetime, str]:
    """Return begin and end that the address asks for, and what is wrong with them."""
    zone = zone_of(frame.site.config)
    usual = local_moment(_SHIFTS[0], now, zone)
    try:
        since = local_moment(request.query_params.get("since") or _SHIFTS[0], now, zone)
        until = request.query_params.get("until")
        end = now if not until else min(now, local_moment(until, now, zone))
        return *checked_period(since, end), ""
    except ValueError:
        words = frame.t("Choose a begin that lies before now and at most seven days back.")
        return usual, max(now, usual + timedelta(seconds=1)), words


def _exports(frame: PageLayout, bed_id: str | None, since: datetime, until: datetime) -> None:
    """Build what takes the same stretch of time away as files."""
    asked = {"from": since.isoformat(), "to": until.isoformat(), **({} if bed_id is None else {"bed": bed_id})}
    for words, name in ((message("Levels as CSV"), "levels"), (message("Episodes as CSV"), "episodes")):
        every = {"every": "30"} if name == "levels" and until - since > _FINE_EXPORT else {}
        ui.link(frame.t(words), f"{EXPORT_PATH}/{name}.csv?{urlencode({**asked, **every})}").props("download")


def _choice(frame: PageLayout, bed_id: str | None, since: datetime, until: datetime, problem: str) -> None:
    t = frame.t
    path = "/handover" if bed_id is None else f"/handover/{quote(bed_id)}"
    with ui.element("div").classes("handover-choice"):
        with ui.element("nav").props(f'aria-label="{t("Since when")}"').classes("handover-shifts"):
            for begin in _SHIFTS:
                ui.link(t("Since {time}", time=begin), f"{path}?since={begin}")
        with ui.element("form").props(f'method="get" action="{path}"').classes("handover-form"):
            with ui.element("label"):
                ui.label(t("Begin"))
                local = t.in_zone(since).strftime("%Y-%m-%dT%H:%M")
                # Not `value`, which Vue writes again whenever anything of the page changes: over what somebody chose.
                ui.element("input").props(f'type="datetime-local" name="since" defaultValue="{local}" required')
            ui.button(t("Show"), color=None).props("outline no-caps type=submit").classes("tool")
        ui.button(t("Print"), on_click=lambda: ui.run_javascript("window.print()"), color=None).props(
            "outline no-caps"
        ).classes("tool")
        if bed_id is not None:
            ui.link(t("All beds"), "/handover")
        if frame.visitor.may(Role.RESEARCHER):
            _exports(frame, bed_id, since, until)
    if problem:
        ui.label(problem).props("role=alert").classes("handover-problem")


def _summary(frame: PageLayout, beds: Sequence[BedHandover], since: datetime, until: datetime) -> None:
    t = frame.t
    zone = zone_words(since, until, t)
    station = frame.site.config.station.id
    ui.label(
        t("{station}: from {begin} to {end}, times in {zone}.", station=station, begin=_stamp(since, t),
          end=_stamp(until, t), zone=zone)
    ).classes("handover-period")  # fmt: skip
    ui.label(
        t("Minutes not seen are not minutes without pain. The record is a support for what you have seen yourselves.")
    )
    watched = [bed for bed in beds if bed.bed != _STATION]
    _table(
        t("Beds"),
        (t("Bed"), t("Episodes of pain"), t("With signs of pain"), t("Not seen"), t("Stand-by or empty"),
         t("Not recorded")),
        [
            (bed.bed, str(len(bed.pain)), t.duration(bed.signs_seconds), t.duration(bed.not_seen_seconds),
             t.duration(bed.unwatched_seconds), t.duration(bed.unrecorded_seconds))
            for bed in watched
        ],
    )  # fmt: skip
    for bed in beds:
        rows = _rows(bed, t)
        if not rows and (len(watched) > 1 or bed.bed == _STATION):
            continue
        name = bed.bed or t("Station")
        with ui.element("section").classes("handover-bed").props(f'aria-label="{name}"'):
            ui.label(name).props("role=heading aria-level=2").classes("section-title")
            if rows:
                _table(t("Events of {bed}", bed=name), (t("Began"), t("What"), t("Lasted"), t("Acknowledged")), rows)
            else:
                ui.label(t("There has been no alert."))


def _rows(bed: BedHandover, t: Localizer) -> list[tuple[str, ...]]:
    """Return episodes and what people did, in order of time."""
    rows = [(one.began_at, (_what(one, t), _lasted(one, t), _answer(one, t))) for one in (*bed.pain, *bed.technical)]
    for action in bed.actions:
        if action.action in _SHOWN_ACTIONS:
            at = datetime.fromtimestamp(action.at_seconds, tz=bed.since.tzinfo)
            rows.append((at, (action_title(action, t), "", t("by {name}", name=action.by))))
    return [(_stamp(at, t), *cells) for at, cells in sorted(rows, key=lambda row: row[0])]


def _what(episode: Episode, t: Localizer) -> str:
    words = code_title(episode.code, t)
    if episode.bouts > 1:
        return f"{words}, {t.plural('{count} bout', '{count} bouts', episode.bouts)}"
    return words


def _lasted(episode: Episode, t: Localizer) -> str:
    if episode.ended_at is None:
        return t("still on")
    return t.duration((episode.ended_at - episode.began_at).total_seconds())


def _answer(episode: Episode, t: Localizer) -> str:
    if episode.acknowledged_by is None or episode.answer_seconds is None:
        return t("not acknowledged")
    after = t.duration(episode.answer_seconds)
    return t("by {name} after {duration}", name=episode.acknowledged_by, duration=after)


def zone_words(since: datetime, until: datetime, t: Localizer) -> str:
    """Return the zone of all times on the page: both of its names where the clocks change in between."""
    return " / ".join(dict.fromkeys((t.zone(since), t.zone(until))))


def _stamp(at: datetime, t: Localizer) -> str:
    return f"{t.date(at)} {t.time(at, seconds=False)}"


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with ui.element("table").classes("handover-table"):
        with ui.element("caption"):
            ui.label(caption).classes("spoken")
        with ui.element("thead"), ui.element("tr"):
            for head in heads:
                with ui.element("th").props("scope=col"):
                    ui.label(head)
        with ui.element("tbody"):
            for row in rows:
                with ui.element("tr"):
                    for number, cell in enumerate(row):
                        with ui.element("th" if number == 0 else "td").props("scope=row" if number == 0 else ""):
                            ui.label(cell)
