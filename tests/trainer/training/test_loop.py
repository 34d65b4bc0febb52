"""Training learns, repeats itself exactly, survives a kill, and says when a network is dead."""

import dataclasses
import multiprocessing
import os
import signal

import numpy as np
import pytest
import torch

from trainer.crops import AUGMENTATION_PRESETS, ExactSamples, VariedSamples
from trainer.errors import CheckpointError, TrainingError
from trainer.training import NullListener, OptimiserSettings, TrainingJob, TrainingSettings, train


class Notes(NullListener):
    def __init__(self):
        self.messages, self.reports = [], []

    def note(self, message):
        self.messages.append(message)

    def epoch_done(self, report):
        self.reports.append(report)


def make_job(tiny, crops, **changes):
    settings = {"epochs": 5, "batch_size": 8, "optimiser": {"name": "adamw", "learning_rate": 0.01}, "mixup": 0.2}
    settings |= {"average_decay": 0.9, "label_smoothing": 0.1, "seed": 3} | changes
    items = np.arange(len(crops.labels))
    return TrainingJob(
        architecture=tiny,
        network_settings={},
        contract=crops.contract,
        settings=TrainingSettings.model_validate(settings),
        train=VariedSamples(crops, items[:32], AUGMENTATION_PRESETS["light"], seed=5),
        validation=ExactSamples(crops, items[32:]),
    )


def weights(trained):
    return torch.cat([tensor.flatten() for tensor in trained.network.state_dict().values()])


def test_it_learns_to_distinguish_a_bright_square_from_none(tiny, make_crops):
    trained = train(make_job(tiny, make_crops(), epochs=12, label_smoothing=0.0, mixup=0.0))

    assert trained.history[trained.best_epoch].validation_accuracy >= 0.9
    assert trained.history[trained.best_epoch].validation_loss < 0.5
    assert not trained.network.training


def test_the_same_seed_gives_the_same_network_and_another_seed_another(tiny, make_crops):
    crops = make_crops()

    once, again = train(make_job(tiny, crops)), train(make_job(tiny, crops))
    other = train(make_job(tiny, crops, seed=4))

    assert torch.equal(weights(once), weights(again))
    assert not torch.equal(weights(once), weights(other))


class _KillMyself(NullListener):
    """Ends the process in the middle of the third epoch, as a power cut would."""

    def batch_done(self, epoch, done, total):  # noqa: ARG002 - a listener's signature
        if epoch == 2 and done == 2:
            os.kill(os.getpid(), signal.SIGKILL)


def _train_until_killed(job, path):
    torch.set_num_threads(1)
    train(job, path, _KillMyself())


def test_a_run_killed_in_the_middle_of_an_epoch_resumes_to_the_same_result(tiny, make_crops, tmp_path):
    job = make_job(tiny, make_crops())
    unbroken = train(job)
    path = tmp_path / "last.pt"
    # Forked: the job's tiny network exists only in this process. The child does nothing but train and die.
    child = multiprocessing.get_context("fork").Process(target=_train_until_killed, args=(job, path))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL

    notes = Notes()
    resumed = train(job, path, notes)

    assert "resuming after epoch 2" in notes.messages[0]
    assert [report.epoch for report in notes.reports] == [2, 3, 4]
    torch.testing.assert_close(weights(resumed), weights(unbroken), rtol=0.0, atol=1e-7)
    for ours, theirs in zip(resumed.history, unbroken.history, strict=True):
        assert ours.validation_loss == pytest.approx(theirs.validation_loss, abs=1e-6)


def test_a_finished_run_is_returned_without_training_again(tiny, make_crops, tmp_path):
    job = make_job(tiny, make_crops())
    first = train(job, tmp_path / "last.pt")
    notes = Notes()

    second = train(job, tmp_path / "last.pt", notes)

    assert notes.reports == []
    assert torch.equal(weights(first), weights(second))


def test_a_checkpoint_of_other_settings_is_refused(tiny, make_crops, tmp_path):
    crops = make_crops()
    train(make_job(tiny, crops, epochs=1), tmp_path / "last.pt")

    with pytest.raises(CheckpointError, match="other settings or data"):
        train(make_job(tiny, crops, epochs=1, batch_size=4), tmp_path / "last.pt")


