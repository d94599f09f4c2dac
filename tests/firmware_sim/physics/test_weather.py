from datetime import UTC, datetime

import numpy as np
import pytest

from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.sun import Sky
from firmware_sim.physics.weather import CLIMATES, cloud_factor, dim, draw, of_days

START_S = datetime(2026, 11, 10, tzinfo=UTC).timestamp()


def test_the_same_seed_gives_the_same_days_however_many_are_asked_for():
    short, long, other = (
        draw("november", 5, START_S, 7),
        draw("november", 5, START_S, 30),
        draw("november", 6, START_S, 7),
    )
    for name in ("cover", "thickness", "warmth_c", "falling"):
        assert np.array_equal(getattr(short, name), getattr(long, name)[: 7 * 24])
    assert not np.array_equal(short.cover, other.cover)


def test_climates_differ_as_their_names_say():
    mean = {name: draw(name, 1, START_S, 200).cover.mean() for name in CLIMATES}
    assert mean["clear"] < 0.1 < 0.5 < mean["broken"] < 0.7 < mean["november"] < 0.9 < mean["overcast"]


def test_every_value_is_a_share():
    weather = draw("november", 3, START_S, 300)
    for series in (weather.cover, weather.thickness):
        assert 0 <= series.min() <= series.max() <= 1


def test_stated_days_are_as_stated():
    weather = of_days((0.2, 1.0), START_S)
    cover, thickness, warmth_c, falling = weather.at(
        START_S + np.array([0.0, 40_000.0, 100_000.0, 172_800.0])
    )
    assert cover == pytest.approx([0.2, 0.2, 1.0, 1.0])
    assert thickness == pytest.approx(1)
    assert not warmth_c.any()
    assert not falling.any()


@pytest.mark.parametrize("moment_s", [-1.0, 2 * 86_400 + 1.0])
def test_outside_its_days_there_is_no_weather(moment_s):
    with pytest.raises(PhysicsError, match="2 days of it"):
        of_days((0.2, 1.0), START_S).at(np.array([START_S + moment_s]))


def test_what_is_no_weather_is_refused():
    with pytest.raises(PhysicsError, match="there are clear"):
        draw("storm", 1, START_S, 1)
    for covers in ((), (1.1,), (float("nan"),)):
        with pytest.raises(PhysicsError, match="covers"):
            of_days(covers, START_S)


def test_clouds_take_light_and_the_sun_itself_first():
    assert cloud_factor(np.array([0.0, 1.0]), np.ones(2)) == pytest.approx([1.0, 0.25])
    assert cloud_factor(np.ones(1), np.array([0.5])) == pytest.approx([0.125])
    sky = Sky(np.zeros(3), np.full(3, 60.0), np.full(3, 180.0), np.full(3, 400.0), np.full(3, 700.0))
    light = dim(sky, np.array([0.0, 0.6, 1.0]), np.ones(3))
    assert light.beam_w_m2 == pytest.approx([700, 280, 0])
    assert light.diffuse_w_m2 + 0.5 * light.beam_w_m2 == pytest.approx(light.global_w_m2)
    assert light.global_w_m2[2] == pytest.approx(100)
