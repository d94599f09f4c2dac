import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge.model.manifest import Manifest, Normalisation, TensorSpec
from edge.model.preprocess import input_table
from training.distill import view
from training.distill.images import Scale

SCALE = Scale(zero=128, unit=64)


@given(st.booleans(), st.integers(-4, 4), st.integers(-4, 4))
def test_a_view_is_a_shift_with_reflected_borders_then_a_flip(flipped, down, right):
    pixels = torch.randint(
        0, 256, (1, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    padded = np.pad(pixels[0].numpy(), ((0, 0), (4, 4), (4, 4)), mode="reflect")
    expected = padded[:, 4 + down : 36 + down, 4 + right : 36 + right]
    if flipped:
        expected = expected[:, :, ::-1]
    got = view.apply(pixels, torch.tensor([flipped]), torch.tensor([[down, right]]))
    assert np.array_equal(got[0].numpy(), expected)


def test_flips_alternate_and_a_pool_grows_at_its_end():
    small, large = view.pool(100, 2, 4, seed=3), view.pool(100, 5, 4, seed=3)
    assert torch.equal(large.shift[:2], small.shift)
    assert torch.equal(large.flipped[0], ~large.flipped[1])
    assert torch.equal(large.flipped[0], large.flipped[2])
    assert 30 < int(large.flipped[0].sum()) < 70
    assert int(large.shift.abs().max()) == 4


def test_cutout_greys_one_square_an_image():
    pixels = torch.zeros(200, 3, 32, 32, dtype=torch.uint8)
    cut = view.cutout(pixels, 8, 77, torch.Generator().manual_seed(0)) == 77
    areas = cut[:, 0].sum(dim=(1, 2))
    assert int(areas.max()) == 64
    assert int(areas.min()) >= 16  # a centre in the corner keeps a quarter
    assert torch.equal(cut[:, 0], cut[:, 2])
    assert view.cutout(pixels, 0, 77, torch.Generator()) is pixels


def test_what_training_sees_is_what_the_device_feeds():
    """The manifest's normalisation, and INT8 with scale 1/64 and zero point 0, are the same numbers."""
    pixel = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    real = view.normalise(pixel, SCALE)
    manifest = Manifest(
        schema="1.0",
        name="x",
        version="1",
        task="classify",
        kind="logits",
        labels=("a",),
        files={},
        normalisation=Normalisation(mean=(128 / 255,) * 3, std=(64 / 255,) * 3),
    )
    spec = TensorSpec(
        name="f", role="frame", shape=(1, 32, 32, 3), dtype="int8", layout="NHWC", scale=1 / 64, zero_point=0
    )
    stored = input_table(manifest, spec)[:, 0]
    assert np.array_equal(stored.astype(np.float32) / 64, real[0, 0].flatten().numpy())
    assert np.array_equal(stored.view(np.uint8), np.arange(256, dtype=np.uint8) ^ 0x80)


def test_smaller_images_keep_their_mean():
    pixels = torch.full((2, 3, 32, 32), 192, dtype=torch.uint8)
    small = view.normalise(pixels, SCALE, 24)
    assert small.shape == (2, 3, 24, 24)
    assert torch.allclose(small, torch.ones_like(small))
