import datetime as dt

import pytest

from scoring.sun import elevation_deg


def at(text):
    return dt.datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("when", "place", "height"),
    [
        ("2000-03-20T12:07:26+00:00", (0.0, 0.0), 90.0),  # equinox, at the equator, at apparent noon
        ("2024-06-20T12:01:50+00:00", (51.4779, 0.0), 90 - 51.4779 + 23.44),  # solstice over Greenwich
        ("2024-12-21T12:00:00+00:00", (90.0, 0.0), -23.44),  # the pole's night
    ],
)
def test_the_sun_stands_where_it_must(when, place, height):
    assert elevation_deg(at(when), *place) == pytest.approx(height, abs=0.15)


def test_it_sets():
    noon, midnight = at("2023-06-18T20:00:00+00:00"), at("2023-06-18T07:40:00+00:00")
    assert elevation_deg(noon, 36.1, -115.1) > 70
    assert elevation_deg(midnight, 36.1, -115.1) < -20
