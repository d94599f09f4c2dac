"""The network: folding, state arithmetic, and the exported graph against the training-time view of it."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from training.network import lite0 as backbone_module
from training.network.lite0 import DEAD_WEIGHT, Backbone, imagenet_backbone
from training.smoke.features import difference
from training.smoke.head import score_maps
from training.smoke.network import GRID, Head, Student, pool, state_shapes, zero_state


@pytest.fixture(scope="module")
def student() -> Student:
    torch.manual_seed(3)
    head = Head(torch.rand(112) + 0.5, channels=8, width=8)
    for norm in (head.norm_frame, head.norm_difference):
        norm.running_mean.copy_(torch.randn(8) * 0.1)
        norm.running_var.copy_(torch.rand(8) + 0.5)
    return Student(imagenet_backbone(), head.eval())


def test_exported_graph_equals_what_was_trained(student: Student) -> None:
    """The head is trained on pooled features and a background of them; the graph computes both frame by frame."""
    torch.manual_seed(0)
    frames = torch.rand(7, 480, 640, 3) * torch.linspace(0.5, 1, 7).view(7, 1, 1, 1)
    with torch.inference_mode():
        features = torch.cat([pool(student.backbone(f[None].permute(0, 3, 1, 2))) for f in frames])
        expected = score_maps(student.head, features, difference(features))
        state, got = zero_state(8), []
        for frame in frames:
            scores, *state = student(frame[None], *state)
            got.append(scores[0].numpy())
    np.testing.assert_allclose(np.stack(got), expected, atol=0.05)


def test_state_keeps_its_shapes_and_begins_empty(student: Student) -> None:
    state = zero_state(8)
    with torch.inference_mode():
        _, *after = student(torch.zeros(1, 480, 640, 3), *state)
    assert [tuple(t.shape) for t in after] == list(state_shapes(8).values())
    background, _, weight, _, score_weight = after
    assert float(weight) == 0
    assert float(background.abs().max()) == 0
    assert float(score_weight) == 0.5


def test_background_lags_two_frames(student: Student) -> None:
    state = zero_state(8)
    weights = []
    with torch.inference_mode():
        for _ in range(4):
            _, *state = student(torch.rand(1, 480, 640, 3), *state)
            weights.append(round(float(state[2]), 4))
    assert weights == [0, 0, round(1 / 15, 4), round(1 / 15 + 14 / 225, 4)]


def test_dead_channels_get_a_weight_that_keeps_the_bias_within_32_bits() -> None:
    backbone = imagenet_backbone()
    for module in backbone.modules():
        if isinstance(module, torch.nn.Conv2d):
            largest = module.weight.abs().amax(dim=(1, 2, 3))
            assert float(largest.min()) >= DEAD_WEIGHT
            steps = module.bias.abs() / (1 / 255 * largest / 127)
            assert float(steps.max()) < 2**31


def test_folding_equals_batch_norm() -> None:
    torch.manual_seed(1)
    stored = {
        "c.weight": torch.randn(4, 3, 3, 3),
        "n.weight": torch.rand(4) + 0.5,
        "n.bias": torch.randn(4),
        "n.running_mean": torch.randn(4),
        "n.running_var": torch.rand(4) + 0.1,
    }
    conv = torch.nn.Conv2d(3, 4, 3)
    backbone_module._fold(conv, stored, "c", "n")
    x = torch.randn(2, 3, 9, 9)
    plain = functional.conv2d(x, stored["c.weight"])
    expected = functional.batch_norm(
        plain,
        stored["n.running_mean"],
        stored["n.running_var"],
        stored["n.weight"],
        stored["n.bias"],
        eps=1e-3,
    )
    torch.testing.assert_close(conv(x), expected, atol=1e-4, rtol=1e-4)


def test_backbone_strides() -> None:
    shapes = [tuple(f.shape[1:]) for f in Backbone()(torch.zeros(1, 3, 64, 96))]
    assert shapes == [(32, 32, 48), (16, 32, 48), (24, 16, 24), (40, 8, 12)]
    assert GRID == (30, 40)
