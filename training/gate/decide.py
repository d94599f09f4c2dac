"""The decision anew, from stored score maps: the daemon's own pipeline, whose runtime hands back what was recorded.

So thresholds and rules can be tried without the network, and what they give is what the daemon would have given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Event
from edge.frame import Frame
from edge.hour import Hours
from edge.model.bundle import Bundle
from edge.model.loaded import Model
from edge.model.manifest import Confirmation, Manifest, Threshold
from edge.model.preprocess import Placement, place
from edge.pipeline import Pipeline
from edge.replay import model_stamp
from scoring.day import WARM_UP, Day, Due, day_of
from scoring.planted import SHIPPED
from scoring.score import ScoredFrame, score_sequence
from scoring.truth import TruthSequence
from training.gate.known import Known
from training.gate.played import Played, frame_of
from training.gate.recording import Read, Recording
from training.gate.stream import NS_PER_S, Part, Shot, Stream, hour_of
from training.smoke.data.place import is_night

RULES_OFF = "no rules"
SHIFTS = tuple(float(value) for value in np.arange(-2.0, 6.01, 0.5))  # logits by which the threshold moves


@dataclass(frozen=True, slots=True)
class Decided:
    """What the decision made of a recording.

    Attributes:
        events: the newest revision of each.
        hours: the memory of the hour after it.
        banded: frames in which a horizon was known.
        held: plumes that it held back.
    """

    events: list[Event]
    hours: Hours
    banded: int
    held: int


def decide(
    model: Model,
    camera: str,
    shots: Sequence[Shot],
    recording: Recording,
    manifest: Manifest | None = None,
    read: Read | None = None,
    luma: Read | None = None,
) -> list[Event]:
    """Run the daemon's decision over a recording; return the events of `decided`."""
    return decided(model, camera, shots, recording, manifest, read, luma=luma).events


def decided(
    model: Model,
    camera: str,
    shots: Sequence[Shot],
    recording: Recording,
    manifest: Manifest | None = None,
    read: Read | None = None,
    luma: Read | None = None,
    known: Known | None = None,
) -> Decided:
    """Run the daemon's decision over a recording.

    Args:
        model: that was recorded; its network is not asked.
        camera: name of the stream.
        shots: of the stream.
        recording: of them.
        manifest: another one for the same network; None: the bundle's own.
        read: of pictures, so that events have the ids that the daemon gives them; None: other ids.
        luma: of pictures that a horizon is looked for in, where the manifest has the rule; None: `read`, without which
            there is none.
        known: to go on with; None: nothing.
    """
    bundle = model.bundle if manifest is None else _with(model.bundle, manifest)
    pipeline = Pipeline(
        Model(bundle, model.file, Played(recording)),
        model_stamp,
        lambda _stage, _ns: None,
        wall_s=hour_of(shots),
    )
    horizon = None if known is None else known.horizon
    if known is not None and known.memory is not None:
        pipeline.hours.adopt(camera, known.memory)
    events: dict[str, Event] = {}
    frame: Frame | None = None
    banded = 0

    def keep(some: Sequence[Event]) -> None:
        events.update({event.id: event for event in some})

    for index, (shot, seen) in enumerate(zip(shots, recording.seen, strict=True)):
        if seen.cause is not None:
            continue
        if seen.dusk_ns is not None:
            keep(pipeline.darken(camera, frame_of(shot, seen, seen.dusk_ns)))
        reader, looked = (None if one is None else _reader(one, index) for one in (read, luma or read))
        frame = frame_of(shot, seen, shot.time_ns, reader, looked)
        if horizon is not None:
            pipeline.horizons.adopt(camera, frame, _placed(model, manifest, shot), horizon)
            horizon = None
        keep(pipeline.score(camera, frame).events)
        counted = pipeline.horizons.counted.get(camera)
        banded += counted is not None and counted.known
    if frame is not None:
        if recording.dusk_ns is not None:
            keep(pipeline.darken(camera, frame_of(shots[0], recording.seen[0], recording.dusk_ns)))
        keep(pipeline.close(camera, frame))
    counted = pipeline.horizons.counted.get(camera)
    return Decided(list(events.values()), pipeline.hours, banded, 0 if counted is None else counted.held)


def _placed(model: Model, manifest: Manifest | None, shot: Shot) -> Placement:
    letterbox = (manifest or model.bundle.manifest).fit == "letterbox"
    return place(shot.size_px, _input_px(model), letterbox=letterbox)


def _reader(read: Read, index: int) -> Callable[[], NDArray[np.uint8]]:
    return lambda: read(index)


def _with(bundle: Bundle, manifest: Manifest) -> Bundle:
    return Bundle(bundle.path, bundle.folder, manifest, bundle.digest)


def variants(manifest: Manifest) -> dict[str, Manifest]:
    """Return the decision as shipped and with each of its rules off.

    Off means: the first sight opens (confirmation), a region is only what reaches `open` (hysteresis), every event is
    an alert (severity), no condition holds one back (hold), thresholds never fall (calm), nor rise far from the
    horizon; and all of these at once,
    RULES_OFF.
    """
    at_once = Confirmation(hits=1, window=1, close_after=manifest.confirmation.close_after)
    narrow = {label: Threshold(open=one.open, keep=one.open) for label, one in manifest.thresholds.items()}
    off: dict[str, dict[str, Any]] = {
        "no confirmation": {"confirmation": at_once},
        "no hysteresis": {"thresholds": narrow},
    }
    if manifest.alert is not None and manifest.alert.held:
        off["no hold"] = {"alert": msgspec.structs.replace(manifest.alert, held=())}
    if manifest.alert is not None:
        off["no severity"] = {"alert": None}
    if manifest.calm is not None:
        off["no calm"] = {"calm": None}
    if manifest.horizon is not None:
        off["no horizon"] = {"horizon": None}
    every = {key: value for changes in off.values() for key, value in changes.items()}
    made = {name: msgspec.structs.replace(manifest, **changes) for name, changes in off.items()}
    return {SHIPPED: manifest, **made, RULES_OFF: msgspec.structs.replace(manifest, **every)}


