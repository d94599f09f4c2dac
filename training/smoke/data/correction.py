"""What people saw in single frames: labels put right, and false alarms looked at before they count.

The file that ships is `training/smoke/corrections.json`. Whoever looks knows neither the model nor its version.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge.document import read_plain, text_of
from scoring.truth import Box, Label, TruthError, TruthSequence

SCHEMA = "firetower.corrections/1"
SHIPPED = Path(__file__).parents[1] / "corrections.json"
_BYTES_MAX = 16 << 20
_Text = Annotated[str, Meta(min_length=1)]


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one person saw in one frame.

    Attributes:
        data: digest of the data set (`Dataset.digest`).
        sequence: its id.
        frame: name of the file, without its folder.
        label: what the frame shows. The same as the data's confirms it: an alarm in it is false.
        why: what is to be seen.
        by: who looked.
        date: of the look, YYYY-MM-DD.
        blind: that the looker knew neither which model nor which version had alarmed; nothing else is taken.
        boxes: of smoke, (x0, y0, x1, y1) in pixels; if None, the data's stay where the label stays smoke.
    """

    data: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    sequence: _Text
    frame: _Text
    label: Label
    why: _Text
    by: _Text
    date: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    blind: Literal[True]
    boxes: tuple[Box, ...] | None = None

    @property
    def place(self) -> tuple[str, str]:
        """The sequence and the frame."""
        return self.sequence, self.frame


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: Literal["firetower.corrections/1"]
    frames: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Corrected:
    """Sequences after looks were applied.

    Attributes:
        sequences: with labels and boxes put right.
        changed: how many frames differ from the data.
        looked: (sequence, frame) of each look.
    """

    sequences: tuple[TruthSequence, ...]
    changed: int
    looked: frozenset[tuple[str, str]]


def read_looks(path: Path = SHIPPED) -> tuple[Look, ...]:
    """Read a file of looks.

    Raises:
        TruthError: it cannot be read, is malformed, or a frame stands there twice.
    """
    try:
        looks = msgspec.json.decode(text_of(read_plain(path, _BYTES_MAX)), type=_File).frames
    except (OSError, ValueError, RecursionError) as error:
        raise TruthError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from error
    seen: set[tuple[str, ...]] = set()
    for look in looks:
        key = (look.data, *look.place)
        if key in seen:
            raise TruthError(
                f"{path}: frame '{look.frame}' of '{look.sequence}' stands there twice; keep one"
            )
        seen.add(key)
    return looks


def apply(sequences: Sequence[TruthSequence], looks: Sequence[Look], data: str) -> Corrected:
    """Put frames right by the looks at this data set; those at others are passed over.

    Args:
        sequences: of the data set, as they were read.
        looks: of any data sets.
        data: digest of this one.

    Raises:
        TruthError: a look's frame is not in the data, or its boxes do not fit its label or the picture.
    """
    mine = {look.place: look for look in looks if look.data == data}
    known = {(sequence.id, frame.name) for sequence in sequences for frame in sequence.frames}
    if lost := sorted(set(mine) - known):
        raise TruthError(
            f"corrections: frame '{lost[0][1]}' of sequence '{lost[0][0]}' is not in the data ({len(lost)} such); "
            "take it out of the corrections, or put the frame back"
        )
    corrected = tuple(_corrected(sequence, mine) for sequence in sequences)
    changed = sum(
        new != old
        for after, before in zip(corrected, sequences, strict=True)
        for new, old in zip(after.frames, before.frames, strict=True)
    )
    return Corrected(corrected, changed, frozenset(mine))


def _corrected(sequence: TruthSequence, looks: dict[tuple[str, str], Look]) -> TruthSequence:
    frames = []
    for frame in sequence.frames:
        look = looks.get((sequence.id, frame.name))
        if look is None:
            frames.append(frame)
            continue
        kept = frame.boxes if look.label == "smoke" else ()
        boxes = kept if look.boxes is None else look.boxes
        if boxes and look.label != "smoke":
            raise TruthError(
                f"corrections: frame '{frame.name}' of '{sequence.id}' is '{look.label}', but has boxes"
            )
        for x0, y0, x1, y1 in boxes:
            finite = all(map(math.isfinite, (x0, y0, x1, y1)))
            if not (finite and 0 <= x0 < x1 <= sequence.width and 0 <= y0 < y1 <= sequence.height):
                raise TruthError(
                    f"corrections: frame '{frame.name}' of '{sequence.id}': expected a box [x0, y0, x1, y1] within "
                    f"{sequence.width}x{sequence.height} px, got {[x0, y0, x1, y1]}"
                )
        frames.append(msgspec.structs.replace(frame, label=look.label, boxes=boxes))
    return msgspec.structs.replace(sequence, frames=tuple(frames))
