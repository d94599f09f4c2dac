"""Which folds there are: five of camera groups that burn, and one for every quiet stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scoring.truth import TruthSequence
from training.gate.stream import Part
from training.smoke.data.group import by_mast as joined_by_mast
from training.smoke.data.read import Dataset
from training.smoke.data.split import check_apart, outer_folds
from training.smoke.side import parts_of
from training.step.step import picture_digest


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold.

    Attributes:
        name: `1` to `5`, or the quiet stream's.
        kind: whether camera groups or a quiet stream are left out.
        held: what is left out.
        training: what may be trained on.
    """

    name: str
    kind: Literal["outer", "quiet"]
    held: tuple[Part, ...]
    training: tuple[Part, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that are left out."""
        return tuple(sorted({part.truth.group for part in self.held}))


def plan(datasets: Sequence[Dataset], *, by_mast: bool, trains_on_quiet: bool) -> list[Fold]:
    """Lay out the folds; see that no two sides share anything, not even a picture.

    Args:
        datasets: at least one in which something burns.
        by_mast: all cameras of one mast are one group.
        trains_on_quiet: whether the recipe trains on quiet streams. If not, they are on no training side.

    Raises:
        ValueError: too few groups, or something meets two sides; names it.
    """
    _once(datasets)
    burning = _parts([one for one in datasets if one.burns], by_mast=by_mast)
    quiet = _parts([one for one in datasets if not one.burns], by_mast=by_mast)
    held = outer_folds([part.truth for part in burning])
    names = [str(number) for number, _ in enumerate(held, 1)]
    streams = sorted({part.truth.group for part in quiet})
    if wrong := sorted(set(names) & set(streams)):
        raise ValueError(
            f"quiet group '{wrong[0]}' is called as one of the outer folds is; give it another name"
        )
    on_quiet = quiet if trains_on_quiet else ()
    folds = []
    for name, groups in zip(names, held, strict=True):
        out, left = _split(burning, groups)
        folds.append(Fold(name, "outer", out, (*left, *on_quiet)))
    for stream in streams:
        out, _ = _split(quiet, [stream])
        _, left = _split(on_quiet, [stream])
        folds.append(Fold(stream, "quiet", out, (*burning, *left)))
    _check(folds)
    return folds


def _once(datasets: Sequence[Dataset]) -> None:
    ids = [sequence.id for dataset in datasets for sequence in dataset.sequences]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise ValueError(f"sequence '{twice[0]}' comes twice; give each folder once")


def _parts(datasets: Sequence[Dataset], *, by_mast: bool) -> tuple[Part, ...]:
    parts = [part for dataset in datasets for part in parts_of(dataset)]
    sequences: list[TruthSequence] = [part.truth for part in parts]
    if by_mast:
        sequences = joined_by_mast(sequences)
    return tuple(
        Part(sequence, part.paths, data=part.data) for part, sequence in zip(parts, sequences, strict=True)
    )


def _split(parts: Sequence[Part], groups: Sequence[str]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    inside = tuple(part for part in parts if part.truth.group in groups)
    return inside, tuple(part for part in parts if part.truth.group not in groups)


def _check(folds: Sequence[Fold]) -> None:
    digests = {
        (part.truth.id, frame.file): picture_digest(path)
        for fold in folds
        for part in (*fold.held, *fold.training)
        for path, frame in zip(part.paths, part.truth.frames, strict=True)
    }
    for fold in folds:
        sides = {"the left-out side": fold.held, "the training side": fold.training}
        check_apart({name: [part.truth for part in parts] for name, parts in sides.items()}, digests)
