"""The training side of a split: the only door to training data, which writes down what went through it.

Pictures are known by their digests, whatever they are called. What was made from pictures (features, a teacher, its
soft labels, backgrounds, plume textures) says in its step's record what they were: `made_of`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import msgspec

from scoring.truth import TruthSequence
from training.gate.stream import Part, trained_on
from training.smoke.data.read import Dataset
from training.step.step import Step, picture_digest
from training.step.workshop import Workshop

MADE_OF = "made_of"  # in a step's record: digests of the pictures that it was made from, directly or not
Use: TypeAlias = Literal[
    "features",
    "training",
    "teacher",
    "soft labels",
    "backgrounds",
    "plume textures",
    "conditions",
    "feature scale",
    "calibration",
    "thresholds",
    "choice",
]
USES: tuple[Use, ...] = get_args(Use)
Handed: TypeAlias = dict[str, list[str]]


class LeakError(ValueError):
    """Something of the left-out side was used in training, or nobody knows what was."""


class TrainingSide:
    """What may be trained on.

    Args:
        shop: where steps go.
        parts: its sequences; what a recipe trains on is handed out by them.
        left_out: where each picture of the left-out side lies, by digest.
        out: where the bundle goes.

    Attributes:
        sequences: in the order of the data.
        trained_on: what a bundle of all of them says in its provenance.
        found_s: seconds that it once took to make what was taken and had been made before.
    """

    def __init__(self, shop: Workshop, parts: Sequence[Part], left_out: Mapping[str, str], out: Path) -> None:
        self.shop, self.out = shop, out
        self.sequences: tuple[TruthSequence, ...] = tuple(part.truth for part in parts)
        self._parts = {part.truth.id: part for part in parts}
        self.trained_on = trained_on(parts)
        self._left_out = left_out
        self._handed: dict[str, set[str]] = {}
        self._made_before, self._taken = frozenset(shop.made), set[str]()
        self.found_s = 0.0

    def pictures(self, sequence: TruthSequence, use: Use) -> tuple[Path, ...]:
        """Hand out the pictures of one of its sequences, in order.

        Raises:
            LeakError: the sequence is not of this side, or one of its pictures is left out.
        """
        part = self._parts.get(sequence.id)
        if part is None:
            raise LeakError(f"{use}: sequence '{sequence.id}' is not of the training side")
        self.note(use, map(picture_digest, part.paths))
        return part.paths

    def take(self, step: Step, *uses: Use) -> Step:
        """Hand out something that was made before, if it was made from this side alone.

        Raises:
            LeakError: it was made from a left-out picture, or its record does not say from which.
        """
        made_of = made_of_step(step)
        for use in uses:
            self.note(use, made_of)
        if step.key not in self._taken:
            self._taken.add(step.key)
            if step.key not in self.shop.made or step.key in self._made_before:
                self.found_s += step.read().get("took_s", 0.0)
        return step

    def note(self, use: Use, digests: Iterable[str]) -> None:
        """Write down pictures that were used otherwise.

        Raises:
            LeakError: one of them is left out.
        """
        noted = set(digests)
        refuse({use: noted}, self._left_out)
        self._handed.setdefault(use, set()).update(noted)

    def handed(self) -> Handed:
        """Return the digests of all pictures that were handed out so far, by use."""
        return {use: sorted(digests) for use, digests in sorted(self._handed.items())}


def refuse(handed: Mapping[str, Collection[str]], left_out: Mapping[str, str]) -> None:
    """See that nothing handed out is left out.

    Args:
        handed: digests of pictures, by use.
        left_out: where each left-out picture lies, by digest.

    Raises:
        LeakError: names the use and the picture.
    """
    for use, digests in handed.items():
        met = sorted(left_out[digest] for digest in left_out.keys() & set(digests))
        if met:
            more = f" ({len(met)} such)" if len(met) > 1 else ""
            raise LeakError(
                f"{use}: made from {met[0]}{more}, which is left out; what judges a bundle must not have made it"
            )


def made_of_step(step: Step) -> frozenset[str]:
    """Return the digests of the pictures that a finished step was made from.

    Raises:
        LeakError: its record does not say.
    """
    made_of = step.read().get(MADE_OF)
    if not isinstance(made_of, list) or not made_of:
        raise LeakError(
            f"{step.folder}: its record does not say which pictures it was made from; remove it to make it again"
        )
    return frozenset(map(str, made_of))


def parts_of(dataset: Dataset, sequences: Sequence[TruthSequence] | None = None) -> list[Part]:
    """Return the sequences of a data set, all or some, with the paths of their pictures."""
    chosen = dataset.sequences if sequences is None else sequences
    return [
        Part(one, tuple(dataset.folder / frame.file for frame in one.frames), data=dataset.digest)
        for one in chosen
    ]


def pictures_of(parts: Iterable[Part]) -> dict[str, str]:
    """Return where each picture lies, by digest: `sequence/name`."""
    return {
        picture_digest(path): f"{part.truth.id}/{frame.name}"
        for part in parts
        for path, frame in zip(part.paths, part.truth.frames, strict=True)
    }


def digest_of(parts: Sequence[Part]) -> str:
    """Return the digest of sequences, truth and pictures, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(msgspec.json.encode(part.truth))
        digest.update("".join(map(picture_digest, part.paths)).encode())
    return digest.hexdigest()
