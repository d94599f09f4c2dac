"""Pictures that are made of integers: the same on every machine, and worth scoring."""

import hashlib

import msgspec
import numpy as np
import pytest

from edge.errors import ManifestError
from edge.model.pattern import BYTES_MAX, Pattern, check, draw

SMALL = Pattern(kind="hills-1", seed=7, frames=6, size_px=(60, 96))


def other(**fields):
    return msgspec.structs.replace(SMALL, **fields)


@pytest.mark.parametrize(
    ("pattern", "sha256"),
    [
        (SMALL, "a5ed234fb12cf239b6a4d79742eeaeca27bed32efb227ea5129ff18ecdf088db"),
        (
            other(seed=(1 << 32) - 1, size_px=(4, 4)),
            "95c05be1bb7e0428ea992da8ea2925ea30b82e5a2d9d533759711ad53023ed0b",
        ),
        (
            other(frames=1, size_px=(9, 4096)),
            "3001ba9e6206ebbdefc7fca69f26d462810a71bbbc15b048b8563aad2a6f46ba",
        ),
        (
            other(seed=1, size_px=(600, 960)),
            "d2c9867489671f98dff6d2046719680d7c738c18e3920abc3ba723f7b6e1ab8e",
        ),
    ],
)
def test_the_pixels_are_these_for_ever(pattern, sha256):
    """Stored scores of every bundle stand on them: who wants other pictures gives them another kind."""
    frames = draw(pattern)
    assert frames.shape == (pattern.frames, *pattern.size_px, 3)
    assert frames.dtype == np.uint8
    assert hashlib.sha256(frames.tobytes()).hexdigest() == sha256


@pytest.mark.parametrize("change", [{"seed": 8}, {"size_px": (60, 95)}, {"frames": 7}])
def test_another_pattern_is_another_picture(change):
    assert not np.array_equal(draw(other(**change))[-1, :50, :90], draw(SMALL)[-1, :50, :90])


def test_plumes_grow_over_a_scene_that_stands_still():
    frames = draw(SMALL).astype(int)
    changed = [int((np.abs(frame - frames[0]).max(axis=-1) > 20).sum()) for frame in frames]
    assert changed[:2] == [0, 0]  # noise and light alone
    assert 0 < changed[2] < changed[3] < changed[4] < changed[5] < 60 * 96 // 3


def test_colours_and_tones_are_many():
    """Channels that are swapped, and tables that are wrong at one end, are to be seen."""
    frames = draw(SMALL).reshape(-1, 3).astype(int)
    assert np.ptp(frames, axis=0).min() > 200
    for one, two in ((0, 1), (1, 2), (0, 2)):
        apart = frames[:, one] - frames[:, two]
        assert apart.min() < -50 < 50 < apart.max()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": -1}, "seed: expected 0 to 4294967295, got -1"),
        ({"seed": 1 << 32}, "seed"),
        ({"frames": 0}, "frames: expected 1 to 1000 frames, got 0"),
        ({"frames": 1001, "size_px": (4, 4)}, "frames"),
        ({"size_px": (3, 96)}, "size_px: expected 4 to 4096 px a side, got 3 × 96"),
        ({"size_px": (60, 4097)}, "size_px"),
        ({"frames": 16, "size_px": (1000, 1001)}, f"more than {BYTES_MAX} bytes"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, said):
    with pytest.raises(ManifestError, match=rf"manifest\.selftest.*{said}"):
        check(other(**change))
    check(other(frames=16, size_px=(1000, 1000)))
