"""The NAL units of H.264 and H.265 as packets hold them: which are slices, and which slices begin a picture.

Sources: ITU-T H.264, table 7-1, 7.3.3 and annex B; ITU-T H.265, table 7-1, 7.3.1.2, 7.3.6.1 and annex B;
ISO/IEC 14496-15, AVCDecoderConfigurationRecord and HEVCDecoderConfigurationRecord.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

CODECS = frozenset({"h264", "hevc"})

_START = re.compile(rb"\x00\x00\x01")
_FILLING = re.compile(rb"(?:\x00\x00\x03|\x00)+\Z")  # cabac_zero_words, trailing zeros
_FIRST = 0x80  # the bit behind the header: first_mb_in_slice is 0, or first_slice_segment_in_pic_flag
_MOST_UNITS = 4096  # of a packet are looked at; a picture has a few hundred at most
_STANDS_ALONE = range(16, 24)  # types of H.265: intra random access points
# … and what belongs to the picture before it (7.4.2.4.4): ends, filling, suffix SEI, what is reserved for its like
_BEHIND = frozenset({36, 37, 38, 40, 45, 46, 47, *range(56, 64)})


@dataclass(frozen=True, slots=True)
class NalUnits:
    """How the packets of one stream hold their NAL units.

    Attributes:
        hevc: H.265, else H.264.
        length_bytes: how many bytes state the length of a unit; 0 where start codes are between them.
    """

    hevc: bool
    length_bytes: int

    @classmethod
    def of(cls, codec: str, extradata: bytes | None) -> NalUnits:
        """Return those of a stream.

        Args:
            codec: one of `CODECS`.
            extradata: of its decoder.
        """
        extradata, hevc = extradata or b"", codec == "hevc"
        place = 21 if hevc else 4
        stated = len(extradata) > place and extradata[0] == 1
        return cls(hevc, (extradata[place] & 3) + 1 if stated else 0)

    def split(self, data: bytes) -> list[bytes]:
        """Return the units of a packet, without what fills up behind them."""
        units = (data[start:end] for start, end in self._spans(data))
        return [bare for unit in units if (bare := _FILLING.sub(b"", unit))]

    def join(self, units: Iterable[bytes]) -> bytes:
        """Return the packet that holds these units."""
        if not self.length_bytes:
            return b"".join(b"\0\0\0\1" + unit for unit in units)
        return b"".join(len(unit).to_bytes(self.length_bytes) + unit for unit in units)

    def is_slice(self, unit: bytes) -> bool:
        """Say whether a unit holds a slice."""
        return self._type(unit) < 32 if self.hevc else self._type(unit) in (1, 5)

    def begins_picture(self, data: bytes) -> bool | None:
        """Say whether the first slice of a packet is the first of its picture; None where there is no slice."""
        return next((first for _, _, first in self._units(data) if first is not None), None)

    def belongs_behind(self, data: bytes) -> bool:
        """Say whether a packet of H.265 without a slice belongs to the picture before it."""
        spans = islice(self._spans(data), _MOST_UNITS) if self.hevc else ()
        kinds = {self._type(data[start:end]) for start, end in spans if start < end}
        return bool(kinds) and kinds <= _BEHIND

    def cuts(self, data: bytes) -> list[int]:
        """Return where in a packet of H.265 further pictures begin, with what stands before their slices.

        FFmpeg's parser makes such packets where parameter sets stand between the slices of a picture. Of H.264 it
        makes none, and a packet with two first slices holds two fields.
        """
        found: list[int] = []
        ahead: int | None = None  # where what may belong to another picture begins
        sliced = False
        for at, kind, first in self._units(data) if self.hevc else ():
            if first is None:
                ahead = at if ahead is None and kind not in _BEHIND else ahead
                continue
            if first and sliced:
                found.append(at if ahead is None else ahead)
            ahead, sliced = None, True
        return found

    def stands_alone(self, data: bytes) -> bool:
        """Say whether a packet of H.265 holds a picture that can be decoded without others."""
        return any(first is not None and kind in _STANDS_ALONE for _, kind, first in self._units(data))

    def _type(self, unit: bytes) -> int:
        return unit[0] >> 1 & 63 if self.hevc else unit[0] & 31

    def _units(self, data: bytes) -> Iterator[tuple[int, int, bool | None]]:
        """Yield of each unit where it begins, its type, and whether it is the first slice; None where it is none.

        Slices of further layers of H.265 count as none.
        """
        header_bytes = 2 if self.hevc else 1
        for start, _ in islice(self._spans(data), _MOST_UNITS):
            header = data[start : start + header_bytes + 1]
            if len(header) <= header_bytes:
                continue
            layered = self.hevc and bool(header[0] & 1 or header[1] >> 3)
            first = bool(header[-1] & _FIRST) if self.is_slice(header) and not layered else None
            yield start - (self.length_bytes or 3), self._type(header), first

    def _spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield where each unit begins and ends; lazily, since of most packets the first ones tell enough."""
        at = 0
        while self.length_bytes and at + self.length_bytes < len(data):
            start = at + self.length_bytes
            at = start + int.from_bytes(data[at:start])
            yield start, min(at, len(data))
        if self.length_bytes:
            return
        found = _START.search(data)
        while found is not None:
            following = _START.search(data, found.end())
            yield found.end(), len(data) if following is None else following.start()
            found = following
