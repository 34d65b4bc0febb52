"""A small network learns, goes on where it stopped, and stays out of other trainings' folders."""

import copy
from functools import cache

import pytest
import torch

from trainer.detector.bundle_weights import PretrainedDetector, empty_network
from trainer.detector.graph import AnchorSpec, Normalisation, anchors_px
from trainer.detector_fitting import fitting
from trainer.detector_fitting.fitting import CHECKPOINT_NAME, fit_detector, input_of, part_of_the_way, targets_of
from trainer.detector_fitting.loss import multibox_loss
from trainer.detector_fitting.measuring import Finding, measure, metrics_of, unseen_views
from trainer.detector_fitting.settings import FitSettings
from trainer.errors import CheckpointError, SettingsError, TrainingError

pytestmark = pytest.mark.long


def settings_of(**changes):
    values = {"steps": 6, "infants_per_step": 1, "views_per_infant": 2, "size_px": 64, "learning_rate": 5e-3}
    return FitSettings.model_validate(values | {"distance": 0.0, "average_decay": 0.0} | changes)


@pytest.fixture(scope="module", autouse=True)
def _drawn_once():
    """Two trainings with the same seed see the same pictures: they need not be drawn twice here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "draw_views", cache(fitting.draw_views))
        yield


@pytest.fixture(scope="module")
def start():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    network = empty_network("mobilenet-0.25")
    return PretrainedDetector(network, "mobilenet-0.25", Normalisation((127.5,) * 3, (127.5,) * 3), AnchorSpec())


@pytest.fixture(scope="module")
def fitted(start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    return fit_detector(start, settings_of(), folder, start_sha256="a"), folder


def weights(detector):
    return torch.cat([tensor.flatten() for tensor in detector.network.state_dict().values()])


def loss_of(detector):
    """The loss on the bare pictures that the training has seen."""
    scenes = [view.bare for number in range(4) for view in fitting.draw_views(0, number, 2, 64)]
    anchors = torch.from_numpy(anchors_px(64, detector.anchors))
    with torch.inference_mode():
        raw = detector.network(input_of(scenes, detector.normalisation))
    return multibox_loss(raw, [targets_of(scene, anchors, detector.anchors) for scene in scenes])


def test_the_loss_falls(start, fitted):
    outcome, _ = fitted
    assert [report.step for report in outcome.reports] == list(range(1, 7))
    before, after = loss_of(start), loss_of(outcome.detector)
    assert after.classes < 0.9 * before.classes
    assert after.total < before.total


def test_the_original_and_the_first_layers_stay_as_they_were(start, fitted):
    outcome, _ = fitted
    before, after = start.network.state_dict(), outcome.detector.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any(name.startswith("backbone.stage1.") for name in changed)
    assert {name.split(".")[0] for name in changed} == {
        "backbone", "pyramid", "context", "class_head", "box_head", "landmark_head"
    }  # fmt: skip


def test_a_part_of_the_way_lies_between_the_original_and_the_result(start, fitted):
    begun, ended = weights(start), weights(fitted[0].detector)
    for share in (0.0, 0.25, 1.0):
        between = weights(part_of_the_way(start, fitted[0].detector, share))
        torch.testing.assert_close(between, begun + share * (ended - begun))


def test_a_training_that_was_stopped_goes_on_with_the_same_result(start, fitted, tmp_path):
    ticks = iter(range(1000))
    halves = [
        fit_detector(
            start, settings_of(), tmp_path, start_sha256="a", seconds=seconds, clock=lambda: float(next(ticks))
        )
        for seconds in (2.0, 2.0, None)
    ]
    assert [half.steps for half in halves][-1] == 6
    assert 0 < halves[0].steps < halves[1].steps < 6
    torch.testing.assert_close(weights(halves[-1].detector), weights(fitted[0].detector), rtol=0, atol=1e-6)


def test_a_training_that_is_done_is_not_done_twice(start, fitted):
    outcome, folder = fitted
    again = fit_detector(start, settings_of(), folder, start_sha256="a")
    assert again.reports == ()
    assert torch.equal(weights(again.detector), weights(outcome.detector))


def test_the_folder_of_another_training_is_refused(start, fitted):
    _, folder = fitted
    with pytest.raises(SettingsError, match=r"other settings or of another detector; .*another --out"):
        fit_detector(start, settings_of(seed=1), folder, start_sha256="a")
    with pytest.raises(SettingsError, match="other settings or of another detector"):
        fit_detector(start, settings_of(), folder, start_sha256="b")


def test_a_damaged_checkpoint_is_refused(start, tmp_path):
    (tmp_path / CHECKPOINT_NAME).write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="damaged or no checkpoint"):
        fit_detector(start, settings_of(), tmp_path, start_sha256="a")


def test_a_folder_that_cannot_be_made_is_refused_before_the_first_step(start, tmp_path):
    (tmp_path / "file").write_text("mine")
    done = []
    with pytest.raises(SettingsError, match=r"file/fit cannot be made .*another --out"):
        fit_detector(start, settings_of(), tmp_path / "file" / "fit", start_sha256="a", progress=done.append)
    assert done == []


def test_a_training_that_was_killed_loses_few_steps(start, tmp_path):
    class Killed(BaseException):
        pass

    def kill(report):
        if report.step == 12:
            raise Killed

    settings = settings_of(steps=13, views_per_infant=1)
    with pytest.raises(Killed):
        fit_detector(start, settings, tmp_path, start_sha256="a", progress=kill)
    rest = fit_detector(start, settings, tmp_path, start_sha256="a")
    assert [report.step for report in rest.reports] == [11, 12, 13]


def test_a_loss_that_is_no_number_ends_the_training(start, tmp_path):
    broken = PretrainedDetector(copy.deepcopy(start.network), start.backbone, start.normalisation, start.anchors)
    with torch.no_grad():
        broken.network.class_head[0].bias.fill_(torch.nan)
    with pytest.raises(TrainingError, match="no number"):
        fit_detector(broken, settings_of(), tmp_path, start_sha256="a")


def test_a_detector_that_answers_nothing_finds_nothing(start):
    silent = copy.deepcopy(start.network)
    with torch.no_grad():
        for head in silent.class_head:
            head.weight.zero_()
            head.bias.copy_(torch.tensor([5.0, -5.0] * 2))
    views = unseen_views(0, 4, 64)
    finding = measure(PretrainedDetector(silent, start.backbone, start.normalisation, start.anchors), views)
    assert (finding.bare, finding.devices, finding.beside) == (0.0, 0.0, 0.0)
    metrics = metrics_of(Finding(4, 0.9, 0.8, float("nan"), 0.1))
    assert [(metric.value, metric.subjects) for metric in metrics] == [(0.9, 4), (0.8, 4), (0.1, 4)]
    assert all("nothing about real ones" in metric.data for metric in metrics)
