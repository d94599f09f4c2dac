"""Pictures in files of their own as footage: a folder of images, and a real sequence with its truth."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.camera.folder import DEFAULT_CADENCE_S, SUFFIXES, natural_key
from edge.camera.limit import Limits
from edge.camera.name import times_in
from edge.camera.schedule import NS_PER_S
from edge.camera.still import decode_still
from edge.camera.timetable import read_times
from edge.errors import CameraError, FrameError
from edge.zone import zone_of
from firmware_sim.footage.errors import FootageError
from firmware_sim.footage.shot import Ignition, Shot, Sighting, Truth
from firmware_sim.scene.layer import Picture
from scoring.truth import TruthError, TruthSequence, read

_GAP = 3.0  # cadences for which a picture is shown; then the camera has nothing


@dataclass(frozen=True, slots=True)
class Still:
    """One picture that is shown from its time on.

    Attributes:
        path: of its file.
        at_s: seconds since 1970 UTC.
        truth: of it.
    """

    path: Path
    at_s: float
    truth: Truth


class StillFootage:
    """Pictures that are shown one after the other; `open_folder` and `open_sequence` make it.

    Args:
        stills: in the order of their times.
        ignitions: their fires.
        loop: whether they begin again after the last one; its truth has no fires then.
    Raises:
        FootageError: no picture, or the first cannot be read.
    """

    rendered = False

    def __init__(
        self, stills: Sequence[Still], ignitions: tuple[Ignition, ...] = (), *, loop: bool = False
    ) -> None:
        if not stills:
            raise FootageError("no picture to show; expected at least one")
        if loop and ignitions:
            raise FootageError(
                "a sequence with a fire cannot be played in a loop: it would burn again and again"
            )
        self.ignitions = ignitions
        self._stills, self._loop = stills, loop
        self._times_s = [still.at_s for still in stills]
        steps = np.diff(self._times_s)
        self._step_s = float(np.median(steps)) if steps.size else DEFAULT_CADENCE_S
        self._long_s = self._times_s[-1] - self._times_s[0] + self._step_s
        self._newest: tuple[int, Picture] | None = None
        self.size_px = self._decoded(0).shape[:2]

    def at(self, epoch_s: float) -> Shot | None:
        """Return the newest picture of a moment; None before the first, in a gap, and after the last.

        Raises:
            FootageError: its file cannot be read.
        """
        first_s = self._times_s[0]
        lap = int((epoch_s - first_s) // self._long_s) if self._loop else 0
        own_s = epoch_s - lap * self._long_s
        index = bisect_right(self._times_s, own_s) - 1
        if index < 0 or own_s - self._times_s[index] >= _GAP * self._step_s:
            return None
        still = self._stills[index]
        return Shot(self._decoded(index), still.at_s + lap * self._long_s, still.truth)

    def close(self) -> None:
        """Forget the picture that is held."""
        self._newest = None

    def _decoded(self, index: int) -> Picture:
        if self._newest is None or self._newest[0] != index:
            try:
                bgr = decode_still(self._stills[index].path, Limits())
            except FrameError as error:
                raise FootageError(str(error)) from error
            self._newest = (index, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
        return self._newest[1]


def open_folder(
    folder: Path,
    start_s: float,
    *,
    cadence_s: float | None = None,
    times_csv: Path | None = None,
    zone: str = "UTC",
    loop: bool = True,
) -> StillFootage:
    """Open a folder of images; nothing is known of what they show.

    Times are, by the first that applies: those of the CSV, the cadence, those in their names, one a minute.

    Args:
        folder: with JPEG, PNG, WebP, BMP or TIFF files, not searched further.
        start_s: seconds since 1970 UTC at which the first is shown.
        cadence_s: seconds between two.
        times_csv: `file,epoch` a line.
        zone: of dates in names.
        loop: whether they begin again after the last one.
    Raises:
        FootageError: no image, or a file cannot be read.
    """
    try:
        names = sorted(
            (
                path.name
                for path in folder.iterdir()
                if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
            ),
            key=natural_key,
        )
        times_s = _times_s(names, cadence_s, times_csv, zone)
    except (OSError, CameraError) as error:
        raise FootageError(f"folder '{folder}': {error}") from error
    known = sorted((at, number) for number, at in enumerate(times_s) if at is not None)
    if not known:
        raise FootageError(f"folder '{folder}' holds no image; expected files {', '.join(sorted(SUFFIXES))}")
    unknown = Truth("unlabelled")
    return StillFootage(
        [Still(folder / names[number], start_s + at - known[0][0], unknown) for at, number in known],
        loop=loop,
    )


def _times_s(
    names: Sequence[str], cadence_s: float | None, times_csv: Path | None, zone: str
) -> list[float | None]:
    if times_csv is not None:
        return [at_ns / NS_PER_S for at_ns in read_times(times_csv, names)]
    found = times_in([Path(name).stem for name in names], zone_of(zone)) if cadence_s is None else None
    if found is not None and found.met:
        return [None if at_ns is None else at_ns / NS_PER_S for at_ns in found.times_ns]
    return [number * (cadence_s or DEFAULT_CADENCE_S) for number in range(len(names))]


def open_sequence(
    folder: Path, name: str, *, start_s: float | None = None, ignition_s: float | None = None
) -> StillFootage:
    """Open a real sequence of a folder with `sequences.json`.

    Args:
        folder: of the truth and its frames.
        name: `id` of the sequence.
        start_s: seconds since 1970 UTC at which its first frame is shown; where both are absent, its own times.
        ignition_s: instead, when its fire begins.
    Raises:
        FootageError: there is no such sequence, its truth is wrong, or it cannot be placed so.
    """
    try:
        found = [sequence for sequence in read(folder) if sequence.id == name]
    except TruthError as error:
        raise FootageError(str(error)) from error
    if not found:
        raise FootageError(f"folder '{folder}' has no sequence '{name}'")
    return place_sequence(folder, found[0], start_s=start_s, ignition_s=ignition_s)


def place_sequence(
    folder: Path, sequence: TruthSequence, *, start_s: float | None = None, ignition_s: float | None = None
) -> StillFootage:
    """Place a sequence in time; arguments and errors are those of `open_sequence`."""
    own = sequence.ignition_epoch if sequence.reliable else None
    if not sequence.timed:
        raise FootageError(f"sequence '{sequence.id}': its frames have no times")
    if ignition_s is not None and own is None:
        raise FootageError(f"sequence '{sequence.id}': its ignition is unknown; place it by its start")
    epochs = [frame.epoch or 0.0 for frame in sequence.frames]
    shift_s = 0.0
    if ignition_s is not None and own is not None:
        shift_s = ignition_s - own
    elif start_s is not None:
        shift_s = start_s - epochs[0]
    ignitions = () if own is None else (Ignition(sequence.fire, own + shift_s),)
    stills = []
    for frame, epoch in zip(sequence.frames, epochs, strict=True):
        burning = (sequence.fire,) if own is not None and epoch >= own else ()
        sightings = tuple(Sighting(sequence.fire, box) for box in frame.boxes)
        stills.append(Still(folder / frame.file, epoch + shift_s, Truth(frame.label, burning, sightings)))
    return StillFootage(stills, ignitions)
