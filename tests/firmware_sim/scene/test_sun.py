"""The sun of a landscape stands where the almanac's stands."""

import pytest

from firmware_sim.scene.sun import sidereal_deg, sun_over
from scoring.sun import elevation_deg

NOON_S = 1_782_043_200.0  # 2026-06-21 12:00 UTC


@pytest.mark.parametrize("place", [(46.5, 8.0), (-33.9, 151.2), (69.6, 18.9)])
def test_its_height_is_that_of_the_scorer(place):
    sun_at = sun_over(*place)
    for hour in range(0, 24 * 200, 97):
        epoch_s = NOON_S + 3600 * hour
        assert sun_at(epoch_s).elevation_deg == pytest.approx(elevation_deg(epoch_s, *place), abs=0.01)


def test_it_goes_from_east_over_south_to_west_in_the_north_and_over_north_in_the_south():
    sun_at = sun_over(46.5, 0.0)
    assert sun_at(NOON_S - 6 * 3600).azimuth_deg == pytest.approx(77, abs=5)
    assert sun_at(NOON_S).azimuth_deg == pytest.approx(180, abs=2)
    assert sun_at(NOON_S + 6 * 3600).azimuth_deg == pytest.approx(283, abs=5)
    assert sun_at(NOON_S).elevation_deg == pytest.approx(90 - 46.5 + 23.4, abs=0.1)
    away = (sun_over(-33.9, 0.0)(NOON_S).azimuth_deg + 180) % 360
    assert away == pytest.approx(180, abs=2)


def test_the_stars_turn_once_in_a_sidereal_day():
    day_s = 86164.09
    assert sidereal_deg(NOON_S + day_s, 8.0) == pytest.approx(sidereal_deg(NOON_S, 8.0), abs=0.01)
