"""Who makes way, with connections that are none."""

import logging
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.place import Places, count_places


class Clock:
    now_ns = 0

    def mono_ns(self):
        return self.now_ns


class Visitor:
    def __init__(self, since_ns=0, *, loopback=False):
        self.since_ns = since_ns
        self.loopback = loopback
        self.trusted = False
        self.is_late = False
        self.silent = True
        self.was_cut = False

    def late(self, _now_ns):
        return self.is_late

    def cut(self):
        self.was_cut = True


def enter(places, count, *, since_ns=0, loopback=False, trusted=False):
    visitors = [Visitor(since_ns + number, loopback=loopback) for number in range(count)]
    for visitor in visitors:
        places.enter(visitor)
        if trusted:
            places.trust(visitor)
    return visitors


def staying(visitors):
    return sum(not visitor.was_cut for visitor in visitors)


@pytest.fixture
def places():
    return Places(Clock(), 64)


def test_nobody_makes_way_while_there_is_room(places):
    assert staying(enter(places, 64)) == 64
    assert (places.open, places.made_way) == (64, 0)


def test_the_one_that_has_been_idle_longest_makes_way(places):
    visitors = enter(places, 64, since_ns=100)
    visitors[40].since_ns = 1
    enter(places, 1, since_ns=1000)
    assert [visitor for visitor in visitors if visitor.was_cut] == [visitors[40]]
    assert (places.open, places.made_way) == (64, 1)


def test_the_token_has_places_of_its_own(places):
    (shown,) = enter(places, 1, trusted=True)
    strangers = enter(places, 2000, since_ns=1)
    assert not shown.was_cut
    assert staying(strangers) == 63


def test_among_many_with_the_token_the_one_idle_longest_makes_way(places):
    shown = enter(places, 40, trusted=True)
    assert [visitor.was_cut for visitor in shown] == [True] * 8 + [False] * 32
    stranger = enter(places, 40, since_ns=1000)
    assert staying(stranger) == 32
    assert staying(shown) == 32


def test_who_shows_the_token_last_stays_though_it_came_first(places):
    old, *_ = enter(places, 1)
    shown = enter(places, 32, since_ns=10, trusted=True)
    places.trust(old)
    assert not old.was_cut
    assert shown[0].was_cut


def test_this_machine_has_places_of_its_own(places):
    local = enter(places, 16, loopback=True)
    strangers = enter(places, 2000, since_ns=1000)
    assert staying(local) == 16
    assert staying(strangers) == 48


def test_beyond_its_own_places_this_machine_makes_way_as_others_do(places):
    local = enter(places, 60, loopback=True)
    strangers = enter(places, 2000, since_ns=1000)
    assert staying(local) == 16
    assert staying(strangers) == 48


def test_a_crowd_on_this_machine_leaves_room_for_others(places):
    strangers = enter(places, 1, since_ns=10_000)
    local = enter(places, 2000, loopback=True)
    assert staying(local) == 63
    assert staying(strangers) == 1


def test_who_had_to_make_way_is_not_trusted_any_more(places):
    first, *_ = enter(places, 65)
    places.trust(first)
    assert not first.trusted


def test_who_leaves_frees_its_place(places):
    visitors = enter(places, 64)
    places.leave(visitors[3])
    places.leave(visitors[3])
    enter(places, 1)
    assert staying(visitors) == 64


def test_who_takes_too_long_is_ended_and_counted(places):
    visitors = enter(places, 3)
    visitors[1].is_late = True
    places.tend()
    assert [visitor.was_cut for visitor in visitors] == [False, True, False]
    assert (places.open, places.late, places.made_way) == (2, 1, 0)


def test_those_that_are_silent_can_be_ended_alone(places):
    visitors = enter(places, 3)
    visitors[1].silent = False
    places.cut_silent()
    assert [visitor.was_cut for visitor in visitors] == [True, False, True]
    assert places.open == 1


def test_the_log_tells_of_a_crowd_once_each_time(places, caplog):
    with caplog.at_level(logging.WARNING):
        enter(places, 1000)
        places.tend()
        places.tend()
    assert caplog.messages == ["the web server's 64 places are taken: those without the token make way"]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 9)), max_size=200))
def test_there_are_never_more_than_places_and_the_newest_always_has_one(arrivals):
    places = Places(Clock(), 8)
    for number, (loopback, trusted, ago) in enumerate(arrivals):
        visitor = Visitor(number * 10 - ago, loopback=loopback)
        places.enter(visitor)
        if trusted:
            places.trust(visitor)
        assert places.open <= 8
        assert not visitor.was_cut


@pytest.mark.parametrize(
    ("descriptors", "places"),
    [(1024, 64), (192, 64), (191, 63), (150, 22), (130, 8), (20, 8), (resource.RLIM_INFINITY, 64)],
)
def test_the_rest_keeps_128_descriptors(monkeypatch, descriptors, places):
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (descriptors, descriptors))
    assert count_places() == places
