"""How large pictures and packets may be: seen to before anything is decoded, so that no camera exhausts the board.

Every source holds to them. A MB is 1,000,000 bytes.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from edge.camera.header import size_px
from edge.errors import FrameError


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

    def check_picture(self, size: tuple[int, int], shown: str) -> None:
        """See that a picture is not too large.

        Args:
            size: (height, width) in pixels.
            shown: whose it is, for the message.

        Raises:
            FrameError: it has too many pixels.
        """
        height, width = size
        if height * width > self.picture_pixels:
            raise FrameError(
                f"'{shown}': a picture of {width}x{height} px; at most {self.picture_pixels} pixels are taken"
                " (limits.picture_pixels)"
            )

    def check_packet(self, length: int, shown: str) -> None:
        """See that a packet is not too long.

        Raises:
            FrameError: it has too many bytes.
        """
        if length > self.packet_bytes:
            raise FrameError(
                f"'{shown}': a packet of {length} bytes; at most {self.packet_bytes} are taken"
                " (limits.packet_bytes)"
            )

    def check_header(self, encoded: bytes, shown: str) -> tuple[int, int]:
        """Read the size of an encoded picture in its header and see that it is not too large.

        Returns:
            (height, width); (0, 0) where the header does not tell, so that the decoder has to.

        Raises:
            FrameError: it has too many pixels.
        """
        size = size_px(encoded) or (0, 0)
        self.check_picture(size, shown)
        return size
