import pytest

from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.place import Place, parse_place


def test_a_place_is_read_with_and_without_altitude():
    assert parse_place("46.5,8.0") == Place(46.5, 8.0)
    assert parse_place("-33,151.2,1200") == Place(-33, 151.2, 1200)
    assert parse_place(str(Place(46.5, 8.0, 1200))) == Place(46.5, 8.0, 1200)


@pytest.mark.parametrize(
    "text", ["", "46.5", "91,0", "0,181", "0,0,9000", "a,b", "1,2,3,4", "nan,0", "0,inf"]
)
def test_what_is_no_place_is_refused_and_says_what_was_expected(text):
    with pytest.raises(PhysicsError, match="LATITUDE,LONGITUDE"):
        parse_place(text)


def test_winter_is_in_june_in_the_south():
    assert parse_place("50,8").winter_month == 12
    assert parse_place("-33,151").winter_month == 6
