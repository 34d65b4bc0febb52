"""Learning rates depend on the epoch alone; averaged weights forget their start."""

import pytest
import torch

from trainer.training.optimisation import WeightAverage, learning_rate
from trainer.training.settings import ScheduleSettings


def rates(epochs, **settings):
    schedule = ScheduleSettings(**settings)
    return [learning_rate(epoch, epochs, 1e-3, schedule) for epoch in range(epochs)]


def test_the_cosine_falls_from_the_base_to_the_end():
    falling = rates(50, name="cosine", final_learning_rate=1e-6)

    assert falling[0] == pytest.approx(1e-3)
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] < 1e-5


def test_the_cycle_is_torchs_cosine_annealing():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1e-3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=5, eta_min=1e-6)
    expected = []
    for _ in range(20):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        theirs.step()

    ours = rates(20, name="cosine-cycle", half_period_epochs=5, final_learning_rate=1e-6)

    assert ours == pytest.approx(expected, abs=1e-9)


def test_warming_up_grows_linearly():
    assert rates(10, warmup_epochs=3)[:4] == pytest.approx([2.5e-4, 5e-4, 7.5e-4, 1e-3])


def test_an_average_of_constant_weights_reaches_them_and_counts_integers_as_they_are():
    average = WeightAverage({"w": torch.zeros(2), "steps": torch.tensor(0)}, decay=0.9)
    for step in range(200):
        average.update([("w", torch.ones(2)), ("steps", torch.tensor(step))])

    torch.testing.assert_close(average.state["w"], torch.ones(2))
    assert average.state["steps"] == 199
