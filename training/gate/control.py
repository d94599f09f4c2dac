"""Controls: the same frames in ways in which a detector of smoke and one that only knows the time differ."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np

from scoring.truth import TruthFrame
from training.gate.stream import Part, Stream, alone, renamed

RANDOM = "begun at random"
REVERSED = "time reversed"
CONTINUED = "smoke-free continuation"
LATE_MIN = (5, 15, 30)
_QUIET_LEAST = 6


@dataclass(frozen=True, slots=True)
class Control:
    """One sequence under a control.

    Attributes:
        kind: which control.
        stream: of the one sequence.
        begun_s: seconds from ignition to its first frame, where it has one.
    """

    kind: str
    stream: Stream
    begun_s: float | None = None


def late(minutes: int) -> str:
    """Return the name of the control that begins in smoke."""
    return f"begun {minutes} minutes after the first box"


def controls(parts: Sequence[Part], seed: int) -> list[Control]:
    """Make every control of sequences; those that cannot have one are left out.

    - RANDOM: begun at a frame drawn from those before ignition.
    - `late`: begun so many minutes after the first box: smoke is there from the first frame on.
    - REVERSED: the last frame first, times turned round; frames without smoke follow smoke.
    - CONTINUED: the frames before ignition forwards, then backwards at the times at which smoke would come; only the
      second half is judged.

    Args:
        parts: real sequences with times.
        seed: of the random starts.
    """
    rng = np.random.default_rng(seed)
    made: list[Control] = []
    for part in sorted(parts, key=lambda part: part.truth.id):
        sequence = part.truth
        if not (sequence.timed and sequence.reliable and not sequence.accelerated):
            continue
        quiet = [i for i, frame in enumerate(sequence.frames) if frame.label == "no_smoke"]
        first = int(
            rng.integers(0, max(1, len(quiet) - 1))
        )  # drawn for each, so that one more changes no other
        if sequence.ignition_epoch is None or len(quiet) < _QUIET_LEAST:
            continue
        made.append(_begun(part, quiet[first], RANDOM))
        made.append(_reversed(part))
        made.append(_continued(part, quiet))
        if sequence.box_annotated and sequence.first_box_offset_s is not None:
            made += [one for minutes in LATE_MIN if (one := _late(part, minutes)) is not None]
    return made


def _late(part: Part, minutes: int) -> Control | None:
    sequence = part.truth
    assert sequence.ignition_epoch is not None
    assert sequence.first_box_offset_s is not None
    begin = sequence.ignition_epoch + sequence.first_box_offset_s + 60 * minutes
    later = [i for i, frame in enumerate(sequence.frames) if (frame.epoch or 0) >= begin - 1e-6]
    return _begun(part, later[0], late(minutes)) if later else None


def _begun(part: Part, first: int, kind: str) -> Control:
    sequence = msgspec.structs.replace(part.truth, frames=part.truth.frames[first:])
    stream = alone(part, sequence, f"{part.truth.id}, {kind}", range(first, len(part.paths)))
    begun = sequence.frames[0].epoch
    ignition = sequence.ignition_epoch
    return Control(kind, stream, None if begun is None or ignition is None else begun - ignition)


def _reversed(part: Part) -> Control:
    frames = part.truth.frames
    ends = (frames[0].epoch or 0.0) + (frames[-1].epoch or 0.0)
    order = list(reversed(range(len(frames))))
    turned = tuple(renamed(frames[i], n, ends - (frames[i].epoch or 0.0)) for n, i in enumerate(order))
    sequence = msgspec.structs.replace(part.truth, frames=turned, ignition_epoch=turned[0].epoch)
    return Control(REVERSED, alone(part, sequence, f"{part.truth.id}, {REVERSED}", order))


def _continued(part: Part, quiet: Sequence[int]) -> Control:
    frames = [part.truth.frames[i] for i in quiet]
    epochs = [frame.epoch or 0.0 for frame in frames]
    step_s = statistics.median(after - before for before, after in pairwise(epochs))
    order = [*quiet, *reversed(quiet[:-1])]
    made: list[TruthFrame] = [
        renamed(part.truth.frames[i], n, part.truth.frames[i].epoch or 0.0, label="unlabelled")
        for n, i in enumerate(quiet)
    ]
    for number, index in enumerate(order[len(quiet) :], 1):
        epoch = epochs[-1] + number * step_s
        made.append(renamed(part.truth.frames[index], len(quiet) + number, epoch))
    sequence = msgspec.structs.replace(
        part.truth, frames=tuple(made), ignition_epoch=None, box_annotated=False
    )
    return Control(CONTINUED, alone(part, sequence, f"{part.truth.id}, {CONTINUED}", order))
