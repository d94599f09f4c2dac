"""A planted fire: its truth is exact, its contrast is what was asked for, and nothing else differs."""

from dataclasses import replace

import numpy as np
import pytest

from firmware_sim.scene.compose import smoke_cells
from firmware_sim.scene.cut import CutFire, Texture
from firmware_sim.scene.errors import SceneError
from firmware_sim.scene.fire import CONDITIONS, GREY_LEVELS, fire
from firmware_sim.scene.layer import Pictures
from firmware_sim.scene.planted import Planting, planted
from tests.firmware_sim.scene.conftest import near_line


def open_fire(seed=5, condition="clear", **other):
    return replace(fire(seed, "made", condition, contrast="strong"), hidden=False, **other)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_smoke_is_where_the_truth_says_and_nowhere_else(condition, pictures):
    whole = planted(pictures, open_fire(condition=condition, full_px=60.0))
    first = whole.first_frame
    assert pictures.times_s[first - 1] <= whole.ignition_s < pictures.times_s[first]
    assert not whole.cells[:first].any()
    assert not any(whole.boxes[:first])
    assert whole.cells[first + 2 :].any(axis=(1, 2)).all()
    for index in range(len(pictures.pixels)):
        a, b = whole.pictures.pixels[index], whole.without.pixels[index]
        if index < first:
            assert np.array_equal(a, b)
            assert whole.contrasts[index] is None
    last = np.abs(a.astype(int) - b).max(2)
    x0, y0, x1, y1 = whole.boxes[-1]
    assert last[y0:y1, x0:x1].max() > 8
    outside = last.copy()
    outside[max(0, y0 - 30) : y1 + 30, max(0, x0 - 30) : x1 + 30] = 0
    assert (outside > 12).mean() < 0.001  # glass and air spread a little light


def test_masks_are_the_rule_over_the_coverage(pictures):
    planting = Planting(pictures, open_fire())
    whole = planted(pictures, open_fire())
    frame = planting.frame(10)
    assert np.array_equal(whole.cells[10], smoke_cells(frame.alpha))
    assert np.array_equal(whole.pictures.pixels[10], frame.picture)  # any frame alone, in any order
    shown = frame.alpha >= 0.08
    change = np.abs(frame.picture.astype(int) - frame.without).max(2)
    assert (change[frame.alpha == 0] == 0).all()
    assert frame.contrast == pytest.approx(
        np.abs((frame.picture.astype(float) - frame.without) @ (0.299, 0.587, 0.114))[shown].mean(), rel=1e-3
    )


@pytest.mark.parametrize("contrast", GREY_LEVELS)
@pytest.mark.parametrize("seed", [2, 3])
def test_the_contrast_asked_for_is_reached_where_it_can_be(contrast, seed, pictures):
    asked = replace(
        open_fire(seed), contrast=contrast, colour="white", haze=0.05, first_px=20.0, full_px=40.0
    )
    planting = Planting(pictures, asked, base_px=(200.0, 160.0))  # white smoke before dark land
    assert planting.aimed == pytest.approx(GREY_LEVELS[contrast], rel=0.15)
    shown = planting.frame(11).contrast  # where smoke shows at all it is 8% of the way to white
    assert shown >= 0.6 * planting.aimed
    assert shown < 60


def test_what_cannot_be_reached_is_said(pictures):
    grey = Pictures([np.full((240, 320, 3), 150, np.uint8)] * 12, pictures.times_s)
    asked = replace(open_fire(), colour="white", haze=0.28)
    assert Planting(grey, asked).aimed < GREY_LEVELS["strong"]


@pytest.mark.parametrize("seed", range(5))
def test_small_fires_are_below_twenty_pixels_at_first(seed, pictures):
    small = replace(fire(seed, "made", "clear", contrast="strong", small=True), hidden=False)
    planting = Planting(pictures, small)
    x0, y0, x1, y1 = planting.frame(planting.first_frame).box
    assert max(x1 - x0, y1 - y0) < 20
    slow = Planting(Pictures(pictures.pixels, tuple(600.0 * i for i in range(12))), small)
    x0, y0, x1, y1 = slow.frame(slow.first_frame).box
    assert max(x1 - x0, y1 - y0) < 20  # at any cadence


def test_a_plume_behind_a_ridge_rises_from_it(pictures):
    for seed in range(2):
        hidden = replace(fire(seed, "made", "clear", contrast="strong"), hidden=True, first_px=30.0)
        planting = Planting(pictures, hidden)
        alpha = planting.frame(11).alpha
        row, column = (int(v) for v in planting.where.base_px)
        rows = np.nonzero(alpha[:, max(0, column - 3) : column + 4] > 0.05)[0]
        assert rows.size
        assert rows.max() <= row + 2
        assert alpha[int(near_line().max()) + 30 :].max() == 0


def test_a_mask_that_is_given_hides(pictures):
    mask = np.zeros(pictures.size_px, np.float32)
    mask[:, :160] = 1
    frame = Planting(pictures, open_fire(), hidden=mask, base_px=(140.0, 160.0)).frame(11)
    assert frame.alpha[:, :160].max() == 0
    assert frame.alpha[:, 160:].max() > 0.1
    with pytest.raises(SceneError, match=r"a mask of \(3, 3\); expected \(240, 320\)"):
        Planting(pictures, open_fire(), hidden=np.zeros((3, 3), np.float32))


def test_the_truth_turns_with_the_camera(pictures):
    calm, turned = (planted(pictures, open_fire(condition=c, severity=0.8)) for c in ("clear", "turn"))
    assert np.array_equal(calm.cells[calm.first_frame], turned.cells[turned.first_frame])
    assert abs(calm.boxes[-1][0] - turned.boxes[-1][0]) > 10


def test_a_cut_fire_is_planted_and_must_be_given(pictures):
    alpha = np.zeros((24, 24), np.float32)
    alpha[4:20, 8:16] = 0.8
    texture = Texture(0.0, 100, 100, alpha, np.full((24, 24, 3), 0.9, np.float32))
    cut = CutFire("x", "g99", "00", (texture,))
    asked = replace(open_fire(), cut="x")
    frame = Planting(pictures, asked, cuts={"x": cut}).frame(11)
    assert frame.box is not None
    with pytest.raises(SceneError, match="cut from 'x', which was not given"):
        Planting(pictures, asked)


def test_a_sequence_that_ends_at_ignition_is_refused(pictures):
    with pytest.raises(SceneError, match="no frame lies after ignition"):
        Planting(Pictures(pictures.pixels[:1], (0.0,)), open_fire())
