"""One life of the daemon on a simulated board: from its start to the end of the scenario, or until the power is cut.

All parts are the daemon's own. Nothing runs at once: whoever moves the clock calls each when it is due.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from edge import __version__
from edge.backoff import Backoff
from edge.camera.option import Options
from edge.camera.source import Session
from edge.counter.counters import Counters
from edge.counter.drops import Balance
from edge.device.linux import LinuxDevice
from edge.device.meter import choose_meter
from edge.governor.configured import governor_of
from edge.health import Health
from edge.model.loaded import Model
from edge.refuge import Refuge
from edge.settings import Settings
from edge.tower import Tower
from edge.uplink.sink import SinkOptions
from edge.uplink.sink import Tower as Sender
from edge.uplink.transport import Transport
from edge.uplink.uplink import Report, Reports, Uplink
from firmware_sim.footage.shot import Shot
from firmware_sim.footage.source import FootageSource
from firmware_sim.tower.air import Air, held
from firmware_sim.tower.board import Board
from firmware_sim.tower.clock import NS, Seat, SimClock
from firmware_sim.tower.diary import Diary
from firmware_sim.tower.eye import Eye
from firmware_sim.tower.link import Ear, SimTransport
from firmware_sim.tower.mailbox import Kept, Mailbox
from firmware_sim.tower.people import People
from firmware_sim.tower.plan import Plan

TICK_S = 10.0  # of the daemon's main loop, which the governor samples in
IDLE_S = 60.0  # of the courier while nothing waits
_WAIT_S = 1.0  # of a camera whose picture does not come
_REST_S = 600.0  # of a reader without a beat; it is woken when anything changes
_AT_ONCE = 1000
_Got = TypeVar("_Got")


@dataclass(frozen=True, slots=True)
class World:
    """What outlasts a life.

    Attributes:
        plan: of the scenario.
        clock: simulated.
        board: its power and sensors.
        air: the link.
        ears: who hears, by sink.
        people: who command.
        eyes: what cameras show, by name.
        diary, mailbox: what happened.
        model: loaded once; it keeps nothing from one life to the next.
        store: path of the events' file.
        pictures: of events, filled by each life.
    """

    plan: Plan
    clock: SimClock
    board: Board
    air: Air
    ears: dict[str, Ear]
    people: People
    eyes: dict[str, Eye]
    diary: Diary
    mailbox: Mailbox
    model: Model
    store: Path
    pictures: dict[str, bytes]


class _Inline:
    """Does what the disk may keep waiting at once."""

    def call(self, call: Callable[[], _Got]) -> _Got:
        """Do it."""
        return call()


class _Stepped(Uplink):
    """An uplink without a thread."""

    def start(self, reports: Reports, beat: Callable[[float], None]) -> None:  # noqa: ARG002 — as the daemon's
        """Begin to carry; `step` does it."""
        self.open(reports)

    @property
    def over(self) -> bool:
        """Whether it has let go of the links."""
        return self._stopping.is_set()


class _Camera(FootageSource):
    """One open camera, which the board feeds as long as it is open."""

    def __init__(self, world: World, name: str, session: Session) -> None:
        view, clock = world.plan.cameras[name], world.clock
        self._board, self._fed = world.board, False

        def seen(shot: Shot) -> None:
            world.eyes[name].saw(shot, clock.now_s())

        super().__init__(
            view.footage, session, clock.now_s, faults=view.faults, step_s=_WAIT_S, patient=True, seen=seen
        )
        self._feed(fed=True)

    def close(self) -> None:
        """End it."""
        self._feed(fed=False)
        super().close()

    def _feed(self, *, fed: bool) -> None:
        if fed != self._fed:
            self._board.pass_time()
            self._board.doing.cameras += 1 if fed else -1
            self._fed = fed


class Life:
    """The daemon's process from one start to its end.

    Args:
        world: that it is born into; the board is on.
        number: of this boot, from 1.
    """

    def __init__(self, world: World, number: int) -> None:
        self._world, self._plan, self._clock = world, world.plan, world.clock
        self._number = number
        self._settings = _plain(world.plan.settings)
        self._root = world.board.root
        self._tower: Tower | None = None
        self._refuge: Refuge | None = None
        self._uplink: _Stepped | None = None
        self._place: Kept | None = None
        self._transports: list[Transport] = []
        self.seats: dict[str, Seat] = {}
        self._balances: dict[str, Balance] = {}
        self._cadences: dict[str, float] = {}
        self._tick_ns = self._carry_ns = self._beat_ns = 0
        device = LinuxDevice(self._root, world.board.vcgencmd)
        energy = self._settings.energy
        meter = choose_meter(self._root, energy.source, energy.watts_per_busy_core, world.board.vcgencmd)
        self._counters = Counters(self._clock, meter, device, energy.idle_watts, self._root)
        self._governor = governor_of(
            self._settings,
            self._clock,
            self._root,
            device=device,
            trusted=self._trusted,
            open_port=world.board.cable,
        )

    def begin(self) -> None:
        """Start, as `firetower run` does: with an empty battery into the refuge, else with open cameras."""
        if self._governor is not None and self._governor.begin(threading.Event()).cut_off:
            self._refuge = Refuge(
                self._settings,
                self._governor,
                self._counters,
                self._clock,
                notify=lambda _: True,
                watchdog_s=None,
                uplink=(lambda told: self._linked(told, "")) if self._settings.sinks else None,
            )
            self._world.diary.ruled(self._governor.ruling, begun=False)
            self._refuge.enter()
            self._refuge.tell()
            self._sleep(asleep=True)
        else:
            self._watch()
        self._tick_ns = self._carry_ns = self._clock.now_ns

    @property
    def due_ns(self) -> int:
        """When something of it is due, in nanoseconds since 1970 UTC."""
        seats = [seat.due_ns for seat in self.seats.values() if seat.due_ns is not None]
        return min([self._tick_ns, self._carry_ns, *seats])

    def step(self) -> None:
        """Do what is due now, in a fixed order."""
        now_ns = self._clock.now_ns
        for name, seat in self.seats.items():
            if seat.due_ns is not None and seat.due_ns <= now_ns:
                seat.turn()
                self._settle(name)
        if self._tick_ns <= now_ns:
            self._tick_ns = now_ns + round(TICK_S * NS)
            self._tick()
        if self._carry_ns <= now_ns:
            self._carry()

    def nudge(self) -> None:
        """Have the courier carry now: something came in."""
        self._carry_ns = self._clock.now_ns

    def end(self) -> None:
        """End at once, as by a power cut: nothing is closed, and only what is committed stays."""
        for transport in self._transports:
            transport.close()
        if self._tower is not None:
            for name, reader in self._tower.readers.items():
                reader.stop(0.0)
                seat = self.seats[name]
                while seat.due_ns is not None:
                    seat.turn()
                facts = reader.facts(None, 0, conditions=None, held=())
                balance = self._counters.account(name).balance()
                self._world.diary.counted[name].add(balance, reader.reconnects, facts.turns)
        if self._place is not None:
            self._world.pictures.update(self._place.pictures)
            self._place.close()  # as the kernel lets go of a file

    def health(self) -> str:
        """Return `ok`, or why not."""
        who = self._tower or self._refuge
        health: Health | None = None if who is None else who.health()
        return "ok" if health is None or not health.reasons else "; ".join(health.reasons)

    def cadences(self) -> dict[str, float | None]:
        """Return the cadence of each camera; None while it is closed."""
        closed = self._tower is None or (self._governor is not None and self._governor.ruling.asleep)
        return {
            name: None if closed or self._tower is None else self._tower.cadence_s(name)
            for name in self._plan.cameras
        }

    @property
    def bands(self) -> tuple[str, ...]:
        """Of the governor, that are in force."""
        return () if self._governor is None else self._governor.ruling.bands

    @property
    def asleep(self) -> bool:
        """Whether cameras are closed by the governor."""
        return self._world.board.doing.asleep

    def report(self) -> Report | None:
        """Return how messages stand; None where there are none."""
        return None if self._uplink is None else self._uplink.report()

    def _watch(self) -> None:
        """Load the model and open cameras."""
        world = self._world
        self._uplink = self._linked(self._settings, world.model.name) if self._settings.sinks else None
        post = None if self._uplink is None else self._uplink.post
        self._place = Kept(lambda: world.store, self._settings.store.max_bytes, post=post)
        self._place.pictures = dict(world.pictures)
        draw = np.random.default_rng((self._plan.seed, 47, self._number)).random
        self._tower = Tower(
            self._settings,
            world.model,
            self._place,
            self._counters,
            self._clock,
            announce=world.diary.announced,
            uplink=self._uplink,
            governor=self._governor,
            root=self._root,
            trusted=self._trusted,
            opener=self._open,
            backoff=Backoff(draw=draw),
            reader_beat_s=_REST_S,
        )
        if self._uplink is not None:
            self._uplink.open(self._tower)
        self._sleep(asleep=False)
        world.diary.on()
        self._record()
        world.mailbox.begin()
        names = sorted(self._tower.readers)
        self.seats = {
            name: self._clock.seat(f"camera-{name}", self._tower.readers[name].run) for name in names
        }
        self._balances = {name: self._counters.account(name).balance() for name in names}

    def _linked(self, settings: Settings, model: str) -> _Stepped:
        self._transports.clear()  # of an uplink that is over
        operator = self._world.people.operator
        uplink = _Stepped(
            settings,
            self._clock,
            model=model,
            version=__version__,
            operators={operator.name: operator},
            root=self._root,
            trusted=self._trusted,
            opener=self._transport,
            clerk=_Inline(),
        )
        self._uplink, self._beat_ns = uplink, self._clock.now_ns
        return uplink

    def _transport(self, name: str, _options: SinkOptions, _sender: Sender, _clock: object) -> Transport:
        transport = SimTransport(self._world.ears[name], self._world.air, self._clock)
        self._transports.append(transport)
        return transport

    def _open(self, options: Options, session: Session) -> _Camera:
        name = next(name for name, camera in self._settings.cameras.items() if camera is options)
        return _Camera(self._world, name, session)

    def _trusted(self) -> bool:
        return not held(self._plan.untrusted, self._clock.now_s() - self._plan.begin_s)

    def _tick(self) -> None:
        if self._refuge is not None and self._governor is not None:
            self._refuge.look()
            if self._governor.ruling.cut_off:
                self._world.diary.ruled(self._governor.ruling, begun=False)
                self._refuge.tell()
            else:
                self._refuge.leave()
                self._refuge = self._uplink = None
                self._watch()
        if self._tower is not None:
            self._tower.tick()
            if self._governor is not None:
                self._world.diary.ruled(self._governor.ruling)
                self._sleep(asleep=self._governor.ruling.asleep)
            self._wake()
            self._record()
        busy = self._uplink is not None and self._busy()
        soon_ns = self._clock.now_ns if busy else self._carry_ns
        self._carry_ns = min(self._carry_ns, soon_ns)

    def _busy(self) -> bool:
        """Whether something waits for a sink."""
        report = self.report()
        queue = None if report is None else report.queue
        return queue is not None and (queue.unsent > 0 or queue.unheard > 0)

    def _wake(self) -> None:
        """Wake readers whose camera was closed, or has another cadence."""
        assert self._tower is not None
        asleep = self._world.board.doing.asleep
        for name, seat in self.seats.items():
            now = -1.0 if asleep else self._tower.cadence_s(name)
            if self._cadences.get(name, now) != now:
                seat.wake()
            self._cadences[name] = now

    def _sleep(self, *, asleep: bool) -> None:
        doing = self._world.board.doing
        if doing.asleep != asleep:
            self._world.board.pass_time()
            doing.asleep = asleep

    def _settle(self, name: str) -> None:
        """Score what a camera gave, and count what became of it."""
        assert self._tower is not None
        while self._tower.look():
            pass
        before, now = self._balances[name], self._counters.account(name).balance()
        if now == before:
            return
        self._balances[name] = now
        scored, dark = now.scored - before.scored, now.dropped["dark"] - before.dropped["dark"]
        height, width = self._plan.cameras[name].footage.size_px
        whole_mp = height * width / 1e6
        self._world.board.count(
            decoded_mp=whole_mp * (now.decoded - before.decoded),
            converted_mp=whole_mp * scored,
            scored=scored,
        )
        if scored or dark:
            self._world.eyes[name].looked(self._clock.now_s(), self._tower.cadence_s(name))
        self._record()

    def _record(self) -> None:
        """Commit and announce what waits, and have it carried."""
        assert self._tower is not None
        did = False
        while self._tower.record():
            did = True
        self._look_at_outbox()
        if did:
            self.nudge()

    def _carry(self) -> None:
        """Let the courier do what can be done now, and work out when it wants to be called again."""
        now_ns = self._clock.now_ns
        if self._uplink is None or self._uplink.over:
            self._carry_ns = now_ns + round(IDLE_S * NS)
            return
        before = self._world.air.sent_bytes
        for _ in range(_AT_ONCE):
            if not self._uplink.step():
                break
        self._world.board.count(sent=self._world.air.sent_bytes - before)
        self._look_at_outbox()
        wakes = [transport.wake_ns(self._clock.mono_ns()) for transport in self._transports]
        soon_ns = min([self._clock.at_ns(wake) for wake in wakes], default=now_ns + round(IDLE_S * NS))
        heartbeat_ns = round(self._settings.uplink.heartbeat_s * NS)
        beat_ns = self._beat_ns + ((now_ns - self._beat_ns) // heartbeat_ns + 1) * heartbeat_ns
        self._carry_ns = min(max(soon_ns, now_ns + 1), beat_ns, now_ns + round(IDLE_S * NS))

    def _look_at_outbox(self) -> None:
        if self._place is not None:
            self._world.mailbox.look(self._place, self._clock.now_s())


def _plain(settings: Settings) -> Settings:
    """Return a tower's settings without what only a real one has."""
    return msgspec.structs.replace(
        settings,
        model=msgspec.structs.replace(settings.model, threads=1),
        store=msgspec.structs.replace(settings.store, path=None),
        web=msgspec.structs.replace(settings.web, enabled=False),
        operators={},
    )
