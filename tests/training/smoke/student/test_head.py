"""The head: what it reads, what it is told of all cells, and projections of variance 1."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from training.network.depthwise import Depthwise2d
from training.smoke.student.head import Head, Shape, Statistics, moments


@pytest.fixture
def head() -> Head:
    torch.manual_seed(0)
    made = Head(Shape(features=8, projected=6, width=12, conditions=3), Statistics.plain(8))
    return made.eval().requires_grad_(requires_grad=False)


def inputs(frames: int = 2) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    return torch.randn(frames, 8, 30, 40), torch.randn(frames, 8, 30, 40), torch.ones(frames, 1, 30, 40)


def test_a_logit_a_cell_and_one_a_condition(head: Head) -> None:
    cells, scene = head(*inputs())
    assert cells.shape == (2, 1, 30, 40)
    assert scene.shape == (2, 3)
    assert Head(Shape(features=8), Statistics.plain(8))(*inputs())[1].shape == (2, 0)


def test_each_cell_is_told_what_all_show(head: Head) -> None:
    features, change, inside = inputs()
    far = change.clone()
    far[:, :, 20:, 30:] += 4  # out of reach of two 5×5 kernels
    with_context = (head(features, far, inside)[0] - head(features, change, inside)[0])[:, 0, 2, 2]
    assert float(with_context.abs().min()) > 0
    head.context = None
    without = (head(features, far, inside)[0] - head(features, change, inside)[0])[:, 0, 2, 2]
    assert float(without.abs().max()) == 0


def test_projections_have_variance_one() -> None:
    torch.manual_seed(2)
    mixing = torch.randn(8, 8)
    rows = torch.randn(4000, 8) @ mixing
    covariance = torch.cov(rows.T)
    plain = Statistics.plain(8)
    head = Head(
        Shape(8, projected=6), Statistics(plain.mean, plain.spread, plain.scale, covariance, covariance)
    )
    for kernel in head.projections():
        np.testing.assert_allclose((rows @ kernel[:, :, 0, 0].T).std(dim=0).detach(), 1, rtol=1e-3)


def test_inputs_are_standardised_and_clipped() -> None:
    torch.manual_seed(3)
    mean, spread, scale = torch.randn(8), torch.rand(8) + 0.5, torch.rand(8) + 0.5
    head = Head(Shape(8, conditions=2), Statistics(mean, spread, scale, torch.eye(8), torch.eye(8))).eval()
    plain = Head(Shape(8, conditions=2), Statistics.plain(8)).eval()
    plain.load_state_dict(
        head.state_dict() | {k: v for k, v in plain.state_dict().items() if k in {"mean", "spread", "scale"}}
    )
    features, change, inside = inputs()
    own = features * spread.view(1, -1, 1, 1) + mean.view(1, -1, 1, 1), change * scale.view(1, -1, 1, 1)
    for a, b in zip(head(*own, inside), plain(features, change, inside), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    loud, limit = torch.full_like(features, 1e4), torch.full_like(features, 6.0)
    torch.testing.assert_close(plain(loud, change, inside)[0], plain(limit, change, inside)[0])


def test_bars_of_the_letterbox_tell_nothing_of_the_scene(head: Head) -> None:
    features, change, inside = inputs()
    inside[:, :, :4] = 0
    loud = features.clone()
    loud[:, :, :4] = 5
    torch.testing.assert_close(head(features, change, inside)[1], head(loud, change, inside)[1])


def test_moments_are_those_of_the_cells_in_the_picture() -> None:
    values, inside = torch.randn(1, 3, 30, 40), torch.zeros(1, 1, 30, 40)
    inside[:, :, 3:, :] = 1
    part = values[:, :, 3:].flatten(2)
    expected = torch.cat([part.mean(dim=2), (part.var(dim=2, correction=0) + 1e-4).sqrt()], dim=1)
    torch.testing.assert_close(moments(values, inside), expected)


def test_a_depthwise_convolution_and_its_gradients_are_torchs_own() -> None:
    torch.manual_seed(4)
    ours = Depthwise2d(6, 5)
    x, y = (
        torch.randn(2, 6, 9, 11, generator=torch.Generator().manual_seed(5)).requires_grad_() for _ in "ab"
    )
    plain = functional.conv2d(x, ours.weight, ours.bias, padding=2, groups=6)
    expected = torch.autograd.grad(plain.square().sum(), [x, ours.weight, ours.bias])
    got = torch.autograd.grad(ours(y).square().sum(), [y, ours.weight, ours.bias])
    torch.testing.assert_close(ours(y), plain)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.eval()(x), plain)
