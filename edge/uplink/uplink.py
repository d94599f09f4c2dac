"""The uplink of one tower: its outbox, a courier with a way to each sink, and what they tell and are told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from edge.alert.event import Announcement, Stamp
from edge.alert.evidence import is_drill
from edge.alert.post import Post
from edge.alert.route import Queue, Route, Rules
from edge.clock import Clock, boot_id, utc_text, wall_synchronised
from edge.errors import SettingsError
from edge.health import Health
from edge.settings import Settings
from edge.uplink.budget import Budget
from edge.uplink.command import Operator, first_sequence
from edge.uplink.courier import Courier
from edge.uplink.desk import Desk
from edge.uplink.drill import Drill, Watcher
from edge.uplink.facts import tower_facts
from edge.uplink.gate import Gate, Given, Moment
from edge.uplink.heartbeat import Vitals
from edge.uplink.maintenance import Maintenance, Observed
from edge.uplink.moment import Now
from edge.uplink.registry import kind_with
from edge.uplink.sink import Tower
from edge.uplink.transport import Command, Link, Parcel
from edge.uplink.way import Way
from edge.uplink.writer import Writer

_log = logging.getLogger(__name__)

FAREWELL_S = 0.5  # at the end, for what is not on disk
LOOK_S = 5.0  # between two looks at what people should know of the tower
NO_QUEUE = Queue(unsent=0, oldest_s=None, unheard=0, candidates=0, candidate_s=None, bytes=0, words={})


class Reports(Watcher, Protocol):
    """The tower, as the uplink asks it."""

    def health(self) -> Health:
        """Judge it now."""
        ...

    def trouble(self) -> str | None:
        """Return why events are not on disk; None where they are."""
        ...

    def due_s(self) -> Mapping[str, float | None]:
        """Return the seconds until each camera's next frame is due; None where that is unknown."""
        ...


