"""The truth about recorded sequences: which frames show smoke, and where.

Reads `sequences.json` as it lies beside folders of frames (the FIgLib layout: frames before and after an ignition).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

import msgspec

from edge.document import read_plain, text_of
from edge.errors import EdgeError

FILE_NAME = "sequences.json"
_BYTES_MAX = 256 << 20
OFFSET_SLACK_S = 5  # clocks are read off the picture; `epoch` is what counts
Label: TypeAlias = Literal["no_smoke", "smoke", "uncertain", "unlabelled"]
Box: TypeAlias = tuple[float, float, float, float]


class TruthError(EdgeError, ValueError):
    """The truth is malformed or contradicts itself; the message names the file and the sequence."""


class TruthFrame(msgspec.Struct, frozen=True):
    """One recorded frame.

    Attributes:
        file: relative to the folder of the truth.
        label: `uncertain`: after ignition, but nobody drew a box; counts neither way.
        epoch: seconds since 1970 UTC, None where unknown.
        offset_s: seconds after ignition, as the file states it; only checked against `epoch`.
        boxes: of smoke, (x0, y0, x1, y1) in pixels of the file.
        real_epoch: when it was taken, where `epoch` says otherwise: see `accelerated`.
    """

    file: str
    label: Label
    epoch: float | None = None
    offset_s: float | None = None
    boxes: tuple[Box, ...] = ()
    real_epoch: float | None = None

    @property
    def name(self) -> str:
        """The file's name without its folder: how a folder camera names its frames."""
        return PurePosixPath(self.file).name


class TruthSequence(msgspec.Struct, frozen=True):
    """Frames of one camera in order of time, with at most one fire.

    Attributes:
        id: of this view of the fire.
        fire: shared by all views of one fire.
        group: joins what must not be split between training and validation.
        ignition_epoch: None where unknown, or where there is no fire.
        reliable: False where the ignition is not meaningful; such sequences tell nothing about events.
        box_annotated: whether people drew boxes throughout, so that finding can be judged.
        accelerated: whether frames are laid closer than they were taken; such a sequence tells nothing per hour.
        latitude_deg, longitude_deg: of the camera, north and east positive, both or neither: they tell day from night.
    """

    id: str
    camera: str
    fire: str
    group: str
    width: int
    height: int
    frames: tuple[TruthFrame, ...]
    ignition_epoch: float | None = None
    reliable: bool = True
    box_annotated: bool = False
    accelerated: bool = False
    latitude_deg: float | None = None
    longitude_deg: float | None = None

    @property
    def timed(self) -> bool:
        """Whether each frame has its time."""
        return all(frame.epoch is not None for frame in self.frames)

    @property
    def first_box_offset_s(self) -> float | None:
        """Seconds from ignition to the first frame with a box; None where either is unknown."""
        epochs = [frame.epoch for frame in self.frames if frame.boxes and frame.epoch is not None]
        return min(epochs) - self.ignition_epoch if epochs and self.ignition_epoch is not None else None


class _File(msgspec.Struct, frozen=True):
    sequences: tuple[TruthSequence, ...]


def read(folder: Path) -> tuple[TruthSequence, ...]:
    """Read and check the truth of a folder, and see that its frames are there.

    Args:
        folder: has FILE_NAME and the frames that it names.
    Raises:
        TruthError: missing or malformed (with the path in the file), contradictory, or frames are missing.
    """
    path = folder / FILE_NAME
    try:
        sequences = decode(read_plain(path, _BYTES_MAX))
    except (OSError, TruthError) as error:
        raise TruthError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from error
    missing = [f.file for s in sequences for f in s.frames if not (folder / f.file).is_file()]
    if missing:
        shown = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        raise TruthError(f"{path}: {len(missing)} frames are not in '{folder}': {shown}")
    return sequences


def decode(data: bytes) -> tuple[TruthSequence, ...]:
    """Decode and check a truth; fields that it does not know are passed over.

    Raises:
        TruthError: not JSON, a wrong type (with its path), or contradictory content.
    """
    try:
        sequences = msgspec.json.decode(text_of(data), type=_File).sequences
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError) as error:
        raise TruthError(str(error)) from error
    _once("sequence", (sequence.id for sequence in sequences))
    for sequence in sequences:
        try:
            _check(sequence)
        except TruthError as error:
            raise TruthError(f"sequence '{sequence.id}': {error}") from error
    return sequences


def _once(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TruthError(f"{what} '{name}' stands there twice")
        seen.add(name)


def _check(sequence: TruthSequence) -> None:
    frames = sequence.frames
    if not frames or sequence.width < 1 or sequence.height < 1:
        raise TruthError("expected at least one frame, and a positive width and height")
    _once("frame", (frame.name for frame in frames))
    place = (sequence.latitude_deg, sequence.longitude_deg)
    if place != (None, None) and (
        None in place or not (abs(place[0] or 0) <= 90 and abs(place[1] or 0) <= 180)
    ):
        raise TruthError(
            f"expected a latitude of −90 to 90 and a longitude of −180 to 180 degrees, got {place}"
        )
    epochs = [frame.epoch for frame in frames if frame.epoch is not None]
    if epochs and len(epochs) != len(frames):
        raise TruthError(
            f"{len(frames) - len(epochs)} of {len(frames)} frames have no epoch; give all or none"
        )
    for (before, after), frame in zip(pairwise(epochs), frames[1:], strict=False):
        if not before < after:
            raise TruthError(f"frame '{frame.name}': epochs must rise, got {after} after {before}")
    for frame in frames:
        _check_frame(sequence, frame)


def _check_frame(sequence: TruthSequence, frame: TruthFrame) -> None:
    where = f"frame '{frame.name}'"
    for x0, y0, x1, y1 in frame.boxes:
        inside = x0 < sequence.width and y0 < sequence.height and x1 > 0 and y1 > 0
        if not (x0 < x1 and y0 < y1 and inside and all(map(math.isfinite, (x0, y0, x1, y1)))):
            raise TruthError(
                f"{where}: expected a box [x0, y0, x1, y1] in the picture, got {[x0, y0, x1, y1]}"
            )
    if frame.boxes and frame.label != "smoke":
        raise TruthError(f"{where}: has boxes, but its label is '{frame.label}'")
    ignition = sequence.ignition_epoch
    if frame.epoch is None or ignition is None:
        return
    offset_s = frame.epoch - ignition
    if frame.offset_s is not None and abs(frame.offset_s - offset_s) > OFFSET_SLACK_S:
        raise TruthError(f"{where}: offset_s is {frame.offset_s}, but epoch − ignition_epoch is {offset_s}")
    if sequence.reliable and frame.label == "smoke" and offset_s < 0:
        raise TruthError(f"{where}: smoke {-offset_s} s before ignition; correct it, or say reliable: false")
