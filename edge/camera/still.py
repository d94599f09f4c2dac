"""A picture in a file of its own: JPEG, PNG, BMP, TIFF or WebP, read and decoded within the limits."""

from __future__ import annotations

import errno
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.camera.header import PNG, size_px
from edge.camera.jpeg import decoded
from edge.camera.limit import Limits
from edge.camera.segment import EOI, SOI
from edge.document import read_plain
from edge.errors import FrameError

if TYPE_CHECKING:
    import av

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
    data, what = _read(path, limits.picture_bytes), f"image '{path}'"
    checked(data, what, limits)
    return by_opencv(data, what)


def by_opencv(data: bytes, what: str) -> NDArray[np.uint8]:
    """Decode a picture that was checked; turned and mirrored as its EXIF says.

    Args:
        data: all of its file.
        what: it is, for messages.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        FrameError: it is damaged, or of another kind.
    """
    import cv2  # noqa: PLC0415 — a camera library

    end = EOI if data.startswith(SOI) else b""  # OpenCV refuses a JPEG that lacks it
    bgr = None
    with suppress(cv2.error):
        bgr = cv2.imdecode(np.frombuffer(data + end, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise _unknown(data, what)
    return np.asarray(bgr, dtype=np.uint8)


def checked(data: bytes, what: str, limits: Limits) -> av.VideoFrame | None:
    """See that a picture is whole and not too large, as far as that can be told before OpenCV decodes it.

    Args:
        data: all of its file.
        what: it is, for messages.
        limits: what is larger is not decoded.

    Returns:
        What FFmpeg makes of a JPEG, neither turned nor mirrored; None of what it does not read.

    Raises:
        FrameError: it is too large, damaged, or of another kind.
    """
    size = size_px(data)
    if size is None:
        raise _unknown(data, what)
    try:
        limits.check_picture(size)
    except FrameError as error:
        raise FrameError(f"{what}: {error}") from None
    scans = data.count(_SCAN)
    if scans > _SCANS or scans * size[0] * size[1] > _SCANNED_PIXELS:
        raise _unknown(data, what)
    found: av.VideoFrame | str | None = None
    if data.startswith(SOI):
        found = decoded(data, limits)
    elif data.startswith(PNG):
        found = _png_damage(data)
    if isinstance(found, str):
        raise FrameError(f"{what} is corrupt: {found}")
    return found


def _unknown(data: bytes, what: str) -> FrameError:
    return FrameError(
        f"{what} is corrupt, truncated or of an unknown kind ({len(data)} bytes);"
        " expected JPEG, PNG, BMP, TIFF or WebP"
    )


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
