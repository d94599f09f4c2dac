"""The thread of one camera: it opens, reads, hands frames over, and starts again when anything goes wrong."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from edge.backoff import Backoff
from edge.camera.address import open_source, scrub
from edge.camera.intake import Intake
from edge.camera.limit import Limits
from edge.camera.option import NetworkOptions, Options, RecordingOptions
from edge.camera.schedule import NS_PER_S, Schedule
from edge.camera.slots import Slots
from edge.camera.source import Picture, Session, Source, describe_geometry, no_beat, require_size
from edge.clock import Clock, utc_text
from edge.errors import CameraError, EdgeError, FrameError
from edge.health import CameraFacts
from edge.text import plain

logger = logging.getLogger(__name__)

BEAT_S = 0.5  # in a wait, between two beats
_DAMAGED_S = 30.0
_DAMAGED_CADENCES = 2
_STOP_S = 1.0


Opener: TypeAlias = Callable[[Options, Session], Source]


class _StopError(Exception):
    """The reader was told to stop."""


class _RestError(Exception):
    """The reader was told to close its camera for a while."""


@dataclass(frozen=True, slots=True)
class Camera:
    """What a reader reads.

    Attributes:
        name: for logs, metrics and events.
        options: its address and how it is opened and read. A recording's `pace` is `clip` in its own time, or `fast`
            as soon as the model has taken the last frame, so that none is overwritten; live cameras keep their own.
        schedule: how often a picture of it is wanted.
        password: what its `password_file` holds; None without one.
        limits: of its pictures and packets.
    """

    name: str
    options: Options
    schedule: Schedule = field(default_factory=Schedule)
    password: str | None = field(default=None, repr=False)
    limits: Limits = field(default_factory=Limits)


class CameraReader:
    """Reads one camera in its own thread until it is stopped, or until a recording ends.

    Args:
        camera: what to read.
        intake: counts and makes frames.
        slots: where frames wait for the model.
        clock: the machine's.
        beat: called at least every second while the thread turns; a read may wait for `timeout_s` without it.
        backoff: between attempts.
        opener: opens a source.
        beat_s: how long it waits without a beat, at most; who moves a simulated clock wakes it when it is to see
            something.

    Attributes:
        error: what is wrong now, without credentials; None while pictures come.
        corrupt: whether it was opened again for its damage and has given no whole picture since.
        reconnects: how often it was opened again.
        finished: whether a recording has ended; `error` is None where it was played to its end.
    """

    def __init__(
        self,
        camera: Camera,
        intake: Intake,
        slots: Slots,
        clock: Clock,
        *,
        beat: Callable[[], None] = no_beat,
        backoff: Backoff | None = None,
        opener: Opener = open_source,
        beat_s: float = BEAT_S,
    ) -> None:
        self.name = camera.name
        self.error: str | None = None
        self.corrupt = False
        self.reconnects = 0
        self.finished = False
        self._options = camera.options
        self._schedule = camera.schedule
        self._session = Session(clock, camera.schedule, self._pulse, camera.password, camera.limits)
        recording = camera.options if isinstance(camera.options, RecordingOptions) else None
        self._pace = "clip" if recording is None else recording.pace
        self._loop = recording is not None and recording.loop
        self._live = recording is None
        self._intake = intake
        self._slots = slots
        self._clock = clock
        self._beat = beat
        self._backoff = Backoff() if backoff is None else backoff
        self._opener = opener
        self._beat_s = beat_s
        self._stopping = threading.Event()
        self._resting = False
        self._failures = 0
        self._damaged_ns: int | None = None  # since when a live source has given no whole picture
        self._reopened = False  # for its damage
        self._sized = False  # whether a picture of it was large enough
        self._geometry = ""  # of its last picture
        self._began: tuple[int, int] | None = None  # monotonic and source time of a recording's first picture
        self._thread = threading.Thread(target=self.run, name=f"camera-{camera.name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def rest(self, *, resting: bool) -> None:
        """Have the camera closed, or opened again; from any thread.

        A recording in its own time goes on unseen, one that is played as fast as the model can waits.
        """
        if self._resting and not resting:
            self._intake.naps += 1
        self._resting = resting

    def stop(self, timeout_s: float = _STOP_S) -> bool:
        """Tell the thread to end and wait for it; return whether it did.

        One that hangs in a read is left alone, for FFmpeg cannot be closed from another thread: it ends by
        itself when the read times out, or with the process.
        """
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def facts(
        self,
        scored_ns: int | None,
        started_ns: int,
        *,
        conditions: tuple[str, ...] | None,
        held: tuple[str, ...],
    ) -> CameraFacts:
        """Return what is known of the camera; from any thread.

        Args:
            scored_ns: monotonic time at which a frame of it was last scored; None if none was.
            started_ns: monotonic time at which its thread began.
            conditions: of its scene that stand; None where the model tells none.
            held: those of them that hold its alerts back.
        """
        sight = self._intake.sight
        turn = sight.turn
        return CameraFacts(
            last_scored_mono_ns=scored_ns,
            last_dark_mono_ns=sight.dark_mono_ns,
            started_mono_ns=started_ns,
            condition=sight.condition,
            cadence_s=self._schedule.cadence_s,
            error=self.error,
            finished=self.finished and self.error is None,
            corrupt=self.corrupt,
            turns=turn.count,
            view=turn.view,
            turned_utc=None if turn.at is None else utc_text(turn.at.captured_wall_ns),
            of_view=self._options.of_view,
            conditions=conditions,
            held=held,
        )

    def run(self) -> None:
        """Read until stopped or finished; the body of the thread."""
        while not self._stopping.is_set() and not self.finished:
            try:
                self._rest()
                self._play()
            except _StopError:
                return
            except _RestError:
                logger.info("camera '%s': closed by the governor", self.name)
            except Exception as error:  # noqa: BLE001 - one camera's trouble is its own, whatever it is
                self._fail(error)
                if not self.finished:
                    self._back_off()

    def _play(self) -> None:
        """Open the camera and read it until it ends or breaks."""
        self._turn()
        self._damaged_ns = None  # opening beats, too
        source = self._opener(self._options, self._session)
        self._began = None
        try:
            while (picture := self._read(source)) is not None:
                self._healthy()
                self._tell_geometry(picture.geometry)
                if not source.live:
                    self._keep_pace(picture)
                self._hand_over(picture, live=source.live)
            self.finished = True
            logger.info("camera '%s': the recording ended", self.name)
        except (_StopError, _RestError):
            raise
        except Exception:
            # opened again, a recording would show the same pictures again, which only one in a loop is meant to do
            self.finished = not source.live and not self._loop
            raise
        finally:
            source.close()

    def _read(self, source: Source) -> Picture | None:
        while True:
            self._pulse()
            try:
                picture = source.read()
                if picture is not None:
                    self._see_size(picture)
            except FrameError as error:
                self._intake.corrupt()
                self.error = self._describe(error)
            else:
                return picture
            if source.live:
                self.corrupt = self._reopened
                self._damaged_ns = self._clock.mono_ns() if self._damaged_ns is None else self._damaged_ns

    def _see_size(self, picture: Picture) -> None:
        """Refuse a camera of small pictures; where others were large, a small one is corrupt."""
        try:
            require_size(picture, self.name)
        except CameraError as error:
            if self._sized:
                raise FrameError(str(error)) from None
            raise
        self._sized = True

    def _tell_geometry(self, geometry: str) -> None:
        """Say where pictures are others than those that polygons were drawn on; once, and when that changes."""
        if geometry == self._geometry:
            return
        self._geometry = geometry
        told = "its pictures are as they are stored again"
        if geometry:
            told = describe_geometry(self.name, geometry, self._options.drawn)
        logger.warning("camera '%s': %s", self.name, told)

    def _rest(self) -> None:
        """Wait while the camera is to be closed; it is no more damaged then than it was opened."""
        while self._resting and self._live:
            self._reopened = self.corrupt = False
            self._turn(resting=True)
            self._clock.wait(self._stopping, self._beat_s)

    def _hand_over(self, picture: Picture, *, live: bool) -> None:
        while self._resting and not live and self._pace == "fast":
            self._turn()
            self._clock.wait(self._stopping, self._beat_s)
        if self._resting:
            self._intake.pass_by()
            return
        frame = self._intake.take(picture, live=live)
        if frame is None:
            return
        try:
            while not live and self._pace == "fast" and not self._slots.wait_empty(self.name, BEAT_S):
                self._turn()
        except _StopError:
            self._intake.account.drop("stopped")
            raise
        self._slots.offer(self.name, frame)

    def _keep_pace(self, picture: Picture) -> None:
        if self._pace != "clip" or picture.source_ns is None:
            return
        if self._began is None:
            self._began = (self._clock.mono_ns(), picture.source_ns)
        self._wait_until(self._began[0] + picture.source_ns - self._began[1])

    def _back_off(self) -> None:
        self.reconnects += 1
        delay_s = self._backoff.delay_s(self._failures)
        logger.debug("camera '%s': next attempt in %.1f s", self.name, delay_s)
        try:
            self._wait_until(self._clock.mono_ns() + round(delay_s * NS_PER_S))
        except (_StopError, _RestError):
            return

    def _wait_until(self, mono_ns: int) -> None:
        while (left_ns := mono_ns - self._clock.mono_ns()) > 0:
            self._turn()
            self._clock.wait(self._stopping, min(self._beat_s, left_ns / NS_PER_S))

    def _pulse(self) -> None:
        """Turn, and see that a damaged source is not waited for too long."""
        self._turn()
        if self._damaged_ns is None:
            return
        limit_s = max(_DAMAGED_S, _DAMAGED_CADENCES * self._schedule.cadence_s)
        if self._clock.mono_ns() - self._damaged_ns >= limit_s * NS_PER_S:
            self._reopened = True
            raise CameraError(f"no whole picture for {limit_s:g} s; the last: {self.error}")

    def _turn(self, *, resting: bool = False) -> None:
        if self._stopping.is_set():
            raise _StopError
        self._beat()
        if self._resting and self._live and not resting:
            raise _RestError

    def _healthy(self) -> None:
        if self._failures:
            logger.info("camera '%s': pictures come again", self.name)
        self.error = None
        self._failures = 0
        self._damaged_ns = None
        self._reopened = self.corrupt = False

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        text = self._describe(error)
        if text != self.error:
            logger.warning("camera '%s': %s", self.name, text)
        self.error = text

    def _describe(self, error: Exception) -> str:
        ours = isinstance(error, EdgeError)
        text = str(error) if ours else f"{type(error).__name__}: {error}"
        user = self._options.user if isinstance(self._options, NetworkOptions) else None
        return plain(scrub(text, self._options.uri, (user, self._session.password), ours=ours))
