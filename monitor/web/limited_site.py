"""A site as somebody sees it who may see some of its beds only: everything else is not there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from monitor.board import AlertEpisode, AlertRecord, BedPicture, BoardReader, BoardSnapshot
from monitor.control.bed_scope import BedScope
from monitor.control.requests import Acknowledge, OperatorRequest, Withdraw
from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase
from monitor.web.app_context import AppContext
from monitor.web.preview import PreviewReader, PreviewSize

__all__ = ["LimitedBoard", "limit_site"]


class LimitedBoard:
    """What a board says about some beds, and about the station as a whole.

    Args:
        board: With every bed.
        scope: Which beds are there.
    """

    def __init__(self, board: BoardReader, scope: BedScope) -> None:
        self._board = board
        self._scope = scope

    def snapshot(self) -> BoardSnapshot:
        """Return everything of these beds, at most a second old."""
        snapshot = self._board.snapshot()
        return replace(snapshot, beds=tuple(bed for bed in snapshot.beds if self._scope.covers(bed.info.bed_id)))

    def picture(self, bed_id: str) -> BedPicture | None:
        """Return the newest picture of a bed; None where there is none."""
        return self._board.picture(bed_id) if self._scope.covers(bed_id) else None

    def find_alert(self, alert_id: str) -> AlertEpisode | None:
        """Return an alert of these beds or of the station as a whole; None where it is not known."""
        episode = self._board.find_alert(alert_id)
        return episode if episode is not None and self._is_shown(episode.newest.bed) else None

    def records_after(self, number: int) -> tuple[AlertRecord, ...]:
        """Return the alert records after a number, oldest first."""
        return tuple(record for record in self._board.records_after(number) if self._is_shown(record.alert.bed))

    def _is_shown(self, bed: str | None) -> bool:
        return bed is None or self._scope.covers(bed)


class _LimitedPreviews:
    """Pictures of some beds."""

    def __init__(self, previews: PreviewReader, scope: BedScope) -> None:
        self._previews = previews
        self._scope = scope

    @property
    def is_on(self) -> bool:
        """Whether pictures may be shown at all."""
        return self._previews.is_on

    @property
    def is_blurred(self) -> bool:
        """Whether pictures are blurred."""
        return self._previews.is_blurred

    def jpeg(self, bed_id: str, size: PreviewSize = "full") -> bytes | None:
        """Return the newest picture of a bed as JPEG; None where none may be shown."""
        return self._previews.jpeg(bed_id, size) if self._scope.covers(bed_id) else None


class _NoPreviews:
    """Pictures for somebody to whom none may be shown."""

    is_on = False
    is_blurred = False

    def jpeg(self, bed_id: str, size: PreviewSize = "full") -> bytes | None:
        """Return nothing."""
        del bed_id, size
        return None


def limit_site(site: AppContext, scope: BedScope, *, with_pictures: bool = True) -> AppContext:
    """Return what of a site somebody may see; the site itself where that is everything."""
    if not with_pictures:
        site = replace(site, previews=_NoPreviews())
    if not scope.is_limited:
        return site
    board = LimitedBoard(site.board, scope)
    return replace(
        site,
        board=board,
        handle=lambda request: _handle(site, board, scope, request),
        previews=_LimitedPreviews(site.previews, scope),
        reload=None,
        cameras=None,
        ward=None if site.ward is None else _limited_ward(site.ward, scope),
    )


def _handle(site: AppContext, board: LimitedBoard, scope: BedScope, request: OperatorRequest) -> bool:
    if isinstance(request, Acknowledge | Withdraw):
        episode = board.find_alert(request.alert_id)
        if episode is None:
            raise RefusedError(Phrase("there is no such alert"), RefusalCode.ALERT_UNKNOWN)
        bed = episode.newest.bed
    else:
        bed = request.bed
    if bed is None:
        words = Phrase("this concerns every bed, and you may act on some of them only")
        raise RefusedError(words, RefusalCode.BEDS_LIMITED)
    if not scope.covers(bed):
        raise RefusedError(Phrase("there is no such bed"), RefusalCode.BED_UNKNOWN)
    return site.handle(request)


def _limited_ward(describe: Callable[[], Mapping[str, Any]], scope: BedScope) -> Callable[[], Mapping[str, Any]]:
    def describe_beds() -> Mapping[str, Any]:
        found = dict(describe())
        found["beds"] = {bed: station for bed, station in found["beds"].items() if scope.covers(bed)}
        for name in ("shared", "unwatched"):
            found[name] = [bed for bed in found[name] if scope.covers(bed)]
        return found

    return describe_beds
