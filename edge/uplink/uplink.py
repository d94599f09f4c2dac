"""The uplink of one tower: its outbox, a courier with a way to each sink, and what they tell and are told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.alert.event import Announcement, Event, Stamp
from edge.alert.evidence import Picture, is_drill
from edge.alert.post import Calls, Post
from edge.alert.route import Queue
from edge.clock import Clock, Trusted, boot_id, utc_text, wall_synchronised
from edge.detect.severity import Risk
from edge.errors import CommandError
from edge.health import Health
from edge.settings import Settings
from edge.uplink.command import OfCamera, Operator, first_sequence
from edge.uplink.configured import Opener, open_sink, rules_of, ways_of
from edge.uplink.courier import BEAT_S, Courier
from edge.uplink.desk import Desk
from edge.uplink.drill import Drill, Watcher
from edge.uplink.facts import tower_facts
from edge.uplink.gate import Gate, Given, Moment
from edge.uplink.heartbeat import Power, Vitals
from edge.uplink.maintenance import Maintenance, Observed
from edge.uplink.moment import Now
from edge.uplink.transport import Command, Link, Parcel
from edge.uplink.writer import Writer

_log = logging.getLogger(__name__)

FAREWELL_S = 0.5  # at the end, for what is not on disk
STILL_S = BEAT_S + 30.0  # without a turn of the courier's loop: then nothing is carried
LOOK_S = 5.0  # between two looks at what people should know of the tower


class Reports(Watcher, Protocol):
    """The tower, as the uplink asks it."""

    def health(self) -> Health:
        """Judge it now."""
        ...

    def trouble(self) -> str | None:
        """Return why events are not on disk; None where they are."""
        ...

    def power(self) -> Power | None:
        """Return what is known of power and heat."""
        ...

    def picture(self, camera: str) -> Picture | None:
        """Return what a camera showed last; None where nothing was scored. Raises FrameError: it cannot be made."""
        ...

    def sight(self, event: Event) -> Stamp | None:
        """Return the newest sight of an open event, told or not; None where it is not open."""
        ...

    def confirmed(self, event: Event) -> None:
        """Take note that a person confirmed an event; never waits."""
        ...

    def due_s(self) -> Mapping[str, float | None]:
        """Return the seconds until each camera's next frame is due; None where that is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """How messages stand.

    Attributes:
        sequence: of the newest heartbeat that was due.
        sinks: how the way to each is.
        queue: of the outbox; None where that is not known.
        commands: `done`, and those that were refused or failed by their reasons.
    """

    sequence: int
    sinks: Mapping[str, Link]
    queue: Queue | None
    commands: Mapping[str, int]


class Uplink:
    """Carries what one tower sees to its sinks.

    Args:
        settings: with a sink at least.
        clock: the machine's.
        model: bundle that scores, as name@version#digest.
        version: of firetower.
        operators: who may give commands, by their names.
        root: where proc/ is.
        trusted: says whether the wall clock is synchronised.
        opener: opens the way to a sink.
        clerk: does what the disk may keep waiting; one in a thread of its own if absent.
    Raises:
        SettingsError: a secret or a file of a sink is unfit; starts with the key.
    """

    def __init__(  # noqa: PLR0913 — every part is handed in
        self,
        settings: Settings,
        clock: Clock,
        *,
        model: str,
        version: str,
        operators: Mapping[str, Operator] | None = None,
        root: Path = Path("/"),
        trusted: Trusted = wall_synchronised,
        opener: Opener = open_sink,
        clerk: Calls | None = None,
    ) -> None:
        self._clock, self._trusted = clock, trusted
        self._boot = boot_id(root) or ""
        self._facts = tower_facts(settings)
        self._model, self._version = model, version
        self._started_ns = clock.mono_ns()
        self._desk = Desk(self._boot, settings.cameras, self._stamp, self._confirmed)
        self.post = Post(rules_of(settings, self._boot), clock, clerk, self._desk.holds, self._desk.resume)
        origins = {name: camera.origin for name, camera in self._facts.cameras.items()}
        self._drill = Drill(origins, self.post, self._stamp)
        self._ways = ways_of(settings, clock, opener)
        self._links: dict[str, Link] = {}
        self._queue: Queue | None = None
        self._shown: list[Parcel] = []  # pictures that the command in hand asked for
        heartbeat_s = settings.uplink.heartbeat_s
        self._writer = Writer(
            self._facts,
            heartbeat_s,
            version,
            now=self._now,
            vitals=self._vitals,
            smoke=self._smoke,
            fire_risk=self._fire_risk,
            sight=self._sight,
        )
        first = first_sequence(self._started_ns)
        handlers = {
            **self._desk.handlers(self.post, self._largest),
            "picture": self._show,
            "drill": self._begin_drill,
        }
        self._gate = Gate(self._facts.id, self._boot, first, operators or {}, handlers)
        self._courier = Courier(
            self.post, self._ways, self._writer, obey=self._obey, heartbeat_s=heartbeat_s, first=first,
            now_ns=self._started_ns,
        )  # fmt: skip
        self._maintenance = Maintenance(self._stamp)
        self._alerts: dict[str, Event] = {}  # that are open
        self._reports: Reports | None = None
        self._looked_ns: int | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._turned_ns = self._started_ns

    def start(self, reports: Reports, beat: Callable[[float], None]) -> None:
        """Begin to carry, in a thread.

        Args:
            reports: the tower.
            beat: told that the loop turns, and for how many seconds it may now be silent.
        """
        self.open(reports)

        def turn(silent_s: float) -> None:
            self._turn()
            beat(silent_s)

        self._thread = threading.Thread(
            target=self._courier.run, args=(self._clock, self._stopping, turn), name="courier", daemon=True
        )
        self._thread.start()

    def open(self, reports: Reports) -> None:
        """Begin to carry by `step`, which whoever calls this calls then, too; `start` does both in a thread."""
        self._reports = reports

    def step(self) -> bool:
        """Carry what can be carried now; return whether anything was, so that more may be at once."""
        self._turn()
        return self._courier.step(self._clock.mono_ns())

    def wake_ns(self) -> int:
        """Return when a transport or the courier wants to be called next, by monotonic time."""
        return self._courier.wake_ns(self._clock.mono_ns())

    def _turn(self) -> None:
        self._turned_ns = self._clock.mono_ns()
        self._links = {way.sink: way.link() for way in self._ways}

    def stop(self) -> None:
        """Let go of the links; what is on disk is sent by the next process."""
        self._stopping.set()
        self._courier.nudge()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(FAREWELL_S)
            if not thread.is_alive():
                self._courier.close()
        elif self._reports is not None:  # `step` alone has driven it
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
            self._alerts[event.id] = event
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
        self._queue = self.post.queue()
        observed = Observed(
            self._clock.mono_ns(), self._clock.wall_ns(), self._trusted(), reports.health(), reports.trouble(),
            self._queue,
        )  # fmt: skip
        self._maintenance.tick(self.post, observed)
        self._desk.tick(self.post, now_ns)
        self._courier.nudge()

    def trouble(self) -> str | None:
        """Return why messages are not carried, whatever the links are; None where they are; from any thread."""
        thread = self._thread
        if self._reports is None or self._stopping.is_set():
            return None
        if thread is not None and not thread.is_alive():
            return "messages: the courier has died; see the log"
        still_s = (self._clock.mono_ns() - self._turned_ns) / 1e9
        if thread is not None and still_s > STILL_S:
            return f"messages: the courier has stood still for {still_s:.0f} s"
        why = self._courier.trouble
        return None if why is None else f"messages: {why}"

    def notices(self) -> list[str]:
        """Say of each way what somebody should see to; from any thread, like `report` and `fire_risk`."""
        told = {
            name: link.notice if link.up else f"no link: {link.why}" for name, link in self._links.items()
        }
        return [f"sink '{name}': {why}" for name, why in told.items() if why]

    def report(self) -> Report:
        """Return how messages stand."""
        return Report(
            sequence=self._courier.sequence, sinks=self._links, queue=self._queue, commands=self._gate.counts
        )

    @property
    def heard(self) -> bool:
        """Whether the newest heartbeat has arrived wherever there is a way; from any thread."""
        return self._courier.heard

    def fire_risk(self) -> Risk:
        """Return the fire risk as people named it."""
        return self._desk.fire_risk(self._clock.mono_ns()).level

    def _begin_drill(self, given: Given) -> str:
        assert self._reports is not None
        return self._drill.begin(
            given, self._reports, {id_: event.camera for id_, event in self._alerts.copy().items()}
        )

    def _fire_risk(self) -> str | None:
        risk = self._desk.fire_risk(self._clock.mono_ns())
        return None if risk.until_ns is None else risk.level

    def _confirmed(self, event: Event) -> None:
        if self._reports is not None:
            self._reports.confirmed(event)

    def _sight(self, event: Event) -> Stamp | None:
        return None if self._reports is None else self._reports.sight(event)

    def _show(self, given: Given) -> str:
        """Do the command `picture`: the picture goes the way that the command came."""
        assert isinstance(given.arguments, OfCamera)
        assert self._reports is not None
        camera = given.arguments.camera
        if camera not in self._facts.cameras:
            raise CommandError("unfit", f"there is no camera {camera}")
        if not self._may_show(camera, given.sink):
            raise CommandError("unfit", f"sink {given.sink} gets nothing of the origin of camera {camera}")
        picture = self._reports.picture(camera)
        if picture is None:
            raise CommandError("unfit", f"nothing was seen of camera {camera} yet")
        way = next(way for way in self._ways if way.sink == given.sink)
        if not way.has_room(len(picture.jpeg)):
            raise CommandError(
                "unfit",
                f"a picture of {len(picture.jpeg)} bytes is more than uplink.day_bytes has room for now",
            )
        self._shown.append(self._writer.shown(camera, f"now.{given.order.id}", picture))
        age_s = (self._clock.mono_ns() - picture.captured.mono_ns) / 1e9 if picture.captured.mono_ns else 0.0
        return f"the newest picture of {camera} is on its way; it is {age_s:.0f} s old"

    def _obey(self, sink: str, command: Command) -> list[Parcel]:
        _log.info("a command came from sink '%s'", sink)
        moment = Moment(self._clock.mono_ns(), self._clock.wall_ns(), self._trusted(), self._courier.sequence)
        answer = self._gate.take(command, moment, sink)
        shown, self._shown = self._shown, []
        return [*([] if answer is None else [answer]), *shown]

    def _vitals(self, sequence: int, next_s: float) -> Vitals:
        reports = self._reports
        assert reports is not None
        return Vitals(
            sequence=sequence,
            next_due_s=next_s,
            uptime_s=(self._clock.mono_ns() - self._started_ns) / 1e9,
            health=reports.health(),
            queue=self.post.queue(),
            model=self._model,
            version=self._version,
            due_s=reports.due_s(),
            commands=self._gate.counts,
            fire_risk=self._desk.fire_risk(self._clock.mono_ns()),
            snoozes=self._desk.snoozes(self._clock.mono_ns()),
            links=self._links,
            power=reports.power(),
        )

    def _smoke(self, sink: str) -> dict[str, str]:
        """Say of each camera whether it sees smoke: a sink hears only of alerts that go to it, else `unknown`.

        Where a condition holds alerts back, that there is none does not mean that there is no smoke.
        """
        assert self._reports is not None
        silenced = {snooze.camera for snooze in self._desk.snoozes(self._clock.mono_ns())}
        alerts = list(self._alerts.copy().values())
        said = {}
        for name, camera in self._reports.health().cameras.items():
            seen = [event for event in alerts if event.camera == name]
            hidden = name in silenced or not self._may_show(name, sink)
            if not hidden and any(self.post.reaches(event, sink) for event in seen):
                said[name] = "ON"
            else:
                unsure = hidden or seen or camera.state != "ok" or camera.held
                said[name] = "unknown" if unsure else "OFF"
        return said

    def _may_show(self, camera: str, sink: str) -> bool:
        """Say whether a sink gets anything of a camera's frames, by their origin."""
        origin = self.post.rules.origins.get(camera, "live")
        return any(route.name == sink and origin in route.origins for route in self.post.rules.routes)

    def _largest(self, sink: str) -> int | None:
        way = next((way for way in self._ways if way.sink == sink), None)
        return None if way is None else way.transport.link().largest_bytes

    def _now(self) -> Now:
        return Now(self._clock.mono_ns(), self._boot, self._clock.wall_ns(), self._trusted())

    def _stamp(self) -> Stamp:
        mono_ns = self._clock.mono_ns()
        return Stamp(
            model_s=mono_ns / 1e9, mono_ns=mono_ns, utc=utc_text(self._clock.wall_ns()),
            utc_trusted=self._trusted(), boot_id=self._boot,
        )  # fmt: skip
