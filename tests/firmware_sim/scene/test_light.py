"""The light is read off the picture itself."""

import cv2
import numpy as np

from firmware_sim.scene.light import masts, read_light, skyline
from tests.firmware_sim.scene.conftest import HEIGHT, WIDTH, drawn, far_line, near_line


def test_the_skyline_is_where_the_land_begins(picture):
    assert np.abs(skyline(picture) - far_line()).max() < 4


def test_a_nearer_ridge_is_found_below_it(picture):
    light = read_light(picture)
    apart = [float(np.abs(line - near_line()).mean()) for line in light.ridges[1:]]
    assert min(apart) < 3
    nearest = int(np.argmin(apart)) + 1
    assert np.median(light.steps[nearest]) > 30  # it is much darker than what lies behind it


def test_haze_has_the_colour_of_the_low_sky():
    blue, red = (read_light(drawn(sky=sky)) for sky in ((120.0, 150.0, 220.0), (220.0, 150.0, 120.0)))
    assert blue.airlight[2] > blue.airlight[0] + 30
    assert red.airlight[0] > red.airlight[2] + 30
    assert red.white[0] > red.white[2]


def test_white_is_darker_where_the_sky_is():
    day, dusk = read_light(drawn()), read_light((drawn() * 0.3).astype(np.uint8))
    assert dusk.white.mean() < 0.5 * day.white.mean()


def test_noise_and_visibility_are_those_of_the_picture(picture):
    light = read_light(picture)
    rng = np.random.default_rng(0)
    noisy = np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
    assert light.noise < 2
    assert read_light(noisy).noise > light.noise + 1.5
    veiled = (0.15 * picture + 0.85 * 170).astype(np.uint8)
    assert read_light(veiled).visibility_km < 0.6 * light.visibility_km


def test_a_dark_mast_stands_before_the_sky(picture):
    with_mast = picture.copy()
    cv2.line(with_mast, (200, 20), (200, 95), (30, 30, 30), 2)
    found = masts(with_mast, skyline(picture))
    assert found.shape == (HEIGHT, WIDTH)
    assert found[40:80, 199:202].max(1).min() > 0.7
    assert found[40:80, :180].max() < 0.1
