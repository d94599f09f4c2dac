"""The synthetic view: what it says, what it shows."""

import numpy as np
import pytest

from edge.camera.plume import value_noise
from edge.camera.scene import Scene, SceneSource, parse_scene
from edge.camera.view import HEIGHT, WIDTH, View
from edge.errors import CameraError
from tests.camera.conftest import session


@pytest.mark.parametrize(
    ("uri", "scene"),
    [
        ("scene:", Scene()),
        ("scene:plume", Scene()),
        ("scene:quiet?seed=7", Scene("quiet", 7)),
        ("scene:plume?frames=30&ignition=10&seed=2", Scene("plume", 2, 30, 10)),
    ],
)
def test_addresses(uri, scene):
    assert parse_scene(uri) == scene


@pytest.mark.parametrize(
    "uri", ["scene:fire", "scene:?sed=1", "scene:?seed=-1", "scene:?frames=0", "scene:?seed="]
)
def test_wrong_addresses(uri):
    with pytest.raises(CameraError, match="scene:"):
        parse_scene(uri)


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_the_plume_begins_at_the_ignition_grows_and_is_the_only_difference(seed):
    smoke, quiet = View(Scene("plume", seed)), View(Scene("quiet", seed))
    areas = []
    for index in (12, 20, 25, 30, 59):
        difference = np.abs(smoke.render(index).astype(int) - quiet.render(index)).max(axis=2)
        rows, cols = np.nonzero(difference > 12)
        areas.append(len(rows))
        if index == 30:
            assert 45 <= np.ptp(cols) <= 120
            assert 35 <= np.ptp(rows) <= 90
        if index == 59:
            assert 100 <= np.ptp(cols) <= 220
            assert 80 <= np.ptp(rows) <= 170
    assert areas[:2] == [0, 0]
    assert areas == sorted(areas)


def test_every_picture_says_that_it_is_synthetic():
    pixels = View(Scene("quiet")).render(0)
    corner = pixels[HEIGHT - 24 : HEIGHT - 4, 4:150].astype(int)
    yellow = (corner[..., 0] > 200) & (corner[..., 2] < 160)
    assert yellow.sum() > 150


def test_frames_differ_by_noise_and_seeds_by_hills():
    source = SceneSource(Scene(frames=3), session())
    one, two = source.read().to_rgb(), source.read().to_rgb()
    assert not np.array_equal(one, two)
    assert one.shape == (HEIGHT, WIDTH, 3)
    assert 70 < one.mean() < 180
    other = View(Scene(seed=9)).render(0).astype(int)
    assert np.abs(one.astype(int) - other).mean() > np.abs(one.astype(int) - two).mean()


def test_value_noise_goes_round_without_a_seam():
    noise = value_noise(np.random.default_rng(3), (64, 64), (16, 16), octaves=2)
    inside = np.abs(np.diff(noise, axis=1)).max()
    assert np.abs(noise[:, 0] - noise[:, -1]).max() <= inside * 1.5
    assert noise.min() == 0
    assert noise.max() == 1
