"""Strict folds never divide an infant; the dissertation's do, and the audit says so."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trainer.crops import FaceRecord, Study
from trainer.data import ImageRecord, Label, Manifest, Role
from trainer.errors import DataError
from trainer.experiments import open_run
from trainer.protocols import AS_IT_IS, ProtocolSettings, audit, make_folds, read_fold_map, seen_in_training


def fake_study(subjects, labels, *, hashes=None, faceless=(), stress=(), folder=None):
    """A study of pictures that need not exist: folds look at names, labels and hashes only."""
    random = np.random.default_rng(0)
    records, faces = [], []
    for index, (subject, label) in enumerate(zip(subjects, labels, strict=True)):
        sha256 = f"{index:064x}"
        alike = f"{int(random.integers(0, 2**63)):016x}" if hashes is None else hashes[index]
        kind = Label.PAIN if label else Label.NO_PAIN
        role = Role.STRESS if index in stress else Role.MAIN
        records.append(ImageRecord(f"{index}.png", f"t/{subject}", kind, "", "t", role, sha256, alike, 10, 10))
        box = None if index in faceless else object()
        faces.append(FaceRecord(sha256, box, None, 0.0, 0, "whole"))
    return Study(Manifest(tuple(records), folder), tuple(faces), folder)


def random_hashes(count):
    return [f"{int(value):016x}" for value in np.random.default_rng(3).integers(0, 2**63, count)]


def infants(count, each=6):
    subjects = [f"S{number:02d}" for number in range(count) for _ in range(each)]
    return subjects, [index % 2 for index in range(count * each)]


@settings(max_examples=15, deadline=None)
@given(
    count=st.integers(5, 15),
    each=st.integers(2, 8),
    folds=st.sampled_from([2, 3, 5, "infants"]),
    seed=st.integers(0, 1000),
    members=st.integers(1, 3),
)
def test_no_infant_is_on_two_sides_of_a_strict_fold_and_every_picture_is_tested_once(count, each, folds, seed, members):
    tested_at_once = 1 if folds == "infants" else -(-count // folds)
    assume(members <= count - tested_at_once)  # each member holds out an infant of its own
    study = fake_study(*infants(count, each))

    plan = make_folds(study, ProtocolSettings(folds=folds, seed=seed), members)

    assert len(plan.folds) == (count if folds == "infants" else folds)
    tested = np.concatenate([fold.test for fold in plan.folds])
    assert sorted(tested.tolist()) == list(range(count * each))
    for fold in plan.folds:
        assert len(fold.splits) == members
        for train, validation in fold.splits:
            sides = [set(study.subjects[rows].tolist()) for rows in (train.rows, validation.rows, fold.test)]
            assert sum(len(side) for side in sides) == len(set.union(*sides))
            assert set(study.labels[validation.rows].tolist()) == {0.0, 1.0}
    assert all(overlap.is_clean for overlap in audit(study, plan))


def test_infants_whose_pictures_look_alike_stay_together():
    subjects, labels = infants(6)
    hashes = random_hashes(36)
    hashes[0] = "00000000ffff0000"
    hashes[35] = "00000000ffff0001"  # the first and the last infant share a scene

    plan = make_folds(fake_study(subjects, labels, hashes=hashes), ProtocolSettings(folds=3))

    together = [{0, 35} <= set(fold.test.tolist()) for fold in plan.folds]
    assert sum(together) == 1


def test_infants_whose_confusers_look_alike_stay_together():
    subjects, labels = infants(6)
    stress, plan = set(range(0, 36, 6)), ProtocolSettings(folds=3, inner_folds=2)
    apart = make_folds(fake_study(subjects, labels, hashes=random_hashes(36), stress=stress), plan)
    first, second = (int(fold.stress[0]) for fold in apart.folds[:2])
    alike = random_hashes(36)
    alike[second] = alike[first]
    study = fake_study(subjects, labels, hashes=alike, stress=stress)

    linked = make_folds(study, plan)

    # A confuser is tested with its infant: the two infants are in one test.
    assert sum({first, second} <= set(fold.stress.tolist()) for fold in linked.folds) == 1


@pytest.mark.parametrize("folds", [3, "infants"])
def test_confusers_of_infants_without_other_pictures_are_tested_too(folds):
    subjects, labels = infants(8, each=4)
    stress = {0, *range(4, 8), 12, *range(28, 32)}  # of S00 and S03 one each; S01 and S07 have nothing else
    hashes = random_hashes(32)
    hashes[30] = hashes[20]  # one of S07's looks like a picture of S05

    study = fake_study(subjects, labels, hashes=hashes, stress=stress)
    plan = make_folds(study, ProtocolSettings(folds=folds, inner_folds=2))

    tested = np.concatenate([fold.stress for fold in plan.folds])
    assert sorted(tested.tolist()) == sorted(stress)
    assert all(overlap.is_clean for overlap in audit(study, plan))
    with_the_like = [set(range(28, 32)) <= set(fold.stress.tolist()) for fold in plan.folds if 20 in fold.test]
    assert with_the_like == [True]


def test_a_main_picture_that_looks_like_another_infants_confuser_is_not_learnt_from_where_that_is_tested():
    subjects, labels = infants(6)
    stress, plan = set(range(0, 36, 6)), ProtocolSettings(folds=3, inner_folds=2)
    apart = make_folds(fake_study(subjects, labels, hashes=random_hashes(36), stress=stress), plan)
    confuser, other = int(apart.folds[0].stress[0]), int(apart.folds[1].test[0])
    alike = random_hashes(36)
    alike[other] = alike[confuser]
    study = fake_study(subjects, labels, hashes=alike, stress=stress)

    found = audit(study, apart)
    leak = [overlap for overlap in found if not overlap.is_clean]
    parts = [seen_in_training([dataclasses.asdict(overlap)]) for overlap in leak]

    assert parts == [["up to 1 pair of a tested picture and one seen in training that look alike"]]
    assert all(overlap.is_clean for overlap in audit(study, make_folds(study, plan)))


def test_what_was_seen_is_said_by_infants_files_and_pairs_that_look_alike():
    nothing = {"fold": 0, "pictures": 8, "subjects": [], "subject_pictures": 0, "files": 0, "near_duplicates": []}
    tested, inner = {"sides": ["development", "test"]}, {"sides": ["training", "validation"]}
    infant = {"subjects": ["s1"], "subject_pictures": 2}

    assert seen_in_training([nothing | tested, nothing | inner | infant | {"files": 8}]) == []
    assert seen_in_training([nothing | tested | infant, nothing | tested | {"files": 2}, nothing | tested]) == [
        "up to 1 tested infant seen in training, to whom 25 % of the tested pictures belong",
        "up to 2 tested files seen in training",
    ]


@pytest.mark.parametrize("half", ["fixed", "redrawn"])
def test_the_dissertation_protocol_is_the_published_one(half):
    subjects = [f"S{index % 26:02d}" for index in range(153)]
    labels = [int(index < 60) for index in range(153)]
    study = fake_study(subjects, labels)

    plan = make_folds(study, ProtocolSettings(name="dissertation", test_half=half))

    assert len(plan.folds) == 3
    for fold in plan.folds:
        assert len(fold.test) == 77
        train, validation = fold.splits[0]
        assert len(train.rows) + len(validation.rows) == 76 * 37
        assert len(validation.rows) == pytest.approx(0.3 * 76 * 37, abs=1)
        assert train.variants.min() >= 0
        assert (
            len(
                {*zip(train.rows, train.variants, strict=True)}
                & {*zip(validation.rows, validation.variants, strict=True)}
            )
            == 0
        )
        assert sum(labels[row] for row in fold.test) == pytest.approx(77 * 60 / 153, abs=1)
    halves = {tuple(fold.test.tolist()) for fold in plan.folds}
    assert len(halves) == (1 if half == "fixed" else 3)
    assert not np.array_equal(plan.folds[0].splits[0][0].rows, plan.folds[1].splits[0][0].rows)


def test_the_audit_measures_the_dissertations_leak():
    subjects = [f"S{index % 26:02d}" for index in range(153)]
    study = fake_study(subjects, [int(index < 60) for index in range(153)])
    overlaps = audit(study, make_folds(study, ProtocolSettings(name="dissertation")))

    tested = [overlap for overlap in overlaps if overlap.sides == ("development", "test")]
    copies = [overlap for overlap in overlaps if overlap.sides == ("training", "validation")]

    assert all(not overlap.is_clean for overlap in overlaps)
    assert tested[0].subject_share > 0.9  # nearly every tested infant was seen
    assert tested[0].files == 0
    assert copies[0].files > 70  # copies of nearly every picture are on both sides


def test_the_audit_finds_a_near_duplicate_across_sides():
    subjects, labels = infants(6)
    hashes = random_hashes(36)
    study = fake_study(subjects, labels, hashes=hashes)
    plan = make_folds(study, ProtocolSettings())
    test_row, train_row = int(plan.folds[0].test[0]), int(plan.folds[0].splits[0][0].rows[0])
    hashes[test_row] = hashes[train_row]

    overlap = audit(fake_study(subjects, labels, hashes=hashes), plan)[0]

    assert overlap.near_duplicates == ((f"{train_row}.png", f"{test_row}.png"),)
    assert not overlap.is_clean


def test_infants_of_one_name_in_two_sets_are_kept_together_and_found_where_they_are_not():
    subjects, labels = infants(6)
    plain = fake_study(subjects, labels)

    def named(record, row):
        subject = record.subject if row % 6 < 3 else record.subject.replace("t/S0", "u/s")
        return dataclasses.replace(record, subject=subject)

    records = tuple(named(record, row) for row, record in enumerate(plain.records))
    study = dataclasses.replace(plain, manifest=Manifest(records, None))
    settings_ = ProtocolSettings(folds=3)

    assert all(overlap.is_clean for overlap in audit(study, make_folds(study, settings_)))
    divided = audit(study, make_folds(study, ProtocolSettings(name="dissertation")))
    assert any(("t/S01", "u/s1") in overlap.namesakes for overlap in divided)
    found = seen_in_training([{**dataclasses.asdict(overlap), "subjects": ()} for overlap in divided])
    assert any("with the name of one seen in training, up to data set and spelling" in part for part in found)


def test_pictures_without_a_face_are_in_no_fold_and_confusers_only_in_their_infants_test():
    subjects, labels = infants(6)
    study = fake_study(subjects, labels, faceless={0, 1}, stress={4, 10, 16})

    plan = make_folds(study, ProtocolSettings())

    tested = np.concatenate([fold.test for fold in plan.folds])
    assert not {0, 1, 4, 10, 16} & set(tested.tolist())
    for fold in plan.folds:
        assert set(study.subjects[fold.stress].tolist()) <= set(study.subjects[fold.test].tolist())
    assert sorted(np.concatenate([fold.stress for fold in plan.folds]).tolist()) == [4, 10, 16]


@pytest.mark.parametrize(
    ("subjects", "labels", "settings_", "message"),
    [
        (*infants(2), ProtocolSettings(folds=3), r"2 infants cannot be divided into 3 folds"),
        (*infants(1), ProtocolSettings(folds="infants"), r"1 infant cannot be divided into 2 folds"),
        (*infants(3), ProtocolSettings(folds=2), r"fold \d leaves one infant to learn from"),
        (infants(5)[0], [1] * 30, ProtocolSettings(), r"30 show pain and 0 do not"),
        (infants(5)[0], [0] * 30, ProtocolSettings(name="dissertation"), r"0 with pain and 30 without"),
        (
            infants(5)[0],
            [int(index == 3) for index in range(30)],
            ProtocolSettings(),
            r"cannot be divided so that both",
        ),
    ],
)
def test_what_cannot_be_divided_is_explained(subjects, labels, settings_, message):
    with pytest.raises(DataError, match=message):
        make_folds(fake_study(subjects, labels), settings_)


def test_a_fold_map_comes_back_and_knows_its_pictures(tmp_path):
    study = fake_study(*infants(6), folder=tmp_path)
    plan = make_folds(study, ProtocolSettings(name="dissertation"), members=2)
    plan.write(tmp_path / "folds.json", study)

    read = read_fold_map(tmp_path / "folds.json", study)

    assert read.sha256(study) == plan.sha256(study)
    for ours, theirs in zip(read.folds, plan.folds, strict=True):
        assert np.array_equal(ours.test, theirs.test)
        for (train, _), (other, _) in zip(ours.splits, theirs.splits, strict=True):
            assert sorted(zip(train.rows, train.variants, strict=True)) == sorted(
                zip(other.rows, other.variants, strict=True)
            )
    other = dataclasses.replace(study, manifest=Manifest(study.records[:-1], tmp_path))
    with pytest.raises(DataError, match="belongs to another manifest"):
        read_fold_map(tmp_path / "folds.json", other)


@pytest.mark.parametrize("damage", ["unknown picture", "no folds", "a list"])
def test_a_damaged_fold_map_is_named(tmp_path, damage):
    study, path = fake_study(*infants(6), folder=tmp_path), tmp_path / "folds.json"
    make_folds(study, ProtocolSettings()).write(path, study)
    content = json.loads(path.read_text())
    if damage == "unknown picture":
        content["folds"][0]["test"][0] = "f" * 64
    if damage == "no folds":
        content["folds"] = [1]
    path.write_text(json.dumps([] if damage == "a list" else content))

    with pytest.raises(DataError, match=r"folds\.json is (damaged|no fold map)"):
        read_fold_map(path, study)


@pytest.mark.parametrize("content", ["[]", "{}"])
def test_a_damaged_record_of_a_run_is_named(tmp_path, content):
    (tmp_path / "run.json").write_text(content)

    with pytest.raises(DataError, match=r"run\.json is damaged"):
        open_run(tmp_path)


def test_strict_items_are_no_copies():
    plan = make_folds(fake_study(*infants(5)), ProtocolSettings())

    assert set(plan.folds[0].splits[0][0].variants.tolist()) == {AS_IT_IS}
