"""A picture in a file of its own: JPEG, PNG, BMP, TIFF or WebP, read and decoded within the limits."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.camera.header import size_px
from edge.camera.jpeg import EOI, SOI, damage
from edge.camera.limit import Limits
from edge.errors import FrameError

_SCAN = b"\xff\xda"  # begins a scan of a JPEG; elsewhere two bytes like others
_SCANS = 1000  # ten are usual, and each costs as much as a whole picture


def decode_still(path: Path, limits: Limits) -> NDArray[np.uint8]:
    """Read and decode a picture.

    Args:
        path: of a plain file, or a link to one.
        limits: what is larger is not decoded.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        FrameError: it cannot be read, is too large, damaged, or of another kind.
    """
    import cv2  # noqa: PLC0415 — a camera library

    data = _read(path, limits.picture_bytes)
    size = size_px(data)
    bgr = None
    if size is not None:
        try:
            limits.check_picture(size)
        except FrameError as error:
            raise FrameError(f"image '{path}': {error}") from None
    if size is not None and data.count(_SCAN) <= _SCANS:
        if data.startswith(SOI):
            if (fault := damage(data, limits)) is not None:
                raise FrameError(f"image '{path}' is corrupt: {fault}")
            data += EOI  # OpenCV refuses one that lacks it
        with suppress(cv2.error):
            bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FrameError(
            f"image '{path}' is corrupt, truncated or of an unknown kind ({len(data)} bytes);"
            " expected JPEG, PNG, BMP, TIFF or WebP"
        )
    return np.asarray(bgr, dtype=np.uint8)


def _read(path: Path, limit: int) -> bytes:
    """Read a plain file, and nothing else, which may have no end or never begin."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 — an open descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FrameError(f"image '{path}' is not a plain file")
            data = file.read(limit + 1) if os.fstat(descriptor).st_size <= limit else None
    except OSError as error:
        raise FrameError(f"cannot read image '{path}': {error.strerror}") from error
    if data is None or len(data) > limit:
        raise FrameError(f"image '{path}': more than {limit} bytes (limits.picture_bytes)")
    return data
