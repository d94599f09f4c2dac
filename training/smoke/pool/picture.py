"""A variant drawn: its pictures, truth and conditions, as a step that says which real pictures it was made of."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import msgspec
import numpy as np

from edge.errors import FrameError
from firmware_sim.scene.fire import CONDITIONS
from firmware_sim.scene.layer import Effect, Picture, Pictures, rounded, stage_of, through
from firmware_sim.scene.planted import Planting
from scoring.truth import Box, TruthFrame, TruthSequence
from training.gate.plant import cut_plume
from training.gate.recording import from_files
from training.gate.stream import Stream, shot_inputs
from training.gate.work import each
from training.smoke.pool import condition
from training.smoke.pool.condition import GREY_BELOW, Condition
from training.smoke.pool.variant import Variant, without_cut
from training.smoke.side import MADE_OF, made_of_step
from training.step.step import Step, digests, picture_digest, write_json
from training.step.workshop import Workshop

TRUTH = "truth.json"
QUALITY = 95  # of the JPEG files
SEEN = 2.0  # grey levels by which planted smoke must differ from what it hides; else nobody could see it


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A variant's truth.

    Attributes:
        truth: labels and boxes; of rendered ones the files lie in the step's folder.
        of: which frame of the real sequence each one shows; damaged ones are left out.
        conditions: of each frame.
        how: how these labels were made.
        plume: `drawn` or `cut`, None without a planted fire.
    """

    truth: TruthSequence
    of: tuple[int, ...]
    conditions: tuple[Condition, ...]
    how: dict[str, str]
    plume: str | None = None


Shown: TypeAlias = tuple[Picture, Picture, tuple[Box, ...] | None]
"""One frame with all, the same without the fire, and its boxes; None for the boxes that were there."""


def step_of(shop: Workshop, variant: Variant) -> Step:
    """Return the step of a variant, done or not."""
    some = [variant.part] if variant.cut is None else [variant.part, variant.cut]
    inputs: dict[str, Any] = {
        "frames": [variant.frames.start, variant.frames.stop],
        "weather": [variant.weather, variant.severity, variant.seed],
        "fire": None if variant.fire is None else asdict(variant.fire),
        "quality": QUALITY,
        "of": [[msgspec.to_builtins(part.truth), shot_inputs(Stream("", (part,)).shots())] for part in some],
    }
    return shop.step("pool", variant.name, inputs)


def draw_all(shop: Workshop, some: Sequence[Variant], processes: int) -> list[Step]:
    """Draw what is not drawn yet, in a few processes; return the steps in the order of the variants."""
    steps = [step_of(shop, variant) for variant in some]
    todo = [(step, one) for step, one in zip(steps, some, strict=True) if step.record() is None]
    each("pictures", draw, todo, processes)
    return steps


def draw(step: Step, variant: Variant) -> None:
    """Draw one variant into its step's folder, unless another process has.

    Raises:
        ValueError: no picture of the sequence can be decoded.
    """
    cv2.setNumThreads(1)
    with step.alone():
        if step.record() is None:
            began = time.monotonic()
            found = _draw(step.folder, variant)
            step.finish({"took_s": round(time.monotonic() - began, 3), **found})


def read(step: Step) -> Drawn:
    """Return the truth of a step that is done."""
    return msgspec.json.decode(step.file(TRUTH).read_bytes(), type=Drawn)


def paths(step: Step, variant: Variant) -> tuple[Path, ...]:
    """Return where the pictures of a drawn variant lie, in order: a real one's are the data's own."""
    drawn = read(step)
    if variant.real:
        return tuple(variant.part.paths[index] for index in drawn.of)
    return tuple(step.folder / frame.file for frame in drawn.truth.frames)


def within(steps: Sequence[Step], pictures: Collection[str]) -> list[Step]:
    """Return the steps that were made of these pictures alone: what a fold may train on.

    Args:
        steps: done, with `made_of` in their records.
        pictures: digests of the fold's training side (`side.pictures_of`).

    Raises:
        LeakError: a record does not say what it was made of.
    """
    known = frozenset(pictures)
    return [step for step in steps if made_of_step(step) <= known]


def _draw(folder: Path, variant: Variant) -> dict[str, Any]:
    sequence = variant.part.truth
    of, pictures = whole(variant)
    scene, plume, ignition = _scene(variant, of, pictures)
    frames, conditions, names = list[TruthFrame](), list[Condition](), [TRUTH]
    for index, (picture, without, boxes) in enumerate(scene):
        before, there = sequence.frames[of[index]], pictures.pixels[index]
        label = condition.real(sequence, before, there)
        conditions.append(label if variant.real else condition.laid(label, variant.weather, there, without))
        file = f"{index:03}.jpg"
        if variant.real:
            frames.append(before)
            continue
        write(folder / file, picture, there)
        names.append(file)
        frames.append(frame_of(before, file, pictures.times_s[index], boxes, ignition))
    drawn = Drawn(
        truth=sequence_of(variant, tuple(frames), ignition), of=of, conditions=tuple(conditions), how=condition.HOW,
        plume=plume,
    )  # fmt: skip
    write_json(folder / TRUTH, drawn)
    used = [variant.part.paths[index] for index in of]
    used += [] if variant.cut is None else variant.cut.paths
    return {
        "files": digests(folder, *names),
        "frames": len(frames),
        MADE_OF: sorted({picture_digest(path) for path in used}),
    }