def test_it_stops_when_the_validation_loss_no_longer_falls(tiny, make_crops):
    crops = make_crops(signal=0)  # nothing to learn

    trained = train(make_job(tiny, crops, epochs=60, patience_epochs=3, average_decay=0.0))

    assert len(trained.history) == trained.best_epoch + 1 + 3
    assert len(trained.history) < 60


def test_a_loss_that_only_creeps_is_no_reason_to_go_on(tiny, make_crops):
    crops = make_crops(signal=90)  # soon every picture is answered rightly

    def stopped_after(least_gain):
        changes = {"epochs": 40, "patience_epochs": 3, "mixup": 0.0, "label_smoothing": 0.0, "least_gain": least_gain}
        return train(make_job(tiny, crops, **changes))

    patient, content = stopped_after(0.0), stopped_after(0.05)

    assert len(content.history) < len(patient.history)
    best = content.history[content.best_epoch].validation_loss
    assert all(best - report.validation_loss <= 0.05 for report in content.history)


def kill_units(architecture, dead_attempts):
    """The same network whose first layers are dead from the start in the first attempts."""
    built = []

    def build(settings):
        network = architecture.build(settings)
        if len(built) < dead_attempts:
            torch.nn.init.constant_(network.features[0].bias, -1e6)
        built.append(network)
        return network

    return dataclasses.replace(architecture, build=build)


def test_a_dead_network_is_named_and_started_anew_with_another_seed(tiny, make_crops):
    notes = Notes()
    job = make_job(kill_units(tiny, 1), make_crops(), average_decay=0.0)

    trained = train(job, listener=notes)

    assert trained.attempts == 2
    assert "same answer to every picture" in notes.messages[0]
    assert "attempt 2" in notes.messages[0]
    assert len(trained.history) == 5
    assert trained.history[-1].logit_spread > 0.01


def test_a_network_that_stays_dead_ends_the_run_with_advice(tiny, make_crops):
    job = make_job(kill_units(tiny, 9), make_crops(), average_decay=0.0, maximum_restarts=1)

    with pytest.raises(TrainingError, match=r"after 1 restarts.*lower the learning rate"):
        train(job)


def hide_in_evaluation(architecture):
    """The same network, whose answers are alike in evaluation as those of a deep one are at first."""

    class Hidden(type(architecture.build(architecture.settings({})))):
        def forward(self, crops):
            return super().forward(crops) * (1.0 if self.training else 1e-9)

    return dataclasses.replace(architecture, build=Hidden)


@pytest.mark.parametrize("changes", [{}, {"balance_classes": True, "mixup": 0.2, "label_smoothing": 0.1}])
def test_a_network_whose_training_loss_is_no_constants_is_not_dead(tiny, make_crops, changes):
    plain = {"average_decay": 0.0, "mixup": 0.0, "label_smoothing": 0.0, "epochs": 8} | changes
    job = make_job(hide_in_evaluation(tiny), make_crops(signal=150), **plain)

    trained = train(dataclasses.replace(job, train=ExactSamples(make_crops(signal=150), np.arange(32))))

    assert trained.attempts == 1
    assert trained.history[-1].train_loss < trained.history[-1].constant_loss - 0.01


def test_a_dead_networks_loss_is_that_of_the_best_constant(tiny, make_crops):
    job = make_job(
        kill_units(tiny, 9), make_crops(), average_decay=0.0, maximum_restarts=0, epochs=30, patience_epochs=30
    )
    notes = Notes()

    with pytest.raises(TrainingError, match="dead"):
        train(job, listener=notes)

    assert all(report.train_loss > report.constant_loss - 1e-6 for report in notes.reports)
    assert len(notes.reports) == 2


def test_a_missing_class_is_named(tiny, make_crops):
    crops = make_crops()
    only_pain = dataclasses.replace(make_job(tiny, crops), train=ExactSamples(crops, np.flatnonzero(crops.labels)))

    with pytest.raises(TrainingError, match="labelled 'pain'; both classes are needed"):
        train(only_pain)


def test_a_loss_that_is_no_number_ends_the_run(tiny, make_crops):
    optimiser = OptimiserSettings(name="sgd", learning_rate=1e30)

    with pytest.raises(TrainingError, match="not a number in epoch"):
        train(make_job(tiny, make_crops(), optimiser=optimiser.model_dump(), average_decay=0.0))
