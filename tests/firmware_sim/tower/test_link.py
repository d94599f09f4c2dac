"""The simulated link, and who hears."""

from typing import Any

import pytest

from edge.uplink.transport import Command, Parcel
from firmware_sim.tower.air import Air
from firmware_sim.tower.clock import NS, SimClock
from firmware_sim.tower.link import CONNECT_BYTES, SILENCE_S, Ear, SimTransport
from firmware_sim.tower.plan import Line, Receiver, Span

HOUR_S = 3600.0


class Rig:
    """One way, stepped as the courier does."""

    def __init__(self, line: Line | None = None, begin_s: float = 0.0, **receiver: Any) -> None:
        self.clock = SimClock(begin_s)
        self.air = Air(line or Line(), begin_s)
        self.ear = Ear("broker", Receiver(**receiver), begin_s, seed=1)
        self.way = SimTransport(self.ear, self.air, self.clock)
        self.told: list[tuple[float, Any]] = []

    def until(self, at_s: float) -> None:
        while True:
            self.told += [(self.clock.now_s(), one) for one in self.way.step(self.clock.mono_ns())]
            due_ns = self.clock.at_ns(self.way.wake_ns(self.clock.mono_ns()))
            if due_ns > at_s * NS:
                break
            self.clock.move_to(max(due_ns, self.clock.now_ns + 1))
        self.clock.move_to(round(at_s * NS))

    def send(self, key: str = "e.1", size: int = 850, channel: Any = "event") -> bool:
        return self.way.send(Parcel(key, channel, b"x" * size, "text/plain"), self.clock.mono_ns())

    @property
    def words(self) -> list[tuple[float, str]]:
        return [(round(at_s, 3), one.word) for at_s, one in self.told]


def test_a_parcel_takes_its_bytes_and_the_way_there_and_back() -> None:
    rig = Rig(Line(bytes_s=1000.0, delay_s=0.5))
    assert not rig.send()  # not connected
    rig.until(10.0)
    assert rig.way.link().up
    assert rig.send()
    assert not rig.send("e.2")  # one at a time
    rig.until(20.0)
    assert rig.words == [(12.0, "delivered")]  # 1000 bytes with their head, and twice the delay
    (arrival,) = rig.ear.got.values()
    assert (arrival.at_s, arrival.made_s, arrival.copies) == (11.5, 10.0, 1)
    assert rig.air.sent_bytes == CONNECT_BYTES // 4 + 1000


def test_two_sinks_share_one_link() -> None:
    rig = Rig(Line(bytes_s=1000.0, delay_s=0.0))
    other = SimTransport(Ear("other", Receiver(), 0.0, 1), rig.air, rig.clock)
    rig.until(0.0)
    other.step(0)
    rig.until(20.0)
    other.step(rig.clock.mono_ns())
    assert rig.send()
    assert other.send(Parcel("e.2", "event", b"x" * 850, "text/plain"), rig.clock.mono_ns())
    assert other.wake_ns(rig.clock.mono_ns()) == 22 * NS


def test_an_outage_ends_what_is_under_way() -> None:
    rig = Rig(Line(bytes_s=10.0, delay_s=0.0, outages=(Span(from_s=1000.0, to_s=1200.0),)))
    rig.until(990.0)
    assert rig.send()  # 100 s of it
    rig.until(1100.0)
    (word,) = rig.words
    assert word[1] == "failed"
    assert 1000 <= word[0] <= 1060
    assert not rig.ear.got
    assert not rig.way.link().up
    assert rig.way.link().why == "no carrier"
    assert not rig.send()


def test_it_is_there_for_some_minutes_of_each_hour() -> None:
    air = Air(Line(minutes_an_hour=40.0), 0.0)
    assert [air.is_up(round(minute * 60 * NS)) for minute in (0, 39.9, 40, 59, 60, 99, 100)] == [
        True, True, False, False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(("quota", "again_s"), [("day", 86_400.0), ("month", 31 * 86_400.0)])
def test_a_quota_lets_nothing_through_until_its_time_is_over(quota: Any, again_s: float) -> None:
    rig = Rig(Line(quota_bytes=6000, quota=quota, delay_s=0.0))
    rig.until(1.0)
    assert rig.send(size=3000)
    rig.until(2.0)
    assert not rig.send("e.2")
    assert rig.way.link().why == f"the carrier's 6000 bytes a {quota} are used up"
    assert not rig.air.is_up(round((again_s - 1) * NS))
    assert rig.air.is_up(round(again_s * NS))


def test_an_acknowledgement_that_is_swallowed_makes_a_copy() -> None:
    rig = Rig(Line(delay_s=0.0), swallowed=1.0)
    rig.until(1.0)
    for _ in range(2):
        assert rig.send()
        rig.until(rig.clock.now_s() + 2 * SILENCE_S)
    assert [word for _, word in rig.words] == ["failed", "failed"]
    assert rig.ear.got["e.1"].copies == 2


def test_where_nobody_listens_pictures_are_kept_and_events_are_not() -> None:
    rig = Rig(Line(delay_s=0.0), unheard=(Span(from_s=0.0, to_s=100.0),))
    for key, channel in (("e.1", "event"), ("e.1.crop", "image"), ("health.1", "health")):
        rig.until(rig.clock.now_s() + 1)
        assert rig.send(key, channel=channel)
    rig.until(200.0)
    assert [word for _, word in rig.words] == ["unheard", "delivered", "delivered"]
    assert not rig.ear.got
    assert not rig.ear.told
    assert "e.1.crop" in rig.ear.retained
    assert rig.send("e.1")
    rig.until(300.0)
    assert list(rig.ear.got) == ["e.1"]


def test_heartbeats_of_two_boots_may_have_one_key() -> None:
    rig = Rig(Line(delay_s=0.0))
    for _ in range(2):
        rig.until(rig.clock.now_s() + 1)
        assert rig.send("health.31", channel="health")
    rig.until(10.0)
    assert [one.parcel.key for one in rig.ear.told] == ["health.31", "health.31"]


def test_a_receiver_may_be_away_and_has_a_largest_parcel() -> None:
    rig = Rig(away=(Span(from_s=0.0, to_s=100.0),), largest_bytes=500)
    rig.until(50.0)
    assert rig.way.link().why == "nobody answers"
    rig.until(101.0)
    rig.until(110.0)
    assert rig.way.link().up
    assert rig.way.link().largest_bytes == 500


def test_a_command_waits_for_the_link() -> None:
    rig = Rig(Line(delay_s=2.0, outages=(Span(from_s=0.0, to_s=60.0),)))
    rig.ear.commands.append((0, Command(b"{}", None)))
    rig.until(59.0)
    assert not rig.told
    rig.until(61.0)
    rig.until(100.0)
    ((at_s, command),) = rig.told
    assert command == Command(b"{}", None)
    assert 60 <= at_s <= 70


def test_what_has_left_the_tower_arrives_after_its_power_is_cut() -> None:
    for after_s, arrives in ((0.5, False), (1.2, True)):
        rig = Rig(Line(bytes_s=1000.0, delay_s=0.5))
        rig.until(10.0)
        assert rig.send()
        rig.clock.move_to(round((10 + after_s) * NS))
        rig.way.close()
        assert bool(rig.ear.got) == arrives
        assert rig.way.step(rig.clock.mono_ns()) == ()
