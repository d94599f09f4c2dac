"""Compositing, haze, what hides smoke, and the rule by which a cell counts as smoke."""

import numpy as np
import pytest

from firmware_sim.scene.compose import (
    ALPHA_MIN,
    Place,
    behind,
    cell_alpha,
    lay_smoke,
    smoke_cells,
    transmission,
)
from firmware_sim.scene.light import Light
from firmware_sim.scene.plume import Smoke

LINE = np.full(64, 40.0, np.float32)
LIGHT = Light(
    (LINE,), (LINE,), np.array((200, 190, 180), np.float32), np.array((240, 230, 220), np.float32), 0.0, 45.0
)


def square(alpha, shade=0.5):
    return Smoke(-20, -10, np.full((20, 20, 3), alpha, np.float32), np.full((20, 20, 3), shade, np.float32))


def laid(smoke, distance_km=9.0, hidden=None, light=LIGHT, base_px=(40, 32)):
    pixels = np.full((64, 64, 3), 100, np.float32)
    hidden = np.zeros((64, 64), np.float32) if hidden is None else hidden
    coverage = lay_smoke(pixels, smoke, Place(base_px, distance_km, hidden), light, np.random.default_rng(0))
    return pixels, coverage


def test_a_pixel_is_what_the_formula_says():
    pixels, coverage = laid(square(0.25))
    t = np.exp(-3.912 * 9 / 45)
    want = 0.75 * 100 + 0.25 * (t * 0.5 * LIGHT.white + (1 - t) * LIGHT.airlight)
    assert pixels[30, 30] == pytest.approx(want, rel=1e-5)
    assert coverage[30, 30] == pytest.approx(0.25)
    assert (pixels[:20] == 100).all()
    assert (pixels[40:] == 100).all()
    assert (coverage > 0).sum() == 400


def test_haze_dims_with_distance():
    away = [np.abs(laid(square(1.0), d)[0][30, 30] - LIGHT.airlight).max() for d in (0.0, 5.0, 20.0, 80.0)]
    assert away == sorted(away, reverse=True)
    assert away[-1] < 1
    assert transmission(0, 45) == 1


def test_the_sky_lights_it():
    dark = Light(LIGHT.ridges, LIGHT.steps, LIGHT.airlight / 10, LIGHT.white / 10, 0.0, 45.0)
    assert laid(square(1.0), light=dark)[0][30, 30].max() < 0.12 * laid(square(1.0))[0][30, 30].max()


def test_a_ridge_and_a_mast_hide_it():
    mast = np.zeros((64, 64), np.float32)
    mast[:, 30] = 1
    pixels, coverage = laid(square(0.9), hidden=behind(np.full(64, 32.0, np.float32), 64, mast))
    assert (coverage[33:] == 0).all()
    assert (pixels[33:] == 100).all()
    assert (pixels[:, 30] == 100).all()
    assert coverage[25, 25] == pytest.approx(0.9)


@pytest.mark.parametrize("base", [(5, 5), (70, 60), (40, -30), (-50, 32)])
def test_smoke_over_the_edge_is_cut_off(base):
    pixels, coverage = laid(square(0.9), base_px=base)
    assert np.isfinite(pixels).all()
    assert ((coverage > 0) == (np.abs(pixels - 100).max(2) > 0)).all()


def test_noise_of_the_sensor_is_made_anew_within():
    noisy = Light(LIGHT.ridges, LIGHT.steps, LIGHT.airlight, LIGHT.white, 4.0, 45.0)
    pixels, _ = laid(square(1.0), light=noisy)
    assert 3 < pixels[22:38, 24:40, 0].std() < 5


def cells_of(height, width, *parts):
    alpha = np.zeros((height, width), np.float32)
    for y0, y1, x0, x1, value in parts:
        alpha[y0:y1, x0:x1] = value
    return alpha


def test_a_cell_counts_from_a_sixteenth_of_its_pixels():
    alpha = cells_of(
        480, 640, (160, 176, 160, 176, 0.5), (160, 164, 176, 180, 0.5), (160, 163, 192, 197, 0.5)
    )
    cells = smoke_cells(alpha)
    assert cells.shape == (30, 40)
    assert np.argwhere(cells).tolist() == [[10, 10], [10, 11]]  # all, 16 and 15 of 256 pixels
    mean, shown = cell_alpha(alpha)
    assert mean[10, 10] == pytest.approx(0.5)
    assert shown[10, 12] == pytest.approx(15 / 256)


def test_a_plume_of_one_pixel_has_one_cell():
    assert np.argwhere(smoke_cells(cells_of(480, 640, (100, 101, 330, 331, 0.3)))).tolist() == [[6, 20]]


def test_what_nobody_sees_is_no_cell():
    assert not smoke_cells(cells_of(480, 640, (100, 200, 100, 200, ALPHA_MIN * 0.9))).any()


def test_pictures_of_other_shapes_lie_as_the_daemon_fits_them():
    # 640×320 stands between padding of 80 rows; 320×240 is enlarged twofold
    assert np.argwhere(smoke_cells(cells_of(320, 640, (0, 16, 0, 16, 1)))).tolist() == [[5, 0]]
    assert np.argwhere(smoke_cells(cells_of(240, 320, (8, 16, 8, 16, 1)))).tolist() == [[1, 1]]
