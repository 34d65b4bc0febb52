"""The demo model's moments are unambiguous, and its file says what it is."""

import numpy as np
import torch

from trainer.checkpoint import read_model
from trainer.crops import CropSet, pad_px
from trainer.demo import DemoDataset, demo_settings, train_demo
from trainer.demo.moments import make_bed, pick_moments
from trainer.networks import InputContract
from trainer.training import NullListener


def test_moments_are_at_the_height_of_an_episode_or_at_rest():
    for seed in (60_001, 60_002):
        bed = make_bed(seed)
        moments = pick_moments(bed)
        episodes = bed.episodes(400.0)

        assert {moment.state for moment in moments} > {"rest"}
        assert [moment.seconds for moment in moments] == sorted(moment.seconds for moment in moments)
        for moment in moments:
            level = max((episode.level(moment.seconds) for episode in episodes), default=0.0)
            assert level <= 0.02 if moment.state == "rest" else level >= 0.99


def test_the_model_is_marked_as_a_demo_and_splits_by_infant(tmp_path):
    contract = InputContract(size_px=120)
    side = 120 + 2 * pad_px(contract)
    random = np.random.default_rng(0)
    seeds = list(range(6))
    subjects = np.array([f"synthetic/{seed}" for seed in seeds for _ in range(4)])
    states = np.array(["pain", "rest", "cry", "pain"] * 6)
    wide = random.integers(0, 120, (24, side, side, 3)).astype(np.uint8)
    wide[states == "pain", 70:110, 70:110] += 100
    crops = CropSet(wide, (states == "pain").astype(np.float32), subjects, contract)
    torch.set_num_threads(1)

    splits = (seeds[:4], seeds[4:5], seeds[5:])
    outcome = train_demo(
        DemoDataset(crops, states, 0), splits, tmp_path, demo_settings(2, 0, "float32"), NullListener()
    )

    trained = read_model(outcome.model)
    record = trained.record
    assert trained.network.constant_logit() is None
    assert record.generation == "demo"
    assert "Not for infants" in record.intended_use
    assert record.training_prior == 0.5
    assert {metric.name for metric in record.metrics} >= {"auc", "sensitivity", "false positive rate, cry"}
    assert all(metric.samples <= 4 and metric.subjects == 1 for metric in record.metrics)
