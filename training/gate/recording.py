"""A stream once through the daemon's own intake and pipeline; what is kept is enough to decide without the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Event
from edge.camera.intake import Intake
from edge.camera.limit import Limits
from edge.camera.schedule import Schedule
from edge.camera.source import Picture
from edge.camera.still import decode_still
from edge.clock import SystemClock
from edge.counter.drops import Account
from edge.errors import CameraError, FrameError
from edge.frame import Frame
from edge.image import RgbImage
from edge.model.loaded import Model
from edge.pipeline import Pipeline
from edge.replay import RecordedClock, model_stamp
from training.gate.stream import Shot

Read = Callable[[int], NDArray[np.uint8]]


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What the intake made of one due frame.

    Attributes:
        cause: why it was not scored; None where it was.
        sequence: its number among the decoded.
        dark_ns: as in `Frame`.
        dusk_ns: model time of the first frame of the camera's latest darkness, as it was when this frame was scored.
        restarted: whether the model's state began anew with it.
    """

    cause: str | None
    sequence: int
    dark_ns: int | None = None
    dusk_ns: int | None = None
    restarted: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """What one stream gave.

    Attributes:
        seen: of each due frame.
        maps: (scored, rows, cols, classes) float32, in the manifest's kind.
        events: the newest revision of each, as the pipeline itself made them with the bundle as it is.
        dusk_ns: of the latest darkness when the stream ended.
        conditions: (scored, conditions) float32 within 0…1, those of the manifest; None where it has none.
    """

    seen: tuple[Seen, ...]
    maps: NDArray[np.float32]
    events: tuple[Event, ...]
    dusk_ns: int | None
    conditions: NDArray[np.float32] | None = None


class _Kept(msgspec.Struct, frozen=True):
    seen: tuple[Seen, ...]
    events: tuple[Event, ...]
    dusk_ns: int | None


def from_files(shots: Sequence[Shot]) -> Read:
    """Return what reads a shot's picture, (H, W, 3) uint8 RGB, as a folder's camera does.

    Raises, when called:
        FrameError: it is corrupt.
        ValueError: its size is not what the truth says.
    """

    def read(index: int) -> NDArray[np.uint8]:
        shot = shots[index]
        bgr = decode_still(shot.path, Limits())
        if bgr.shape[:2] != shot.size_px:
            (height, width), (high, wide) = bgr.shape[:2], shot.size_px
            raise ValueError(f"{shot.path}: {width} × {height} px, its truth says {wide} × {high}")
        return np.ascontiguousarray(bgr[:, :, ::-1])

    return read


def record(model: Model, camera: str, shots: Sequence[Shot], read: Read) -> Recording:
    """Play a stream through the daemon's own intake and pipeline; each frame meets the network once.

    Args:
        model: loaded.
        camera: name of the stream.
        shots: in order of time.
        read: returns the picture of a shot.
    Raises:
        CameraError: not one picture is whole.
        FrameError, RuntimeModelError: a whole frame could not be scored.
    """
    account, schedule = Account(), Schedule()
    intake = Intake(account, RecordedClock(SystemClock()), _ignore, schedule)
    pipeline = Pipeline(model, model_stamp, _ignore)
    seen: list[Seen] = []
    maps: list[NDArray[np.float32]] = []
    told: list[NDArray[np.float32]] = []
    events: dict[str, Event] = {}
    frame: Frame | None = None
    for index, shot in enumerate(shots):
        try:
            pixels = read(index)
        except FrameError:
            intake.corrupt()
            seen.append(Seen("corrupt", index))
            continue
        image = RgbImage(pixels)
        picture = Picture(image.size_px, shot.time_ns, shot.time_ns, 0, partial(_itself, image), shot.name)
        before = account.balance().dropped
        taken = intake.take(picture, live=False)
        if taken is None:
            after = account.balance().dropped
            cause = next(name for name in after if after[name] > before[name])
            seen.append(Seen(cause, index))
            continue
        frame = taken
        dusk = intake.sight.darkness
        darkened = () if dusk is None else pipeline.darken(camera, dusk)
        scored = pipeline.score(camera, frame)
        account.score()
        events.update({event.id: event for event in (*darkened, *scored.events)})
        maps.append(scored.scores)
        told += [] if scored.conditions is None else [scored.conditions]
        dusk_ns = None if dusk is None else dusk.model_ns
        seen.append(Seen(None, frame.sequence, frame.dark_ns, dusk_ns, scored.restarted))
    if frame is None:
        if all(one.cause == "corrupt" for one in seen):
            raise CameraError(f"stream '{camera}': none of {len(seen)} pictures is whole")
        return Recording(tuple(seen), np.zeros((0, 1, 1, 1), np.float32), (), None)
    dusk = intake.sight.darkness
    last = () if dusk is None else pipeline.darken(camera, dusk)
    events.update({event.id: event for event in (*last, *pipeline.close(camera, frame))})
    dusk_ns = None if dusk is None else dusk.model_ns
    conditions = np.stack(told) if told else None
    return Recording(tuple(seen), np.stack(maps), tuple(events.values()), dusk_ns, conditions)


def save(recording: Recording, folder: Path, name: str) -> list[str]:
    """Write a recording; return the names of its files."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = _Kept(recording.seen, recording.events, recording.dusk_ns)
    (folder / f"{name}.json").write_bytes(msgspec.json.encode(kept))
    told: dict[str, Any] = {} if recording.conditions is None else {"conditions": recording.conditions}
    np.savez_compressed(folder / f"{name}.npz", maps=recording.maps, **told)
    return [f"{name}.json", f"{name}.npz"]


def load(record_file: Path, maps_file: Path) -> Recording:
    """Read a recording."""
    kept = msgspec.json.decode(record_file.read_bytes(), type=_Kept)
    with np.load(maps_file) as file:
        maps: NDArray[Any] = file["maps"]
        told: NDArray[Any] | None = file.get("conditions")
    conditions = None if told is None else np.asarray(told, np.float32)
    return Recording(kept.seen, np.asarray(maps, np.float32), kept.events, kept.dusk_ns, conditions)


def _itself(image: RgbImage) -> RgbImage:
    """Return a picture that is decoded already."""
    return image


def _ignore(_stage: str, _ns: int) -> None:
    """Latency is not what is measured here."""
