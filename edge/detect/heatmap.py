"""From a score map to regions: hysteresis over cells, and connected cells.

A pure function of one frame's scores; what persists over frames is the tracker's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.region import Region
from edge.errors import FrameError
from edge.frame import Box
from edge.model.manifest import Threshold

ToPixels: TypeAlias = Callable[[Box], Box]


def regions(
    scores: NDArray[np.float32],
    labels: Sequence[str],
    thresholds: Mapping[str, Threshold],
    blocked: NDArray[np.bool_] | None,
    to_pixels: ToPixels,
    lift: NDArray[np.float32] | None = None,
    far: NDArray[np.float32] | None = None,
) -> list[Region]:
    """Find the regions of one frame: 8-connected cells at or above `keep`, one of them at or above `open`.

    Args:
        scores: (rows, cols, classes) float32, in the manifest's kind; a classifier has one cell.
        labels: a name per class.
        thresholds: by label, in the scores' own kind; labels without one are not looked at.
        blocked: (rows, cols), True where the mask lets nothing through; None where there is no mask.
        to_pixels: maps (row0, col0, row1, col1), ends excluded, to (x0, y0, x1, y1) of the source frame.
        lift: (rows, cols), 0 or more in the scores' own kind, by which a memory of the hour raises `open`; None: by
            nothing. A region that would be none with it is `usual`.
        far: the same, by which a horizon raises `open`, added to `lift`. A region that would be none with it alone is
            `far`.
    Returns:
        Strongest first; equal peaks by label, then from top to bottom and left to right.
    Raises:
        FrameError: scores of the wrong rank or size, a score that is not finite, a mask of another grid.
    """
    _check(scores, labels, blocked)
    found: list[Region] = []
    for index, label in enumerate(labels):
        threshold = thresholds.get(label)
        if threshold is None:
            continue
        plane = scores[:, :, index]
        if plane.max() < threshold.open:  # nearly every frame of a quiet day ends here
            continue
        if blocked is not None:
            plane = np.where(blocked, -np.inf, plane)
        found.extend(_connected(plane, label, threshold, to_pixels, lift, far))
    return sorted(found, key=lambda region: (-region.peak, region.label, region.cell_box))


def _connected(
    plane: NDArray[np.float32],
    label: str,
    threshold: Threshold,
    to_pixels: ToPixels,
    lift: NDArray[np.float32] | None,
    far: NDArray[np.float32] | None,
) -> list[Region]:
    """Return the components of `plane` ≥ keep that reach `open`."""
    kept = (plane >= threshold.keep).astype(np.uint8)
    _, component, stats, _ = cv2.connectedComponentsWithStats(kept, connectivity=8)
    near = None if far is None else plane >= threshold.open + far
    both = lift if far is None else far if lift is None else lift + far
    raised = None if both is None else plane >= threshold.open + both
    found = []
    for number in np.unique(component[plane >= threshold.open]):
        col0, row0, width, height, cells = (int(value) for value in stats[number])
        box = (row0, col0, row0 + height, col0 + width)
        own = component == number
        row, col = divmod(int(np.where(own, plane, -np.inf).argmax()), plane.shape[1])
        usual, away = (one is not None and not bool(one[own].any()) for one in (raised, near))
        found.append(
            Region(label, float(plane[row, col]), (row, col), cells, box, to_pixels(box), usual, away)
        )
    return found


def _check(scores: NDArray[np.float32], labels: Sequence[str], blocked: NDArray[np.bool_] | None) -> None:
    if scores.ndim != 3 or scores.shape[2] != len(labels) or not scores.size:
        raise FrameError(
            f"scores: expected (rows, cols, {len(labels)}) for labels {list(labels)}, got {scores.shape}"
        )
    if not np.isfinite(scores).all():
        bad = np.argwhere(~np.isfinite(scores))
        row, col, index = (int(value) for value in bad[0])
        raise FrameError(
            f"scores: {len(bad)} of {scores.size} are not finite, the first {scores[row, col, index]} "
            f"in cell ({row}, {col}) of '{labels[index]}'; the model or its state is broken"
        )
    if blocked is not None and blocked.shape != scores.shape[:2]:
        raise FrameError(f"mask: expected the grid of the scores, {scores.shape[:2]}, got {blocked.shape}")
