"""The quantized head: the same function while its points are off, frozen ranges, weights on their grids."""

import pytest
import torch

from training.quantize.fake import weight_scale
from training.smoke.student.head import Head, Shape, Statistics
from training.smoke.student.quantized import QuantizedHead, observe, plain


@pytest.fixture(params=[False, True], ids=["depthwise", "plain"])
def head(request: pytest.FixtureRequest) -> Head:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    statistics = Statistics(
        torch.randn(8, generator=generator), torch.rand(8, generator=generator) + 0.5,
        torch.rand(8, generator=generator) + 0.5, torch.eye(8), torch.eye(8) * 2,
    )  # fmt: skip
    shape = Shape(features=8, projected=6, width=12, kernel=3, plain=request.param, conditions=3)
    made = Head(shape, statistics).eval()
    return made.requires_grad_(requires_grad=False)


def inputs(seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    maps = [torch.randn(2, 8, 30, 40, generator=generator) * 2 for _ in "ab"]
    return maps[0], maps[1], torch.ones(2, 1, 30, 40)


def test_switched_off_it_is_the_trained_head(head: Head) -> None:
    for a, b in zip(QuantizedHead(head)(*inputs()), head(*inputs()), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_quantized_it_differs_by_little_and_not_by_nothing(head: Head) -> None:
    made = QuantizedHead(head).eval()
    observe(made, [inputs(), inputs(2)])
    with torch.inference_mode():
        away = (made(*inputs())[0] - head(*inputs())[0]).abs()
    assert 0 < float(away.mean()) < 0.05 * float(head(*inputs())[0].std()) + 0.02


def test_ranges_are_frozen_and_those_that_are_known_never_move(head: Head) -> None:
    made = QuantizedHead(head).eval()
    observe(made, [inputs()])
    known = {name: (float(p.low), float(p.high)) for name, p in made.points().items()}
    made.train()
    made(*(part * 5 for part in inputs(3)))
    assert {name: (float(p.low), float(p.high)) for name, p in made.points().items()} == known
    assert known["seen"] == (-6, 6)
    assert known["moved"] == (-12, 12)
    assert known["frame_out"] == known["change_out"] == (0, 6)
    assert known["stages.1.after"][1] > 0


def test_each_weight_lies_on_its_channels_grid_and_learns(head: Head) -> None:
    made = QuantizedHead(head.requires_grad_()).train()
    observe(made, [inputs()])
    torch.autograd.backward(made(*inputs())[0].square().mean())
    for name, layer in made.layers().items():
        assert layer.weight.grad is not None, name
        assert float(layer.weight.grad.abs().max()) > 0, name
    baked = plain(made)
    for name, layer in baked.layers().items():
        steps = layer.weight.flatten(1) / weight_scale(layer.weight, 8)[:, None]
        assert float((steps - steps.round()).abs().max()) < 1e-3, name
        assert layer.weight.is_contiguous()
    assert all(point.mode == "off" for point in baked.points().values())


def test_the_scenes_output_stays_in_floating_point(head: Head) -> None:
    made = QuantizedHead(head).eval()
    assert "scene" not in made.layers()
    observe(made, [inputs()])
    torch.testing.assert_close(made(*inputs())[1], head(*inputs())[1], rtol=0.02, atol=0.02)
