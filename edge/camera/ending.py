"""Whether a keyframe of H.264 or H.265 was read to its end.

Where a bit has flipped, an arithmetic decoder goes on with nonsense, and FFmpeg is content once all blocks are filled,
however much of the data it has not read (H.265: or however far it has read beyond them). So each slice is decoded once
more with its last bytes spoiled: a picture that comes out the same did not need them, and is damaged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import av
import numpy as np
from av.codec.context import Flags2
from av.video.codeccontext import VideoCodecContext
from av.video.frame import supported_np_pix_fmts

from edge.camera.container import PyAvError

_TAIL_BYTES = 4  # nonsense that ends later than that has spoiled a few blocks at most
_LEAST_BYTES = 64  # shorter slices show one colour
_BEHIND = b"\x55" * 32
_START = re.compile(rb"\x00\x00\x01")
_FILLING = re.compile(rb"(?:\x00\x00\x03|\x00)+\Z")  # cabac_zero_words, trailing zeros


_Pixels: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class EndCheck:
    """Tells of keyframes whether their slices were read to the end.

    Args:
        context: the stream's decoder; a second one like it is made.
    """

    def __init__(self, context: VideoCodecContext) -> None:
        self._hevc = context.name == "hevc"
        self._length_bytes = _length_bytes(context.extradata or b"", hevc=self._hevc)
        decoder = av.CodecContext.create(context.name, "r")
        assert isinstance(decoder, VideoCodecContext)
        self._decoder = decoder
        self._decoder.extradata = context.extradata
        self._decoder.options = dict(context.options)
        self._decoder.thread_count = 1
        self._decoder.flags2 |= Flags2.ignore_crop  # the last bytes may show in what is cropped alone

    def whole(self, data: bytes) -> bool:
        """Say whether a keyframe was read to its end; True where that cannot be told.

        Args:
            data: of its packet.
        """
        picture = self.picture(data)
        if picture is None:  # it needs others, or is damaged in a way that the stream's own decoder reports
            return True
        if any(_equal(self.picture(spoiled), picture) for spoiled in self._spoiled(data)):
            return False
        return not self._hevc or _equal(self.picture(self._lengthened(data)), picture)

    def picture(self, data: bytes) -> _Pixels | None:
        """Decode it; None where the decoder gives or vouches for no picture."""
        self._decoder.flush_buffers()
        try:
            frames = [*self._decoder.decode(av.Packet(data)), *self._decoder.decode(None)]
        except PyAvError:
            return None
        finally:
            self._decoder.flush_buffers()
        if len(frames) != 1 or frames[0].is_corrupt:
            return None
        known = frames[0].format.name in supported_np_pix_fmts
        pixels: _Pixels = (frames[0] if known else frames[0].reformat(format="rgb24")).to_ndarray()
        return pixels

    def _spoiled(self, data: bytes) -> Iterator[bytes]:
        """Yield the packet as often as it has slices, each time with another one spoiled."""
        units = self._split(data)
        for number, unit in enumerate(units):
            if self._is_slice(unit) and len(unit) >= _LEAST_BYTES:
                yield self._join([*units[:number], _spoil(unit), *units[number + 1 :]])

    def _lengthened(self, data: bytes) -> bytes:
        return self._join([unit + _BEHIND * self._is_slice(unit) for unit in self._split(data)])

    def _is_slice(self, unit: bytes) -> bool:
        """Say whether a NAL unit holds a slice (H.264 table 7-1, H.265 table 7-1)."""
        return (unit[0] >> 1 & 63) < 32 if self._hevc else unit[0] & 31 in (1, 5)

    def _split(self, data: bytes) -> list[bytes]:
        """Return the NAL units of a packet, without what fills up behind them."""
        units = []
        if not self._length_bytes:
            starts = [match.end() for match in _START.finditer(data)]
            ends = [start - 3 for start in starts[1:]] + [len(data)]
            units = [data[start:end] for start, end in zip(starts, ends, strict=True)]
        at = 0
        while self._length_bytes and at + self._length_bytes < len(data):
            start = at + self._length_bytes
            at = start + int.from_bytes(data[at:start])
            units.append(data[start:at])
        return [bare for unit in units if (bare := _FILLING.sub(b"", unit))]

    def _join(self, units: list[bytes]) -> bytes:
        if not self._length_bytes:
            return b"".join(b"\0\0\0\1" + unit for unit in units)
        return b"".join(len(unit).to_bytes(self._length_bytes) + unit for unit in units)


def _length_bytes(extradata: bytes, *, hevc: bool) -> int:
    """Return how many bytes state the length of a NAL unit; 0 where start codes are between them.

    Source: ISO/IEC 14496-15, AVCDecoderConfigurationRecord and HEVCDecoderConfigurationRecord.
    """
    place = 21 if hevc else 4
    return (extradata[place] & 3) + 1 if len(extradata) > place and extradata[0] == 1 else 0


def _spoil(unit: bytes) -> bytes:
    """Change each of the last bytes; none becomes 0, so that no start code comes about."""
    return unit[:-_TAIL_BYTES] + bytes((byte ^ 0x55) | 0x40 for byte in unit[-_TAIL_BYTES:])


def _equal(one: _Pixels | None, other: _Pixels) -> bool:
    return one is not None and np.array_equal(one, other)
