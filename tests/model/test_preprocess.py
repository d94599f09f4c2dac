import hashlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge.errors import FrameError
from edge.image import resize
from edge.model.manifest import Manifest, Normalisation, TensorSpec
from edge.model.preprocess import PADDING, Preprocess, input_table, place

IMAGENET = Normalisation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def manifest(**fields):
    known = {
        "schema": "1",
        "name": "m",
        "version": "1",
        "task": "classify",
        "kind": "logits",
        "labels": ("a",),
    }
    return Manifest(files={}, **known, **fields)


def tensor(size_px=(12, 16), dtype="int8", layout="NHWC", scale=1 / 255, zero_point=-128):
    shape = (1, *size_px, 3) if layout == "NHWC" else (1, 3, *size_px)
    grid = {} if dtype == "float32" else {"scale": scale, "zero_point": zero_point}
    return TensorSpec(name="x", role="frame", shape=shape, dtype=dtype, layout=layout, **grid)


def run(made, spec, pixels):
    out = np.full(spec.shape, 77, spec.dtype)
    Preprocess(made, spec)(pixels).write(out)
    return out


def reference(made, spec, pixels):
    """Return the tensor for a frame that already has the model's size, in float64."""
    real = pixels[..., ::-1] if made.colour_order == "BGR" else pixels
    real = (real.astype(np.float64) / 255 - made.normalisation.mean) / made.normalisation.std
    if spec.dtype != "float32":
        limit = np.iinfo(spec.dtype)
        real = np.clip(np.rint(real / spec.scale) + spec.zero_point, limit.min, limit.max)
    if spec.layout == "NCHW":
        real = real.transpose(2, 0, 1)
    return real[None].astype(spec.dtype)


def grids():
    return st.one_of(
        st.tuples(st.just("float32"), st.just(1.0), st.just(0)),
        st.tuples(st.just("int8"), st.floats(1e-4, 1), st.integers(-128, 127)),
        st.tuples(st.just("uint8"), st.floats(1e-4, 1), st.integers(0, 255)),
        st.sampled_from(
            [("int8", 1 / 255, -128), ("uint8", 1 / 255, 0), ("int8", float(np.float32(1 / 255)), -128)]
        ),
    )


@given(
    pixels=hnp.arrays(np.uint8, (6, 8, 3)),
    grid=grids(),
    layout=st.sampled_from(["NHWC", "NCHW"]),
    order=st.sampled_from(["RGB", "BGR"]),
    normalisation=st.sampled_from(
        [Normalisation(), IMAGENET, Normalisation(mean=(0.5,) * 3, std=(0.5,) * 3)]
    ),
)
def test_values_are_those_of_float64(pixels, grid, layout, order, normalisation):
    dtype, scale, zero_point = grid
    made = manifest(colour_order=order, normalisation=normalisation)
    spec = tensor((6, 8), dtype, layout, scale, zero_point)
    before = pixels.copy()
    assert np.array_equal(run(made, spec, pixels), reference(made, spec, pixels))
    assert np.array_equal(pixels, before)


def test_the_sign_bit_is_all_that_changes_for_the_usual_int8_input():
    pixels = np.arange(12 * 16 * 3, dtype=np.uint8).reshape(12, 16, 3)
    assert np.array_equal(run(manifest(), tensor(), pixels)[0].view(np.uint8), pixels ^ 0x80)


def test_fast_paths_are_taken_only_where_they_are_exact():
    def path(**fields):
        made = Preprocess(manifest(normalisation=fields.pop("norm", Normalisation())), tensor(**fields))
        return "xor" if made._flipped else "copy" if made._same else "table"

    assert path() == "xor"
    assert path(scale=float(np.float32(1 / 255))) == "xor"
    assert path(dtype="uint8", zero_point=0) == "copy"
    assert path(scale=1 / 127.5, zero_point=-128) == "table"
    assert path(scale=1 / 250) == "table"
    assert path(zero_point=-127) == "table"
    assert path(norm=IMAGENET) == "table"
    assert path(dtype="float32") == "table"


def test_halves_round_to_even():
    # real / scale is 0.5, 1.5, 2.5, … for odd pixels
    table = input_table(manifest(), tensor(dtype="uint8", scale=2 / 255, zero_point=0))
    assert table[[1, 3, 5, 7], 0].tolist() == [0, 2, 2, 4]


