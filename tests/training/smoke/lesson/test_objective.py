"""The loss: through time as the graph smooths, a teacher's part, conditions that nobody knows."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from training.distill.loss import of_cells
from training.distill.setting import Distillation
from training.smoke.lesson.objective import LABEL_SMOOTHING, Through, hard, objective, scene, smooth, taught

CELLS = (30, 40)
METHOD = Distillation(temperature=2.0, alpha=0.7)


def packed(logits: torch.Tensor, conditions: int = 0) -> torch.Tensor:
    return torch.cat([logits.flatten(2), torch.zeros(*logits.shape[:2], conditions)], dim=2)


@pytest.fixture
def targets():
    positive = torch.zeros(2, 3, *CELLS, dtype=torch.bool)
    positive[0, :, 10:14, 10:14] = True
    return positive, ~positive, torch.full((2, 3, 0), torch.nan)


def test_smoothing_over_frames_is_a_bias_corrected_average() -> None:
    logits = torch.randn(1, 3, 1, 1).expand(1, 3, *CELLS)
    a, b, c = (float(value) for value in logits[0, :, 0, 0])
    got = smooth(logits)[0, :, 15, 20]
    expected = [a, (0.25 * a + 0.5 * b) / 0.75, (0.125 * a + 0.25 * b + 0.5 * c) / 0.875]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_smoothing_over_cells_leaves_the_border_out_of_the_mean() -> None:
    logits = torch.zeros(1, 1, *CELLS)
    logits[0, 0, 0, 0] = 4
    assert float(smooth(logits)[0, 0, 0, 0]) == 1
    assert float(smooth(logits)[0, 0, 1, 1]) == pytest.approx(4 / 9)


def test_a_frame_counts_through_the_average_of_the_later_one_too(targets) -> None:
    positive, _, conditions = targets
    logits = torch.zeros(2, 3, *CELLS, requires_grad=True)
    none = torch.zeros_like(positive)
    there = positive.clone()
    there[:, :2] = False
    torch.autograd.backward(objective(None, 0.1)(packed(logits), there, none, conditions, None))
    assert logits.grad is not None
    assert float(logits.grad[0, 0].abs().max()) > 0


def test_a_teacher_of_which_nothing_is_taken_changes_nothing(targets) -> None:
    positive, negative, conditions = targets
    logits, soft = torch.randn(2, 3, *CELLS), torch.randn(2, 3, *CELLS)
    none = Distillation(temperature=2.0, alpha=0.0)
    with_it = objective(none, 0.1)(packed(logits), positive, negative, conditions, soft)
    assert torch.equal(with_it, objective(None, 0.1)(packed(logits), positive, negative, conditions, None))


def test_what_a_teacher_says_is_learned_where_no_box_is(targets) -> None:
    positive, negative, conditions = targets
    soft = torch.full((2, 3, *CELLS), -4.0)
    soft[1, :, 20:24, 20:24] = 3.0
    logits = soft.clone()
    loss = objective(Distillation(temperature=2.0, alpha=1.0), 0.0)
    assert float(loss(packed(logits), positive, negative, conditions, soft)) == pytest.approx(0, abs=1e-6)
    logits = torch.full_like(soft, -4.0).requires_grad_()
    torch.autograd.backward(loss(packed(logits), positive, negative, conditions, soft))
    assert logits.grad is not None
    assert float(logits.grad[1, 2, 21, 21]) < 0
    assert float(logits.grad[1, 2, 5, 5].abs()) < 1e-6


def test_the_soft_loss_is_scaled_and_weighs_as_the_hard_one() -> None:
    student, teacher = torch.zeros(1, *CELLS), torch.zeros(1, *CELLS)
    positive = torch.zeros(1, *CELLS, dtype=torch.bool)
    teacher[0, 3, 3] = 4.0
    positive[0, 3, 3] = True
    one = of_cells(torch.zeros(1), torch.full((1,), 4.0), 2.0)
    expected = one + one / 15 + 2 * one / 1200
    torch.testing.assert_close(taught(student, teacher, positive, 2.0), expected)
    for temperature in (50.0, 100.0):  # T² keeps the size of the gradient
        value = taught(student, teacher, positive, temperature)
        torch.testing.assert_close(value, torch.tensor(2.0) * (1 + 1 / 15 + 2 / 1200), rtol=0.01, atol=0.0)


def test_unknown_conditions_are_left_out() -> None:
    logits = torch.tensor([[[2.0, -1.0]]])
    known = torch.tensor([[[1.0, torch.nan]]])
    expected = functional.binary_cross_entropy_with_logits(torch.tensor([2.0]), torch.tensor([1.0]))
    assert torch.equal(scene(logits, known), expected)
    assert float(scene(logits, torch.full_like(known, torch.nan))) == 0


def test_conditions_count_with_their_weight(targets) -> None:
    positive, negative, _ = targets
    logits = torch.randn(2, 3, *CELLS)
    wrong = torch.ones(2, 3, 2)
    much = [objective(None, w)(packed(logits, 2), positive, negative, wrong, None) for w in (0.0, 0.1)]
    assert float(much[1] - much[0]) == pytest.approx(0.1 * np.log(2), rel=1e-3)


def test_a_window_goes_through_the_head_frame_by_frame() -> None:
    class Named(torch.nn.Module):
        def forward(self, features, change, inside):
            return features[:, :1] + inside, change[:, :2, 0, 0]

    features, change = torch.randn(2, 3, 4, *CELLS), torch.randn(2, 3, 4, *CELLS)
    inside = torch.stack([torch.zeros(1, *CELLS), torch.ones(1, *CELLS)])
    got = Through(Named())(features, change, inside)
    assert got.shape == (2, 3, 1202)
    assert torch.equal(got[1, 2, :1200].view(CELLS), features[1, 2, 0] + 1)
    assert torch.equal(got[0, 1, 1200:], change[0, 1, :2, 0, 0])


def boxed(*sides: int) -> torch.Tensor:
    positive = torch.zeros(len(sides), *CELLS, dtype=torch.bool)
    for frame, side in zip(positive, sides, strict=True):
        frame[:side, :side] = True
    return positive


def test_a_small_plume_counts_as_much_as_a_large_one() -> None:
    logits = torch.zeros(2, *CELLS, requires_grad=True)
    positive = boxed(2, 16)
    torch.autograd.backward(hard(logits, positive, torch.zeros_like(positive)))
    assert logits.grad is not None
    small, large = (float(part.sum()) for part in logits.grad)
    assert small == pytest.approx(large)
    assert small < 0


def test_half_of_a_box_need_not_be_smoke() -> None:
    logits = torch.full((1, *CELLS), 8.0)
    logits[0, 2:4, :4] = -8.0  # the lower half of the box
    logits.requires_grad_()
    positive = boxed(4)
    loss = hard(logits, positive, torch.zeros_like(positive))
    target = torch.tensor(1 - LABEL_SMOOTHING / 2)
    expected = functional.binary_cross_entropy_with_logits(torch.tensor(8.0), target)
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-5)
    torch.autograd.backward(loss)
    assert logits.grad is not None
    assert not logits.grad[0, 2:4].any()
    assert logits.grad[0, :2, :4].all()


def test_of_a_single_cell_all_counts() -> None:
    logits, positive = torch.zeros(1, *CELLS), boxed(1)
    alone = float(hard(logits, positive, torch.zeros_like(positive)))
    assert alone == pytest.approx(float(np.log(2)), rel=1e-5)


def test_what_a_teacher_says_of_a_small_plume_counts_as_much() -> None:
    positive, teacher = boxed(2, 16), torch.zeros(2, *CELLS)
    teacher[positive] = 3.0
    student = teacher.clone()
    student[0][positive[0]] = 2.9
    one = float(taught(student, teacher, positive, 1.0))
    student = teacher.clone()
    student[1][positive[1]] = 2.9
    other = float(taught(student, teacher, positive, 1.0))
    near = float(of_cells(torch.tensor([2.9]), torch.tensor([3.0]), 1.0)) / 2
    assert one > near
    assert other > near
