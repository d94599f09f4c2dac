"""Splits by group, one place for all: fixed folds, the sides of a split, and the error where one meets both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from scoring.truth import TruthSequence

OUTER_FOLDS = 5


class Side(msgspec.Struct, frozen=True):
    """One side of a split, as results quote it.

    Attributes:
        groups: in order of their names.
        sequences: number of them.
        views: those that finding is judged on: timed, of a reliable ignition, boxed throughout.
        frames: number of them.
        ids_sha256: over the sequences' ids in order of their names, a line feed behind each.
    """

    groups: tuple[str, ...]
    sequences: int
    views: int
    frames: int
    ids_sha256: str


def side_of(sequences: Sequence[TruthSequence]) -> Side:
    """Describe one side."""
    ids = "".join(f"{name}\n" for name in sorted(sequence.id for sequence in sequences))
    return Side(
        tuple(sorted({sequence.group for sequence in sequences})),
        len(sequences),
        sum(map(_is_view, sequences)),
        sum(len(sequence.frames) for sequence in sequences),
        hashlib.sha256(ids.encode()).hexdigest(),
    )


def record(sides: Mapping[str, Sequence[TruthSequence]]) -> dict[str, Any]:
    """Describe a split for a result.

    Args:
        sides: by name, such as `training` and `validation`.

    Raises:
        ValueError: as `check_apart`.
    """
    check_apart(sides)
    return {name: msgspec.to_builtins(side_of(sequences)) for name, sequences in sides.items()}


def check_apart(
    sides: Mapping[str, Sequence[TruthSequence]], digests: Mapping[tuple[str, str], str] | None = None
) -> None:
    """See that nothing stands on two sides: no sequence, group, camera, fire, nor a picture by its digest.

    Args:
        sides: by name.
        digests: of pictures, by sequence and file; those that it lacks are not compared.

    Raises:
        ValueError: something meets two sides; names it and both.
    """
    owner: dict[tuple[str, str], str] = {}
    for side, sequences in sides.items():
        for sequence in sequences:
            keys = [
                ("sequence", sequence.id),
                ("group", sequence.group),
                ("camera", sequence.camera),
            ]
            if sequence.ignition_epoch is not None or any(
                frame.label == "smoke" for frame in sequence.frames
            ):
                keys.append(("fire", sequence.fire))
            if digests is not None:
                places = ((sequence.id, frame.file) for frame in sequence.frames)
                keys += [
                    ("a picture equal to one of sequence", digests[place])
                    for place in places
                    if place in digests
                ]
            for what, name in keys:
                other = owner.setdefault((what, name), side)
                if other != side:
                    of = f" (sequence '{sequence.id}')" if what != "sequence" else ""
                    raise ValueError(
                        f"{what} '{name}'{of} is in both {other} and {side}; give what belongs together one group"
                    )


def split(
    sequences: Sequence[TruthSequence], validation_groups: Sequence[str]
) -> tuple[list[TruthSequence], list[TruthSequence]]:
    """Split by group into training and validation.

    Raises:
        ValueError: an unknown group, one side is empty, or as `check_apart`.
    """
    if not sequences:
        raise ValueError("there is no sequence to train on")
    known = {sequence.group for sequence in sequences}
    if unknown := sorted(set(validation_groups) - known):
        raise ValueError(
            f"no sequence has group {', '.join(unknown)}; the groups are {', '.join(sorted(known))}"
        )
    chosen = set(validation_groups)
    training = [s for s in sequences if s.group not in chosen]
    validation = [s for s in sequences if s.group in chosen]
    if not training or not validation:
        raise ValueError("the split leaves one side empty; name fewer or more validation groups")
    check_apart({"training": training, "validation": validation})
    return training, validation


def choose_groups(sequences: Sequence[TruthSequence], share: float = 0.25) -> list[str]:
    """Choose validation groups for data that come without a choice: every so-manieth by size, whole groups only."""
    counts: dict[str, int] = {}
    for sequence in sequences:
        counts[sequence.group] = counts.get(sequence.group, 0) + len(sequence.frames)
    ordered = sorted(counts, key=lambda group: (-counts[group], group))
    step = max(2, round(1 / share))
    return ordered[1::step]


def folds(groups: Sequence[str], count: int) -> list[list[str]]:
    """Deal groups into folds."""
    distinct = sorted(set(groups))
    return [distinct[index::count] for index in range(min(count, len(distinct)))]


def outer_folds(sequences: Sequence[TruthSequence], count: int = OUTER_FOLDS) -> list[list[str]]:
    """Deal groups into fixed folds that are alike in views and then in frames; the order of sequences does not matter.

    Largest first, each group with views goes to the fold that has the fewest views, then frames; after them each group
    without to the fold that has the fewest frames.

    Returns:
        Groups of each fold, in order of their names.

    Raises:
        ValueError: there are fewer groups than folds, or something belongs to two groups.
    """
    weights: dict[str, tuple[int, int]] = {}
    by_group: dict[str, list[TruthSequence]] = {}
    for sequence in sequences:
        views, frames = weights.get(sequence.group, (0, 0))
        weights[sequence.group] = (views + _is_view(sequence), frames + len(sequence.frames))
        by_group.setdefault(sequence.group, []).append(sequence)
    if len(weights) < count:
        raise ValueError(
            f"{count} folds need {count} groups, there are {len(weights)}: {', '.join(sorted(weights))}"
        )
    dealt: list[list[str]] = [[] for _ in range(count)]
    loads = [(0, 0)] * count
    for group in sorted(weights, key=lambda name: (-weights[name][0], -weights[name][1], name)):
        viewed = weights[group][0] > 0
        at = min(range(count), key=lambda fold: (loads[fold][0] if viewed else 0, loads[fold][1], fold))
        dealt[at].append(group)
        loads[at] = (loads[at][0] + weights[group][0], loads[at][1] + weights[group][1])
    check_apart({f"fold {n}": [s for g in held for s in by_group[g]] for n, held in enumerate(dealt, 1)})
    return [sorted(held) for held in dealt]


def _is_view(sequence: TruthSequence) -> bool:
    judged = sequence.reliable and sequence.timed and sequence.box_annotated
    return judged and any(frame.boxes for frame in sequence.frames)
