import pytest
import torch

from training.distill.rate import one_cycle, triangle


def moving(peak):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], peak)
    for group in optimizer.param_groups:
        group["initial_lr"] = peak
    return optimizer


def test_learning_rates_are_one_triangle():
    optimizer, given, rates = moving(0.5), triangle(0.2, 99), []
    for step in range(99):
        given([optimizer], step)
        rates.append(optimizer.param_groups[0]["lr"] / 0.5)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 19
    assert rates[0] == pytest.approx(0.05)
    assert rates[-1] == pytest.approx(0.0125)


def test_one_cycle_is_torchs_at_any_step():
    ours, theirs = moving(3e-3), moving(3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(theirs, 3e-3, total_steps=40)
    expected = []
    for _ in range(40):
        expected.append((theirs.param_groups[0]["lr"], theirs.param_groups[0]["betas"]))
        theirs.step()
        schedule.step()
    given = one_cycle(3e-3, 40)
    for step in (39, 0, 12, 13, 27):
        given([ours], step)
        group = ours.param_groups[0]
        assert (group["lr"], group["betas"]) == expected[step]
    assert max(rate for rate, _ in expected) == pytest.approx(3e-3, rel=1e-2)
