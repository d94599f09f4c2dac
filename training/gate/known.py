"""What is known of a camera before a recording: a memory of the hour, and the horizon of its earlier pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.detect.horizon import Horizon
from edge.detect.memory import Memory
from edge.errors import FrameError
from edge.image import RgbImage
from training.gate.recording import Seen, from_files
from training.gate.stream import NS_PER_S, Shot


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a camera before a recording; where the manifest has the rule it goes on from there.

    Attributes:
        memory: of the hour; None: it begins with nothing.
        horizon: of the view of the first scored frame; None: none yet.
    """

    memory: Memory | None = None
    horizon: Horizon | None = None


def horizon_before(shots: Sequence[Shot], until_s: float, seen: Sequence[Seen] | None = None) -> Horizon:
    """Return the horizon that the pictures of a stream before a moment gave, as the daemon finds it.

    Args:
        shots: of the stream, in order of time.
        until_s: model time.
        seen: what the intake made of each; None: every whole picture was scored, and the camera stood still.
    """
    horizon, view = Horizon(), None
    read = from_files(shots)
    for index, shot in enumerate(shots):
        time_s = shot.time_ns / NS_PER_S
        if time_s >= until_s:
            break
        if seen is not None and seen[index].cause is not None:
            continue
        at = (0 if seen is None else seen[index].turns), shot.size_px
        if at != view:
            horizon, view = Horizon(), at
        if horizon.due(time_s):
            try:
                horizon.see(RgbImage(read(index)), time_s)
            except FrameError:
                if seen is not None:
                    raise
    return horizon
