"""The size of an encoded picture, read from its header alone: what decoding it would cost is known before it is paid.

Sources: ITU-T T.81 annex B (JPEG); PNG specification, third edition, sections 5 and 11; TIFF 6.0 sections 2 and 15;
RFC 9649 (WebP); the layout of BITMAPCOREHEADER and BITMAPINFOHEADER (BMP).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from edge.camera.segment import END, FRAMES, SCAN, SOI, segments

PNG = b"\x89PNG\r\n\x1a\n"
_LITTLE_TIFF, _BIG_TIFF = b"II*\0", b"MM\0*"
_CORE_HEADER_BYTES = 12
_TAGS = {256: "width", 257: "height", 322: "tile width", 323: "tile height", 277: "samples", 258: "bits"}
_SHORT, _LONG = 3, 4
_SAMPLE_BITS, _CHUNKS = 64, 64


def size_px(data: bytes) -> tuple[int, int] | None:
    """Return (height, width) of a JPEG, PNG, BMP, TIFF or WebP.

    Where a file names several sizes (the tiles of a TIFF, the canvas and the frames of a WebP), it is the largest.

    Args:
        data: all of it, or as much as holds the header.

    Returns:
        None: none of these, or the header is damaged.
    """
    read = next((read for magic, read in _KINDS.items() if data.startswith(magic)), None)
    try:
        return None if read is None else read(data)
    except (struct.error, IndexError):
        return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    for segment in segments(data):
        if segment.marker in FRAMES:
            height, width = struct.unpack_from(">HH", data, segment.at + 5)
            return height, width
        if segment.marker in {SCAN, END}:
            break
    return None


def _bmp(data: bytes) -> tuple[int, int]:
    if struct.unpack_from("<I", data, 14)[0] == _CORE_HEADER_BYTES:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return abs(height), abs(width)


def _png(data: bytes) -> tuple[int, int] | None:
    width, height = struct.unpack_from(">II", data, 16)
    return (height, width) if data[12:16] == b"IHDR" else None


def _tiff(data: bytes) -> tuple[int, int] | None:
    """Read the first directory; None for pixels of more bits than any picture of a camera has."""
    order = "<" if data.startswith(_LITTLE_TIFF) else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    found = dict.fromkeys(_TAGS.values(), 0)
    found["samples"] = found["bits"] = 1
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, values = struct.unpack_from(f"{order}HHI", data, entry)
        if tag not in _TAGS or kind not in {_SHORT, _LONG}:
            continue
        form = f"{order}{'H' if kind == _SHORT else 'I'}"
        inside = values * struct.calcsize(form) <= 4
        where = entry + 8 if inside else struct.unpack_from(f"{order}I", data, entry + 8)[0]
        found[_TAGS[tag]] = max(found[_TAGS[tag]], struct.unpack_from(form, data, where)[0])
    if not found["width"] or not found["height"] or found["samples"] * found["bits"] > _SAMPLE_BITS:
        return None
    whole, tile = (found["height"], found["width"]), (found["tile height"], found["tile width"])
    return max(whole, tile, key=lambda size: size[0] * size[1])


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[8:12] != b"WEBP":
        return None
    return max(_webp_sizes(data), key=lambda size: size[0] * size[1], default=None)


def _webp_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    at = 12
    for _ in range(_CHUNKS):
        kind, length, body = data[at : at + 4], data[at + 4 : at + 8], data[at + 8 : at + 18]
        if len(body) < 10:
            return
        if kind == b"VP8X":
            width, height = (int.from_bytes(body[start : start + 3], "little") + 1 for start in (4, 7))
            yield height, width
        elif kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", body, 6)
            yield height & 0x3FFF, width & 0x3FFF
        elif kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", body, 1)
            yield (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
        size = int.from_bytes(length, "little")
        at += 8 + size + size % 2


_KINDS: dict[bytes, Callable[[bytes], tuple[int, int] | None]] = {
    SOI: _jpeg,
    PNG: _png,
    b"BM": _bmp,
    _LITTLE_TIFF: _tiff,
    _BIG_TIFF: _tiff,
    b"RIFF": _webp,
}
