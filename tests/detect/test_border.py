"""The border between sky and land: on the built-in scene, and where there is none."""

import cv2
import numpy as np
import pytest

from edge.camera.scene import Scene
from edge.camera.view import HEIGHT, View
from edge.detect.border import COLUMNS, ROWS, find
from edge.image import RgbImage

CREST, RELIEF = 205 / HEIGHT, 26 / HEIGHT  # of the scene's far ridge


def small(pixels):
    luma = RgbImage(pixels).luma(1)
    return cv2.resize(luma, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)


def plain(sky=170, land=80, at=25, noise=3):
    """A sky over land that is rough, both noisy."""
    rng = np.random.default_rng(1)
    picture = rng.normal(0, noise, (ROWS, COLUMNS)) + sky
    picture[at:] += rng.normal(0, 12, (ROWS - at, COLUMNS)) + land - sky
    return picture.clip(0, 255).astype(np.float32)


@pytest.mark.parametrize("seed", range(1, 7))
def test_the_ridge_of_the_scene_is_found(seed):
    view = View(Scene(seed=seed, kind="quiet"))
    line = find(np.mean([small(view.render(index)) for index in range(10)], axis=0, dtype=np.float32))
    assert line is not None
    assert line.shape == (COLUMNS,)
    assert line.dtype == np.float32
    known = line[~np.isnan(line)]
    assert len(known) > 0.6 * COLUMNS
    assert np.abs(known - CREST).max() < RELIEF + 2 / ROWS


def test_a_plain_border_is_where_it_is():
    assert np.nanmax(np.abs(find(plain()) * ROWS - 25)) <= 1


def test_a_mast_before_the_sky_is_not_sure_and_the_rest_is():
    picture = plain()
    picture[5:, 40:46] = 60
    line = find(picture)
    assert np.isnan(line[41:45]).all()
    assert np.nanmax(np.abs(line * ROWS - 25)) <= 2


@pytest.mark.parametrize(
    "picture",
    [
        np.full((ROWS, COLUMNS), 160, np.float32),  # fog
        plain(sky=150, land=146),  # haze that hides the land
        plain(sky=60, land=110),  # night and infrared: the land is the bright part
        plain(at=0),  # no sky
        plain(at=ROWS),  # nothing else
        plain(noise=25),  # foliage
        np.random.default_rng(2).normal(120, 40, (ROWS, COLUMNS)).astype(np.float32),
        np.tile(np.repeat([180, 60], COLUMNS // 2), (ROWS, 1)).astype(np.float32),  # a wall and a door
    ],
)
def test_where_it_is_not_sure_there_is_none(picture):
    assert find(picture) is None


def test_a_border_of_half_the_columns_is_none():
    picture = plain()
    picture[:, :45] = 160
    assert find(picture) is None


def test_columns_far_from_the_rest_are_not_sure():
    picture = plain()
    picture[5:, :20] = plain(at=0)[5:, :20]
    line = find(picture)
    assert np.isnan(line[:16]).all()
    assert not np.isnan(line[30:]).any()


def test_a_house_before_the_sky_is_not_sure():
    picture = plain()
    picture[17:25, 40:45] = plain(at=0)[17:25, 40:45]
    line = find(picture)
    assert np.isnan(line[41:44]).all()
    assert not np.isnan(line[50:]).any()


def test_land_that_is_brighter_than_the_sky_is_none():
    assert find(plain()) is not None
    picture = plain(land=60)
    picture[32:] += 170
    assert find(picture.clip(0, 255)) is None
