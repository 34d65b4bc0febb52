"""The stand-ins for the restricted data sets keep what is known of the originals."""

from collections import Counter
from itertools import pairwise

import pytest

from trainer.data import Label, RejectedImageError, parse_cope, parse_icopevid, parse_unifesp
from trainer.synthetic import CopePlan, plan_cope, plan_icopevid, plan_unifesp


@pytest.fixture(scope="module")
def rated():
    return plan_unifesp(0)


def test_cope_has_26_infants_and_153_stills_with_the_published_counts_of_pain_and_rest():
    planned = plan_cope(CopePlan())
    names = [parse_cope(item.name.removesuffix(".jpg")) for item in planned]
    assert len({item.name for item in planned}) == 153
    assert len({name.subject for name in names}) == 26
    counts = Counter(name.stimulus for name in names)
    assert (counts["pain"], counts["rest"], sum(counts.values())) == (60, 67, 153)
    assert {"cry", "air", "friction", "sucrose", "yawn", "sneeze"} <= set(counts)
    assert [name.label for name in names] == [item.label for item in planned]
    both = Counter((name.subject, name.stimulus) for name in names)
    assert all(both[name.subject, "pain"] and both[name.subject, "rest"] for name in names)


def test_cope_has_the_known_slips_of_the_pen():
    names = " ".join(item.name for item in plan_cope(CopePlan(seed=3)))
    for slip in ("friciton", "succrose", "pain _1", "pain2", "air2", "friction_2b"):
        assert slip in names


def test_the_full_cope_has_204_stills():
    counts = Counter(item.stimulus for item in plan_cope(CopePlan(full=True)))
    assert counts == {"pain": 60, "rest": 67, "cry": 18, "air": 23, "friction": 36}


def test_most_cope_faces_lie_sideways_and_an_infant_keeps_sex_and_side():
    planned = plan_cope(CopePlan())
    angles = [abs(item.still.setting.placement.orientation_deg) for item in planned]
    assert sum(60.0 <= angle <= 120.0 for angle in angles) > 0.6 * len(angles)
    sexes = {(item.still.subject, item.name.split("_")[1]) for item in planned}
    assert len(sexes) == 26


def strength(item):
    return sum(item.still.expression.intensities().values())


def test_a_hard_cope_has_the_same_names_and_labels():
    plain, hard = (plan_cope(CopePlan(seed=2, difficulty=difficulty)) for difficulty in ("plain", "hard"))

    assert [(item.name, item.label, item.stimulus) for item in hard] == [
        (item.name, item.label, item.stimulus) for item in plain
    ]
    assert hard == plan_cope(CopePlan(seed=2, difficulty="hard"))


def test_in_a_hard_cope_the_strengths_of_pain_and_rest_overlap_and_in_a_plain_one_they_do_not():
    def found_by_strength(difficulty, seed):
        planned = plan_cope(CopePlan(seed, difficulty=difficulty))
        pain, rest = (
            [strength(item) for item in planned if item.stimulus == stimulus] for stimulus in ("pain", "rest")
        )
        return sum(one > two for one in pain for two in rest) / (len(pain) * len(rest))

    assert found_by_strength("plain", 0) == 1.0
    assert 0.9 < sum(found_by_strength("hard", seed) for seed in range(5)) / 5 < 0.98


def test_in_a_hard_cope_the_shots_of_an_event_look_alike_and_infants_differ_at_rest():
    rest = {}
    for item in plan_cope(CopePlan(seed=1, difficulty="hard")):
        if item.stimulus == "rest":
            rest.setdefault(item.still.subject, []).append(item)

    spreads = [max(map(strength, items)) - min(map(strength, items)) for items in rest.values()]
    assert 2.0 * max(spreads) < max(strength(items[0]) for items in rest.values())
    for items in rest.values():
        assert len({item.still.setting.placement for item in items}) == 1
        assert len({item.still.noise_seed for item in items}) == len(items)


def test_unifesp_has_30_infants_and_356_stills_162_of_pain(rated):
    assert len({item.planned.name for item in rated}) == 356
    assert Counter(item.planned.label for item in rated) == {Label.PAIN: 162, Label.NO_PAIN: 194}
    per_infant = Counter(parse_unifesp(item.planned.name.removesuffix(".bmp")).subject for item in rated)
    assert len(per_infant) == 30
    assert set(per_infant.values()) == {11, 12}


def seconds(name: str) -> int:
    clock = name.split("_")[1][:6]
    return 3600 * int(clock[:2]) + 60 * int(clock[2:4]) + int(clock[4:6])


def test_unifesp_has_the_known_near_duplicates(rated):
    names = [item.planned.name for item in rated]
    pairs = [(one, two) for one, two in pairwise(rated) if one.planned.name[:2] == two.planned.name[:2]]
    gaps = [seconds(two.planned.name) - seconds(one.planned.name) for one, two in pairs]
    assert min(gaps) == 0
    assert gaps.count(0) == 6
    close = [pair for pair, gap in zip(pairs, gaps, strict=True) if gap <= 10]
    assert len(close) == 78
    assert sum(one.planned.label is not two.planned.label for one, two in close) == 17
    assert any(name.endswith("_2.bmp") for name in names)


def test_unifesp_scores_agree_with_the_labels_as_poorly_as_the_published_ones(rated):
    agree = [(item.nfcs >= 3) == (item.planned.label is Label.PAIN) for item in rated]
    assert 0.55 <= sum(agree) / len(agree) <= 0.78


def test_unifesp_faces_are_about_93_px_wide(rated):
    infants = {item.planned.still.infant: item.planned.still.setting.placement.iod_px * 2.34 for item in rated}
    widths = sorted(infants.values())
    assert widths[len(widths) // 2] == pytest.approx(93.0, abs=6.0)


def test_icopevid_has_49_infants_and_234_clips_49_of_pain():
    clips = plan_icopevid(0)
    assert len({clip.name for clip in clips}) == 234
    stimuli = Counter(parse_icopevid(clip.name.removesuffix(".mp4")).stimulus for clip in clips)
    assert (stimuli["pain"], stimuli["rest"]) == (49, 71)
    assert len({clip.infant for clip in clips}) == 49


def test_a_name_of_one_set_is_not_taken_for_another():
    with pytest.raises(RejectedImageError):
        parse_unifesp(plan_cope(CopePlan())[0].name)


def test_which_infants_a_seed_draws_is_as_the_documents_say():
    """Of COPE and UNIFESP it draws other pictures of the same infants, of iCOPEvid other infants."""
    cope = [plan_cope(CopePlan(seed=seed, difficulty="hard")) for seed in (0, 1)]
    unifesp = [[item.planned for item in plan_unifesp(seed)] for seed in (0, 1)]
    icopevid = [{clip.infant for clip in plan_icopevid(seed)} for seed in (0, 1)]

    for (first, second), count in ((cope, 26), (unifesp, 30)):
        assert {item.still.infant for item in first} == {item.still.infant for item in second}
        assert len({item.still.infant for item in first}) == count
        assert [item.still for item in first] != [item.still for item in second]
    assert not icopevid[0] & icopevid[1]
