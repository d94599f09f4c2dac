"""Whether a JPEG is whole: libjpeg and FFmpeg fill up what is missing with grey or green and say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.camera.limit import Limits
from edge.camera.segment import END, EOI, FRAMES, SCAN, segments

if TYPE_CHECKING:
    import av

_SEQUENTIAL = (0xC0, 0xC1)
_PROGRESSIVE = 0xC2


def cut(data: bytes) -> bool:
    """Say whether it lacks its end in a way that no decoder notices.

    What follows the end does not count. A picture of a single scan may lack the end marker, as some cameras' do: of
    such a one the decoder tells whether the data suffice. One of several scans may not: the others may be missing.

    Source: ITU-T T.81, annex B.
    """
    head = _head(data)
    if head is None:
        return True
    frame, components, scanned, at = head
    return data.find(EOI, at) < 0 and not (frame in _SEQUENTIAL and components == scanned)


def decoded(data: bytes, limits: Limits) -> av.VideoFrame | str | None:
    """Decode a still by FFmpeg.

    A few bytes too many before a marker, which libjpeg reports, are no damage: many USB cameras write them.

    Args:
        data: all of it.
        limits: what is larger is not decoded.

    Returns:
        The picture; what is wrong with it; None where it is of a kind that only libjpeg can read.
    """
    from edge.camera.room import decode_jpeg  # noqa: PLC0415 — av

    if cut(data):
        return "it is cut off"
    head = _head(data)
    if head is None or head[0] not in (*_SEQUENTIAL, _PROGRESSIVE):
        return None
    return decode_jpeg(data, limits)


def _head(data: bytes) -> tuple[int, int, int, int] | None:
    """Return the frame's marker, its components, those of the first scan, and where that begins."""
    frame = components = 0
    for segment in segments(data):
        if segment.marker == END:
            break
        if segment.marker in FRAMES and segment.at + 9 < len(data):
            frame, components = segment.marker, data[segment.at + 9]
        if segment.marker == SCAN and segment.at + 4 < len(data):
            return frame, components, data[segment.at + 4], segment.at
    return None