def shifted(manifest: Manifest, by: float) -> Manifest:
    """Return the manifest with all thresholds moved, those of the rule for alerts too.

    The calm rule stays as it is: its `fall` is relative to `open` and moves with it, its `margin` to what the camera
    showed, and those scores do not move. So in a calm picture a higher threshold is higher where the rule has fallen as
    far as it may, else the same.

    Args:
        manifest: as shipped.
        by: logits; probabilities are moved as their logits.
    """

    def move(value: float) -> float:
        if manifest.kind == "logits":
            return value + by
        inner = min(max(value, 1e-6), 1 - 1e-6)
        return 1 / (1 + math.exp(-(math.log(inner / (1 - inner)) + by)))

    thresholds = {
        label: Threshold(open=move(one.open), keep=move(one.keep))
        for label, one in manifest.thresholds.items()
    }
    alert = manifest.alert
    if alert is not None:
        scores = {label: move(score) for label, score in alert.scores.items()}
        alert = msgspec.structs.replace(alert, scores=scores)
    return msgspec.structs.replace(manifest, thresholds=thresholds, alert=alert)


def judge(
    model: Model,
    stream: Stream,
    recording: Recording,
    events: Sequence[Event],
    manifest: Manifest | None = None,
) -> list[Day]:
    """Judge what a stream's events were, sequence by sequence.

    Args:
        model: that was recorded.
        stream: of the recording.
        recording: of it.
        events: of any decision over it.
        manifest: of that decision; None: the bundle's own.
    """
    manifest = model.bundle.manifest if manifest is None else manifest
    peaks = iter(peaks_of(manifest, recording.maps))
    days, at, warm = [], 0, 0
    begins = [_time_s(part) for part in stream.parts] + [math.inf]
    for part, begin, end in zip(stream.parts, begins, begins[1:], strict=False):
        count = len(part.truth.frames)
        seen, at = recording.seen[at : at + count], at + count
        frames, due = [], []
        for shot, one in zip(_part_shots(part), seen, strict=True):
            if one.cause is None:
                warm = manifest.confirmation.hits - 1 if one.restarted else warm
                score, time_s = next(peaks), shot.time_ns / NS_PER_S
                frames.append(ScoredFrame(name=shot.name, model_s=time_s, score=score))
            cause = one.cause or (WARM_UP if warm > 0 else None)
            warm = max(0, warm - 1) if one.cause is None else warm
            due.append(cause)
        nights = [is_night(part.truth, frame) for frame in part.truth.frames]
        whole = [Due(cause=cause, night=night) for cause, night in zip(due, nights, strict=True)]
        mine = [event for event in events if begin <= event.opened.model_s < end]
        before = [event for event in events if event.opened.model_s < begin] if frames else []
        result = score_sequence(part.truth, frames, mine, cell_px(manifest, model, part.truth), before)
        days.append(
            day_of(
                part.truth,
                result,
                whole,
                stream=stream.name,
                seen=part.seen,
                localised=manifest.task == "cells",
            )
        )
    return days


def peaks_of(manifest: Manifest, maps: NDArray[np.float32]) -> list[float]:
    """Return each frame's largest score of a label that has a threshold."""
    watched = [index for index, label in enumerate(manifest.labels) if label in manifest.thresholds]
    return [float(scores[:, :, watched].max()) for scores in maps]


def cell_px(manifest: Manifest, model: Model, sequence: TruthSequence) -> tuple[float, float]:
    """Return (width, height) of a cell in pixels of the sequence's files; of a classifier it is the whole frame."""
    if manifest.task == "classify":
        return float(sequence.width), float(sequence.height)
    x0, y0, x1, y1 = map_px(manifest, model, (sequence.height, sequence.width))
    height, width = _input_px(model)
    stride_px = float(manifest.cell_stride_px or 1)
    return stride_px * (x1 - x0) / width, stride_px * (y1 - y0) / height


def map_px(manifest: Manifest, model: Model, size_px: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return where the model's whole input lies, (x0, y0, x1, y1) in pixels of a frame; bars are outside of it."""
    input_px = _input_px(model)
    y0, x0, y1, x1 = place(size_px, input_px, letterbox=manifest.fit == "letterbox").content_px
    (height, width), (high, wide) = size_px, input_px
    across, down = width / (x1 - x0), height / (y1 - y0)
    return -x0 * across, -y0 * down, (wide - x0) * across, (high - y0) * down


def _input_px(model: Model) -> tuple[int, int]:
    """Return (height, width) of the model's input."""
    frame = model.file.one("frame")
    return (frame.shape[2], frame.shape[3]) if frame.layout == "NCHW" else (frame.shape[1], frame.shape[2])


def _part_shots(part: Part) -> list[Shot]:
    return Stream("", (part,)).shots()


def _time_s(part: Part) -> float:
    return _part_shots(part)[0].time_ns / NS_PER_S
