"""What an evaluation of videos says of the run whose networks scored them."""

from dataclasses import replace

import pytest

from monitor.config import StationConfig
from trainer.clips import sources
from trainer.clips.sources import _folds_of, _of_run
from trainer.errors import SettingsError
from trainer.evaluation.clip_results import ClipResults
from trainer.experiments import cross_validate, open_run, read_config
from trainer.experiments.fitting import _check_clips

SMALL = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"epochs": 1, "schedule": {"warmup_epochs": 0}, "batch_size": 8, "mixup": 0.0},
    "augmentation": "light",
    "copies": 1,
    "protocol": {"folds": 2, "inner_folds": 2},
}


@pytest.fixture(scope="module")
def runs(paint_study, tmp_path_factory):
    """Two runs on the same folds, whose networks began from other random weights."""
    manifest, folder = paint_study(subjects=6, each=4).folder.with_suffix(".csv"), tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        training = SMALL["training"] | {"seed": seed}
        cross_validate(read_config(None, SMALL | {"manifest": str(manifest), "training": training}), folder / str(seed))
    return open_run(folder / "0"), open_run(folder / "1")


def test_a_folder_of_clips_knows_infants_by_their_names_without_the_data_set(runs):
    folds = _folds_of(runs[0])
    assert folds["s0"] == folds["set/s0"]
    assert {folds[f"s{n}"] for n in range(6)} == {0, 1}


def test_videos_that_another_run_on_the_same_folds_scored_are_refused(runs, tmp_path):
    ours, other = runs
    assert ours.record["fold_map_sha256"] == other.record["fold_map_sha256"]
    config = StationConfig.model_validate({"beds": [{"id": "a", "camera": {"url": "synthetic://calm"}}]})
    _, title, evaluated = _of_run(ours, [], config, None, tmp_path, "")
    named = {name: getattr(evaluated, name) for name in ("kind", "name", "sha256")}
    clips = ClipResults(tmp_path, {"model": title, "evaluated": named})

    _check_clips(clips, ours)
    with pytest.raises(SettingsError, match="not the cross-validation whose metrics"):
        _check_clips(clips, other)


@pytest.mark.parametrize(("balanced", "prior"), [(True, 0.5), (False, 0.25)])
def test_scores_are_moved_from_the_share_that_the_folds_probabilities_hold_for(
    runs, tmp_path, monkeypatch, balanced, prior
):
    given: list[float] = []
    monkeypatch.setattr(sources, "_share_of_pain", lambda _: 0.25)
    monkeypatch.setattr(sources, "with_network", lambda *arguments: given.append(arguments[-1]))
    monkeypatch.setattr(sources, "score_video", lambda *_: None)
    training = runs[0].record["training"] | {"balance_classes": balanced}
    run = replace(runs[0], record=runs[0].record | {"training": training})
    config = StationConfig.model_validate({"beds": [{"id": "a", "camera": {"url": "synthetic://calm"}}]})

    score, _, _ = _of_run(run, [], config, None, tmp_path, "")
    score(tmp_path / "a.mp4", "s0")

    assert given == [prior]
