"""A simulated clock, and threads that take turns on it."""

import threading
from functools import partial

import pytest

from firmware_sim.tower.clock import NS, SimClock
from firmware_sim.tower.errors import SeatError

NEVER = threading.Event()


def test_it_goes_on_only_when_it_is_moved_and_never_back() -> None:
    clock = SimClock(1000.0)
    assert (clock.now_s(), clock.mono_ns()) == (1000.0, 0)
    clock.move_to(1010 * NS)
    clock.move_to(1005 * NS)
    assert (clock.now_s(), clock.mono_ns()) == (1010.0, 10 * NS)


def test_a_boot_begins_monotonic_time_anew() -> None:
    clock = SimClock(1000.0)
    clock.move_to(1500 * NS)
    clock.boot(30.0)
    assert clock.mono_ns() == 30 * NS
    assert clock.at_ns(40 * NS) == 1510 * NS
    assert clock.wall_ns() == 1500 * NS


def test_who_waits_without_a_seat_moves_it() -> None:
    clock = SimClock(0.0)
    assert not clock.wait(NEVER, 2.5)
    assert clock.now_s() == 2.5
    told = threading.Event()
    told.set()
    assert clock.wait(told, 2.5)
    assert clock.now_s() == 2.5


def test_one_runs_at_a_time_in_the_order_of_turns() -> None:
    clock, order = SimClock(0.0), []

    def sleeper(name: str, seconds: float) -> None:
        for _ in range(3):
            order.append((name, clock.now_s()))
            clock.wait(NEVER, seconds)

    seats = [clock.seat(name, partial(sleeper, name, s)) for name, s in (("a", 2), ("b", 3))]
    while due := [seat for seat in seats if seat.due_ns is not None]:
        first = min(due, key=lambda seat: (seat.due_ns, seat.name))
        clock.move_to(first.due_ns)
        first.turn()
    assert order == [("a", 0), ("b", 0), ("a", 2), ("b", 3), ("a", 4), ("b", 6)]
    seats[0].turn()  # it has ended


def test_who_is_woken_looks_before_its_time() -> None:
    clock, seen = SimClock(0.0), []

    def body() -> None:
        clock.wait(NEVER, 100.0)
        seen.append(clock.now_s())

    seat = clock.seat("a", body)
    seat.turn()
    assert seat.due_ns == 100 * NS
    clock.move_to(7 * NS)
    seat.wake()
    assert seat.due_ns == 7 * NS
    seat.turn()
    assert seen == [7.0]
    seat.wake()
    assert seat.due_ns is None


def test_one_that_dies_says_so_where_its_turn_was_given() -> None:
    def body() -> None:
        raise ValueError("broken")

    seat = SimClock(0.0).seat("north", body)
    with pytest.raises(SeatError, match=r"north: ValueError\('broken'\)"):
        seat.turn()
    seat.turn()
