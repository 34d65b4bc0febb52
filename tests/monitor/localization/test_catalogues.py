"""Every sentence of the page is in every language's catalogue, with the same names in braces."""

import string
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from deploy.translations import CATALOGUES, catalogue_text, gather, updated
from monitor.config import StationSettings
from monitor.localization import LANGUAGES, Localizer, Phrase, joined
from monitor.pain.conditions import CONDITIONS

TRANSLATED = [language for language in LANGUAGES if language != "en"]
RENEW = "run: python -m deploy.translations, and translate what is empty in monitor/localization/catalogues/*.po"


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def catalogue(language):
    with (CATALOGUES / f"{language.replace('-', '_')}.po").open("rb") as file:
        return read_po(file, locale=language.replace("-", "_"))


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated_with_its_names(language):
    known = catalogue(language)
    missing, wrong = [], []
    for message in gather():
        if not message.id:
            continue
        one = message.id if isinstance(message.id, str) else message.id[0]
        found = known.get(one)
        texts = () if found is None else (found.string,) if isinstance(found.string, str) else tuple(found.string)
        if not texts or not all(texts):
            missing.append(one)
        elif any(names(text) != names(one) for text in texts):
            wrong.append(one)
    assert not missing, f"{RENEW}: {missing}"
    assert not wrong


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_catalogues_hold_nothing_else_and_are_written_as_the_tool_writes_them(language):
    path = CATALOGUES / f"{language.replace('-', '_')}.po"
    assert path.read_text(encoding="utf-8") == catalogue_text(updated(language, gather())), RENEW


def test_the_configuration_knows_the_same_languages():
    assert set(get_args(StationSettings.model_fields["language"].annotation)) == set(LANGUAGES)


@pytest.mark.parametrize("language", TRANSLATED)
def test_alerts_are_said_in_the_reader_s_language(language):
    t = Localizer(language)
    for condition in CONDITIONS.values():
        assert t(condition.detail) != condition.detail
        assert t(condition.remedy) != condition.remedy


def test_a_phrase_is_plain_english_and_is_translated_with_its_parts():
    phrase = joined(Phrase("No face for {time}.", time="12 s"), "", Phrase("Cannot be confirmed now."))
    assert phrase == "No face for 12 s. Cannot be confirmed now."
    assert Localizer("es")(phrase) == "Ninguna cara desde hace 12 s. No se puede confirmar ahora."
    assert Localizer("en")(phrase) == phrase


def test_numbers_are_written_as_the_language_writes_them():
    assert [Localizer(language).decimal(0.724) for language in LANGUAGES] == ["0.72", "0,72", "0,72"]
    assert Localizer("es").plural("{count} bed needs somebody", "{count} beds need somebody", 2).startswith("2 camas")


def test_times_are_those_of_the_zone_and_carry_the_day_where_it_is_another():
    t = Localizer("pt-BR", ZoneInfo("America/Sao_Paulo"), "America/Sao_Paulo")
    at = datetime(2026, 7, 1, 1, 30, 5, tzinfo=UTC)
    assert (t.time(at), t.zone(at), t.offset_seconds(at)) == ("22:30:05", "America/Sao_Paulo", -10800.0)
    assert t.moment(at, at) == "22:30:05"
    assert t.moment(at, datetime(2026, 7, 1, 12, tzinfo=UTC)).startswith("30 de jun")
    assert "2026" in t.date(at)


@given(language=st.sampled_from(list(LANGUAGES)), value=st.none() | st.floats(allow_nan=True, allow_infinity=True))
def test_what_is_no_level_is_never_a_number(language, value):
    text = Localizer(language).level(value)
    is_level = value is not None and 0.0 <= value <= 1.0
    assert (text != "\N{EN DASH}") == is_level