def resized_pass(source: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Bilinear with pixel centres at halves and borders repeated, in float64."""
    for axis, goal in enumerate(size_px):
        length = source.shape[axis]
        at = (np.arange(goal) + 0.5) * length / goal - 0.5
        low = np.floor(at).astype(int)
        part = (at - low).reshape([-1 if a == axis else 1 for a in range(3)])
        first, second = (np.take(source, np.clip(i, 0, length - 1), axis) for i in (low, low + 1))
        source = first * (1 - part) + second * part
    return source


@settings(deadline=None)
@given(
    source=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    goal=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 9),
)
def test_resizing_stays_close_to_float64(source, goal, seed):
    """A pass rounds its weights to 1/256 (half a step at most in each direction) and its result (half a step)."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*source, 3), np.uint8)
    real, size, passes = pixels.astype(np.float64), list(source), 0
    while tuple(size) != goal:
        size = [side // 2 if side >= 2 * end else end for side, end in zip(size, goal, strict=True)]
        real, passes = resized_pass(real, tuple(size)), passes + 1
    assert np.abs(resize(pixels, goal) - real).max() <= 1.5 * passes


def test_halving_is_the_mean_of_four():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    mean = pixels.reshape(4, 2, 6, 2, 3).astype(np.float64).mean((1, 3))
    assert np.abs(resize(pixels, (4, 6)) - mean).max() <= 0.5


def test_only_the_mode_that_is_the_same_everywhere_is_used(monkeypatch):
    modes = []
    real = cv2.resize

    def spy(*args, **kwargs):
        modes.append(kwargs["interpolation"])
        return real(*args, **kwargs)

    monkeypatch.setattr(cv2, "resize", spy)
    for size in ((480, 640), (5, 7), (1080, 1920)):
        run(manifest(), tensor(), np.zeros((*size, 3), np.uint8))
    assert set(modes) == {cv2.INTER_LINEAR_EXACT}


def test_a_stored_picture_gives_stored_bytes():
    """The same on every machine: x86-64 and arm64, any OpenCV."""
    rows, cols = np.mgrid[:37, :53]
    pixels = np.stack([rows * 7 + cols, rows * cols, rows ^ cols], -1).astype(np.uint8)
    out = run(manifest(), tensor((12, 16)), pixels)
    stored = "6ad0e2eb612309bbddf5ec8195bc63781763536b6168730b7be5e3c1e258cb29"
    assert hashlib.sha256(out.tobytes()).hexdigest() == stored


@pytest.mark.parametrize("source", [(1, 5000), (5000, 1), (1, 1), (480, 640), (1080, 1920), (3, 40000)])
@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_any_shape_fits(source, fit):
    pixels = np.full((*source, 3), 200, np.uint8)
    prepared = Preprocess(manifest(fit=fit), spec := tensor(dtype="uint8", zero_point=0))(pixels)
    out = np.zeros(spec.shape, np.uint8)
    prepared.write(out)
    y0, x0, y1, x1 = prepared.placement.content_px
    assert (out[0, y0:y1, x0:x1] == 200).all()
    outside = np.ones((12, 16), bool)
    outside[y0:y1, x0:x1] = False
    assert (out[0][outside] == PADDING).all()
    assert fit == "letterbox" or not outside.any()


def test_padding_is_renewed_when_frames_of_another_shape_come():
    preprocess = Preprocess(manifest(), spec := tensor(dtype="uint8", zero_point=0))
    for shape in ((100, 10, 3), (10, 100, 3), (100, 10, 3), (12, 16, 3)):
        out = np.zeros(spec.shape, np.uint8)
        prepared = preprocess(np.full(shape, 9, np.uint8))
        prepared.write(out)
        y0, x0, y1, x1 = prepared.placement.content_px
        assert (out == 9).sum() == 3 * (y1 - y0) * (x1 - x0)
        assert (out == PADDING).sum() == out.size - 3 * (y1 - y0) * (x1 - x0)


sides = st.integers(1, 3000)


@given(st.tuples(sides, sides), st.tuples(st.integers(1, 700), st.integers(1, 700)))
def test_a_letterboxed_frame_lies_inside_and_keeps_its_shape(source, size):
    y0, x0, y1, x1 = place(source, size, letterbox=True).content_px
    assert 0 <= y0 < y1 <= size[0]
    assert 0 <= x0 < x1 <= size[1]
    assert (y1 - y0, x1 - x0)[0] == size[0] or x1 - x0 == size[1]
    scale = min(size[0] / source[0], size[1] / source[1])
    assert abs((y1 - y0) - max(1, source[0] * scale)) <= 0.5 + 1e-9
    assert abs((x1 - x0) - max(1, source[1] * scale)) <= 0.5 + 1e-9
    assert abs(y0 - (size[0] - y1)) <= 1
    assert abs(x0 - (size[1] - x1)) <= 1


@given(st.tuples(sides, sides), st.booleans(), st.floats(0, 1), st.floats(0, 1))
def test_points_map_there_and_back(source, letterbox, right, down):
    placement = place(source, (48, 64), letterbox=letterbox)
    x, y = right * source[1], down * source[0]
    assert placement.to_source(*placement.to_input(x, y)) == pytest.approx((x, y), abs=1e-6 * max(source))


def test_cells_map_to_pixels_of_the_frame():
    placement = place((1080, 1920), (480, 640), letterbox=True)
    assert placement.content_px == (60, 0, 420, 640)
    assert placement.cell_box((5, 10, 6, 12), 16) == (480, 60, 576, 108)
    assert placement.cell_box((0, 0, 30, 40), 16) == (0, 0, 1920, 1080)
    inside = placement.inside((30, 40), 16)
    assert np.flatnonzero(inside.any(1)).tolist() == list(range(4, 26))
    assert inside.any(0).all()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
    ],
)
def test_what_is_no_frame_is_refused(pixels):
    with pytest.raises(FrameError, match="a frame must be"):
        Preprocess(manifest(), tensor())(pixels)


@pytest.mark.parametrize("buffer", [np.zeros((1, 12, 16, 3), np.uint8), np.zeros((12, 16, 3), np.int8)])
def test_a_buffer_of_another_shape_or_dtype_is_refused(buffer):
    prepared = Preprocess(manifest(), tensor())(np.zeros((12, 16, 3), np.uint8))
    with pytest.raises(FrameError, match="expected"):
        prepared.write(buffer)


def test_a_frame_that_is_a_view_works():
    big = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    view = big[::2, ::2]
    spec = tensor(dtype="uint8", zero_point=0)
    assert np.array_equal(run(manifest(), spec, view)[0], view)
