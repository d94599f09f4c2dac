"""What stands in for the network and the pictures where a recording is decided anew."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.frame import Frame
from edge.image import Image, RgbImage
from edge.model.runtime import Inference, State, Tensor
from training.gate.recording import Recording, Seen
from training.gate.stream import Shot


class Played:
    """A runtime that hands back stored score maps, and conditions, in their order."""

    name = "recorded"

    def __init__(self, recording: Recording) -> None:
        told = recording.conditions
        self._scored = zip(recording.maps, itertools.repeat(None) if told is None else told, strict=False)

    def zero_state(self) -> State:
        """Return nothing: the state is in the recording."""
        return ()

    def infer(self, write_frame: Callable[[Tensor], None], state: State) -> Inference:  # noqa: ARG002 — of the Protocol
        """Return the next one that was recorded."""
        scores, conditions = next(self._scored)
        return Inference(scores, state, 0, conditions)


@dataclass(frozen=True, slots=True, eq=False)
class Absent:
    """A picture that is read only when an event asks for its bits, or a horizon is looked for in it."""

    size_px: tuple[int, int]
    read: Callable[[], NDArray[np.uint8]] | None
    looked: Callable[[], NDArray[np.uint8]] | None

    def rgb(self) -> NDArray[np.uint8]:
        """Return it, or a black pixel."""
        return np.zeros((1, 1, 3), np.uint8) if self.read is None else np.ascontiguousarray(self.read())

    def fitted(self, size_px: tuple[int, int]) -> NDArray[np.uint8]:
        """Return black: no network looks at it."""
        return np.broadcast_to(np.uint8(0), (*size_px, 3))

    def luma(self, step: int) -> NDArray[np.uint8]:
        """Return its luma, or a black pixel."""
        if self.looked is None:
            return np.zeros((1, 1), np.uint8)
        return RgbImage(self.looked()).luma(step)

    def same(self, other: Image) -> bool:
        """Say whether it is this very one."""
        return self is other


def frame_of(
    shot: Shot,
    seen: Seen,
    time_ns: int,
    read: Callable[[], NDArray[np.uint8]] | None = None,
    looked: Callable[[], NDArray[np.uint8]] | None = None,
) -> Frame:
    """Return a shot's frame as the intake gave it.

    Args:
        shot: of a stream.
        seen: what the intake made of it.
        time_ns: model time.
        read: returns its picture, (H, W, 3) uint8 RGB, for an event's id; None: another id.
        looked: the same for what looks at luma; None: a black one.
    """
    image = Absent(shot.size_px, read, looked)
    wall_ns, turns, view = time_ns, seen.turns, seen.view
    return Frame(image, seen.sequence, 0, wall_ns, time_ns, time_ns, shot.name, seen.dark_ns, turns, view)
