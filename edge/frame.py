"""The frame: one picture with its capture times, as it travels from a camera to the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from edge.image import Image  # and with it cv2

Box: TypeAlias = tuple[int, int, int, int]  # (x0, y0, x1, y1) in pixels of the source


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture with its capture times.

    Attributes:
        image: the picture itself.
        sequence: how many frames this camera had decoded before this one, over all its reconnections.
        captured_mono_ns: monotonic time at which decoding ended.
        captured_wall_ns: wall time of the picture: the source's own where it has one, else that of the capture.
        source_ns: the source's own timestamp (from the start of a file, or an epoch), None where it has none.
        model_ns: time for the model: source time in files, folders and scenes, monotonic time live.
        name: what people call it (a file's name in a folder), empty where it has none.
        dark_ns: time for the model of the newest due picture before it that was too dark to score; None if none was.
        turns: how often its camera was found to look elsewhere, up to this frame.
        view: number of what its camera looks at, 0 at first (edge/camera/turn.py).
        naps: how often the governor had closed its camera, up to this frame.
    """

    image: Image
    sequence: int
    captured_mono_ns: int
    captured_wall_ns: int
    source_ns: int | None
    model_ns: int
    name: str = ""
    dark_ns: int | None = None
    turns: int = 0
    view: int = 0
    naps: int = 0
