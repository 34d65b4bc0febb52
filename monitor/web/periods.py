"""Stretches of time that people and programs ask for: since the shift began, or from one moment to another."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from monitor.config import StationConfig
from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase

__all__ = ["LONGEST", "SHIFT", "checked_period", "local_moment", "shift_begin", "zone_of"]

SHIFT = time(7, 0)
"""When a shift begins where nobody says otherwise."""
LONGEST = timedelta(days=7)
"""What one answer or one page covers at most."""


def zone_of(config: StationConfig) -> tzinfo | None:
    """Return the station's time zone; None is the machine's own."""
    name = config.station.time_zone
    return None if name is None else ZoneInfo(name)


def shift_begin(now: datetime, zone: tzinfo | None, begin: time = SHIFT) -> datetime:
    """Return the newest moment at which the station's clock showed a time of day."""
    day = now.astimezone(zone).date()
    today = _moment(datetime.combine(day, begin), zone)
    return today if today <= now else _moment(datetime.combine(day - timedelta(days=1), begin), zone)


def _moment(local: datetime, zone: tzinfo | None) -> datetime:
    """Return the moment at which the station's clock shows this, with the offset of that day, not of today."""
    return (local.astimezone() if zone is None else local.replace(tzinfo=zone)).astimezone(UTC)


def local_moment(text: str, now: datetime, zone: tzinfo | None) -> datetime:
    """Return the moment that somebody has written: `07:00`, or `2026-01-31T07:00` on the station's clock.

    Raises:
        RefusedError: It is neither.
    """
    text = text.strip()
    try:
        if len(text) <= len("07:00"):
            return shift_begin(now, zone, time.fromisoformat(text))
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return _moment(moment, zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter in the first and the last hours of the calendar
        words = Phrase("write a time such as 07:00, or a date and a time such as 2026-01-31T07:00")
        raise RefusedError(words, RefusalCode.PERIOD_WRONG) from None


def checked_period(since: datetime, until: datetime, longest: timedelta = LONGEST) -> tuple[datetime, datetime]:
    """Return a stretch of time, in UTC.

    Raises:
        RefusedError: It ends before it begins, is too long, or lies at an end of the calendar.
    """
    if since >= until:
        raise RefusedError(Phrase("the begin must lie before the end"), RefusalCode.PERIOD_WRONG)
    if until - since > longest:
        hours = longest.total_seconds() / 3600
        words = Phrase("at most {hours} h can be shown at a time", hours=f"{hours:g}")
        raise RefusedError(words, RefusalCode.PERIOD_WRONG)
    try:
        return since.astimezone(UTC), until.astimezone(UTC)
    except OverflowError:
        words = Phrase("the begin must lie before the end")
        raise RefusedError(words, RefusalCode.PERIOD_WRONG) from None
