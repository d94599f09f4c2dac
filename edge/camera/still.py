"""A picture in a file of its own: JPEG, PNG, BMP, TIFF or WebP, read and decoded within the limits."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.camera.header import PNG, size_px
from edge.camera.limit import Limits
from edge.errors import FrameError

_SCANS = 100  # of a JPEG: ten is usual, and each costs as much as a whole picture
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


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
    try:
        size = size_px(data)
        if size is not None:
            limits.check_picture(size, str(path))
            data = _spare(data)
        bgr = None if size is None else cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, struct.error):
        bgr = None
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


def _spare(data: bytes) -> bytes:
    """Return a picture without what costs more than its pixels.

    A PNG's text and colour profiles unpack to a thousand times their length: only chunks that its pixels need are left,
    which also leaves the first picture of an animation. A JPEG of many scans is none: it is empty then.
    """
    if not data.startswith(PNG):
        return b"" if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > _SCANS else data
    kept, at = [PNG], len(PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in _NEEDED:
            kept.append(data[at : at + 12 + length])
        at += 12 + length
    return b"".join(kept)
