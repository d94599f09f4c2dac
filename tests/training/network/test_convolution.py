import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.network.convolution import SMALL_PX, Conv2d
from training.network.memory import laid_out


@given(
    side=st.integers(1, 9),
    kernel=st.sampled_from([1, 3]),
    stride=st.sampled_from([1, 2]),
    channels=st.tuples(st.integers(4, 9), st.integers(1, 9)),
    images=st.integers(1, 3),
)
def test_a_product_is_the_convolution_with_its_gradients(side, kernel, stride, channels, images):
    torch.manual_seed(0)
    into, out = channels
    conv = laid_out(Conv2d(into, out, kernel, stride, bias=True).double(), torch.channels_last)
    x = torch.randn(images, channels[0], side, side, dtype=torch.float64).to(
        memory_format=torch.channels_last
    )
    results = []
    for training in (True, False):  # in evaluation mode it is torch's own
        conv.train(training)
        given_x = x.clone().requires_grad_()
        y = conv(given_x)
        conv.zero_grad()
        y.backward(torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y))
        results.append((y.detach(), given_x.grad, conv.weight.grad.clone(), conv.bias.grad.clone()))
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize(("side", "product"), [(SMALL_PX, True), (SMALL_PX + 1, False)])
def test_only_small_maps_are_multiplied(side, product):
    y = Conv2d(8, 8, 3)(torch.randn(1, 8, side, side, requires_grad=True))
    assert ("Product" in type(y.grad_fn).__name__) == product


def test_autocast_computes_in_bf16():
    with torch.autocast("cpu", torch.bfloat16):
        assert Conv2d(8, 8, 3)(torch.randn(1, 8, 4, 4)).dtype == torch.bfloat16
