"""Stored scores are read again only by the station that would compute the very same ones."""

from types import SimpleNamespace

import numpy as np
import pytest

import monitor
from monitor.config import StationConfig
from trainer.clips import FrameScores, scores

STATION = {"beds": [{"id": "bed-1", "camera": {"url": "synthetic://calm"}}]}
HERE = SimpleNamespace(engines={"detector": "onnxruntime", "classifier": "onnxruntime"}, cutter=None)


@pytest.fixture
def computed(monkeypatch):
    """The stations that had to compute scores, in order."""
    asked = []

    def score(video, config, models):
        asked.append(config)
        return FrameScores(**dict.fromkeys(FrameScores.__dataclass_fields__, np.zeros(0)))

    monkeypatch.setattr(scores, "_score", score)
    yield asked
    scores._program.cache_clear()


def test_scores_of_another_precision_engine_or_version_are_not_taken(computed, tmp_path, monkeypatch):
    video, cache = tmp_path / "a.mp4", tmp_path / "scores"
    video.write_bytes(b"video")

    def score(models=HERE, **changed):
        config = StationConfig.model_validate(STATION | {"models": changed})
        scores.score_video(video, config, models, cache, "key")
        return len(computed)

    assert [score(), score()] == [1, 1]
    assert score(cpu_precision="int8") == 2
    other = SimpleNamespace(engines=HERE.engines | {"classifier": "openvino"}, cutter=None)
    assert score(other) == 3
    assert score(SimpleNamespace(engines=HERE.engines, cutter=object())) == 4
    monkeypatch.setattr(monitor, "__version__", "0.0.1")
    scores._program.cache_clear()
    assert score() == 5
    assert len(list(cache.iterdir())) == 5
