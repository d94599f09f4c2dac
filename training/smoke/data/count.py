"""What a data set holds, in numbers."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from scoring.score import GAP_INTERVALS
from scoring.truth import TruthSequence
from training.smoke.data.group import mast_of
from training.smoke.data.place import is_night
from training.smoke.data.read import Dataset
from training.smoke.data.split import OUTER_FOLDS, Side, outer_folds, side_of


class Quiet(msgspec.Struct, frozen=True):
    """Hours of frames without smoke at true times, by sun; gaps are left out as in scoring."""

    hours: float
    day_h: float
    night_h: float
    unknown_h: float


class Counts(msgspec.Struct, frozen=True):
    """What a data set holds.

    Attributes:
        views: sequences on which finding is judged.
        boxed_frames: with at least one box.
        box_px: median width and height of the boxes; None without any.
        quiet: of sequences that are timed and not accelerated.
        accelerated_sequences, accelerated_frames, accelerated_night_frames: apart from the hours.
        sizes: frames by `width x height`.
        cadences_s: sequences by the median step between their frames; `untimed` for stills.
        outer_folds: the five sides of a cross-validation; empty where there are too few groups.
    """

    data: str
    kind: str
    digest: str
    sequences: int
    groups: int
    cameras: int
    masts: int
    fires: int
    views: int
    frames: int
    labels: dict[str, int]
    boxes: int
    boxed_frames: int
    box_px: tuple[float, float] | None
    quiet: Quiet
    accelerated_sequences: int
    accelerated_frames: int
    accelerated_night_frames: int
    sizes: dict[str, int]
    cadences_s: dict[str, int]
    looked: int
    corrected: int
    passed: dict[str, int]
    outer_folds: tuple[Side, ...]


def counts(dataset: Dataset, sequences: Sequence[TruthSequence]) -> Counts:
    """Count.

    Args:
        dataset: that was read.
        sequences: of it, perhaps with other groups.
    """
    frames = [frame for sequence in sequences for frame in sequence.frames]
    boxes = [box for frame in frames for box in frame.boxes]
    middle = [statistics.median(box[axis + 2] - box[axis] for box in boxes) for axis in (0, 1) if boxes]
    laid = [sequence for sequence in sequences if sequence.accelerated]
    whole = side_of(sequences)
    return Counts(
        data=dataset.folder.name,
        kind=dataset.kind,
        digest=dataset.digest,
        sequences=whole.sequences,
        groups=len(whole.groups),
        cameras=len({sequence.camera for sequence in sequences}),
        masts=len({mast_of(sequence.camera) for sequence in sequences}),
        fires=len({sequence.fire for sequence in sequences if sequence.ignition_epoch is not None}),
        views=whole.views,
        frames=whole.frames,
        labels=dict(Counter(frame.label for frame in frames).most_common()),
        boxes=len(boxes),
        boxed_frames=sum(bool(frame.boxes) for frame in frames),
        box_px=(middle[0], middle[1]) if middle else None,
        quiet=_quiet([sequence for sequence in sequences if not sequence.accelerated]),
        accelerated_sequences=len(laid),
        accelerated_frames=sum(len(sequence.frames) for sequence in laid),
        accelerated_night_frames=sum(is_night(s, frame) is True for s in laid for frame in s.frames),
        sizes=_by_frames(sequences),
        cadences_s=dict(Counter(map(_cadence, sequences)).most_common()),
        looked=len(dataset.looked),
        corrected=dataset.corrected,
        passed=dataset.passed,
        outer_folds=_folds(sequences),
    )


def table(counted: Counts, passed_lines: Sequence[str] = ()) -> str:
    """Return the counts as lines for people."""
    labels = ", ".join(f"{number} {label}" for label, number in counted.labels.items())
    box = "" if counted.box_px is None else f", median {counted.box_px[0]:.0f}x{counted.box_px[1]:.0f} px"
    quiet = counted.quiet
    fires = f"{counted.fires} fires"
    sun = f"{quiet.day_h:.1f} by day, {quiet.night_h:.1f} by night, {quiet.unknown_h:.1f} unknown"
    laid = f"{counted.accelerated_frames} frames ({counted.accelerated_night_frames} by night)"
    lines = [
        f"{counted.data} ({counted.kind}, sha256 {counted.digest[:12]}…)",
        f"  sequences    {counted.sequences}, of these {counted.views} views that finding is judged on",
        f"  apart        {counted.groups} groups, {counted.cameras} cameras on {counted.masts} masts, {fires}",
        f"  frames       {counted.frames}: {labels}",
        f"  boxes        {counted.boxes} in {counted.boxed_frames} frames{box}",
        f"  quiet        {quiet.hours:.1f} h: {sun}",
        f"  accelerated  {counted.accelerated_sequences} sequences, {laid}: in no hour",
        f"  sizes        {_listed(counted.sizes)} frames",
        f"  cadences     {_listed(counted.cadences_s)} sequences",
        f"  looked at    {counted.looked} frames, {counted.corrected} of them corrected",
    ]
    for number, side in enumerate(counted.outer_folds, 1):
        held = " ".join(side.groups)
        lines.append(
            f"  outer fold {number} {side.views} views, {side.sequences} sequences, {side.frames} frames: {held}"
        )
    return "\n".join([*lines, *(f"  note         {line}" for line in passed_lines)])


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name}: {number}" for name, number in numbers.items())


def _by_frames(sequences: Sequence[TruthSequence]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for sequence in sequences:
        found[f"{sequence.width}x{sequence.height}"] += len(sequence.frames)
    return dict(found.most_common())


def _epochs(sequence: TruthSequence) -> list[float]:
    return [frame.epoch for frame in sequence.frames if frame.epoch is not None]


def _cadence(sequence: TruthSequence) -> str:
    steps = [after - before for before, after in pairwise(_epochs(sequence))]
    if not steps:
        return "untimed" if not sequence.timed else "one frame"
    laid = " s, accelerated" if sequence.accelerated else " s"
    return f"{statistics.median(steps):g}{laid}"


def _quiet(sequences: Sequence[TruthSequence]) -> Quiet:
    by_sun: dict[bool | None, list[float]] = {False: [], True: [], None: []}
    for sequence in sequences:
        epochs = _epochs(sequence)
        steps = [after - before for before, after in pairwise(epochs)]
        if not sequence.reliable or not sequence.timed or not steps:
            continue
        usual = statistics.median(steps)
        lasting = [min(step, GAP_INTERVALS * usual) for step in steps] + [usual]
        for frame, seconds in zip(sequence.frames, lasting, strict=True):
            if frame.label == "no_smoke":
                by_sun[is_night(sequence, frame)].append(seconds / 3600)
    day_h, night_h, unknown_h = (math.fsum(by_sun[night]) for night in (False, True, None))
    return Quiet(day_h + night_h + unknown_h, day_h, night_h, unknown_h)


def _folds(sequences: Sequence[TruthSequence]) -> tuple[Side, ...]:
    if len({sequence.group for sequence in sequences}) < OUTER_FOLDS:
        return ()
    return tuple(side_of([s for s in sequences if s.group in held]) for held in outer_folds(sequences))
