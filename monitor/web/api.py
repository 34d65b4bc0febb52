"""The API: read-only REST and server-sent events, and POSTs that acknowledge, pause and resume.

For programs that have no Redis. It carries the same records as the page shows; docs/api.md shows how to use it.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from monitor.board import AlertEpisode, BedSnapshot, BoardSnapshot
from monitor.control.access import Role
from monitor.control.requests import Acknowledge, Withdraw
from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase
from monitor.web.app_context import AppContext, checked_name, site_of, visitor_of
from monitor.web.camera_routes import add_camera_routes
from monitor.web.exports import add_export_routes
from monitor.web.fhir import detected_issue, observation_resource
from monitor.web.history_api import add_history_routes
from monitor.web.occupancy import add_occupancy_routes
from monitor.web.pausing import add_pause_routes
from monitor.web.preview import PreviewSize
from monitor.web.proxies import user_of_proxy
from monitor.web.records import (
    AlertRecordOut,
    BedRecord,
    StationRecord,
    alert_record,
    bed_record,
    observation_record,
    station_record,
)
from monitor.web.refusals import answers, bed_unknown, needs, role_missing
from monitor.web.reloading import add_region_route, add_reload_route
from monitor.web.sessions import SESSION_COOKIE

__all__ = [
    "Accepted",
    "AcknowledgeRequest",
    "SessionRecord",
    "api_routes",
    "request_acknowledgement",
    "request_withdrawal",
]

_STREAMS_AT_MOST = 64
_POLL_SECONDS = 0.25
_DIGITS_AT_MOST = 19
_BEDS_EVERY_SECONDS = 5.0


class AcknowledgeRequest(BaseModel):
    """Who acknowledges; needed only where nobody is logged in, and ignored otherwise."""

    by: Annotated[str, Field(min_length=1, max_length=63)] | None = None


class SessionRecord(BaseModel):
    """Who the caller is."""

    name: str | None
    role: Role


class Accepted(BaseModel):
    """An acknowledgement was handed to the alarm logic; the alert's next record names who gave it."""

    alert_id: str
    by: str


def request_acknowledgement(site: AppContext, alert_id: str, by: str) -> bool:
    """Hand an acknowledgement to the alarm logic, and return whether it took it; on a ward, whether it was sent.

    Raises:
        LookupError: There is no such alert, or it needs nobody any more.
        RefusedError: `by` is no name, or the station refuses.
    """
    name = checked_name(by)
    episode = site.board.find_alert(alert_id)
    if episode is None or not episode.is_open:
        raise LookupError(Phrase("there is no such open alert"))
    return site.handle(Acknowledge(alert_id=alert_id, by=name))


def request_withdrawal(site: AppContext, alert_id: str, by: str) -> bool:
    """Take back an acknowledgement that `by` gave a moment ago; return whether anything is signalled again.

    Raises:
        RefusedError: `by` is no name, or the station refuses.
    """
    return site.handle(Withdraw(alert_id=alert_id, by=checked_name(by)))


def api_routes() -> APIRouter:
    """Return the routes under `/api/v1`."""
    router = APIRouter(prefix="/api/v1")
    _add_station_routes(router)
    _add_bed_routes(router)
    _add_alert_routes(router)
    _add_withdrawal_route(router)
    add_history_routes(router)
    add_export_routes(router)
    add_pause_routes(router)
    add_occupancy_routes(router)
    add_reload_route(router)
    add_region_route(router)
    add_camera_routes(router)
    _add_fhir_routes(router)
    _add_event_route(router)
    return router


def _add_station_routes(router: APIRouter) -> None:
    @router.get("/session", tags=["station"])
    async def read_session(request: Request) -> SessionRecord:
        """Return who the caller is."""
        visitor = visitor_of(request)
        return SessionRecord(name=visitor.name, role=visitor.role or Role.VIEWER)

    @router.get("/station", tags=["station"])
    async def read_station(request: Request) -> StationRecord:
        """Return the technical state of the station, and the alerts that concern it as a whole."""
        site = site_of(request)
        return station_record(site.board.snapshot(), site.config.station.id)

    @router.get("/ward", tags=["station"], responses=answers({404: "This is a station's page, not that of a ward."}))
    async def read_ward(request: Request) -> dict[str, Any]:
        """Return which station watches which bed, which are silent, and which beds nobody watches."""
        describe = site_of(request).ward
        if describe is None:
            words = Phrase("this is the page of one station; a ward is shown by nicu-monitor ward")
            raise RefusedError(words, RefusalCode.NOT_A_WARD)
        return dict(describe())


