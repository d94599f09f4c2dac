"""Bearings: where a box of the picture is on the compass, and the wedge on the map that goes with it."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect.bearing import WEDGE_M, Bearing, View, bearing, wedge

EXACT = View(heading_deg=214.0, fov_deg=60.0, error_deg=0.0)
fractions = st.floats(0, 1)


def rectilinear_deg(view: View, x: float) -> float:
    """Where a column is if straight lines stay straight, worked out on the picture's plane."""
    plane = (x - 0.5) / 0.5  # half the picture is tan(fov / 2) wide at the distance of 1
    return math.degrees(
        math.atan2(plane * math.sin(math.radians(view.fov_deg / 2)), math.cos(math.radians(view.fov_deg / 2)))
    )


def test_the_middle_is_the_heading_and_the_edges_are_half_the_view_away() -> None:
    assert bearing(EXACT, 0.5, 0.5) == Bearing(214.0, 0.0)
    left, right = bearing(EXACT, 0.0, 0.0), bearing(EXACT, 1.0, 1.0)
    assert (left.degrees, right.degrees) == pytest.approx((184.0, 244.0))
    assert (left.error_deg, right.error_deg) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert bearing(EXACT, 0.0, 1.0) == Bearing(pytest.approx(214.0), pytest.approx(30.0))


def test_north_is_zero_and_nothing_is_360() -> None:
    assert bearing(View(350.0, 60.0), 1.0, 1.0).degrees == pytest.approx(20.0)
    assert bearing(View(10.0, 60.0), 0.0, 0.0).degrees == pytest.approx(340.0)
    assert bearing(View(0.0, 60.0), 0.5, 0.5).degrees == 0.0


@given(fractions, fractions, st.floats(0, 359.9), st.floats(1, 170), st.floats(0, 90))
def test_what_is_there_is_within_the_error_whatever_the_lens(
    one: float, other: float, heading: float, fov: float, error: float
) -> None:
    view = View(heading, fov, error)
    left, right = sorted((one, other))
    found = bearing(view, left, right)
    assert 0 <= found.degrees < 360
    for x in (left, right, (left + right) / 2):
        for offset in (rectilinear_deg(view, x), (x - 0.5) * fov):
            for wrong in (-error, error):
                apart = (heading + wrong + offset - found.degrees + 180) % 360 - 180
                assert abs(apart) <= found.error_deg + 1e-6


def test_the_error_of_a_point_is_that_of_the_lens_and_the_heading() -> None:
    straight, round_ = rectilinear_deg(EXACT, 0.8), 0.3 * 60
    found = bearing(View(214.0, 60.0, 2.0), 0.8, 0.8)
    assert found.error_deg == pytest.approx(2.0 + abs(straight - round_) / 2)
    assert 2.4 < found.error_deg < 2.6
    assert bearing(View(214.0, 120.0, 2.0), 0.8, 0.8).error_deg > 5  # a wide lens says less


places = st.tuples(st.floats(-75, 75), st.floats(-179, 179))
bearings = st.builds(Bearing, st.floats(0, 359.9), st.floats(0.1, 170))


@given(places, bearings)
def test_a_wedge_is_a_ring_that_begins_at_the_tower_and_turns_to_the_left(
    place: tuple[float, float], seen: Bearing
) -> None:
    latitude, longitude = place
    ring = wedge(seen, latitude, longitude)
    assert ring[0] == ring[-1] == (round(longitude, 5), round(latitude, 5))
    flat = [((x - longitude) * math.cos(math.radians(latitude)), y - latitude) for x, y in ring]
    turn = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(flat))
    assert turn > 0
    steps = [(b - a) for (a, _), (b, _) in pairwise(ring)]
    assert all(abs(step) < 90 for step in steps)  # nothing leaps over the date line


@given(places, bearings)
def test_its_corners_lie_at_the_error_and_at_its_length(place: tuple[float, float], seen: Bearing) -> None:
    latitude, longitude = place
    ring = wedge(seen, latitude, longitude)
    for corner, offset in ((ring[1], seen.error_deg), (ring[-2], -seen.error_deg)):
        length_m, degrees = inverse(latitude, longitude, corner)
        assert length_m == pytest.approx(WEDGE_M, abs=5)
        assert abs((degrees - seen.degrees - offset + 180) % 360 - 180) < 0.02


def inverse(latitude: float, longitude: float, corner: tuple[float, float]) -> tuple[float, float]:
    """The distance in metres and the bearing from a place to a corner, by vectors on a sphere of the same size."""
    north, east = math.radians(latitude), math.radians(longitude)
    up = (math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north))
    to_east = (-math.sin(east), math.cos(east), 0.0)
    to_north = (-math.sin(north) * math.cos(east), -math.sin(north) * math.sin(east), math.cos(north))
    y, x = math.radians(corner[1]), math.radians(corner[0])
    there = (math.cos(y) * math.cos(x), math.cos(y) * math.sin(x), math.sin(y))
    e, n, u = (sum(a * b for a, b in zip(there, axis, strict=True)) for axis in (to_east, to_north, up))
    return math.atan2(math.hypot(e, n), u) * 6_371_008.8, math.degrees(math.atan2(e, n))
