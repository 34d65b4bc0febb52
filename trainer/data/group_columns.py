"""Columns by which results are grouped: sex, skin tone, gestation, device, the data set, or any other of a manifest.

Numbers of many values are put into bands: gestation, in weeks, weeks and days (27+3) or days, into the usual weeks
(World Health Organization: extremely, very, moderate to late preterm, term), other numbers into thirds.
"""

import re
from collections.abc import Sequence

import numpy as np

from trainer.data.manifest import Manifest

__all__ = ["DATA_SET", "KNOWN_GROUPS", "UNKNOWN", "group_columns"]

DATA_SET = "data_set"
UNKNOWN = "unknown"
KNOWN_GROUPS = {
    "sex": ("sex", "sexo", "gender", "genero"),
    "skin_tone": ("skin_tone", "skin", "fitzpatrick", "monk", "tom_de_pele", "cor_da_pele"),
    "gestation": (
        *("gestation", "gestational_age", "gestational_age_weeks", "gestation_weeks", "ga", "ga_weeks"),
        *("idade_gestacional", "ig", "ig_semanas"),
    ),
    "device": ("device", "camera", "sensor", "dispositivo", "aparelho"),
}
"""Columns of a table that are taken as groups, and the names that they have there."""
_MOST_VALUES = 8
_LEAST_WEEKS, _MOST_WEEKS = 18.0, 46.0
"""Of a gestation; larger numbers are days."""
_WEEKS_AND_DAYS = re.compile(
    r"(\d{2})\s*(?:\+|w(?:eeks?|k|ks)?|s(?:em(?:anas?)?)?|\s)\s*(?:e\s+)?([0-6])\s*(?:/\s*7|d(?:ays?|ias?)?)?"
)
"""As clinicians write it: 27+3, 27 3/7, 27w3d, 27 weeks 3 days, 27s3d, 27 semanas e 3 dias."""
_WEEKS = ((28.0, "below 28 weeks"), (32.0, "28 to 31 weeks"), (37.0, "32 to 36 weeks"), (np.inf, "37 weeks or more"))


def group_columns(manifest: Manifest) -> dict[str, dict[str, str]]:
    """Return, for each column that divides a manifest's pictures, the group of each picture by its SHA-256.

    The data set is one where there are several. A picture without a value is of the group "unknown"; a column with one
    value for all pictures divides nothing and is left out.
    """
    names = sorted({name for record in manifest.records for name, _ in record.groups})
    found = {}
    for name in names:
        known = {record.sha256: dict(record.groups).get(name, "") for record in manifest.records}
        found[name] = dict(zip(known, _banded(name, list(known.values())), strict=True))
    found[DATA_SET] = {record.sha256: record.data_set for record in manifest.records}
    return {name: values for name, values in found.items() if len(set(values.values())) > 1}


def _banded(name: str, values: Sequence[str]) -> list[str]:
    """Return the group of each value: itself, or a band of numbers where there are many."""
    if name == "gestation":
        return [UNKNOWN if value == "" else _week(value) for value in values]
    numbers = {value: number for value in set(values) - {""} if (number := _number(value)) is not None}
    if len(numbers) <= _MOST_VALUES or len(numbers) < len(set(values) - {""}):
        return [value or UNKNOWN for value in values]
    low, high = np.quantile([numbers[value] for value in values if value], [1.0 / 3.0, 2.0 / 3.0])
    return [UNKNOWN if value == "" else _third(numbers[value], float(low), float(high)) for value in values]


def _week(text: str) -> str:
    """Return the band of a gestation; one that cannot be read, or cannot be, stays a group of its own."""
    if (found := _WEEKS_AND_DAYS.fullmatch(text.strip().lower())) is not None:
        weeks: float | None = int(found[1]) + int(found[2]) / 7.0
    else:
        weeks = _number(text)
        if weeks is not None and weeks >= 7.0 * _LEAST_WEEKS:
            weeks /= 7.0  # in days
    if weeks is None or not _LEAST_WEEKS <= weeks < _MOST_WEEKS:
        return text
    return next(word for end, word in _WEEKS if weeks < end)


def _third(value: float, low: float, high: float) -> str:
    if value < low:
        return f"below {low:g}"
    return f"{low:g} to {high:g}" if value <= high else f"above {high:g}"


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