def _add_bed_routes(router: APIRouter) -> None:
    @router.get("/beds", tags=["beds"])
    async def read_beds(request: Request) -> list[BedRecord]:
        """Return every bed, the most urgent first."""
        return _beds(site_of(request))

    @router.get("/beds/{bed}", tags=["beds"])
    async def read_bed(request: Request, bed: str) -> BedRecord:
        """Return one bed."""
        site = site_of(request)
        snapshot, found = _find_bed(site, bed)
        return bed_record(found, snapshot, site.config.station.id)

    @router.get(
        "/beds/{bed}/preview.jpg",
        tags=["beds"],
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}, **answers({404: "No picture may or can be shown."})},
    )
    def read_preview(request: Request, bed: str, size: PreviewSize = "full") -> Response:
        """Return the newest picture with the faces that were found in it, where the configuration allows it."""
        jpeg = site_of(request).previews.jpeg(bed, size)
        if jpeg is None:
            raise RefusedError(Phrase("there is no picture that may be shown"), RefusalCode.PICTURE_NONE)
        return Response(jpeg, media_type="image/jpeg")


def _add_alert_routes(router: APIRouter) -> None:
    @router.get("/alerts", tags=["alerts"])
    async def read_alerts(
        request: Request,
        bed: Annotated[str | None, Query(description="Only of this bed.")] = None,
        *,
        open: Annotated[bool | None, Query(description="Only open ones, or only past ones.")] = None,  # noqa: A002
    ) -> list[AlertRecordOut]:
        """Return the alerts of every bed and of the station, open ones first, each group newest first."""
        episodes = _episodes(site_of(request).board.snapshot(), bed)
        return [alert_record(episode) for episode in episodes if open is None or episode.is_open is open]

    @router.get("/alerts/{alert_id}", tags=["alerts"])
    async def read_alert(request: Request, alert_id: str) -> AlertRecordOut:
        """Return one alert."""
        return alert_record(_find_alert(site_of(request), alert_id))

    @router.post(
        "/alerts/{alert_id}/acknowledge",
        tags=["alerts"],
        openapi_extra=needs(Role.NURSE),
        status_code=202,
        responses=answers(
            {
                403: "The caller is no nurse.",
                404: "No such open alert.",
                409: "It cannot be done, for the reason given.",
            }
        ),
    )
    async def acknowledge(request: Request, alert_id: str, content: AcknowledgeRequest | None = None) -> Accepted:
        """Silence the signal of one alert for a while; the condition stays. Needs the role `nurse`."""
        visitor = visitor_of(request)
        if not visitor.may(Role.NURSE):
            raise role_missing(Role.NURSE)
        by = visitor.name or (content.by if content is not None else None) or ""
        try:
            request_acknowledgement(site_of(request), alert_id, by)
        except LookupError as error:
            raise RefusedError(error.args[0], RefusalCode.ALERT_UNKNOWN) from None
        return Accepted(alert_id=alert_id, by=checked_name(by))


def _add_withdrawal_route(router: APIRouter) -> None:
    @router.post(
        "/alerts/{alert_id}/withdraw",
        tags=["alerts"],
        openapi_extra=needs(Role.NURSE),
        status_code=202,
        responses=answers(
            {
                403: "The caller is no nurse.",
                404: "No acknowledgement to undo.",
                409: "It cannot be done, for the reason given.",
            }
        ),
    )
    async def withdraw(request: Request, alert_id: str, content: AcknowledgeRequest | None = None) -> Accepted:
        """Take back one's own acknowledgement of one alert, within 15 s of it. Needs the role `nurse`."""
        visitor = visitor_of(request)
        if not visitor.may(Role.NURSE):
            raise role_missing(Role.NURSE)
        by = visitor.name or (content.by if content is not None else None) or ""
        if not request_withdrawal(site_of(request), alert_id, by):
            words = Phrase("you have not acknowledged this alert within the last 15 s")
            raise RefusedError(words, RefusalCode.ALERT_UNKNOWN)
        return Accepted(alert_id=alert_id, by=by)


