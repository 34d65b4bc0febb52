"""One reader's language and time zone: sentences, numbers, dates and times."""

import gettext
import io
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from monitor.phrases import Phrase

__all__ = ["LANGUAGES", "Localizer"]

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "pt-BR": "Português (Brasil)", "es": "Español"})
"""Tag of each language (as in HTML) to its own name."""

_NOT_KNOWN = "–"  # noqa: RUF001 - a dash for people


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """Return the messages of a language; English is what stands in the code."""
    name = f"{language.replace('-', '_')}.po"
    file = files("monitor.localization") / "catalogues" / name
    if not file.is_file():
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language.replace("-", "_")))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


class Localizer:
    """Says things in one language and shows times in one zone. Immutable.

    Args:
        language: A tag of `LANGUAGES`; English for any other.
        zone: Of the times; None is the machine's own (its variable TZ, or its setting).
        zone_name: How people call the zone, where it was configured.
    """

    def __init__(self, language: str = "en", zone: tzinfo | None = None, zone_name: str | None = None) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._messages = _catalogue(self.language)
        self._zone = zone
        self._zone_name = zone_name

    def __call__(self, text: str, **values: object) -> str:
        """Return a message in this language, its names filled in.

        Args:
            text: A message of the catalogue, or a phrase; any other text is returned as it is.
            values: What stands for the names of `text`; phrases among them are translated, too.
        """
        if isinstance(text, Phrase):
            phrase = text
            text, values = phrase.template, {**phrase.values, **values}
        found = self._messages.gettext(text) if text else ""
        if not values:
            return found
        return found.format(**{name: self._value(value) for name, value in values.items()})

    def plural(self, one: str, many: str, count: int) -> str:
        """Return the message for a number of things; `{count}` in it is the number."""
        return self._messages.ngettext(one, many, count).format(count=count)

    def decimal(self, value: float | None, digits: int = 2) -> str:
        """Return a number; a dash for what is not known, or is no number."""
        if value is None or not abs(value) < float("inf"):
            return _NOT_KNOWN
        from babel.numbers import format_decimal

        return format_decimal(value, f"0.{'0' * digits}" if digits else "0", locale=self._locale)

    def level(self, level: float | None) -> str:
        """Return a level in [0, 1]; a dash where it cannot be determined, never 0."""
        return self.decimal(level if level is not None and 0.0 <= level <= 1.0 else None)

    def percent(self, share: float | None) -> str:
        """Return a share in [0, 1] as a whole percentage."""
        if share is None:
            return _NOT_KNOWN
        from babel.numbers import format_percent

        return format_percent(share, locale=self._locale)

    def duration(self, seconds: float) -> str:
        """Return a time span: `12 s`, `3 min`, `2 h 5 min`. Coarse, so that it does not flicker."""
        if seconds < 10:
            return f"{max(0.0, seconds):.0f} s"
        if seconds < 60:
            return f"{seconds // 5 * 5:.0f} s"
        minutes = int(seconds // 60)
        return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

    def in_zone(self, at: datetime) -> datetime:
        """Return a moment as the reader's clock shows it."""
        return at.astimezone(self._zone)

    def time(self, at: datetime | None, *, seconds: bool = True) -> str:
        """Return a time of day; 24 hours in every language, as on a ward."""
        if at is None:
            return _NOT_KNOWN
        return self.in_zone(at).strftime("%H:%M:%S" if seconds else "%H:%M")

    def date(self, at: datetime) -> str:
        """Return a date, with its year."""
        from babel.dates import format_date

        return format_date(self.in_zone(at), "medium", locale=self._locale)

    def moment(self, at: datetime | None, now: datetime, *, seconds: bool = True) -> str:
        """Return when something was or will be: the time, with the day where that is not today."""
        if at is None:
            return _NOT_KNOWN
        if self.in_zone(at).date() == self.in_zone(now).date():
            return self.time(at, seconds=seconds)
        from babel.dates import format_skeleton

        return f"{format_skeleton('MMMd', self.in_zone(at), locale=self._locale)} {self.time(at, seconds=seconds)}"

    def zone(self, at: datetime) -> str:
        """Return the name of the zone: as it was configured, or the machine's abbreviation, which may be UTC."""
        return self._zone_name or self.in_zone(at).tzname() or "UTC"

    def offset_seconds(self, at: datetime) -> float:
        """Return how far the zone's clock is ahead of UTC at a moment."""
        offset = self.in_zone(at).utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    @property
    def _locale(self) -> str:
        return self.language.replace("-", "_")

    def _value(self, value: object) -> object:
        return self(value) if isinstance(value, Phrase) else value
