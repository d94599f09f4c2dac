"""Labels of conditions come from the sun, from colour and from the weather that was laid."""

import msgspec
import numpy as np
import pytest

from firmware_sim.scene.fire import CONDITIONS
from scoring.truth import TruthFrame, TruthSequence
from tests.firmware_sim.scene.conftest import drawn
from tests.training.smoke.pool.made import NOON
from training.smoke.pool.condition import Condition, laid, numbers, real

DAY = Condition(True, *[False] * 5)
FADED = np.asarray(0.04 * drawn() + 0.96 * drawn().mean(2, keepdims=True), np.uint8)
GREY = np.repeat(drawn().mean(2, keepdims=True).astype(np.uint8), 3, axis=2)


def seen(picture, camera="hpwren:a", epoch=NOON, real_epoch=None):
    frame = TruthFrame("a.jpg", "no_smoke", epoch, None, (), real_epoch)
    return real(TruthSequence("a", camera, "f", "g", 320, 240, (frame,)), frame, picture)


def test_a_coloured_picture_by_day_is_clear():
    assert seen(drawn()) == DAY


def test_the_sun_tells_the_night_by_the_real_time():
    night = seen(drawn(), real_epoch=NOON + 12 * 3600)
    assert night == Condition(False, None, False, True, False, None)
    assert seen(drawn(), real_epoch=NOON + int(9.25 * 3600)).night is None  # dusk
    assert seen(drawn(), real_epoch=NOON + 8 * 3600).low_sun is None
    assert seen(drawn(), camera="nobody").night is None


def test_grey_is_fog_on_the_camera_that_is_known_for_it_alone():
    fog = seen(FADED, "highway_fog_cn", 1_580_530_000)
    assert (fog.fog, fog.clear, fog.infrared) == (True, False, False)
    assert seen(FADED).fog is False
    assert seen(GREY).infrared is None
    assert seen(drawn(), "highway_fog_cn", 1_580_530_000).fog is False


def test_a_mean_change_makes_weather_sure_or_unknown():
    before = np.full((240, 320, 3), 90, np.uint8)
    steps = {name: laid(DAY, "fog", before, before + by) for name, by in (("no", 1), ("may", 5), ("yes", 9))}
    assert steps["no"] == DAY
    assert (steps["may"].fog, steps["may"].clear) == (None, None)
    assert (steps["yes"].fog, steps["yes"].clear) == (True, False)


@pytest.mark.parametrize("weather", CONDITIONS)
def test_each_weather_says_what_it_shows(weather):
    picture = drawn()
    after = GREY // 3 if "infrared" in weather else np.asarray(picture * 0.6, np.uint8)
    label = laid(DAY, weather, picture, after)
    expected = {
        "fog": {"fog"}, "glare": {"low_sun"}, "rain": {"dirty"}, "dirt": {"dirty"}, "infrared": {"infrared"},
        "night": {"night"}, "headlights": {"night"}, "lit_night": {"night"}, "infrared_night": {"night", "infrared"},
    }  # fmt: skip
    true = {name for name, value in msgspec.structs.asdict(label).items() if value}
    assert true == expected.get(weather, {"clear"})


def test_real_fog_stays_fog_at_a_rendered_night():
    fog = Condition(False, True, None, False, False, None)
    assert laid(fog, "night", drawn(), drawn() // 4) == Condition(False, True, False, True, False, None)


def test_labels_as_numbers_keep_what_is_unknown():
    rows = numbers([DAY, Condition()])
    assert rows[0].tolist() == [1, 0, 0, 0, 0, 0]
    assert np.isnan(rows[1]).all()
