"""One tower: all its parts, and the steps by which they work. None blocks or begins a thread.

`edge.daemon` runs them in threads, `firmware_sim.tower` one after the other on a simulated clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from edge.alert import drill
from edge.alert.announcer import Announce
from edge.alert.event import Announcement, Event, Stamp
from edge.alert.evidence import Picture, is_drill
from edge.alert.keeper import Keeper
from edge.alert.recorder import Recorder
from edge.alert.tower_store import TowerStore, counts_of
from edge.alert.witness import Witness
from edge.backoff import Backoff
from edge.camera.address import open_source
from edge.camera.due import Dues
from edge.camera.intake import Intake
from edge.camera.reader import BEAT_S, Camera, CameraReader, Opener
from edge.camera.slots import Slots
from edge.clock import Clock, Trusted, boot_id, utc_text, wall_synchronised
from edge.counter.counters import Counters
from edge.detect.severity import Risk
from edge.frame import Frame
from edge.governor.governor import Governor
from edge.governor.hand import Gear, Hand, levers_of
from edge.health import CameraFacts, Health, judge_all, with_messages
from edge.hour import trusted_s
from edge.model.loaded import Model
from edge.model.runtime import Runtime
from edge.pipeline import Pipeline
from edge.plan import plan
from edge.settings import Settings
from edge.status import Status
from edge.uplink.heartbeat import Power, power_of
from edge.uplink.uplink import Uplink

logger = logging.getLogger(__name__)

CAMERA = "camera "  # of the loop of one that beats; its name follows
STALE_CADENCES = 2.0  # a frame that waited longer than this many cadences is not worth scoring

Beat = Callable[[str, float], None]


def no_beat(_loop: str, _allowance_s: float) -> None:
    """Tell nobody that a loop turns."""


class Tower:
    """The parts of one tower. One thread looks, one ticks, one records; what only tells is for any.

    Args:
        settings: the checked configuration.
        model: loaded and self-tested.
        store: where the recorder commits events before it announces them; it need not be open yet.
        counters: latency, memory, energy and frames.
        clock: the machine's.
        announce: called once per revision; it must not block.
        beat: told which loop turns, and for how many seconds it may now be silent.
        uplink: carries what is seen to the sinks; None where there are none.
        governor: decides what is spared; None where nothing ever is.
        lean: loads the model with one thread; None where it has no more.
        root: where proc/ is.
        trusted: says whether the wall clock is synchronised.
        opener: opens a camera.
        backoff: between attempts to open one.
        reader_beat_s: as a reader's `beat_s`.

    Attributes:
        readers: of the cameras, by their names; whoever runs the tower starts them.
    """

    def __init__(  # noqa: PLR0913 — every part is handed in
        self,
        settings: Settings,
        model: Model,
        store: TowerStore,
        counters: Counters,
        clock: Clock,
        *,
        announce: Announce,
        beat: Beat = no_beat,
        uplink: Uplink | None = None,
        governor: Governor | None = None,
        lean: Callable[[], Runtime] | None = None,
        root: Path = Path("/"),
        trusted: Trusted = wall_synchronised,
        opener: Opener = open_source,
        backoff: Backoff | None = None,
        reader_beat_s: float = BEAT_S,
    ) -> None:
        self._settings = settings
        self._model = model.name
        self._store = store
        self._counters = counters
        self._clock = clock
        self._boot_id = boot_id(root)
        self._trusted = trusted
        self._cameras = plan(settings, model.bundle.manifest)
        accounts = {name: counters.account(name) for name in self._cameras}
        self._slots = Slots(accounts)
        self._intakes = {
            name: Intake(accounts[name], clock, counters.record, camera.schedule, turns=camera.options.turn)
            for name, camera in self._cameras.items()
        }
        self.readers = {
            name: self._reader(camera, beat, opener, backoff, reader_beat_s)
            for name, camera in self._cameras.items()
        }
        self._dues = Dues({name: camera.schedule for name, camera in self._cameras.items()})
        self._started_ns = clock.mono_ns()
        self._announce = announce
        self._uplink = uplink
        masks = {name: camera.options.masks for name, camera in self._cameras.items()}
        self._pipeline = Pipeline(
            model,
            self._stamp,
            counters.record,
            masks,
            self._risk,
            frozenset(name for name, camera in self._cameras.items() if camera.options.night_alerts),
            memory=settings.model.memory_of_the_hour,
            wall_s=partial(trusted_s, trusted=trusted),
        )
        self._keeper = Keeper(store, self._pipeline.recall)
        self._recorder = Recorder(
            store,
            self._tell,
            clock,
            record=counters.record,
            beat=partial(beat, "recorder"),
            urgent=self._keeper.hurry,
            idle=self._keeper.step if self._pipeline.hours.on else lambda: False,
        )
        privacy = {name: camera.options.privacy for name, camera in self._cameras.items()}
        tower = settings.tower.id or settings.tower.name
        self._witness = Witness(tower, privacy, model.bundle.manifest, self._stamp)
        self._last: dict[str, Frame] = {}
        self._hand: Hand | None = None
        if governor is not None:
            levers = levers_of(self._cameras, self.readers, counters.account, model.bundle.manifest.cadence)
            gear = Gear(self._pipeline.use, model.runtime, lean)
            self._hand = Hand(governor, clock, levers, spare=self._witness.spare, lean=gear.shift)

    def _reader(
        self, camera: Camera, beat: Beat, opener: Opener, backoff: Backoff | None, beat_s: float
    ) -> CameraReader:
        # opening and one read may each take the timeout
        allowance_s = 2 * camera.options.timeout_s
        return CameraReader(
            camera,
            self._intakes[camera.name],
            self._slots,
            self._clock,
            beat=lambda: beat(f"{CAMERA}{camera.name}", allowance_s),
            backoff=backoff,
            opener=opener,
            beat_s=beat_s,
        )

    def tick(self) -> None:
        """Count, let the governor decide, and tell what changed; call it each second or so."""
        self._counters.sample()
        if self._hand is not None:
            self._hand.step(self._risk(), open_event=self._pipeline.any_open)
        self._recorder.tell_overdue(self._clock.mono_ns())
        if self._uplink is not None:
            self._uplink.tick()

    def look(self, timeout_s: float = 0.0) -> bool:
        """Score the camera that has waited longest; return whether one waited, for so many seconds at most."""
        taken = self._slots.take_oldest(timeout_s)
        self._tell_darkness()
        if taken is not None:
            self._score(*taken)
        return taken is not None

    def record(self) -> bool:
        """Commit and announce one thing that waits for it; return whether there may be more."""
        return self._recorder.step(self._clock.mono_ns())

    def finish(self) -> None:
        """Close what is open at the end; the recorder has it then."""
        self._tell_darkness()
        for name, frame in self._last.items():
            for event in self._pipeline.close(name, frame):
                self._recorder.offer(event)
        self._keep_hours(last=True)

    def cadence_s(self, camera: str) -> float:
        """Return the seconds between its scored frames, as they are now. From any thread."""
        return self._cameras[camera].schedule.cadence_s

    @property
    def finished(self) -> bool:
        """Whether every camera is a recording that has ended and nothing waits any more."""
        if not all(reader.finished for reader in self.readers.values()):
            return False  # asked first: until then, more frames may come
        return not any(self._counters.account(name).balance().waiting for name in self.readers)

    @property
    def untold(self) -> int:
        """How many announcements nobody took."""
        return 0

    def _tell(self, announcement: Announcement) -> None:
        if not is_drill(announcement.event):  # who reads it knows no drills
            self._announce(announcement)
        if self._uplink is not None:
            self._uplink.told(announcement)

    def trouble(self) -> str | None:
        """Return why events are not on disk; None where they are."""
        return self._recorder.trouble(self._clock.mono_ns())

    def due_s(self) -> Mapping[str, float | None]:
        """Return the seconds until each camera's next frame is due; None where none was scored yet."""
        return self._dues.all_s(self._clock.mono_ns(), None if self._hand is None else self._hand.due_s())

    def _tell_darkness(self) -> None:
        """Say of open events that their camera is dark."""
        for name, intake in self._intakes.items():
            dusk = intake.sight.darkness
            for event in () if dusk is None else self._pipeline.darken(name, dusk):
                self._recorder.offer(event)

    def _score(self, camera: str, frame: Frame) -> None:
        account = self._counters.account(camera)
        age_s = (self._clock.mono_ns() - frame.captured_mono_ns) / 1e9
        if age_s > STALE_CADENCES * self._cameras[camera].schedule.cadence_s:
            account.drop("stale")
            return
        try:
            scored = self._pipeline.score(camera, frame)
        except Exception:  # one frame's trouble is its own: count it, log it, go on
            account.drop("failed")
            logger.exception("camera '%s': frame %d could not be scored", camera, frame.sequence)
            self._keep_hours()
            for event in self._pipeline.owed(camera):
                self._recorder.offer(event)
            return
        self._keep_hours()
        account.score()
        now_ns = self._clock.mono_ns()
        self._counters.record("total", now_ns - frame.captured_mono_ns)
        self._dues.note(camera, now_ns)
        self._last[camera] = frame
        for one in self._witness.see(scored):
            (self._recorder.offer if one.told else self._recorder.attach)(one.event, one.pictures)
        self._counters.record("evidence", self._clock.mono_ns() - now_ns)

    def _keep_hours(self, *, last: bool = False) -> None:
        """Hand over the memories of the hour that are to be written: before the events with which they forgot."""
        try:
            for camera, saved in self._pipeline.hours.save(last=last).items():
                self._keeper.offer(camera, saved.data, urgent=saved.urgent)
        except Exception:  # events matter more
            logger.exception("a memory of the hour cannot be kept")

    def _stamp(self, frame: Frame) -> Stamp:
        """Return the moment of a frame by every clock at hand."""
        return Stamp(
            model_s=frame.model_ns / 1e9,
            mono_ns=frame.captured_mono_ns,
            utc=utc_text(frame.captured_wall_ns),
            utc_trusted=self._trusted(),
            boot_id=self._boot_id,
        )

    def health(self) -> Health:
        """Judge every camera, and whether events reach the disk and messages are carried, now."""
        facts = {name: self._facts(name, reader) for name, reader in self.readers.items()}
        now_ns = self._clock.mono_ns()
        judged = judge_all(facts, now_ns, self._recorder.trouble(now_ns))
        if self._hand is not None:
            judged = self._hand.amended(judged)
        if self._uplink is None:
            return judged
        return with_messages(judged, self._uplink.trouble(), self._uplink.notices())

    def _facts(self, name: str, reader: CameraReader) -> CameraFacts:
        facts = reader.facts(
            self._dues.scored_ns(name),
            self._started_ns,
            conditions=self._pipeline.conditions(name),
            held=self._pipeline.holds(name),
        )
        if self._hand is None:
            return facts
        return self._hand.facts(facts, self._dues.cadence_s(name), self.due_s()[name])

    def power(self) -> Power | None:
        """Return what is known of power and heat."""
        return power_of(self._counters.snapshot(), None if self._hand is None else self._hand.report())

    def page_off(self) -> str | None:
        """Return why the page is not shown; None where it is."""
        return None if self._hand is None else self._hand.page_off()

    def _risk(self) -> Risk:
        return "neutral" if self._uplink is None else self._uplink.fire_risk()

    def sight(self, event: Event) -> Stamp | None:
        """Return the newest sight of an open event, told or not; None where it is not open. From any thread."""
        return self._pipeline.sight(event)

    def confirmed(self, event: Event) -> None:
        """Take note that a person confirmed an event. From any thread."""
        if not is_drill(event):
            self._pipeline.confirm(event)
            self._keep_hours()

    def picture(self, camera: str) -> Picture | None:
        """Return what a camera showed last; None where nothing of it was scored.

        Raises:
            FrameError: it cannot be made.
        """
        frame = self._last.get(camera)
        return None if frame is None else self._witness.now(camera, frame)

    def begin_drill(self, event_id: str, camera: str, at: Stamp) -> Event:
        """Let a drill begin on the way of a real event, with pictures of the newest frame; return its opening."""
        made = self._witness.drill(event_id, camera, self._last.get(camera), self._model, at)
        self._recorder.offer(made.event, made.pictures)
        return made.event

    def end_drill(self, event: Event, at: Stamp) -> None:
        """Let a drill end on the same way."""
        self._recorder.offer(drill.ended(event, at))

    @property
    def good(self) -> bool:
        """Whether every event is on disk and no recording broke before its end."""
        return self._recorder.good and not any(r.finished and r.error for r in self.readers.values())

    def status(self) -> dict[str, Any]:
        """Return everything that is counted, as plain tables."""
        return self._status().document()

    def metrics(self) -> bytes:
        """Return the Prometheus exposition."""
        return self._status().exposition()

    def _status(self) -> Status:
        hours, horizons, uplink = self._pipeline.hours, self._pipeline.horizons, self._uplink
        return Status(
            tower=self._settings.tower.name,
            snapshot=self._counters.snapshot(),
            recorded=self._recorder.recorded,
            untold=self.untold,
            stored=counts_of(self._store),
            evidence=self._witness.made,
            hours=hours.counted if hours.on else None,
            horizons=horizons.counted if horizons.on else None,
            uplink=None if uplink is None else uplink.report(),
            health=self.health(),
        )
