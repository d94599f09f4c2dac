"""A picture in a file of its own: JPEG, PNG, BMP, TIFF or WebP, read and decoded within the limits."""

from __future__ import annotations

import errno
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.camera.header import PNG, size_px
from edge.camera.jpeg import EOI, SOI, damage
from edge.camera.limit import Limits
from edge.document import read_plain
from edge.errors import FrameError

_SCAN = b"\xff\xda"  # begins a scan of a JPEG; elsewhere two bytes like others
_SCANS = 1000
_SCANNED_PIXELS = 800_000_000  # ten scans are usual, and each costs as much as a whole picture


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
    return decode(_read(path, limits.picture_bytes), f"image '{path}'", limits)


def decode(data: bytes, what: str, limits: Limits) -> NDArray[np.uint8]:
    """Decode a picture; turned and mirrored as its EXIF says, which OpenCV does.

    Args:
        data: all of its file.
        what: it is, for messages.
        limits: what is larger is not decoded.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        FrameError: it is too large, damaged, or of another kind.
    """
    import cv2  # noqa: PLC0415 — a camera library

    size = size_px(data)
    bgr = None
    if size is not None:
        try:
            limits.check_picture(size)
        except FrameError as error:
            raise FrameError(f"{what}: {error}") from None
    scans = data.count(_SCAN)
    if size is not None and scans <= _SCANS and scans * size[0] * size[1] <= _SCANNED_PIXELS:
        if (fault := _damage(data, limits)) is not None:
            raise FrameError(f"{what} is corrupt: {fault}")
        end = EOI if data.startswith(SOI) else b""  # OpenCV refuses a JPEG that lacks it
        with suppress(cv2.error):
            bgr = cv2.imdecode(np.frombuffer(data + end, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FrameError(
            f"{what} is corrupt, truncated or of an unknown kind ({len(data)} bytes);"
            " expected JPEG, PNG, BMP, TIFF or WebP"
        )
    return np.asarray(bgr, dtype=np.uint8)


def _damage(data: bytes, limits: Limits) -> str | None:
    """Say what is wrong with a JPEG or a PNG; of other kinds OpenCV tells, and says nothing elsewhere."""
    if data.startswith(SOI):
        return damage(data, limits)
    return _png_damage(data) if data.startswith(PNG) else None


def _png_damage(data: bytes) -> str | None:
    """Check the chunks, since libpng writes what it finds past every log. Source: PNG, third edition, section 5."""
    at, kind = len(PNG), b""
    while kind != b"IEND":
        length = int.from_bytes(data[at : at + 4])
        kind, behind = data[at + 4 : at + 8], at + 8 + length
        if behind + 4 > len(data):
            return "it is cut off"
        if zlib.crc32(data[at + 4 : behind]) != int.from_bytes(data[behind : behind + 4]):
            return "a checksum of it is wrong"
        at = behind + 4
    return None


def _read(path: Path, limit: int) -> bytes:
    try:
        return read_plain(path, limit)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise FrameError(f"image '{path}': more than {limit} bytes (limits.picture_bytes)") from error
        raise FrameError(f"cannot read image '{path}': {error.strerror}") from error
