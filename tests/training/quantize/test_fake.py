import pytest
import torch

from training.quantize.fake import Point, QuantizedConv2d, quantize_weight, weight_scale


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_a_weight_lands_on_its_grid(bits):
    torch.manual_seed(0)
    weight = torch.randn(5, 4, 3, 3)
    scale = weight_scale(weight, bits)
    steps = quantize_weight(weight, bits) / scale.view(-1, 1, 1, 1)
    assert torch.allclose(steps, steps.round(), atol=1e-3)
    assert int(steps.abs().max().round()) <= 2 ** (bits - 1) - 1


def test_eight_bits_keep_the_largest_weight_and_baking_twice_changes_nothing():
    torch.manual_seed(0)
    conv = QuantizedConv2d(4, 5, 3)
    largest = conv.weight.detach().abs().amax(dim=(1, 2, 3))
    conv.set_bits(8)
    conv.bake()
    once = conv.weight.detach().clone()
    assert torch.allclose(once.abs().amax(dim=(1, 2, 3)), largest, rtol=1e-6)
    conv.set_bits(8)
    conv.bake()
    assert torch.allclose(conv.weight, once, atol=1e-7)


def test_a_low_grid_has_less_error_than_one_that_ends_at_the_largest_weight():
    torch.manual_seed(0)
    weight = torch.randn(3, 64, 3, 3)
    ends = weight.flatten(1).abs().amax(dim=1)
    careless = quantize_weight(weight, 2, ends)
    assert (quantize_weight(weight, 2) - weight).square().mean() < (careless - weight).square().mean()


def test_gradients_pass_and_stop_where_a_weight_is_clipped():
    weight = torch.tensor([[[[0.4]], [[5.0]]]], requires_grad=True)
    quantize_weight(weight, 2, torch.tensor([1.0])).sum().backward()
    assert weight.grad.flatten().tolist() == [1.0, 0.0]


def test_a_point_observes_follows_and_stays():
    point, x = Point(), torch.tensor([[-1.0, 0.5, 3.0]])
    assert torch.equal(point(x), x)
    point.mode = "observe"
    point(x)
    assert (float(point.low), float(point.high)) == (-1.0, 3.0)
    point.mode = "follow"
    point.train()
    point(2 * x)
    assert -1.1 < float(point.low) < -1.0 < 3.0 < float(point.high) < 3.3
    kept = float(point.high)
    point.eval()
    point(10 * x)
    assert float(point.high) == kept  # a validation in between moves nothing
    point.train()
    point.mode = "fixed"
    y = point(torch.tensor([100.0]))
    assert float(point.high) == kept
    assert float(y) == pytest.approx(kept, rel=0.01)


def test_a_known_range_never_moves():
    point = Point()
    point.fix(-2.0, 127 / 64)
    point.mode = "follow"
    point.train()
    pixels = (torch.arange(256) - 128) / 64
    assert torch.equal(point(pixels), pixels)  # every pixel is a value of the grid
    assert float(point.high) == 127 / 64


def test_a_range_always_holds_zero():
    point = Point()
    point.set(1.0, 2.0)
    point.mode = "fixed"
    assert float(point.low) == 0.0
    assert float(point(torch.zeros(1))) == 0.0


def test_a_point_rounds_as_torch_does_in_any_type_and_stops_gradients_outside():
    low, high = -0.37, 1.9
    point, step = Point(), (high - low) / 255
    point.set(low, high)
    point.mode = "fixed"
    x = torch.linspace(-1, 3, 4001).requires_grad_()
    zero_point = round(-128 - low / step)
    found = point(x)
    expected = torch.fake_quantize_per_tensor_affine(x.detach(), step, zero_point, -128, 127)
    apart = (found.detach() - expected).abs()
    assert float(apart.max()) < 1.01 * step
    assert float((apart > 1e-6).float().mean()) < 0.002  # halfway between two values either may be taken
    found.sum().backward()
    inside, outside = (x > low + step) & (x < high - step), (x < low - step) | (x > high + step)
    assert x.grad[inside].unique().tolist() == [1.0]
    assert x.grad[outside].unique().tolist() == [0.0]
    brief = point(x.detach().bfloat16())
    assert brief.dtype == torch.bfloat16
    assert float((brief.float() - expected).abs().max()) < 2 * step  # bfloat16 itself is off by up to a step
    end = torch.tensor(
        9.534
    )  # bfloat16 rounds it up by most of a step, and no further value may come of that
    point.set(0.0, float(end))
    assert point(torch.linspace(0, 20, 4001).bfloat16()).max() == end.bfloat16()


def test_a_range_that_left_the_finite_numbers_shows_in_the_loss():
    point = Point()
    point.mode = "follow"
    point.train()
    assert point(torch.tensor([[1.0, float("nan")]])).isnan().all()
