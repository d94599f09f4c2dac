"""The thresholds of one camera: they fall where it has long shown nothing, and stand still while an event is open.

A state machine over scored frames. It knows no time; when it starts anew is its owner's to say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.model.calm import Calm
from edge.model.manifest import Threshold


@dataclass(slots=True)
class _Shown:
    """What one label showed.

    Attributes:
        known: the largest score of each frame that counts, oldest first.
        newest: of those that do not count yet.
        held: in force since an event opened; None while none is open.
    """

    known: deque[float]
    newest: deque[float] = field(default_factory=deque)
    held: Threshold | None = None


class Thresholds:
    """What opens and keeps a region of each label of one camera, frame by frame.

    A label's level is the largest score of the frames of the window, less the newest ones (`lag`). Its `open` is
    level + margin, at most the manifest's own and at least that less `fall`; `keep` moves down with it. While an event
    of the label is open both stay as they were at its opening: a long fire raises no bar, and the rule closes nothing.
    Frames with an open event, and the newest before its opening, are never learned from.

    Args:
        rule: of the manifest; None: the thresholds are always the manifest's own.
        thresholds: of the manifest, by label, in logits where there is a rule.
        labels: a name per class.
    """

    def __init__(self, rule: Calm | None, thresholds: Mapping[str, Threshold], labels: Sequence[str]) -> None:
        self._rule = rule
        self._full = thresholds
        self._labels = labels
        self._now = thresholds
        self._shown: dict[str, _Shown] = {}
        if rule is not None:
            self._shown = {label: _Shown(deque(maxlen=rule.window)) for label in thresholds}

    @property
    def now(self) -> Mapping[str, Threshold]:
        """What is in force for the next frame, by label."""
        return self._now

    def lowered(self, label: str) -> float | None:
        """Return at which score a label opens now, where that is below the manifest's `open`; else None."""
        now = self._now[label].open
        return now if now < self._full[label].open else None

    def anew(self) -> Thresholds:
        """Return the thresholds of a camera that has shown nothing; those of open events stay in force."""
        new = Thresholds(self._rule, self._full, self._labels)
        for label, shown in self._shown.items():
            new._shown[label].held = shown.held
        new._settle()
        return new

    def learn(
        self, scores: NDArray[np.float32], blocked: NDArray[np.bool_] | None, opened: Collection[str]
    ) -> None:
        """Take what a scored frame showed, after its regions were found.

        Args:
            scores: (rows, cols, classes) float32 logits.
            blocked: (rows, cols), True in cells that do not count; None where all do.
            opened: labels of which an event is open after the frame.
        """
        if self._rule is None:
            return
        for label, shown in self._shown.items():
            if label in opened:
                shown.newest.clear()
                shown.held = self._now[label]
                continue
            shown.held = None
            shown.newest.append(_peak(scores[:, :, self._labels.index(label)], blocked))
            if len(shown.newest) > self._rule.lag:
                shown.known.append(shown.newest.popleft())
        self._settle()

    def _settle(self) -> None:
        """Work out what is in force from now on."""
        if self._rule is not None:
            self._now = {
                label: shown.held or _lower(self._rule, self._full[label], shown.known)
                for label, shown in self._shown.items()
            }


def _peak(plane: NDArray[np.float32], blocked: NDArray[np.bool_] | None) -> float:
    """Return the largest score of the cells that count; −inf where none does."""
    return float(plane.max() if blocked is None else plane.max(initial=-np.inf, where=~blocked))


def _lower(rule: Calm, full: Threshold, known: Collection[float]) -> Threshold:
    """Return a threshold as far down as the past allows."""
    if len(known) < rule.least:
        return full
    opens = min(max(max(known) + rule.margin, full.open - rule.fall), full.open)
    return Threshold(open=opens, keep=full.keep - (full.open - opens))
