import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from edge.errors import MissingExtraError
from firmware_sim.physics.air import air_c
from firmware_sim.physics.panel import Panel, plane_w_m2
from firmware_sim.physics.place import Place
from firmware_sim.physics.sun import clear_sky
from firmware_sim.physics.weather import dim


def day(year, month, date, hours=24):
    return datetime(year, month, date, tzinfo=UTC).timestamp() + 3600.0 * np.arange(hours)


def test_the_sun_is_where_a_table_has_it():
    # 21 June at noon on the tropic: overhead. 21 December at 50° N: 90 − 50 − 23.4 above the horizon, in the south.
    summer = clear_sky(Place(23.44, 0.0), day(2026, 6, 21))
    assert summer.zenith_deg[12] == pytest.approx(0.5, abs=0.6)
    winter = clear_sky(Place(50.0, 0.0), day(2026, 12, 21))
    assert 90 - winter.zenith_deg[12] == pytest.approx(16.6, abs=0.3)
    assert winter.azimuth_deg[12] == pytest.approx(180, abs=1)


def test_a_clear_day_gives_light_while_the_sun_is_up_alone():
    sky = clear_sky(Place(50.0, 0.0), day(2026, 12, 21))
    assert not sky.global_w_m2[[0, 3, 21]].any()
    assert 100 < sky.global_w_m2[12] < 300 < sky.beam_w_m2[12] < 900
    assert np.isfinite(sky.global_w_m2).all()


def test_the_air_of_a_place_has_its_own_turbidity():
    moment = day(2026, 7, 1)[10:11]
    plain = clear_sky(Place(25.4, 81.8), moment)  # of the Ganges, in haze
    same = moment + (81.8 + 30.0) / 15 * 3600  # the same sun over the ocean
    ocean = clear_sky(Place(25.4, -30.0), same)
    assert ocean.zenith_deg[0] == pytest.approx(plain.zenith_deg[0], abs=1)
    assert ocean.beam_w_m2[0] > 1.1 * plain.beam_w_m2[0]


def test_a_panel_that_looks_at_the_winter_sun_gets_more_than_level_ground():
    sky = clear_sky(Place(50.0, 0.0), day(2026, 12, 21))
    light = dim(sky, np.zeros(24), np.ones(24))
    level, steep, north = (
        plane_w_m2(Panel(peak_w=1.0, tilt_deg=tilt, azimuth_deg=azimuth), sky, light).sum()
        for tilt, azimuth in ((0, 180), (65, 180), (65, 0))
    )
    assert level == pytest.approx(light.global_w_m2.sum(), rel=0.01)
    assert steep > 2 * level
    assert north < level


def test_without_the_extra_it_says_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "pvlib", None)
    with pytest.raises(MissingExtraError, match=r"firetower\[sim\]"):
        clear_sky(Place(50.0, 0.0), day(2026, 12, 21))


def test_air_is_colder_in_its_winter_at_night_and_high_up():
    def at(latitude, month, hour, altitude_m=0.0, cover=0.0):
        moment = np.array([datetime(2026, month, 20, hour, tzinfo=UTC).timestamp()])
        return float(air_c(Place(latitude, 0.0, altitude_m), moment, np.array([cover]), np.zeros(1))[0])

    assert at(50, 1, 12) < at(50, 7, 12)
    assert at(-35, 7, 12) < at(-35, 1, 12)
    assert at(50, 1, 3) < at(50, 1, 3, cover=1.0) < at(50, 1, 15)
    assert at(50, 1, 12, altitude_m=1000) == pytest.approx(at(50, 1, 12) - 6.5)
