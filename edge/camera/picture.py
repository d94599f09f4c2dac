"""What a decoder gives, as an image: its own planes where they have 8 bits a sample, without a copy."""

from __future__ import annotations

import av
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace

from edge.camera.container import PyAvError, reason
from edge.camera.orientation import Orientation, OrientedImage
from edge.camera.planes import BT601, BT709, PlanarImage, Plane
from edge.camera.room import room_for
from edge.errors import FrameError
from edge.image import Image, RgbImage

_SHARES: dict[
    int, tuple[float, float]
] = {  # ITU-T H.273, table 4; what says nothing is taken for BT.601, as FFmpeg does
    Colorspace.ITU709: BT709,
    Colorspace.FCC: (0.30, 0.11),
    Colorspace.SMPTE240M: (0.212, 0.087),
    Colorspace.BT2020: (0.2627, 0.0593),
}
_PLANAR = frozenset(
    {"gray", *(f"yuv{j}{kind}p" for j in ("", "j") for kind in (410, 411, 420, 422, 440, 444))}
)
_PAIRED = {"nv12": 1, "nv16": 1, "nv24": 1, "nv21": -1, "nv42": -1}  # -1: V comes before U
_PACKED = {
    "yuyv422": (0, 1, 3),
    "uyvy422": (1, 0, 2),
    "yvyu422": (0, 3, 1),
}  # where Y, U and V are, of 4 bytes


def shown(frame: av.VideoFrame, orientation: Orientation, *, borrowed: bool = False) -> Image:
    """Make of a decoded frame what people see.

    Args:
        frame: as it was decoded.
        orientation: what is done to it.
        borrowed: as for `image_of`.

    Raises:
        FrameError: there is no way from its format.
    """
    failure = ""
    try:
        with room_for((frame.height, frame.width)):
            image = image_of(frame, borrowed=borrowed)
    except PyAvError as error:
        failure = reason(error)
    if failure:
        kind = f"{frame.format.name} of {frame.width}x{frame.height} px"
        raise FrameError(f"cannot convert {kind} to RGB: {failure}")
    return image if orientation == Orientation() else OrientedImage(image, orientation)


def image_of(frame: av.VideoFrame, *, borrowed: bool = False) -> Image:
    """Make an image of a decoded frame, which it keeps.

    Args:
        frame: as it was decoded.
        borrowed: its memory is the device's and goes with it (FFmpeg copies no raw video): keep copies.

    Raises:
        ValueError, av.error.FFmpegError: there is no way from its format.
    """
    planes = _planes(frame)
    if planes is None and not frame.format.is_rgb and not frame.format.has_palette:
        frame = frame.reformat(format="yuv420p" if "420" in frame.format.name else "yuv444p")
        planes = _planes(frame)
    if planes is None:
        return RgbImage(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
    if borrowed:
        planes = tuple(plane.copy() for plane in planes)
    return PlanarImage(planes, _SHARES.get(frame.colorspace, BT601), full_range=_full_range(frame))


def _full_range(frame: av.VideoFrame) -> bool:
    name = frame.format.name
    return (
        frame.color_range == ColorRange.JPEG
        or name.startswith("yuvj")
        or (name == "gray" and frame.color_range != ColorRange.MPEG)
    )


def _planes(frame: av.VideoFrame) -> tuple[Plane, ...] | None:
    """Return Y, U and V, Y and pairs, or Y alone; None where they cannot be had without a conversion."""
    name, planes = frame.format.name, frame.planes
    if any(plane.line_size < plane.width for plane in planes):  # rows from the bottom up
        return None
    if name in _PLANAR:
        return tuple(_rows(plane, plane.width) for plane in planes)
    if name in _PAIRED:
        pairs = _rows(planes[1], 2 * planes[1].width).reshape(planes[1].height, planes[1].width, 2)
        return _rows(planes[0], frame.width), pairs[..., :: _PAIRED[name]]
    if name in _PACKED and frame.width % 2 == 0:
        packed, (y, *chroma) = _rows(planes[0], 2 * frame.width), _PACKED[name]
        return tuple(
            np.ascontiguousarray(part) for part in (packed[:, y::2], *(packed[:, at::4] for at in chroma))
        )
    return None


def _rows(plane: VideoPlane, width: int) -> Plane:
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, :width]
