"""Names of the known data sets, with the slips that their files are known to have."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.data import (
    Label,
    Reason,
    RejectedImageError,
    parse_cope,
    parse_fei,
    parse_icopevid,
    parse_label,
    parse_unifesp,
)


@pytest.mark.parametrize(
    ("stem", "subject", "stimulus", "label", "slip"),
    [
        ("S04_M_air_1", "S04", "air", Label.NO_PAIN, False),
        ("S07_F_air", "S07", "air", Label.NO_PAIN, False),
        ("S10_F_pain_2", "S10", "pain", Label.PAIN, False),
        ("S12_M_rest_3", "S12", "rest", Label.NO_PAIN, False),
        ("S12_M_friciton_1", "S12", "friction", Label.NO_PAIN, True),
        ("S12_M_succrose_1", "S12", "sucrose", Label.NO_PAIN, True),
        ("S12_M_pain _1", "S12", "pain", Label.PAIN, True),
        ("S12_M_pain2", "S12", "pain", Label.PAIN, True),
        ("S12_M_air2", "S12", "air", Label.NO_PAIN, True),
        ("S12_M_friction_2b", "S12", "friction", Label.NO_PAIN, True),
        ("S12_M_pain_post_sucrose", "S12", "pain_post_sucrose", Label.PAIN, False),
        ("S12_M_nopain_1", "S12", "rest", Label.NO_PAIN, True),
        ("S41_F_yawn_1", "S41", "yawn", Label.NO_PAIN, False),
        ("S41_F_sneeze", "S41", "sneeze", Label.NO_PAIN, False),
    ],
)
def test_cope_names_are_read_with_their_known_slips(stem, subject, stimulus, label, slip):
    named = parse_cope(stem)

    assert (named.subject, named.stimulus, named.label) == (subject, stimulus, label)
    assert bool(named.slip) is slip


def test_the_sex_is_read():
    assert parse_cope("S04_M_air_1").sex == "M"
    assert parse_cope("S07_f_air").sex == "F"


@pytest.mark.parametrize("stem", ["IMG_0001", "S04_X_pain", "S04_M_", "S04_M_tickle_1", "04_M_pain", ""])
def test_unknown_cope_names_are_refused(stem):
    with pytest.raises(RejectedImageError) as refused:
        parse_cope(stem)
    assert refused.value.reason is Reason.UNKNOWN_NAME


@given(st.text(max_size=30))
def test_no_text_whatever_breaks_a_parser(stem):
    for parse in (parse_cope, parse_unifesp, parse_icopevid, parse_fei):
        with contextlib.suppress(RejectedImageError):
            assert parse(stem).subject


def test_unifesp_names_give_the_subject_only():
    assert parse_unifesp("02_114225_2").subject == "02"
    assert parse_unifesp("02_114225").label is None
    with pytest.raises(RejectedImageError):
        parse_unifesp("02_1142")


def test_icopevid_names_give_the_stimulus():
    assert parse_icopevid("S025_Rest_1_[0]_20s").label is Label.NO_PAIN
    assert parse_icopevid("S043_Pain_1_[0]_20s").label is Label.PAIN
    assert parse_icopevid("S043_Pain_1_[0]_20s").subject == "S043"


@pytest.mark.parametrize(
    ("stem", "stimulus"),
    [
        ("S025_Pain _1_[0]_20s", "pain"),
        ("S025_Pain2_[0]_20s", "pain"),
        ("s025_friciton_2b_[1]_20s", "friction"),
        ("S025 Rest 1 [0] 20s", "rest"),
    ],
)
def test_the_slips_of_stills_are_understood_in_the_names_of_clips_too(stem, stimulus):
    named = parse_icopevid(stem)

    assert (named.subject, named.stimulus) == ("S025", stimulus)
    assert named.slip


def test_the_fei_copies_of_both_data_sets_are_read():
    assert parse_fei("ID3_iCOPE_S04_pain").subject == "S04"
    assert parse_fei("ID12_UNIFESP_S07_nopain").subject == "07"
    assert parse_fei("ID12_UNIFESP_S07_nopain").label is Label.NO_PAIN


@pytest.mark.parametrize(
    ("text", "label"), [("1", "pain"), (" Dor ", "pain"), ("sem dor", "no_pain"), ("No-Pain", "no_pain")]
)
def test_labels_are_read_in_the_usual_words(text, label):
    assert parse_label(text) == label


def test_an_unknown_label_is_refused_with_what_to_write():
    with pytest.raises(RejectedImageError, match="write pain or no_pain"):
        parse_label("perhaps")
