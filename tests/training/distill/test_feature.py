"""Feature distillation: whose channels are compared, in which unit, and that it brings the student nearer."""

import itertools

import torch
from torch import nn

from training.distill.feature import Pair, error, spread, tune


class Two(nn.Module):
    """Features at strides 1 and 2."""

    def __init__(self, fine: int, coarse: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(3, fine, 3, padding=1)
        self.coarse = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)

    def forward(self, x):
        fine = self.fine(x)
        return fine, self.coarse(fine.relu())


def pair() -> Pair:
    torch.manual_seed(0)
    teacher = Two(4, 6).requires_grad_(requires_grad=False)
    student = Two(4, 3)
    return Pair(student, teacher, (0, 1), (torch.arange(4), torch.tensor([0, 2, 5])), (8, 4))


def test_the_students_channels_alone_are_taught_a_cell_each() -> None:
    both, frame = pair(), torch.rand(2, 3, 32, 48)
    assert both.taught(frame).shape == both.learned(frame).shape == (2, 7, 4, 6)
    coarse = nn.functional.avg_pool2d(both.teacher(frame)[1], 4)
    torch.testing.assert_close(both.taught(frame)[:, 4:], coarse[:, [0, 2, 5]])


def test_errors_are_in_the_teachers_own_spread() -> None:
    both = pair()
    frames = list(torch.rand(3, 3, 32, 48))
    scale = spread(both, frames)
    cells = torch.stack([both.taught(frame[None])[0] for frame in frames])
    torch.testing.assert_close(scale[:, 0, 0], cells.transpose(0, 1).flatten(1).std(dim=1))
    with torch.no_grad():  # a student that always gives the mean errs by the variance
        for layer, mean in ((both.student.fine, cells[:, :4]), (both.student.coarse, cells[:, 4:])):
            layer.weight.zero_()
            layer.bias.copy_(mean.mean(dim=(0, 2, 3)))
    assert all(abs(found - 1) < 0.03 for found in error(both, scale, frames))


def test_learning_brings_it_nearer_and_tells_each_step() -> None:
    both = pair()
    frames = torch.rand(4, 3, 32, 48)
    scale, told = spread(both, list(frames)), []
    before = error(both, scale, list(frames))
    weights = [weight.clone() for weight in both.teacher.parameters()]
    tune(both, scale, itertools.repeat(frames), 60, 0.02, lambda number, loss: told.append((number, loss)))
    after = error(both, scale, list(frames))
    assert sum(after) < 0.2 * sum(before)
    assert [number for number, _ in told] == list(range(1, 61))
    assert all(torch.equal(old, new) for old, new in zip(weights, both.teacher.parameters(), strict=True))
