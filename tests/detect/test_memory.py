"""What a cell reached about the same hour: bounded, decaying, never of today, small on disk, and its own bundle's."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect.memory import DAYS, SLOT_S, Memory
from edge.detect.memory_file import BYTES_MOST, SLOTS
from edge.model.memory import MemoryRule

DAY_S = 86_400
NOON_S = 20_000 * DAY_S + 43_200.0
RULE = MemoryRule()
GRID = (6, 8)
CELL = (2, 3)


def made(grid=GRID, rule=RULE):
    return Memory(grid, rule, "digest")


def score(excess, cells=(CELL,), grid=GRID):
    """Return a frame in which some cells are so far above `open`, and the others below `keep`."""
    plane = np.full(grid, -np.inf, np.float32)
    for cell in cells:
        plane[cell] = excess
    return plane


def quiet(memory, wall_s):
    """Let the slots of a time be over."""
    memory.learn(wall_s + 2 * SLOT_S, score(0, ()))


def test_yesterday_raises_the_threshold_above_what_was_reached_about_the_same_hour():
    memory = made()
    memory.learn(NOON_S, score(1.0))
    quiet(memory, NOON_S)
    for minutes in (-29, 0, 29, 59):
        lift = memory.lift(NOON_S + DAY_S + 60 * minutes)
        assert 1.0 + RULE.margin <= lift[CELL] <= 1.02 + RULE.margin
        assert np.count_nonzero(lift) == 1
    for hours in (-1, 1.5, 6):
        assert not memory.lift(NOON_S + DAY_S + 3600 * hours).any()


def test_today_teaches_nothing_to_itself():
    memory = made()
    for minute in range(120):
        assert not memory.lift(NOON_S + 60 * minute).any()
        memory.learn(NOON_S + 60 * minute, score(2.0))
    assert not memory.lift(NOON_S + 60 * 120).any()


def test_midnight_is_an_hour_as_any_other():
    midnight_s = 20_001 * DAY_S
    memory = made()
    memory.learn(midnight_s - 60, score(1.0))
    memory.learn(midnight_s + 60, score(1.0))
    assert not memory.lift(midnight_s + 60).any()
    quiet(memory, midnight_s)
    assert not memory.lift(midnight_s + 120 * 60).any()
    for second in (-60, 60):
        assert memory.lift(midnight_s + DAY_S + second)[CELL] >= 1.25


@given(st.floats(-10, 50), st.floats(0.1, 3.0), st.integers(1, 9))
def test_the_rise_is_bounded_whatever_was_reached(excess, most, days):
    memory = made(rule=MemoryRule(rise=most, margin=min(0.1, most)))
    memory.learn(NOON_S, score(excess))
    quiet(memory, NOON_S)
    assert 0 <= memory.lift(NOON_S + days * DAY_S).max() <= most * (1 + 1e-6)


def test_the_rise_halves_in_two_days_and_is_gone_within_eight():
    memory = made()
    memory.learn(NOON_S, score(2.0))
    quiet(memory, NOON_S)
    rises = [float(memory.lift(NOON_S + day * DAY_S)[CELL]) for day in range(1, 10)]
    assert rises[2] == pytest.approx(rises[0] / 2, rel=1e-3)
    assert rises[4] == pytest.approx(rises[0] / 4, rel=1e-3)
    assert all(later < earlier for earlier, later in itertools.pairwise(rises[:DAYS]))
    assert rises[DAYS:] == [0, 0]
    assert memory.reach((2, 3, 3, 4), NOON_S + 7 * DAY_S) is not None
    assert memory.reach((2, 3, 3, 4), NOON_S + 8 * DAY_S) is None


def test_what_was_higher_before_stays_until_it_has_decayed():
    memory = made()
    memory.learn(NOON_S, score(2.5))
    quiet(memory, NOON_S)
    memory.learn(NOON_S + DAY_S, score(0.0))
    quiet(memory, NOON_S + DAY_S)
    assert memory.lift(NOON_S + 2 * DAY_S)[CELL] > 1.9  # of 2.75, a day older
    memory.learn(NOON_S + 6 * DAY_S, score(0.5))
    quiet(memory, NOON_S + 6 * DAY_S)
    assert memory.lift(NOON_S + 7 * DAY_S)[CELL] == pytest.approx(0.75, abs=0.02)


def test_reach_is_the_hull_of_what_hangs_together_a_cell_wider():
    memory = made()
    memory.learn(NOON_S, score(-0.4, [(2, 3), (3, 4)]))
    memory.learn(NOON_S + SLOT_S, score(-0.4, [(3, 5), (0, 0)]))
    quiet(memory, NOON_S + SLOT_S)
    tomorrow_s = NOON_S + DAY_S
    assert memory.reach((2, 3, 3, 4), tomorrow_s) == (1, 2, 5, 7)
    assert memory.reach((0, 0, 1, 1), tomorrow_s) == (-1, -1, 2, 2)
    assert memory.reach((5, 7, 6, 8), tomorrow_s) is None
    assert memory.lift(tomorrow_s)[CELL] == 0  # it did not come near to `open`


def test_how_long_something_lasted_is_of_the_cells_and_the_hour():
    memory = made()
    memory.learn(NOON_S, score(0.1), [((2, 3, 3, 4), 540.0)])
    memory.learn(NOON_S + 60, score(0.1), [((2, 3, 3, 4), 601.0)])
    quiet(memory, NOON_S)
    assert memory.lasted_s((0, 0, 3, 4), NOON_S + DAY_S) == 660
    assert memory.lasted_s((4, 4, 5, 5), NOON_S + DAY_S) == 0
    assert memory.lasted_s((2, 3, 3, 4), NOON_S + DAY_S + 7200) == 0
    assert memory.lasted_s((2, 3, 3, 4), NOON_S + 8 * DAY_S) == 0


def test_nothing_is_learned_in_and_around_what_is_spared():
    memory = made()
    memory.learn(NOON_S, score(2.0, [(2, 3), (4, 6)]), [((2, 3, 5, 7), 600.0)], [(1, 2, 2, 3)])
    quiet(memory, NOON_S)
    lift = memory.lift(NOON_S + DAY_S)
    assert lift[2, 3] == 0 < lift[4, 6]


def test_what_is_struck_is_forgotten_of_its_time_and_place_alone():
    memory = made()
    for day in range(3):
        memory.learn(NOON_S + day * DAY_S, score(2.0, [(2, 3), (5, 7)]), [((2, 3, 3, 4), 600.0)])
        quiet(memory, NOON_S + day * DAY_S)
    memory.strike((2, 3, 3, 4), NOON_S + 2 * DAY_S, NOON_S + 2 * DAY_S + 60)
    lift = memory.lift(NOON_S + 3 * DAY_S)
    assert lift[2, 3] == 0 < lift[5, 7]
    assert memory.lasted_s((2, 3, 3, 4), NOON_S + 3 * DAY_S) == 0
    memory.learn(NOON_S + 3 * DAY_S, score(2.0))
    memory.strike((2, 3, 3, 4), NOON_S + 3 * DAY_S, NOON_S + 3 * DAY_S)
    quiet(memory, NOON_S + 3 * DAY_S)
    assert memory.lift(NOON_S + 4 * DAY_S)[2, 3] == 0


def test_a_clock_that_goes_back_teaches_nothing_and_one_far_back_starts_anew():
    memory = made()
    memory.learn(NOON_S, score(2.0))
    quiet(memory, NOON_S)
    memory.learn(NOON_S - 7200, score(2.0))
    assert not memory.lift(NOON_S + DAY_S - 7200).any()
    assert memory.lift(NOON_S + DAY_S).any()
    memory.learn(NOON_S - 2 * DAY_S, score(0, ()))
    assert not memory.lift(NOON_S + DAY_S).any()


def test_a_new_view_starts_anew():
    memory = made()
    memory.learn(NOON_S, score(2.0))
    quiet(memory, NOON_S)
    memory.restart()
    assert not memory.lift(NOON_S + DAY_S).any()
    assert memory.newest_s is None


def test_it_comes_back_from_bytes_as_it_was():
    memory = made()
    for day in range(4):
        memory.learn(NOON_S + day * DAY_S, score(0.5 * day, [(2, day)]), [((2, day, 3, day + 1), 60.0 * day)])
        quiet(memory, NOON_S + day * DAY_S)
    assert memory.is_news()
    again = Memory.decode(memory.encode(), GRID, RULE, "digest")
    assert not memory.is_news()
    for day in range(4, 12):
        when_s = NOON_S + day * DAY_S
        np.testing.assert_array_equal(again.lift(when_s), memory.lift(when_s))
        assert again.reach((2, 0, 3, 4), when_s) == memory.reach((2, 0, 3, 4), when_s)
        assert again.lasted_s((2, 0, 3, 4), when_s) == memory.lasted_s((2, 0, 3, 4), when_s)


def test_the_last_bytes_hold_what_today_taught():
    memory = made()
    memory.learn(NOON_S, score(1.0))
    assert not memory.is_news()
    assert memory.is_news(last=True)
    again = Memory.decode(memory.encode(last=True), GRID, RULE, "digest")
    assert not again.lift(NOON_S).any()
    assert again.lift(NOON_S + DAY_S)[CELL] >= 1.25


@pytest.mark.parametrize("grid", [(30, 40), (60, 80), (35, 35), (1, 5000)])
def test_no_memory_is_larger_than_200_kb(grid):
    random = np.random.default_rng(0)
    memory = made(grid)
    for day in range(DAYS):
        for slot in range(SLOTS):
            when_s = (20_000 + day) * DAY_S + slot * SLOT_S
            where = random.random(grid) < 0.5
            excess = np.where(where, random.normal(0.5, 1.5, grid), -np.inf).astype(np.float32)
            runs = [((row, 0, row + 1, grid[1]), float(random.integers(1, 15_000))) for row in range(grid[0])]
            memory.learn(when_s, excess, runs)
    data = memory.encode(last=True)
    assert 10_000 < len(data) <= BYTES_MOST == 200_000
    assert Memory.decode(data, grid, RULE, "digest").lift(20_007 * DAY_S + 60).shape == grid


@pytest.mark.parametrize(
    ("grid", "rule", "bundle"),
    [((6, 9), RULE, "digest"), (GRID, MemoryRule(rise=2.0), "digest"), (GRID, RULE, "another")],
)
def test_a_memory_of_something_else_is_refused(grid, rule, bundle):
    with pytest.raises(ValueError, match="of another bundle or rule"):
        Memory.decode(made().encode(), grid, rule, bundle)


@given(st.data())
def test_a_damaged_one_is_refused_or_says_the_same(data):
    memory = made()
    memory.learn(NOON_S, score(1.0))
    whole = memory.encode(last=True)
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.booleans())
    broken = whole[:at] if cut else whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]
    said = ""
    try:  # deflate writes some things in several ways: a bit of how it was written may change nothing
        read = Memory.decode(broken, GRID, RULE, "digest")
    except ValueError as error:
        said = str(error)
    if said:
        assert "damaged" in said or "another" in said
    else:
        assert not cut
        assert read.encode(last=True) == whole
