"""Dark and frozen pictures."""

import numpy as np
import pytest

from edge.camera.condition import ConditionJudge

RNG = np.random.default_rng(0)


def noisy(mean: float, shape=(480, 640, 3)) -> np.ndarray:
    return np.clip(RNG.normal(mean, 4, shape), 0, 255).astype(np.uint8)


def test_the_third_same_picture_is_frozen_until_it_changes():
    judge = ConditionJudge()
    still, moving = noisy(120), noisy(120)
    seen = [judge.judge(pixels) for pixels in (still, still, still, still, moving, still, still, moving)]
    assert seen == ["ok", "ok", "frozen", "frozen", "ok", "ok", "ok", "ok"]


def test_dark_is_said_before_frozen_and_ends_with_the_light():
    judge = ConditionJudge()
    night = noisy(8)
    assert [judge.judge(night) for _ in range(4)] == ["dark"] * 4
    assert judge.judge(noisy(60)) == "ok"


def test_luma_weighs_green_most():
    for channel, expected in ((0, "dark"), (1, "ok"), (2, "dark")):
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[..., channel] = 60
        assert ConditionJudge().judge(pixels) == expected


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 9, 3), (480, 640, 3)])
def test_any_size(shape):
    assert ConditionJudge().judge(noisy(100, shape)) == "ok"


def test_a_change_of_size_is_a_change():
    judge = ConditionJudge()
    flat = np.full((480, 640, 3), 90, np.uint8)
    assert [judge.judge(pixels) for pixels in (flat, flat, flat[:240], flat)] == ["ok"] * 4
