"""Planted fires with motion between the real frames: each frame is shown twice, and the plume grows in between."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise, zip_longest
from statistics import median
from typing import Any

import cv2
import msgspec
import numpy as np

from firmware_sim.scene.layer import Pictures
from firmware_sim.scene.planted import Planting
from scoring.truth import TruthSequence
from training.gate.stream import Part
from training.smoke.detector.clip import Clip
from training.smoke.detector.span import DEFAULT_S, TOLERANCE
from training.smoke.pool import change, map, picture  # noqa: A004 — the pool's own name
from training.smoke.pool.variant import CLEAR, Variant
from training.smoke.side import MADE_OF, made_of_step
from training.step.step import Step, digests, picture_digest, write_json
from training.step.workshop import Workshop

METHODS = {"cadence-pictures": 1}  # raised when the same inputs would give something else
SHOWN = 2  # how often each real frame is
CADENCE_S = DEFAULT_S / SHOWN
TRUTH = "truth.json"

logger = logging.getLogger(__name__)


def chosen(variants: Sequence[Variant], count: int) -> list[Variant]:
    """Return some drawn plumes in clear weather over frames a minute apart, of each camera group in turn.

    Args:
        variants: of the pool.
        count: how many at most.
    """
    groups: dict[str, list[Variant]] = {}
    for one in sorted(variants, key=lambda one: one.name):
        if one.fire is not None and one.cut is None and one.weather == CLEAR and _each_minute(one):
            groups.setdefault(one.part.truth.group, []).append(one)
    turns = zip_longest(*(groups[name] for name in sorted(groups)))
    return [one for one in chain.from_iterable(turns) if one is not None][:count]


def clips(shop: Workshop, variants: Sequence[Variant], network: map.Network) -> Iterator[Clip]:
    """Yield fires 30 s from frame to frame, as a network sees them; pictures and maps are cached.

    Args:
        shop: with METHODS and the pool's.
        variants: of `chosen`.
        network: the student's.
    """
    extractor = map.Extractor(network.tflite, network.channels, network.pools)
    learned = sorted(made_of_step(network.step))
    for number, one in enumerate(variants, 1):
        logger.info("fire %s (%d of %d)", one.name, number, len(variants))
        pictures = drawn(shop, one)
        truth = msgspec.json.decode(pictures.file(TRUTH).read_bytes(), type=TruthSequence)
        paths = tuple(pictures.folder / frame.file for frame in truth.frames)
        maps = map.step_of(shop, pictures, truth.id, network)
        map.make(maps, pictures, paths, extractor, learned)
        features = np.load(maps.file(map.FEATURES), mmap_mode="r")
        yield Clip(
            Part(truth, paths),
            "rendered",
            features,
            change.inside_of(truth),
            maps.key,
            made_of_step(pictures),
        )


def drawn(shop: Workshop, variant: Variant) -> Step:
    """Draw a fire twice as dense in time, or find it drawn; its record says of which pictures."""
    of = picture.step_of(shop, variant)
    step = shop.step("cadence-pictures", f"dense-{variant.name}", {"variant": of.key, "shown": SHOWN})
    return shop.once(step, lambda: _draw(step, variant))


def dense(times_s: Sequence[float]) -> tuple[float, ...]:
    """Return the times with one more behind each: half a usual spacing later, at most halfway to the next."""
    usual_s = _usual_s(times_s)
    gaps = [*(later - before for before, later in pairwise(times_s)), usual_s]
    return tuple(
        time_s
        for before, gap_s in zip(times_s, gaps, strict=True)
        for time_s in (before, before + min(gap_s, usual_s) / SHOWN)
    )


def _draw(step: Step, variant: Variant) -> dict[str, Any]:
    cv2.setNumThreads(1)
    assert variant.fire is not None
    of, real = picture.whole(variant)
    shown = [index for index in range(len(of)) for _ in range(SHOWN)]
    pictures = Pictures([real.pixels[index] for index in shown], dense(real.times_s))
    planting = Planting(pictures, variant.fire)
    step.folder.mkdir(parents=True, exist_ok=True)
    frames, names = [], [TRUTH]
    for index, (pixels, _, boxes) in enumerate(picture.burning(planting, len(shown))):
        names.append(f"{index:03}.jpg")
        picture.write(step.folder / names[-1], pixels, pictures.pixels[index])
        before = variant.part.truth.frames[of[shown[index]]]
        frames.append(
            picture.frame_of(before, names[-1], pictures.times_s[index], boxes, planting.ignition_s)
        )
    truth = picture.sequence_of(variant, tuple(frames), planting.ignition_s)
    write_json(step.folder / TRUTH, msgspec.structs.replace(truth, id=f"{variant.name}-dense"))
    used = {picture_digest(variant.part.paths[index]) for index in of}
    return {"files": digests(step.folder, *names), MADE_OF: sorted(used)}


def _each_minute(one: Variant) -> bool:
    truth, frames = one.part.truth, one.frames
    if truth.accelerated or not truth.timed:
        return False
    times_s = [f.epoch for f in truth.frames[frames.start : frames.stop] if f.epoch is not None]
    return abs(_usual_s(times_s) - DEFAULT_S) <= TOLERANCE * DEFAULT_S


def _usual_s(times_s: Sequence[float]) -> float:
    return median([later - before for before, later in pairwise(times_s)])
