"""Whether a keyframe of H.264 or H.265 was read to its end.

Where a bit has flipped, an arithmetic decoder goes on with nonsense, and FFmpeg is content once all blocks are filled,
however much of the data it has not read (H.265: or however far it has read beyond them). So each slice is decoded once
more with its last bytes spoiled: a picture that comes out the same did not need them, and is damaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import av
import numpy as np
from av.codec.context import Flags2
from av.video.codeccontext import VideoCodecContext
from av.video.frame import supported_np_pix_fmts

from edge.camera.container import PyAvError
from edge.camera.limit import Limits
from edge.camera.nal import NalUnits
from edge.camera.room import decode_within, room_for

_TAIL_BYTES = 4  # nonsense that ends later than that has spoiled a few blocks at most
_LEAST_BYTES = 64  # shorter slices show one colour
_BEHIND = b"\x55" * 32

_Pixels: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class EndCheck:
    """Tells of keyframes whether their slices were read to the end.

    Args:
        context: the stream's decoder; a second one like it is made.
        limits: of its pictures.
    """

    def __init__(self, context: VideoCodecContext, limits: Limits) -> None:
        self._limits = limits
        self._units = NalUnits.of(context.name, context.extradata)
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
        return not self._units.hevc or _equal(self.picture(self._lengthened(data)), picture)

    def picture(self, data: bytes) -> _Pixels | None:
        """Decode it; None where the decoder gives or vouches for no picture."""
        self._decoder.flush_buffers()
        try:
            frames = [frame for packet in (av.Packet(data), None) for frame in self._frames(packet)]
        except PyAvError:
            return None
        finally:
            self._decoder.flush_buffers()
        if len(frames) != 1 or frames[0].is_corrupt:
            return None
        known = frames[0].format.name in supported_np_pix_fmts
        with room_for((frames[0].height, frames[0].width)):
            pixels: _Pixels = (frames[0] if known else frames[0].reformat(format="rgb24")).to_ndarray()
        return pixels

    def _frames(self, packet: av.Packet[Any] | None) -> list[av.VideoFrame]:
        return decode_within(self._decoder, packet, self._limits)

    def _spoiled(self, data: bytes) -> Iterator[bytes]:
        """Yield the packet as often as it has slices, each time with another one spoiled."""
        units = self._units.split(data)
        for number, unit in enumerate(units):
            if self._units.is_slice(unit) and len(unit) >= _LEAST_BYTES:
                yield self._units.join([*units[:number], _spoil(unit), *units[number + 1 :]])

    def _lengthened(self, data: bytes) -> bytes:
        units = self._units.split(data)
        return self._units.join(unit + _BEHIND * self._units.is_slice(unit) for unit in units)


def _spoil(unit: bytes) -> bytes:
    """Change each of the last bytes; none becomes 0, so that no start code comes about."""
    return unit[:-_TAIL_BYTES] + bytes((byte ^ 0x55) | 0x40 for byte in unit[-_TAIL_BYTES:])


def _equal(one: _Pixels | None, other: _Pixels) -> bool:
    return one is not None and np.array_equal(one, other)
