"""Faults of the link and of those who hear: down, refusing, slow, silent, killed, cut off with what they said."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from benchmarks.delivery.campaign import SINKS, Campaign
from benchmarks.delivery.hook import Mood
from benchmarks.delivery.judge import pictures, revision_of
from benchmarks.delivery.station import Station
from benchmarks.delivery.wire import Fault, Wire
from benchmarks.torture.attack import Attack, Ground, Outcome
from benchmarks.tower import Tower

_OWED = 2  # revisions that each sink is owed before a fault may end


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is there.

    Attributes:
        station: those who hear.
        wire: between the tower and its broker.
        campaign: the tower over its lives.
    """

    station: Station
    wire: Wire
    campaign: Campaign


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault that begins and ends, several times.

    Attributes:
        begin, end: do so.
        times: short and full.
        hold_s: for how long at least, short and full.
        sinks: whom it is about.
        without: who is not there before its first end: what the broker took for retained until then is delivered to
            it, and who comes later finds the newest picture alone.
    """

    begin: Callable[[Scene], None]
    end: Callable[[Scene], None]
    times: tuple[int, int] = (1, 5)
    hold_s: tuple[float, float] = (1.0, 1.0)
    sinks: Sequence[str] = SINKS
    without: Sequence[str] = ()


def suffer(ground: Ground, trouble: Trouble) -> Outcome:
    """Let the fault come and go while events are committed; all that was owed arrives each time."""
    outcome = Outcome()
    with (
        Station(ground.folder / "station", without=trouble.without) as station,
        closing(Wire(station.broker_port)) as wire,
    ):
        scene = Scene(
            station, wire, Campaign(ground, station, broker_port=wire.port, uplink=("heartbeat_s = 5",))
        )
        campaign = scene.campaign
        unheard: set[str] = set()  # revisions
        with campaign.live() as tower:
            tower.begin()
            if not trouble.without:
                tower.until(lambda: all(map(campaign.got, SINKS)), "a first message arrives")
            short = 0 if ground.short else 1
            for _ in range(trouble.times[short]):
                outcome.tried += 1
                trouble.begin(scene)
                _hold(tower, campaign, trouble.hold_s[short])
                trouble.end(scene)
                unheard |= campaign.note(tower) if trouble.without else set()
                campaign.recover(tower, campaign.end_fault(trouble.sinks))
                outcome.survived += 1
            tower.end()
            campaign.enter(tower)
            if "Traceback" in tower.log:
                outcome.why.append("a traceback in the log")
        outbox = campaign.drain()
        campaign.excused |= {key for key in pictures(station.taken("hook")) if revision_of(key) in unheard}
        campaign.judge(outcome, outbox, counted=not trouble.without)
        outcome.measured["swallowed"] = wire.swallowed
    return outcome


def _hold(tower: Tower, campaign: Campaign, seconds: float) -> None:
    since_s = time.monotonic()
    before = len(campaign.committed)

    def enough() -> bool:
        campaign.note(tower)
        return len(campaign.committed) >= before + _OWED and time.monotonic() - since_s >= seconds

    tower.until(enough, "events are committed during the fault")


def _broker_dies(scene: Scene) -> None:
    scene.wire.fail("shut")  # nothing is acknowledged that its listener does not get
    scene.station.settle()
    scene.station.kill("broker")


def _broker_lives(scene: Scene) -> None:
    scene.station.start("broker")
    scene.wire.fail("none")


def _die(scene: Scene) -> None:
    for name in _HEARING:
        scene.station.kill(name)


def _live(scene: Scene) -> None:
    for name in _HEARING:
        scene.station.start(name)


def _swallow(scene: Scene) -> None:
    """Swallow what is acknowledged; with the first of it cut the link, and kill the receiver of webhooks, too."""
    before, taken = scene.wire.swallowed, len(scene.station.taken("hook"))
    scene.wire.fail("unacknowledged", cut=False)
    scene.station.mood("mute")
    end_s = time.monotonic() + _SWALLOW_S
    while time.monotonic() < end_s and (
        scene.wire.swallowed == before or len(scene.station.taken("hook")) == taken
    ):
        time.sleep(0.01)
    scene.wire.fail("shut")
    scene.station.kill("hook")


def _hear_again(scene: Scene) -> None:
    scene.station.mood("well")
    scene.station.start("hook")
    scene.wire.fail("none")


def _set(scene: Scene, fault: Fault, mood: Mood, *, cut: bool = True) -> None:
    scene.station.mood(mood)
    scene.wire.fail(fault, cut=cut)


def _nothing(_scene: Scene) -> None:
    """Do nothing: the fault is there from the start."""


def _listen(scene: Scene) -> None:
    scene.station.start("ear")


_HEARING = ("ear", "hook")
_SWALLOW_S = 30.0
_WELL = partial(_set, fault="none", mood="well", cut=False)
_TROUBLES: tuple[tuple[str, str, tuple[int, int], Trouble], ...] = (
    (
        "acknowledgements swallowed, link cut",
        "acknowledgements are swallowed; with the first one the link is cut and the receiver of webhooks is killed",
        (25, 150),
        Trouble(_swallow, _hear_again, times=(2, 6), hold_s=(0.0, 0.0)),
    ),
    (
        "broker killed",
        "the broker is killed and started again",
        (0, 90),
        Trouble(_broker_dies, _broker_lives, times=(1, 4), sinks=("broker",)),
    ),
    (
        "receivers killed",
        "who listens at the broker and the receiver of webhooks are killed and started again",
        (0, 60),
        Trouble(_die, _live, times=(1, 4)),
    ),
    (
        "refusing",
        "the broker lets nobody in (0x88), the receiver of webhooks answers 503",
        (0, 90),
        Trouble(partial(_set, fault="turned away", mood="refuse"), _WELL, times=(1, 2), hold_s=(3.0, 10.0)),
    ),
    (
        "slow",
        "the broker and the receiver of webhooks take two seconds for each answer",
        (0, 90),
        Trouble(partial(_set, fault="slow", mood="slow"), _WELL, times=(1, 1), hold_s=(5.0, 20.0)),
    ),
    (
        "silent",
        "the broker takes the connection and says nothing, the receiver of webhooks takes messages and says nothing",
        (0, 150),
        Trouble(partial(_set, fault="silent", mood="mute"), _WELL, times=(1, 1), hold_s=(5.0, 70.0)),
    ),
    (
        "unacknowledged",
        "both take messages and acknowledge none, over a link that stays",
        (0, 150),
        Trouble(
            partial(_set, fault="unacknowledged", mood="mute", cut=False),
            _WELL,
            times=(1, 1),
            hold_s=(5.0, 70.0),
        ),
    ),
    (
        "nobody listens",
        "nobody has asked the broker for anything until later",
        (15, 20),
        Trouble(_nothing, _listen, times=(1, 1), hold_s=(3.0, 8.0), without=("ear",)),
    ),
    (
        "an outage of minutes",
        "no link to the broker, and a receiver of webhooks that refuses",
        (0, 300),
        Trouble(partial(_set, fault="shut", mood="refuse"), _WELL, times=(1, 1), hold_s=(5.0, 180.0)),
    ),
)

ATTACKS = tuple(
    Attack("links", name, does, seconds, partial(suffer, trouble=trouble))
    for name, does, seconds, trouble in _TROUBLES
)
