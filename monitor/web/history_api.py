"""What a bed showed over hours and days, and the summary of a shift; for programs."""

from datetime import datetime
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from monitor.errors import HistoryError, RefusalCode, RefusedError
from monitor.history.handover import BedHandover, bed_handover
from monitor.history.reader import HistoryReader
from monitor.history.trend import thinned
from monitor.localization import Phrase
from monitor.web.app_context import AppContext, site_of
from monitor.web.history_records import HandoverRecord, handover_record, series_records
from monitor.web.periods import checked_period, shift_begin, zone_of
from monitor.web.records import HistoryRecord, history_record
from monitor.web.refusals import answers, bed_unknown, history_unreadable

__all__ = ["add_history_routes", "checked_points", "kept_history", "read_handover"]

_POINTS_AT_MOST = 50_000
_ANSWERS = answers(
    {
        404: "There is no such bed, or this station keeps no history.",
        422: "The stretch of time is wrong, or holds too many points.",
        503: "The history cannot be read now.",
    }
)


def add_history_routes(router: APIRouter) -> None:
    """Add `GET /beds/{bed}/history` and `GET /handover`."""

    @router.get("/beds/{bed}/history", tags=["beds"], responses=_ANSWERS)
    async def read_history(
        request: Request,
        bed: str,
        begin: Annotated[AwareDatetime | None, Query(alias="from", description="Begin, with its zone.")] = None,
        end: Annotated[AwareDatetime | None, Query(alias="to", description="End; when absent, now.")] = None,
        every: Annotated[
            int, Query(ge=2, le=3_600, description="Seconds from point to point; of each, the highest level.")
        ] = 2,
    ) -> list[HistoryRecord]:
        """Return the last ten minutes of one bed, oldest first; with `from`, any stretch that the disk holds.

        A stretch holds at most seven days and 50,000 points. Where there is no point, nothing was recorded.
        """
        site = site_of(request)
        snapshot = site.board.snapshot()
        found = snapshot.bed(bed)
        if found is None:
            raise bed_unknown()
        if begin is None and end is None:
            return history_record(found, snapshot)
        history = kept_history(site)
        if begin is None:
            raise RefusedError(Phrase("say from when: `from` is missing"), RefusalCode.PERIOD_WRONG)
        since, until = checked_period(begin, end or site.clock.wall())
        checked_points(since, until, every)
        try:
            series = await run_sync(history.samples, bed, since, until)
        except HistoryError as error:
            raise history_unreadable(error) from None
        return series_records(thinned(series, every))

    @router.get("/handover", tags=["beds"], responses=_ANSWERS)
    async def read_handover_route(
        request: Request,
        since: Annotated[AwareDatetime | None, Query(description="Begin; when absent, the newest 07:00.")] = None,
        until: Annotated[AwareDatetime | None, Query(description="End; when absent, now.")] = None,
        bed: Annotated[str | None, Query(description="Only of this bed.")] = None,
    ) -> HandoverRecord:
        """Return what was with every bed since the shift began: episodes, minutes with signs, minutes not seen."""
        site = site_of(request)
        snapshot = site.board.snapshot()
        if bed is not None and snapshot.bed(bed) is None:
            raise bed_unknown()
        now = site.clock.wall()
        begin, end = checked_period(since or shift_begin(now, zone_of(site.config)), until or now)
        names = [bed] if bed is not None else [one.info.bed_id for one in snapshot.beds]
        history = kept_history(site)
        try:
            beds = await run_sync(read_handover, history, names, begin, end)
        except HistoryError as error:
            raise history_unreadable(error) from None
        return handover_record(site.config.station.id, begin, end, beds)


def checked_points(since: datetime, until: datetime, every: int) -> None:
    """Check that a stretch of time does not hold too many points, `every` seconds apart.

    Raises:
        RefusedError: It does.
    """
    if (until - since).total_seconds() / every > _POINTS_AT_MOST:
        words = Phrase("more than {count} points; ask for less time or a larger `every`", count=_POINTS_AT_MOST)
        raise RefusedError(words, RefusalCode.TOO_MANY_POINTS)


def read_handover(history: HistoryReader, beds: list[str], since: datetime, until: datetime) -> list[BedHandover]:
    """Return the summaries of several beds; takes a few milliseconds a bed and hour.

    Raises:
        HistoryError: The record cannot be read.
    """
    return [bed_handover(history, bed, since, until) for bed in beds]


def kept_history(site: AppContext) -> HistoryReader:
    """Return the record of days past.

    Raises:
        RefusedError: None is kept.
    """
    if site.history is None:
        words = Phrase("this station keeps no history (history.days is 0, or it is the page of a ward)")
        raise RefusedError(words, RefusalCode.HISTORY_OFF)
    return site.history
