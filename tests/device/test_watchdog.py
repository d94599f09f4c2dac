import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.device.watchdog import Heartbeats, Watchdog, timeout_s
from edge.errors import StallError

SECOND = 1_000_000_000


class FakeClock:
    now_ns = 100 * SECOND

    def mono_ns(self):
        return self.now_ns

    def wall_ns(self):
        return 0

    def wait(self, signal: threading.Event, timeout_s: float):
        raise AssertionError


def make(timeout_s=20.0, limit_s=30):
    clock, sent = FakeClock(), []
    heartbeats = Heartbeats(clock)

    def notify(message):
        sent.append((clock.now_ns // SECOND - 100, message))
        return True

    return clock, heartbeats, sent, Watchdog(clock, heartbeats, notify, timeout_s, limit_s)


def test_it_is_fed_within_half_its_timeout_while_the_loops_turn():
    clock, heartbeats, sent, watchdog = make()
    for _ in range(31):
        heartbeats.beat("inference")
        assert watchdog.tick() == []
        clock.now_ns += SECOND
    assert sent == [(0, "WATCHDOG=1"), (9, "WATCHDOG=1"), (18, "WATCHDOG=1"), (27, "WATCHDOG=1")]


def test_one_silent_loop_starves_it_until_it_beats_again():
    clock, heartbeats, sent, watchdog = make()
    heartbeats.beat("inference")
    heartbeats.beat("camera north")
    for _ in range(60):
        heartbeats.beat("inference")
        watchdog.tick()
        clock.now_ns += SECOND
    assert watchdog.tick() == ["camera north"]
    assert max(at for at, _ in sent) <= 30
    heartbeats.beat("camera north")
    assert watchdog.tick() == []
    assert sent[-1] == (60, "WATCHDOG=1")


def test_a_loop_may_ask_for_time_and_may_end():
    clock, heartbeats, _sent, watchdog = make()
    heartbeats.beat("camera north", allowance_s=60)
    heartbeats.beat("camera south")
    heartbeats.forget("camera south")
    heartbeats.forget("camera south")
    clock.now_ns += 90 * SECOND
    assert watchdog.tick() == []
    clock.now_ns += 1
    assert watchdog.tick() == ["camera north"]


def test_a_loop_may_ask_for_all_the_time_there_is_until_it_beats_again():
    clock, heartbeats, _sent, watchdog = make()
    heartbeats.beat("recorder", math.inf)
    clock.now_ns += 10**9 * SECOND
    assert watchdog.tick() == []
    heartbeats.beat("recorder")
    clock.now_ns += 31 * SECOND
    assert watchdog.tick() == ["recorder"]


def test_without_a_watchdog_the_daemon_gives_itself_up():
    clock, heartbeats, sent, watchdog = make(timeout_s=None)
    heartbeats.beat("inference")
    clock.now_ns += 31 * SECOND
    watchdog.tick()
    clock.now_ns += 59 * SECOND
    heartbeats.beat("inference")
    assert watchdog.tick() == []  # it turned once more: counted anew
    clock.now_ns += 31 * SECOND
    watchdog.tick()
    clock.now_ns += 60 * SECOND
    with pytest.raises(StallError, match="standing still: inference"):
        watchdog.tick()
    assert sent == []


def test_without_a_watchdog_nothing_is_sent_but_stalls_are_seen():
    clock, heartbeats, sent, watchdog = make(timeout_s=None)
    heartbeats.beat("inference")
    watchdog.tick()
    clock.now_ns += 31 * SECOND
    assert watchdog.tick() == ["inference"]
    assert sent == []


def test_a_message_that_is_not_taken_is_sent_again():
    clock, sent = FakeClock(), []

    def notify(message):
        sent.append(message)
        return len(sent) > 1

    watchdog = Watchdog(clock, Heartbeats(clock), notify, 20.0)
    for _ in range(3):
        watchdog.tick()
    assert len(sent) == 2


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 40)), max_size=40))
def test_stalled_are_those_whose_last_beat_is_too_old(beats):
    clock = FakeClock()
    heartbeats = Heartbeats(clock)
    last = {}
    for name, wait_s in beats:
        clock.now_ns += wait_s * SECOND
        heartbeats.beat(name)
        last[name] = clock.now_ns
    assert heartbeats.stalled(30) == sorted(n for n, at in last.items() if clock.now_ns - at > 30 * SECOND)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "20000000"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "7"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_timeout_comes_from_the_environment(environment, expected):
    assert timeout_s(environment, pid=7) == expected