class Uplink:
    """Carries what one tower sees to its sinks.

    Args:
        settings: with a sink at least.
        clock: the machine's.
        model: bundle that scores, as name@version#digest.
        version: of firetower.
        operators: who may give commands, by their names.
        root: where proc/ is.
    Raises:
        SettingsError: a secret or a file of a sink is unfit; starts with the key.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        model: str,
        version: str,
        operators: Mapping[str, Operator] | None = None,
        root: Path = Path("/"),
    ) -> None:
        self._clock = clock
        self._boot = boot_id(root) or ""
        self._facts = tower_facts(settings)
        self._model, self._version = model, version
        self._started_ns = clock.mono_ns()
        self._desk = Desk(self._boot, settings.cameras, self._stamp)
        self.post = Post(rules_of(settings, self._boot), clock, holds=self._desk.holds)
        origins = {name: camera.origin for name, camera in self._facts.cameras.items()}
        self._drill = Drill(origins, self.post, self._stamp)
        self._ways = ways_of(settings, clock)
        heartbeat_s = settings.uplink.heartbeat_s
        writer = Writer(
            self._facts,
            heartbeat_s,
            now=self._now,
            vitals=self._vitals,
            smoke=self._smoke,
            fire_risk=self._fire_risk,
        )
        first = first_sequence(self._started_ns)
        handlers = {**self._desk.handlers(self.post), "drill": self._begin_drill}
        self._gate = Gate(self._facts.id, self._boot, first, operators or {}, handlers)
        self._courier = Courier(
            self.post, self._ways, writer, obey=self._obey, heartbeat_s=heartbeat_s, first=first,
            now_ns=self._started_ns,
        )  # fmt: skip
        self._maintenance = Maintenance(self._stamp)
        self._alerts: dict[str, str] = {}  # open alerts, and the camera of each
        self._reports: Reports | None = None
        self._looked_ns: int | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, reports: Reports, beat: Callable[[float], None]) -> None:
        """Begin to carry, in a thread.

        Args:
            reports: the tower.
            beat: told that the loop turns, and for how many seconds it may now be silent.
        """
        self._reports = reports
        self._thread = threading.Thread(
            target=self._courier.run, args=(self._clock, self._stopping, beat), name="courier", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Let go of the links; what is on disk is sent by the next process."""
        self._stopping.set()
        self._courier.nudge()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(FAREWELL_S)
            if not thread.is_alive():
                self._courier.close()

    def told(self, announcement: Announcement) -> None:
        """Take note of a revision that is on disk, or in memory; from any thread."""
        event = announcement.event
        self._drill.told(event)
        if is_drill(event):
            pass  # no smoke
        elif event.phase == "closed" or event.severity != "alert":
            self._alerts.pop(event.id, None)
        else:
            self._alerts[event.id] = event.camera
        self._courier.nudge()

    def tick(self) -> None:
        """Tell what changed of the tower; call it each second or so."""
        reports, now_ns = self._reports, self._clock.mono_ns()
        if reports is not None:
            self._drill.tick(reports, now_ns)
        early = self._looked_ns is not None and now_ns - self._looked_ns < LOOK_S * 1e9
        if reports is None or early:
            return
        self._looked_ns = now_ns
        observed = Observed(
            self._clock.mono_ns(), self._clock.wall_ns(), wall_synchronised(), reports.health(), reports.trouble(),
            self.post.queue(),
        )  # fmt: skip
        for note in self._maintenance.observe(observed):
            self.post.note(note)
        self._desk.tick(self.post, now_ns)
        self._courier.nudge()

    def links(self) -> dict[str, Link]:
        """Say how each way is."""
        return {way.sink: way.transport.link() for way in self._ways}

    def _begin_drill(self, given: Given) -> str:
        assert self._reports is not None
        return self._drill.begin(given, self._reports, dict(self._alerts))

    def _fire_risk(self) -> str | None:
        risk = self._desk.fire_risk(self._clock.mono_ns())
        return None if risk.until_ns is None else risk.level

    def _obey(self, sink: str, command: Command) -> Parcel | None:
        _log.info("a command came from sink '%s'", sink)
        moment = Moment(
            self._clock.mono_ns(), self._clock.wall_ns(), wall_synchronised(), self._courier.sequence
        )
        return self._gate.take(command, moment)

    def _vitals(self, sequence: int, next_s: float) -> Vitals:
        reports = self._reports
        assert reports is not None
        return Vitals(
            sequence=sequence,
            next_due_s=next_s,
            uptime_s=(self._clock.mono_ns() - self._started_ns) / 1e9,
            health=reports.health(),
            queue=self.post.queue() or NO_QUEUE,
            model=self._model,
            version=self._version,
            due_s=reports.due_s(),
            commands=self._gate.counts,
            fire_risk=self._desk.fire_risk(self._clock.mono_ns()),
            snoozes=self._desk.snoozes(self._clock.mono_ns()),
            links=self.links(),
        )

    def _smoke(self) -> dict[str, str]:
        """Say of each camera whether it sees smoke: where it cannot see, nobody knows."""
        assert self._reports is not None
        silenced = {snooze.camera for snooze in self._desk.snoozes(self._clock.mono_ns())}
        seen = set(self._alerts.values()) - silenced
        cameras = self._reports.health().cameras.items()
        sees = {name: camera.state == "ok" and name not in silenced for name, camera in cameras}
        return {name: "ON" if name in seen else "OFF" if sees[name] else "unknown" for name in sees}

    def _now(self) -> Now:
        return Now(self._clock.mono_ns(), self._boot, self._clock.wall_ns(), wall_synchronised())

    def _stamp(self) -> Stamp:
        mono_ns = self._clock.mono_ns()
        return Stamp(
            model_s=mono_ns / 1e9, mono_ns=mono_ns, utc=utc_text(self._clock.wall_ns()),
            utc_trusted=wall_synchronised(), boot_id=self._boot,
        )  # fmt: skip


def rules_of(settings: Settings, boot: str) -> Rules:
    """Return the rules of the outbox, by the configuration."""
    facts = tower_facts(settings)
    routes = tuple(
        Route(
            name=name,
            severities=sink.severities,
            maintenance=sink.maintenance,
            escalation=sink.escalation,
            origins=sink.origins,
            pictures="image" in kind_with(sink).channels,
            drills=kind_with(sink).drill,
        )
        for name, sink in settings.sinks.items()
    )
    return Rules(
        routes=routes,
        boot=boot,
        origins={name: camera.origin for name, camera in facts.cameras.items()},
        acknowledge_s=settings.uplink.acknowledge_s,
        queue_bytes=settings.uplink.queue_bytes,
    )


def ways_of(settings: Settings, clock: Clock) -> list[Way]:
    """Make the transport of each sink, which has no link yet.

    Raises:
        SettingsError: a secret or a file of it is unfit; starts with the key.
    """
    tower = Tower(settings.tower.id or "", settings.uplink.heartbeat_s)
    ways = []
    for name, sink in settings.sinks.items():
        kind = kind_with(sink)
        try:
            transport = kind.open(sink, tower, clock)
        except SettingsError as error:
            raise SettingsError(f"sinks.{name}.{error}") from error
        budget = Budget(settings.uplink.day_bytes, clock.mono_ns())
        ways.append(Way(name, transport, kind.channels, budget))
    return ways
