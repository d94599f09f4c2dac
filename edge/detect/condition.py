"""Which scene conditions stand for a camera: slow, so that one odd frame changes nothing.

A state machine over scored frames of one camera. It knows no time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHARE = 0.2  # of a new frame in the average, which so remembers about five
BEGINS, ENDS = 0.6, 0.4  # of the average: a condition stands from the one on, and no longer below the other


class Conditions:
    """The conditions of one camera.

    Each frame's probabilities go into an average per condition, which forgets exponentially. The first frame alone
    is the average of one frame: a watch that begins in the night knows that at once.

    Args:
        names: of the manifest, in the order of the model's output.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._average: NDArray[np.float32] | None = None
        self._standing: tuple[str, ...] = ()

    @property
    def standing(self) -> tuple[str, ...]:
        """The conditions that stand, in the order of their names; from any thread."""
        return self._standing

    def update(self, probabilities: NDArray[np.float32] | None) -> None:
        """Take what the next scored frame says.

        Args:
            probabilities: (conditions,) float32 within 0…1; None where the model tells none.
        """
        if probabilities is None:
            return
        old = self._average
        new = probabilities if old is None else old + np.float32(SHARE) * (probabilities - old)
        self._average = new
        self._standing = tuple(
            name
            for name, value in zip(self._names, new.tolist(), strict=True)
            if value >= (ENDS if name in self._standing else BEGINS)
        )
