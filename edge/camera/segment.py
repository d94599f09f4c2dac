"""The segments of a JPEG, one after the other: the one walk that all who look into its header share.

Bytes between segments are passed by, as decoders do. Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
START, END, SCAN, APP1 = 0xD8, 0xD9, 0xDA, 0xE1
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers that begin a frame, of any process
_LEAST = 0xC0  # below are bytes that no encoder writes as a marker
_ALONE = frozenset(range(0xD0, 0xDA))  # markers without a length
_FILL = 0xFF


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment; of a scan its header alone.

    Attributes:
        marker: what it is.
        at: where its marker begins.
        end: where it says that it ends; that may be behind the end of the data.
    """

    marker: int
    at: int
    end: int


@dataclass(slots=True)
class Walk:
    """Goes from segment to segment; of data that grow it goes on where it stood.

    Attributes:
        at: where the next segment is looked for; behind the start marker at first.
    """

    at: int = 2

    def next(self, data: bytes | bytearray) -> Segment | None:
        """Return the next segment; None where it has not come."""
        while (at := data.find(b"\xff", self.at)) >= 0 and at + 1 < len(data):
            marker = data[at + 1]
            self.at = at
            if marker < _LEAST or marker == _FILL:
                self.at += 1
                continue
            length = 0
            if marker not in _ALONE:
                if at + 4 > len(data):
                    return None
                length = max(2, int.from_bytes(data[at + 2 : at + 4]))
            self.at = at + 2 + length
            return Segment(marker, at, self.at)
        self.at = max(self.at, len(data) if at < 0 else at)
        return None


def segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments of a JPEG; behind the first scan they mean nothing."""
    walk = Walk()
    while (segment := walk.next(data)) is not None:
        yield segment