def whole(variant: Variant) -> tuple[tuple[int, ...], Pictures]:
    """Return which frames can be decoded, and their pictures.

    Raises:
        ValueError: none can be.
    """
    shots = Stream("", (variant.part,)).shots()
    load, of, pixels = from_files(shots), list[int](), list[Picture]()
    for index in variant.frames:
        with suppress(FrameError):
            pixels.append(load(index))
            of.append(index)
    if not of:
        raise ValueError(f"{variant.part.truth.id}: no picture can be decoded; remove it from the data")
    return tuple(of), Pictures(pixels, tuple(shots[index].time_ns / 1e9 for index in of))


def _scene(
    variant: Variant, of: Sequence[int], pictures: Pictures
) -> tuple[Iterator[Shown], str | None, float | None]:
    """Return what each frame shows, what the plume is, and when it is lit."""
    if variant.real:
        return ((picture, picture, None) for picture in pictures.pixels), None, None
    if variant.fire is None:
        return _weather(variant, of, pictures), None, None
    plume = None if variant.cut is None else cut_plume(variant.cut)
    lit = variant.fire if plume is not None else without_cut(variant.fire)
    planting = Planting(pictures, lit, cuts={} if plume is None else {plume.name: plume})
    return burning(planting, len(pictures.pixels)), "drawn" if plume is None else "cut", planting.ignition_s


def burning(planting: Planting, frames: int) -> Iterator[Shown]:
    """Yield what each frame of a planted fire shows; a box only where one can see the smoke."""
    for index in range(frames):
        frame = planting.frame(index)
        seen = frame.box is not None and (frame.contrast or 0) >= SEEN
        yield frame.picture, frame.without, (_floats(frame.box),) if seen and frame.box else ()


def _weather(variant: Variant, of: Sequence[int], pictures: Pictures) -> Iterator[Shown]:
    layers = [kind(variant.severity) for side in CONDITIONS[variant.weather] for kind in side]
    lots = np.random.default_rng((variant.seed, 4)).spawn(len(layers))
    stage = stage_of(pictures)
    effects = [layer.begin(stage, lot) for layer, lot in zip(layers, lots, strict=True)]
    for index, pixels in enumerate(pictures.pixels):
        picture = rounded(through(effects, index, pixels.astype(np.float32)))
        frame = variant.part.truth.frames[of[index]]
        yield picture, picture, tuple(_moved(effects, index, frame.boxes, pictures.size_px))


def _moved(
    effects: Sequence[Effect], index: int, boxes: Sequence[Box], size_px: tuple[int, int]
) -> Iterator[Box]:
    """Move boxes as the weather moves the picture; what leaves it is gone."""
    for x0, y0, x1, y1 in boxes:
        corners = np.array([(x0, y0), (x1, y0), (x0, y1), (x1, y1)])
        for effect in effects:
            if (matrix := effect.move(index)) is not None:
                corners = corners @ matrix[:, :2].T + matrix[:, 2]
        low, high = corners.min(0).clip(0), corners.max(0).clip(max=(size_px[1], size_px[0]))
        if (low < high).all():
            yield float(low[0]), float(low[1]), float(high[0]), float(high[1])


def frame_of(
    before: TruthFrame, file: str, time_s: float, boxes: tuple[Box, ...] | None, ignition: float | None
) -> TruthFrame:
    """Return the truth of a frame that was drawn over another; `ignition` is None where nothing burns."""
    if ignition is None:
        return msgspec.structs.replace(before, file=file, boxes=before.boxes if boxes is None else boxes)
    label = "smoke" if boxes else "no_smoke" if time_s < ignition else "uncertain"
    return TruthFrame(file, label, time_s, None, boxes or (), before.real_epoch)  # type: ignore[arg-type]  # of the three


def sequence_of(variant: Variant, frames: tuple[TruthFrame, ...], ignition: float | None) -> TruthSequence:
    """Return the truth of a variant; `ignition` is None where nothing was lit."""
    sequence = msgspec.structs.replace(variant.part.truth, id=variant.name, frames=frames)
    if ignition is None:
        return sequence
    return msgspec.structs.replace(
        sequence, fire=variant.name, ignition_epoch=ignition, reliable=True, box_annotated=True
    )


def _grey(picture: Picture) -> Picture:
    return np.repeat(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)[..., None], 3, axis=2)


def write(path: Path, picture: Picture, there: Picture) -> None:
    """Write a drawn frame as the camera would show it: a monochrome one sees no brown smoke and no warm lamps.

    Args:
        path: of the JPEG file.
        picture: (H, W, 3) uint8 RGB.
        there: the camera's own frame behind it.
    """
    picture = _grey(picture) if condition.colour(there) < GREY_BELOW else picture
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, QUALITY)
    )
    assert done
    path.write_bytes(data.tobytes())


def _floats(box: tuple[int, int, int, int]) -> Box:
    x0, y0, x1, y1 = map(float, box)
    return x0, y0, x1, y1
