"""What was recorded, as CSV for research: levels and episodes of a stretch of time, without names of staff."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from monitor.alerts.record import format_time
from monitor.control.access import Role
from monitor.errors import HistoryError
from monitor.history.entries import moment_of
from monitor.history.handover import Episode, episodes_of
from monitor.history.samples import ACTIONS, SampleSeries
from monitor.history.trend import thinned
from monitor.web.app_context import AppContext, site_of, visitor_of
from monitor.web.history_api import checked_points, kept_history
from monitor.web.periods import checked_period, shift_begin, zone_of
from monitor.web.refusals import answers, bed_unknown, history_unreadable, needs, role_missing

__all__ = ["EXPORT_PATH", "add_export_routes"]

EXPORT_PATH = "/api/v1/export"
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}}},
    **answers(
        {
            403: "The caller is no researcher.",
            404: "There is no such bed, or this station keeps no history.",
            422: "The stretch of time is wrong, or holds too many points.",
            503: "The history cannot be read now.",
        }
    ),
}
_LEVEL_HEADS = ("bed", "at", "state", "level", "coverage", *(str(action) for action in ACTIONS))
_EPISODE_HEADS = (
    "bed", "code", "kind", "began_at", "called_at", "ended_at", "bouts", "acknowledged_at", "answer_seconds",
)  # fmt: skip
_Begin = Annotated[AwareDatetime | None, Query(alias="from", description="Begin; when absent, the newest 07:00.")]
_End = Annotated[AwareDatetime | None, Query(alias="to", description="End; when absent, now.")]
_Bed = Annotated[str | None, Query(description="Only of this bed.")]
Row = Sequence[str | float | int | None]


def add_export_routes(router: APIRouter) -> None:
    """Add `GET /export/levels.csv` and `/export/episodes.csv`."""

    @router.get(
        "/export/levels.csv",
        tags=["research"],
        response_class=StreamingResponse,
        responses=_ANSWERS,
        openapi_extra=needs(Role.RESEARCHER),
    )
    async def export_levels(
        request: Request,
        begin: _Begin = None,
        end: _End = None,
        bed: _Bed = None,
        every: Annotated[
            int, Query(ge=2, le=3_600, description="Seconds from point to point; of each, the highest level.")
        ] = 2,
    ) -> StreamingResponse:
        """Return what every bed showed, point by point, as CSV. Needs the role `researcher`.

        An empty cell is a value that could not be determined, which is not 0; where there is no row, nothing was
        recorded. At most seven days and 50,000 points a bed.
        """
        site, since, until = _asked(request, begin, end)
        checked_points(since, until, every)
        history = kept_history(site)

        def rows(name: str) -> Iterator[Row]:
            return _level_rows(name, thinned(history.samples(name, since, until), every))

        return await _csv("levels", _LEVEL_HEADS, _beds(site, bed), rows, since)

    @router.get(
        "/export/episodes.csv",
        tags=["research"],
        response_class=StreamingResponse,
        responses=_ANSWERS,
        openapi_extra=needs(Role.RESEARCHER),
    )
    async def export_episodes(
        request: Request, begin: _Begin = None, end: _End = None, bed: _Bed = None
    ) -> StreamingResponse:
        """Return the episodes of every bed as CSV, and how long it took to acknowledge them. Needs `researcher`.

        A sign of pain that became sustained is one episode. An empty `ended_at` is an episode that is still on.
        """
        site, since, until = _asked(request, begin, end)
        history = kept_history(site)

        def rows(name: str) -> Iterator[Row]:
            return (_episode_row(name, one) for one in episodes_of(history.alerts(name, since, until)))

        return await _csv("episodes", _EPISODE_HEADS, _beds(site, bed), rows, since)


def _asked(request: Request, begin: datetime | None, end: datetime | None) -> tuple[AppContext, datetime, datetime]:
    """Return the site and the stretch of time.

    Raises:
        RefusedError: The visitor may not, or the stretch is wrong.
    """
    site = site_of(request)
    if not visitor_of(request).may(Role.RESEARCHER):
        raise role_missing(Role.RESEARCHER)
    now = site.clock.wall()
    return site, *checked_period(begin or shift_begin(now, zone_of(site.config)), end or now)


def _beds(site: AppContext, bed: str | None) -> list[str]:
    known = [one.info.bed_id for one in site.board.snapshot().beds]
    if bed is not None and bed not in known:
        raise bed_unknown()
    return sorted(known) if bed is None else [bed]


async def _csv(
    kind: str, heads: Row, beds: Sequence[str], rows: Callable[[str], Iterator[Row]], since: datetime
) -> StreamingResponse:
    """Return a file that is written bed by bed, so that a week of a ward fits into memory.

    Args:
        kind: Begins the file's name.
        heads: Names of the columns.
        beds: Ids, in the file's order.
        rows: Reads the record of a bed when it is called, and gives its rows.
        since: Ends the file's name.

    Raises:
        RefusedError: The record of one of the beds cannot be read.
    """

    def read_all() -> None:
        for bed in beds:
            rows(bed)

    try:
        # All beds are read once before the answer begins: a damaged record is a refusal and not half a file.
        await run_sync(read_all)
    except HistoryError as error:
        raise history_unreadable(error) from None

    def parts() -> Iterator[str]:
        yield _lines([heads])
        for bed in beds:
            yield _lines(rows(bed))

    name = f"{kind}-{since:%Y%m%dT%H%M}Z.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(parts(), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _level_rows(bed: str, series: SampleSeries) -> Iterator[Row]:
    for index in range(len(series)):
        state = series.state_at(index)
        numbers = (series.level[index], series.coverage[index], *series.actions[index])
        shown = [None if math.isnan(number) else round(float(number), 3) for number in numbers]
        at = format_time(moment_of(float(series.seconds[index])))
        yield (bed, at, None if state is None else state.value, *shown)


def _episode_row(bed: str, episode: Episode) -> Row:
    ended, given, answer = episode.ended_at, episode.acknowledged_at, episode.answer_seconds
    return (
        bed,
        episode.code,
        episode.kind,
        format_time(episode.began_at),
        format_time(episode.called_at),
        None if ended is None else format_time(ended),
        episode.bouts,
        None if given is None else format_time(given),
        None if answer is None else round(answer, 1),
    )
