"""Flipped bits: what is measured, and on a small clip that hardly any damage is scored."""

import math

import numpy as np
import pytest

from benchmarks.bitflips import Clip, encode, flip, good, measure, packet_places, play, ratio_db, summary
from tests.test_replay import bright_model

SMALL = Clip("libx264", keyframe_s=1, seconds=16, size_px=(120, 160))


@pytest.fixture(scope="module")
def control(tmp_path_factory):
    path = tmp_path_factory.mktemp("flips") / "control.mp4"
    encode(SMALL, path)
    return path


def test_one_bit_of_each_second_is_flipped_and_a_seed_flips_the_same_again(control):
    data, places = control.read_bytes(), packet_places(control)
    damaged = flip(data, places, 1)
    differing = [at for at in range(len(data)) if data[at] != damaged[at]]
    assert all((data[at] ^ damaged[at]).bit_count() == 1 for at in differing)
    hit = [
        sum(offset <= at < offset + length for at in differing for offset, length in second)
        for second in places
    ]
    assert hit == [1] * len(places)
    assert len(differing) == len(places) >= SMALL.seconds
    assert flip(data, places, 1) == damaged != flip(data, places, 2)


def test_an_untouched_clip_has_no_damage(control):
    seen = []
    assert play(control, bright_model(), 0.0, seen.append) == {"scored": 80, "corrupt": 0, "opened": 0}
    assert len({frame.model_ns for frame in seen}) == len(seen) == 80


def test_hardly_any_damage_is_scored():
    lines = []
    record = measure(SMALL, bright_model(), 5, lines.append)
    assert len(lines) == 5
    assert good(record)
    for figures in record["summary"].values():
        assert figures["scored"] > 0
        assert figures["corrupt"] > 20


def test_a_ratio_says_how_far_two_pictures_are_apart():
    grey = np.full((8, 8), 100, np.uint8)
    assert ratio_db(grey, grey) == math.inf
    assert ratio_db(grey, grey[:4]) == 0
    assert math.isclose(ratio_db(grey, grey + 10), 28.13, abs_tol=0.01)


def test_what_is_good():
    def record(*ratios_db: float, opened: int = 0, scored: int = 200) -> dict:
        run = {
            "seed": 0,
            "mode": "all",
            "scored": scored,
            "corrupt": 0,
            "differing_db": ratios_db,
            "opened": opened,
        }
        return {"summary": {"all": summary([run], "all", 1)}}

    assert good(record(30.0, 40.0, 29.9, opened=1))
    assert not good(record(29.9, 29.9))
    assert not good(record(opened=2))
    assert not good(record(scored=0))
    assert math.isclose(record(20.0)["summary"]["all"]["share"], 0.005)
