"""A sequence of which a camera takes every k-th frame: what a student sees of it, and what the daemon decides."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring.day import Day
from training.gate.stream import Part
from training.smoke.detector.span import TOLERANCE, widened
from training.smoke.lesson import point
from training.smoke.lesson.example import Map
from training.smoke.lesson.point import Point, Scored
from training.smoke.lesson.recipe import Opened, blank
from training.smoke.lesson.train import alone
from training.smoke.lesson.trained import load_quantized
from training.smoke.pool import picture
from training.smoke.pool.change import changes
from training.smoke.side import MADE_OF, LeakError, made_of_step
from training.smoke.student.score import score
from training.step.step import Step, digests, picture_digest, write_whole
from training.step.workshop import Workshop

METHODS = {"cadence-maps": 1}  # raised when the same inputs would give something else
MAPS = "maps.npz"

Leg = Literal["real", "rendered"]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A sequence at true times, as the student's backbone sees it.

    Attributes:
        part: truth and pictures.
        leg: `real`, or `rendered` with motion between frames.
        features: (frames, C, rows, cols).
        inside: (rows, cols), cells in the picture.
        sha256: of what its features are made of.
        pictures: digests of the real pictures behind it.
    """

    part: Part
    leg: Leg
    features: Map
    inside: NDArray[np.bool_]
    sha256: str
    pictures: frozenset[str]

    @property
    def spacing_s(self) -> float:
        """Median of the seconds between frames; infinity for fewer than two."""
        epochs = [frame.epoch for frame in self.part.truth.frames if frame.epoch is not None]
        return statistics.median([b - a for a, b in pairwise(epochs)]) if len(epochs) > 1 else np.inf

    def every(self, cadence_s: float) -> int | None:
        """Return which k-th frames are a cadence apart, by their own spacing; None where none are."""
        k = max(1, round(cadence_s / self.spacing_s))
        return k if abs(k * self.spacing_s - cadence_s) <= TOLERANCE * cadence_s else None


def real_clips(opened: Opened) -> Iterator[Clip]:
    """Yield the real sequences at true times.

    Args:
        opened: all sequences of all folds.
    """
    for one, example in zip(opened.sequences, opened.examples, strict=True):
        truth = one.drawn.truth
        if one.variant.real and truth.timed and not truth.accelerated:
            part = Part(truth, picture.paths(one.pictures, one.variant))
            seen = frozenset(map(picture_digest, part.paths))
            yield Clip(part, "real", example.features, example.inside, example.sha256, seen)


def thinned(part: Part, every: int, offset: int) -> Part:
    """Return every k-th frame of a sequence, from frame `offset` on, at its own time."""
    frames, paths = part.truth.frames[offset::every], part.paths[offset::every]
    return Part(msgspec.structs.replace(part.truth, frames=frames), paths, part.seen, part.data)


def scored(shop: Workshop, student: Step, clip: Clip, every: int, offset: int) -> Scored:
    """Score every k-th frame as a camera that delivers no others; maps are cached.

    The background moves once a scored frame, as on the device.

    Args:
        shop: with METHODS.
        student: of `trained`, on other pictures.
        clip: what it scores.
        every: k.
        offset: the first frame, below k.

    Raises:
        LeakError: the student has seen its pictures.
    """
    if made_of_step(student) & clip.pictures:
        raise LeakError(f"{clip.part.truth.id}: {student.name} was made from its pictures")
    inputs = {"student": student.key, "features": clip.sha256, "every": every, "offset": offset}
    name = f"maps-{every}-{offset}-{clip.part.truth.id}"
    step = shop.step("cadence-maps", name, inputs)

    def make() -> dict[str, Any]:
        taken = clip.features[offset:]
        with alone():
            change = np.stack(list(changes(taken, clip.inside, every=every)))
            found = score(load_quantized(student), taken[::every], change, clip.inside)
        arrays = {"maps": found.maps(), "conditions": 1 / (1 + np.exp(-found.scene))}
        write_whole(step.folder / MAPS, lambda path: _save(path, arrays))
        return {"files": digests(step.folder, MAPS), MADE_OF: sorted(made_of_step(student) | clip.pictures)}

    with np.load(shop.once(step, make).file(MAPS)) as stored:
        maps, conditions = stored["maps"], stored["conditions"].astype(np.float32)
    return Scored(thinned(clip.part, every, offset), maps, conditions if conditions.shape[1] else None)


def _save(path: Any, arrays: dict[str, Any]) -> None:  # noqa: ANN401
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def day(clip: Clip, one: Scored, chosen: Point, cadence_s: float) -> Day:
    """Judge a thinned clip by the daemon's own decision, as if the bundle were made for that cadence.

    Delay counts from the first box of the whole sequence, whether that frame was taken or not.

    Args:
        clip: whole.
        one: of `scored`.
        chosen: the point of the student's fold.
        cadence_s: seconds between the frames.
    """
    (found,) = point.judged([one], chosen, widened(blank(), cadence_s))
    truth = clip.part.truth
    first_box_s = truth.first_box_offset_s
    boxed = found.result.judged and truth.box_annotated and first_box_s is not None
    result = msgspec.structs.replace(found.result, boxed=boxed, first_box_s=first_box_s)
    return msgspec.structs.replace(found, result=result)