def _add_fhir_routes(router: APIRouter) -> None:
    @router.get("/fhir/Observation/{bed}", tags=["fhir"])
    async def read_fhir_observation(request: Request, bed: str) -> dict[str, Any]:
        """Return one bed's level as an example of a FHIR R4 Observation."""
        site = site_of(request)
        snapshot, found = _find_bed(site, bed)
        return observation_resource(observation_record(found, snapshot, site.config.station.id))

    @router.get("/fhir/DetectedIssue/{alert_id}", tags=["fhir"])
    async def read_fhir_issue(request: Request, alert_id: str) -> dict[str, Any]:
        """Return one alert as an example of a FHIR R4 DetectedIssue."""
        return detected_issue(_find_alert(site_of(request), alert_id))


def _add_event_route(router: APIRouter) -> None:
    slots = asyncio.Semaphore(_STREAMS_AT_MOST)

    @router.get("/events", tags=["events"], response_class=EventSourceResponse)
    async def stream_events(
        request: Request, last_event_id: Annotated[str | None, Header()] = None
    ) -> AsyncIterator[ServerSentEvent]:
        """Stream alerts as they come, and all beds every five seconds and with every alert.

        Events of the kind `alert` carry one alert record each; a client that comes back with `Last-Event-ID` gets what
        it missed, as far back as the last thousand records; after a restart of the station, all records of the new run.
        Events of the kind `beds` carry what GET /beds returns. No event for ten seconds means that the station is away.
        """
        site = site_of(request)
        if slots.locked():
            yield ServerSentEvent(event="full", data={"detail": "too many streams are open"}, retry=30_000)
            return
        async with slots:
            async for event in _events(site, request, last_event_id):
                yield event


async def _events(site: AppContext, request: Request, last_event_id: str | None) -> AsyncIterator[ServerSentEvent]:
    number = _resume(site, last_event_id)
    beds_due_seconds = float("-inf")
    while not site.closing.is_set():
        records = site.board.records_after(number)
        for record in records:
            number = record.number
            yield ServerSentEvent(
                event="alert", id=f"{site.run_id}-{number}", data=record.alert.model_dump(mode="json")
            )
        now_seconds = site.clock.monotonic()
        if records or now_seconds >= beds_due_seconds:
            beds_due_seconds = now_seconds + _BEDS_EVERY_SECONDS
            yield ServerSentEvent(event="beds", data=[bed.model_dump(mode="json") for bed in _beds(site)])
        # A user who has been logged out meanwhile must not go on listening.
        if not _may_still_listen(site, request):
            return
        await asyncio.sleep(_POLL_SECONDS)


def _resume(site: AppContext, last_event_id: str | None) -> int:
    """Return the number of the last record that the reader has: none of this run where it comes from another one."""
    if last_event_id is None:
        return site.board.snapshot().newest_record
    run_id, _, number = last_event_id.partition("-")
    return int(number) if run_id == site.run_id and number.isdecimal() and len(number) < _DIGITS_AT_MOST else 0


def _may_still_listen(site: AppContext, request: Request) -> bool:
    name = user_of_proxy(request, site.config.web.user_header)
    if name is None:
        visitor = site.access.visitor(request.cookies.get(SESSION_COOKIE), request.headers.get("authorization"))
    else:
        visitor = site.access.named(name)
    return visitor.may(Role.VIEWER) and visitor.beds == visitor_of(request).beds


def _beds(site: AppContext) -> list[BedRecord]:
    snapshot = site.board.snapshot()
    return [bed_record(bed, snapshot, site.config.station.id) for bed in snapshot.by_urgency()]


def _find_bed(site: AppContext, bed_id: str) -> tuple[BoardSnapshot, BedSnapshot]:
    snapshot = site.board.snapshot()
    bed = snapshot.bed(bed_id)
    if bed is None:
        raise bed_unknown()
    return snapshot, bed


def _find_alert(site: AppContext, alert_id: str) -> AlertEpisode:
    episode = site.board.find_alert(alert_id)
    if episode is None:
        raise RefusedError(Phrase("there is no such alert"), RefusalCode.ALERT_UNKNOWN)
    return episode


def _episodes(snapshot: BoardSnapshot, bed_id: str | None) -> list[AlertEpisode]:
    beds = [bed for bed in snapshot.beds if bed_id in {None, bed.info.bed_id}]
    whole = bed_id is None
    current = [episode for bed in beds for episode in bed.open_alerts] + list(snapshot.open_alerts if whole else ())
    past = [episode for bed in beds for episode in bed.past_alerts] + list(snapshot.past_alerts if whole else ())
    return [
        episode
        for group in (current, past)
        for episode in sorted(group, key=lambda episode: episode.newest.determined_at, reverse=True)
    ]
