"""The orientation that a JPEG states in its Exif data: FFmpeg's frames tell how it is turned, not how it is mirrored.

Sources: Exif 2.32, 4.5.4 (APP1) and 4.6.4 (Orientation, tag 0x0112); TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct
from itertools import islice

from edge.camera.orientation import Orientation
from edge.camera.segment import APP1, SCAN, SOI, segments

_HEAD = b"Exif\0\0"
_SEGMENTS = 256  # are looked at
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_TAG, _SHORT = 0x0112, 3
_NUMBERS = {
    1: Orientation(),
    2: Orientation(mirrored=True),
    3: Orientation(turns=2),
    4: Orientation(mirrored=True, turns=2),
    5: Orientation(mirrored=True, turns=1),
    6: Orientation(turns=3),
    7: Orientation(mirrored=True, turns=3),
    8: Orientation(turns=1),
}


def exif_orientation(jpeg: bytes) -> Orientation | None:
    """Return what a JPEG states; None where it states nothing, or nothing that exists."""
    if not jpeg.startswith(SOI):
        return None
    try:
        tiff = _tiff(jpeg)
        return None if tiff is None else _NUMBERS.get(_number(tiff))
    except (struct.error, IndexError, KeyError):  # damaged
        return None


def _tiff(jpeg: bytes) -> bytes | None:
    """Return the first segment of Exif data, which stands before the first scan."""
    for segment in islice(segments(jpeg), _SEGMENTS):
        if segment.marker == SCAN:
            break
        body = jpeg[segment.at + 4 : segment.end]
        if segment.marker == APP1 and body.startswith(_HEAD):
            return body.removeprefix(_HEAD)
    return None


def _number(tiff: bytes) -> int:
    """Return the orientation in the first directory; 0 where it has none."""
    order = _ORDERS[tiff[:4]]
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, _, number = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if tag == _TAG and kind == _SHORT:
            return int(number)
    return 0
