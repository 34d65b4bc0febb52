"""One infant under several spellings is named, and two infants are not."""

import pytest

from trainer.data.subjects import same_subject, spelling_warnings


@pytest.mark.parametrize(
    "spellings",
    [
        ("infant-07", "Infant-07"),
        ("infant-08", "infant 08"),
        ("9", "09"),
        ("11", "11.0"),
        ("S7", "S07"),
        ("bed 1-2", "bed_1-02"),
        ("\uff11\uff12", "12"),
        ("stra\u00dfe", "STRASSE"),
        ("x\u20131", "x-1"),
    ],
)
def test_spellings_of_one_infant(spellings):
    (sentence,) = spelling_warnings(f"set/{name}" for name in spellings)
    assert "one spelling" in sentence


@pytest.mark.parametrize("names", [("S10", "S1"), ("1", "10"), ("a1", "b1"), ("100", "10"), ("7", "70")])
def test_two_infants(names):
    assert spelling_warnings(names) == []


def test_composed_letters_are_one_name():
    assert same_subject("Zoe\u0308 ") == same_subject("Zo\u00eb") == "Zo\u00eb"
