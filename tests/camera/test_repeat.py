"""The same picture again, to the last bit or under a clock: made streams in real files, and real cameras."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.frozen import PICTURES, scene_base, watch, write_made
from edge.camera.condition import STILL_PICTURES
from edge.camera.repeat import STILL_LUMA, Repeats, difference, sample_of
from edge.image import RgbImage

RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return dict(write_made(tmp_path_factory.mktemp("made"), {"scene": scene_base()}))


@pytest.mark.parametrize("coded", ["JPEG 40", "JPEG 70", "JPEG 92", "H.264"])
def test_a_picture_that_stands_still_under_a_clock_is_found_with_the_fifth(made, coded):
    name = f"scene, clock top left, {coded}"
    watched = watch(name, made[name])
    assert watched.pictures == PICTURES
    assert watched.frozen == list(range(STILL_PICTURES - 1, PICTURES))
    assert watched.identical == []  # they are scored
    assert max(watched.distances) < STILL_LUMA * 0.8


@pytest.mark.parametrize(
    ("folder", "pictures"),
    [
        ("data/wildfire/sequences/20190801_Caliente_om-w-mobo", 81),  # the nearest to the limit of all
        ("data/quiet/sequences/highway_fog_cn-20200201", 64),
    ],
)
def test_no_real_camera_is_called_frozen(shared_dir, folder, pictures):
    if not (shared_dir / folder).is_dir():
        pytest.skip(f"no {folder} in the folder of real data")
    watched = watch(folder, shared_dir / folder, 0.0)
    assert watched.pictures == pictures
    assert watched.frozen == watched.identical == []
    assert min(watched.distances) > STILL_LUMA * 1.5


def still(pixels, noise, size=(180, 320)):
    return np.clip(pixels + RNG.normal(0, noise, (*size, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("noise", "frozen"), [(0.4, True), (1.6, False)])
def test_a_still_night_is_told_from_a_frozen_one_by_the_noise_of_its_sensor(noise, frozen):
    night = np.full((180, 320, 3), 45.0)
    samples = [sample_of(RgbImage(still(night, noise))) for _ in range(STILL_PICTURES)]
    assert (max(difference(samples[0], one) for one in samples[1:]) <= STILL_LUMA) == frozen


def test_light_that_changes_slowly_adds_up():
    repeats, pixels = Repeats(), RNG.integers(60, 200, (180, 320, 3), np.uint8)
    brighter = RNG.random((180, 320, 1))
    minutes = (pixels + np.floor(step * 0.35 + brighter).astype(np.uint8) for step in range(12))
    stills = [repeats.see(RgbImage(minute)).still for minute in minutes]
    assert stills == [1, 2] * 6


def test_a_sky_that_is_white_does_not_hide_a_land_that_lives():
    repeats = Repeats()
    for _ in range(8):
        pixels = np.full((180, 320, 3), 255, np.uint8)
        pixels[126:] = RNG.integers(60, 120, (54, 320, 3))
        assert repeats.see(RgbImage(pixels)).still == 1


def test_a_larger_part_that_changes_is_no_clock():
    base = RNG.integers(60, 200, (180, 320, 3), np.uint8)
    for part, same in ((20, True), (40, False)):
        one, other = base.copy(), base.copy()
        other[:part] = 255 - other[:part]
        assert (difference(sample_of(RgbImage(one)), sample_of(RgbImage(other))) <= STILL_LUMA) == same


def test_pictures_of_other_sizes_are_others():
    repeats = Repeats()
    flat = np.full((480, 640, 3), 90, np.uint8)
    assert [repeats.see(RgbImage(pixels)).still for pixels in (flat, flat[:240], flat[:, :320], flat)] == [
        1,
        1,
        1,
        1,
    ]


def test_a_picture_is_the_same_only_to_the_last_bit():
    repeats, pixels = Repeats(), RNG.integers(0, 255, (96, 128, 3), np.uint8)
    changed = pixels.copy()
    changed[-1, -1, 2] ^= 1
    seen = [repeats.see(RgbImage(one)) for one in (pixels, pixels.copy(), changed, changed.copy())]
    assert [run.identical for run in seen] == [1, 2, 1, 2]
    assert [run.still for run in seen] == [1, 2, 3, 4]


def test_the_result_in_the_docs_is_of_this_limit_and_found_all_and_called_none():
    result = json.loads((Path(__file__).parents[2] / "docs/results/frozen.json").read_text())
    assert result["limit"] == STILL_LUMA
    assert (result["summary"]["made"], result["summary"]["found"]) == (20, 20)
    assert result["summary"]["called_frozen"] == []
    assert max(distance for one in result["made"] for distance in one["distances"]) < STILL_LUMA
    assert min(distance for one in result["real"] for distance in one["distances"]) > STILL_LUMA
