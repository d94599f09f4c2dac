"""A recording for the daemon: the built-in scene with a plume, enlarged to a tower camera's size, as H.264."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from edge.camera.address import open_source, options_for
from edge.camera.source import Session
from edge.clock import SystemClock

SCENE = "scene:plume?seed=1&frames=45&ignition=12"  # quiet pictures first, for the tracker compares
SIZE_PX = (1080, 1440)
PICTURES_A_MINUTE = 6
_CODEC = {"preset": "veryfast", "crf": "28", "threads": "1"}


def write(
    path: Path,
    scene: str = SCENE,
    size_px: tuple[int, int] = SIZE_PX,
    pictures_a_minute: int = PICTURES_A_MINUTE,
) -> None:
    """Write the clip: a keyframe each minute of its time, pictures without news between them.

    Args:
        path: the file.
        scene: address of the built-in scene.
        size_px: (height, width).
        pictures_a_minute: of the clip's time; one means keyframes alone.
    """
    source = open_source(options_for(scene), Session(SystemClock()))
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(pictures_a_minute, 60), options=_CODEC)
        stream.height, stream.width = size_px
        stream.pix_fmt, stream.gop_size = "yuv420p", pictures_a_minute
        for picture in iter(source.read, None):
            small = picture.to_rgb()
            large = np.asarray(
                cv2.resize(small, size_px[::-1], interpolation=cv2.INTER_LINEAR_EXACT), np.uint8
            )
            for _ in range(pictures_a_minute):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="rgb24")))
        container.mux(stream.encode(None))
