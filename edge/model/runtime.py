"""The contract of an inference backend: a pure function (frame, state) → (scores, state')."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tensor: TypeAlias = NDArray[Any]
State: TypeAlias = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Inference:
    """What one inference gave.

    Attributes:
        scores: (rows, cols, classes) float32, dequantized, of the manifest's `kind` (logits, probabilities);
            a `classify` bundle has one cell, (1, 1, classes).
        state: the tensors to hand back with this camera's next frame, in the manifest's order.
        invoke_ns: time inside the backend's own call.
        conditions: (conditions,) float32 within 0…1, the probability of each of the manifest's; None where it has none.
    """

    scores: NDArray[np.float32]
    state: State
    invoke_ns: int
    conditions: NDArray[np.float32] | None = None


class Runtime(Protocol):
    """One loaded model file, used by one thread at a time."""

    name: str

    def zero_state(self) -> State:
        """Return the state of a camera that has seen nothing: zeros of the manifest's shapes and dtypes."""
        ...

    def infer(self, write_frame: Callable[[Tensor], None], state: State) -> Inference:
        """Score one frame.

        Args:
            write_frame: writes the preprocessed frame in place into the backend's own input buffer, whose
                shape, layout and dtype are the manifest's.
            state: what the last call for this camera returned, or `zero_state()`; it is not changed.
        Returns:
            Scores, the next state, and the time of the call alone.
        Raises:
            RuntimeModelError: the backend failed.
        """
        ...
