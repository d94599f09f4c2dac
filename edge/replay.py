"""A recording through the daemon's own pipeline as fast as possible, frame by frame, with nothing left to chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Event, Stamp
from edge.camera.address import open_source, redact
from edge.camera.intake import Intake
from edge.camera.option import Options
from edge.camera.registry import kind_of, tidy
from edge.camera.schedule import Schedule
from edge.camera.source import Picture, Session
from edge.clock import Clock, utc_text
from edge.counter.drops import Account
from edge.detect.mask import Polygon
from edge.errors import CameraError, FrameError, SettingsError
from edge.frame import Frame
from edge.model.loaded import Model
from edge.pipeline import Pipeline, Record
from edge.text import plain


@dataclass(frozen=True, slots=True)
class Step:
    """What a replay tells of one scored frame.

    Attributes:
        clip: the camera's name.
        frame: without its pixels being kept by the replay.
        scores: (rows, cols, classes) float32 in the manifest's kind.
        events: new revisions.
        open_events: how many plumes are open after it.
    """

    clip: str
    frame: Frame
    scores: NDArray[np.float32]
    events: tuple[Event, ...]
    open_events: int


def address(clip: str) -> str:
    """Return the camera address of a clip given as a path or as an address.

    Raises:
        SettingsError: there is no such file, and it is no address of a recording.
    """
    kind = kind_of(clip)
    if kind is not None and not kind.live:
        return tidy(clip)
    try:
        path = Path(clip) if Path(clip).exists() else Path(clip.strip())
        if path.is_dir():
            return f"folder:{path}"
        if path.exists():
            return f"file:{path}"
    except OSError as error:
        raise SettingsError(f"{redact(clip)}: cannot look at it: {error.strerror}") from error
    raise SettingsError(
        f"{redact(clip)}: no such file or folder; give a video, a folder of images, or 'scene:'"
    )


def clip_options(clip: str, keys: Mapping[str, object]) -> Options:
    """Return the options of a clip; of the keys those that its kind has and that are not None.

    Raises:
        SettingsError: as `address` does.
    """
    uri = address(clip)
    kind = kind_of(uri)
    assert kind is not None, "an address that was found has a kind"
    known = {key: value for key, value in keys.items() if key in kind.keys and value is not None}
    options: Options = kind.options(uri=uri, **known)
    return options


def clip_name(clip: str) -> str:
    """Return what events call a clip: its file name, so that they do not depend on where it lies."""
    scheme, _, rest = address(clip).partition(":")
    return plain(Path(rest).name) or scheme


def model_stamp(frame: Frame) -> Stamp:
    """Return the moment of a recorded frame: model time, and its date where the recording has one."""
    dated = frame.source_ns is not None and frame.captured_wall_ns > 0
    return Stamp(model_s=frame.model_ns / 1e9, utc=utc_text(frame.captured_wall_ns) if dated else None)


class RecordedClock:
    """A clock for replays: monotonic as the machine's, but no wall clock, so that nothing depends on today."""

    def __init__(self, clock: Clock) -> None:
        self.mono_ns = clock.mono_ns
        self.wait = clock.wait

    def wall_ns(self) -> int:
        """Return 0: a recording without dates stays without."""
        return 0


def replay(  # noqa: PLR0913 — every part is handed in
    clip: str,
    model: Model,
    *,
    clock: Clock,
    record: Record,
    account: Account,
    cadence_s: float = 0.0,
    keys: Mapping[str, object] | None = None,
    masks: Sequence[Polygon] = (),
    name: str | None = None,
    judged: bool = True,
    night_alerts: bool = False,
) -> Iterator[Step]:
    """Play one clip through a pipeline of its own.

    Args:
        clip: a video, a folder of images, or an address of either or of the scene.
        model: loaded.
        clock: measures the stages; no result depends on it.
        record: told stages and their times in ns.
        account: every frame is counted here.
        cadence_s: seconds of source time between scored frames; 0 scores every frame.
        keys: further keys of a camera's table, as far as the clip's kind has them.
        masks: polygons in fractions of the frame.
        name: of the camera, if not the clip's own.
        judged: whether dark and frozen pictures are dropped, as the daemon does.
        night_alerts: whether no condition of the scene holds alerts back, as by the operator's choice.

    Yields:
        A step per scored frame; the last one carries the closing of what was still open.

    Raises:
        CameraError: the clip cannot be opened or read.
        FrameError, RuntimeModelError: a frame could not be scored; unlike the daemon, a replay ends there.
    """
    camera = name or clip_name(clip)
    loud = frozenset({camera} if night_alerts else ())
    pipeline = Pipeline(model, model_stamp, record, {camera: masks}, night_alerts=loud)
    schedule = Schedule(cadence_s)
    options = clip_options(clip, keys or {})
    source = open_source(options, Session(clock, schedule))
    try:
        intake = Intake(account, RecordedClock(clock), record, schedule, judged=judged, turns=options.turn)
        held: Step | None = None
        for frame in _frames(intake, source.read):
            if held is not None:
                yield held
            darkened = _darken(pipeline, camera, intake)
            try:
                scored = pipeline.score(camera, frame)
            except BaseException:
                account.drop("failed")
                raise
            account.score()
            held = Step(camera, frame, scored.scores, (*darkened, *scored.events), scored.open_events)
        if held is not None:
            darkened = _darken(pipeline, camera, intake)
            closing = pipeline.close(camera, held.frame)
            yield Step(
                camera,
                held.frame,
                held.scores,
                (*held.events, *darkened, *closing),
                0 if closing else held.open_events,
            )
    finally:
        source.close()


def _darken(pipeline: Pipeline, camera: str, intake: Intake) -> tuple[Event, ...]:
    """Say of open events that the camera was dark."""
    dusk = intake.sight.darkness
    return () if dusk is None else pipeline.darken(camera, dusk)


def _frames(intake: Intake, read: Callable[[], Picture | None]) -> Iterator[Frame]:
    """Take in every picture of a recording; corrupt ones are counted, nothing but such is an error."""
    corrupt, last, whole = 0, "", False
    while True:
        try:
            picture = read()
        except FrameError as error:
            intake.corrupt()
            corrupt, last = corrupt + 1, str(error)
            continue
        if picture is None:
            if corrupt and not whole:
                raise CameraError(f"none of {corrupt} pictures is whole; the last: {last}")
            return
        whole = True
        frame = intake.take(picture, live=False)
        if frame is not None:
            yield frame
