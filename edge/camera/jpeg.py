"""Whether a JPEG is whole: libjpeg and FFmpeg fill up what is missing with grey or green and say nothing."""

from __future__ import annotations

from edge.camera.limit import Limits

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
_SEQUENTIAL = (0xC0, 0xC1)
_PROGRESSIVE = 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


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


def damage(data: bytes, limits: Limits) -> str | None:
    """Say what is wrong with a still; None where it is whole, or of a kind that only libjpeg can read.

    A few bytes too many before a marker, which libjpeg reports, are no damage: many USB cameras write them.
    """
    from edge.camera.room import refusal  # noqa: PLC0415 — av

    if cut(data):
        return "it is cut off"
    head = _head(data)
    if head is None or head[0] not in (*_SEQUENTIAL, _PROGRESSIVE):
        return None
    return refusal(data, limits)


def _head(data: bytes) -> tuple[int, int, int, int] | None:
    """Return the frame's marker, its components, those of the first scan, and where that begins."""
    frame = components = 0
    at = len(SOI)
    while at + 4 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES and at + 9 < len(data):
            frame, components = marker, data[at + 9]
        if marker == _SCAN:
            return frame, components, data[at + 4], at
        if marker == 0xFF:
            at += 1
        else:
            at += 2 if marker in _BARE else 2 + int.from_bytes(data[at + 2 : at + 4])
    return None
