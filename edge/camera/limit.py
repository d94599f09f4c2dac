"""How large pictures and packets may be, so that no camera exhausts the board; seen to before decoding where it can be.

Every source holds to them. A MB is 1,000,000 bytes.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from edge.errors import FrameError

_ROUNDED_PIXELS = 1 << 20


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a camera may send, and a recording may hold.

    Attributes:
        picture_pixels: width times height of a picture.
        picture_bytes: of a picture's file, in a folder.
        packet_bytes: of one packet of a stream or a video: a picture of it, not decoded yet.
    """

    picture_pixels: Annotated[int, Meta(ge=64 * 64, le=1 << 28)] = 40_000_000
    picture_bytes: Annotated[int, Meta(ge=1 << 16, le=1 << 28)] = 24_000_000
    packet_bytes: Annotated[int, Meta(ge=1 << 16, le=1 << 28)] = 16_000_000

    @property
    def bounds(self) -> dict[str, str]:
        """The options by which a decoder of FFmpeg holds to them, as far as it does.

        It counts pixels of buffers, whose sides are rounded up: what is a little too large is decoded, then refused.
        """
        return {"max_pixels": str(self.picture_pixels * 9 // 8 + _ROUNDED_PIXELS)}

    def check_picture(self, size: tuple[int, int]) -> None:
        """See that a picture of (height, width) is not too large.

        Raises:
            FrameError: it has too many pixels.
        """
        height, width = size
        if height * width > self.picture_pixels:
            raise FrameError(
                f"{width}x{height} px are more than {self.picture_pixels} pixels (limits.picture_pixels)"
            )

    def check_packet(self, length: int) -> None:
        """See that a packet is not too long.

        Raises:
            FrameError: it has too many bytes.
        """
        if length > self.packet_bytes:
            raise FrameError(
                f"a packet of {length} bytes, more than {self.packet_bytes} (limits.packet_bytes)"
            )
