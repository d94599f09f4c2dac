"""How well students tell conditions of scenes that they have not seen: counts by sequence, and balanced accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.detect.condition import BEGINS, ENDS, SHARE, Conditions

METHOD = {
    "frame": "a condition is told where its logit is 0 or more",
    "standing": f"as the device decides: an average of probabilities, of which each new frame is {SHARE:g}; it stands "
    f"from {BEGINS:g} until it falls below {ENDS:g}; anew for each sequence",
    "frames": "of sequences whose camera group the student has not seen; those whose truth is unknown are left out",
    "balanced": "mean of the shares told of frames in which the condition holds, and not told of the others",
    "real": "frames as they were taken",
    "rendered": "with a planted plume or under rendered weather, of the same frames",
}
EVERY = "all"
REAL, RENDERED = "real", "rendered"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Frames of known truth.

    Attributes:
        hits: it holds and is told.
        misses: it holds and is not told.
        false_alarms: it does not hold and is told.
        rejections: neither.
    """

    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    rejections: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the sum."""
        return Counts(
            hits=self.hits + other.hits,
            misses=self.misses + other.misses,
            false_alarms=self.false_alarms + other.false_alarms,
            rejections=self.rejections + other.rejections,
        )

    def balanced(self) -> float | None:
        """Return the balanced accuracy; None where one kind of frames is missing."""
        there, away = self.hits + self.misses, self.false_alarms + self.rejections
        return (self.hits / there + self.rejections / away) / 2 if there and away else None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One sequence, one condition.

    Attributes:
        fold: that leaves it out.
        weather: that was laid over it; `clear` for none.
        source: `real`, `planted` or `weather`.
        frame, standing: see METHOD.
    """

    fold: str
    sequence: str
    camera: str
    group: str
    source: str
    weather: str
    condition: str
    frame: Counts
    standing: Counts


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows added up."""

    frame: Counts
    frame_balanced: float | None
    standing: Counts
    standing_balanced: float | None


def standing(probabilities: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.bool_]:
    """Return what stands at each frame of a sequence, as the device decides, (frames, conditions).

    Args:
        probabilities: (frames, conditions), in order.
        names: of the conditions.
    """
    state, found = Conditions(names), []
    for row in probabilities:
        state.update(row)
        found.append([name in state.standing for name in names])
    return np.array(found, bool).reshape(len(probabilities), len(names))


def counts(told: NDArray[np.bool_], truth: NDArray[np.float32]) -> Counts:
    """Count frames.

    Args:
        told: (frames,).
        truth: (frames,), 1 where it holds, 0 where not, NaN where nobody knows.
    """
    there, away = truth == 1, truth == 0
    return Counts(
        hits=int((there & told).sum()),
        misses=int((there & ~told).sum()),
        false_alarms=int((away & told).sum()),
        rejections=int((away & ~told).sum()),
    )


def added(rows: Iterable[Row]) -> Balance:
    """Add rows of one condition up."""
    frame, stood = Counts(), Counts()
    for row in rows:
        frame, stood = frame.plus(row.frame), stood.plus(row.standing)
    return Balance(
        frame=frame,
        frame_balanced=frame.balanced(),
        standing=stood,
        standing_balanced=stood.balanced(),
    )


def by_source(rows: Sequence[Row]) -> dict[str, Balance]:
    """Add rows of one condition up: real ones, rendered ones, and both."""
    parts = {
        REAL: [row for row in rows if row.source == REAL],
        RENDERED: [row for row in rows if row.source != REAL],
        EVERY: rows,
    }
    return {name: added(some) for name, some in parts.items()}


def pooled(rows: Sequence[Row], names: Sequence[str]) -> Mapping[str, dict[str, Balance]]:
    """Add up all cameras, by condition and source."""
    return {name: by_source([row for row in rows if row.condition == name]) for name in names}


def by_camera(rows: Sequence[Row], names: Sequence[str]) -> Mapping[str, dict[str, dict[str, Balance]]]:
    """Add up each camera, by condition and source."""
    cameras = sorted({row.camera for row in rows})
    return {
        name: {
            camera: by_source([row for row in rows if (row.condition, row.camera) == (name, camera)])
            for camera in cameras
        }
        for name in names
    }
