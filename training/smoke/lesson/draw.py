"""Batches of windows: half of them smoky, evenly by kind of sequence and by group, some mirrored, some thinned out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.distill.loop import Batch
from training.smoke.lesson.example import WINDOW, Example
from training.smoke.lesson.setting import Setting


@dataclass(frozen=True, slots=True)
class Drawn:
    """One window of a batch.

    Attributes:
        example: what it is cut from.
        every: k, of the k-th frames that it is made of.
        start: its first one, counted in those.
        mirrored: left to right.
    """

    example: Example
    every: int
    start: int
    mirrored: bool


T = TypeVar("T")
_Starts: TypeAlias = "list[tuple[Example, NDArray[np.intp]]]"
_Shelf: TypeAlias = "dict[str, dict[str, _Starts]]"
"""By source, then by group: examples with such windows."""


def draws(examples: Sequence[Example], setting: Setting, first: int, steps: int) -> Iterator[list[Drawn]]:
    """Yield the windows of each batch from one on; those before it are drawn all the same.

    Raises:
        ValueError: no example has smoke, or none frames without.
    """
    cadences = [every for every, _ in setting.cadences]
    shares = np.array([share for _, share in setting.cadences])
    shelves = {
        (smoky, every): _shelf(examples, every, smoky=smoky) for smoky in (False, True) for every in cadences
    }
    if not all(any(shelves[smoky, every] for every in cadences) for smoky in (False, True)):
        raise ValueError("training needs at least one sequence with boxes and one with frames without smoke")
    rng = np.random.default_rng(setting.seed)
    for number in range(steps):
        batch = []
        for index in range(setting.batch):
            smoky = index % 2 == 1
            filled = np.array([bool(shelves[smoky, every]) for every in cadences])
            some = shares * filled if (shares * filled).any() else filled.astype(float)
            every = cadences[int(rng.choice(len(cadences), p=some / some.sum()))]
            batch.append(_draw(shelves[smoky, every], every, rng))
        if number >= first:
            yield batch


def _shelf(examples: Sequence[Example], every: int, *, smoky: bool) -> _Shelf:
    shelf: _Shelf = {}
    for example in examples:
        if every not in example.changes:
            continue
        starts = example.starts(every, smoky=smoky)
        if len(starts):
            shelf.setdefault(example.source, {}).setdefault(example.group, []).append((example, starts))
    return shelf


def _draw(shelf: _Shelf, every: int, rng: np.random.Generator) -> Drawn:
    groups = shelf[_one(sorted(shelf), rng)]
    example, starts = _one(groups[_one(sorted(groups), rng)], rng)
    return Drawn(example, every, int(starts[int(rng.integers(len(starts)))]), bool(rng.random() < 0.5))


def _one(some: Sequence[T], rng: np.random.Generator) -> T:
    return some[int(rng.integers(len(some)))]


def batch_of(drawn: Sequence[Drawn]) -> Batch:
    """Read the windows of a batch.

    Returns:
        Inputs: features and change (B, 3, C, rows, cols) in memory with channels last, inside (B, 1, rows, cols).
        Targets: positive, negative (B, 3, rows, cols), conditions (B, 3, N), the teacher's logits (B, 3, rows, cols)
        or None.
    """
    frames = [slice(d.start * d.every, (d.start + WINDOW - 1) * d.every + 1, d.every) for d in drawn]
    counted = [slice(d.start, d.start + WINDOW) for d in drawn]
    pairs = list(zip(drawn, frames, strict=True))
    inside = torch.stack([_cut(d.example.inside, d)[None].float() for d in drawn])
    features = _maps([d.example.features[at] for d, at in pairs], drawn)
    change = _maps([d.example.changes[d.every][at] for d, at in zip(drawn, counted, strict=True)], drawn)
    soft = [
        _cut(d.example.soft[d.every][at], d) for d, at in zip(drawn, counted, strict=True) if d.example.soft
    ]
    return Batch(
        (features, change, inside),
        (
            torch.stack([_cut(d.example.positive[at], d) for d, at in pairs]),
            torch.stack([_cut(d.example.negative[at], d) for d, at in pairs]),
            torch.stack([torch.from_numpy(d.example.conditions[at]) for d, at in pairs]),
            torch.stack(soft).float() if soft else None,
        ),
    )


def _cut(values: NDArray[np.generic], drawn: Drawn) -> Tensor:
    cut = torch.from_numpy(np.array(values))
    return cut.flip(-1) if drawn.mirrored else cut


def _maps(windows: Sequence[NDArray[np.float16]], drawn: Sequence[Drawn]) -> Tensor:
    """Stack windows; the layout changes while they are float16, which is five times as fast as after."""
    laid = [
        torch.from_numpy(np.array(window)).contiguous(memory_format=torch.channels_last) for window in windows
    ]
    flipped = [part.flip(-1) if d.mirrored else part for part, d in zip(laid, drawn, strict=True)]
    whole = torch.cat(flipped).contiguous(memory_format=torch.channels_last).float()
    return whole.view(len(drawn), WINDOW, *whole.shape[1:])
