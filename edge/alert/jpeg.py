"""The JPEG encoder: the only one on a tower, and it takes nothing but what may be shown.

Bits may differ between machines (the encoder's do), so nothing is derived from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge.alert.caption import Caption, write
from edge.alert.picture import shrink
from edge.alert.privacy import Shown
from edge.errors import FrameError

QUALITIES = (80, 60, 42, 28)
_LEAST_PX = 16
_COMMENT = b"\xff\xfe"  # ITU-T T.81, B.2.4.5
_COMMENT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A file.

    Attributes:
        data: its bytes.
        size_px: (height, width).
    """

    data: bytes
    size_px: tuple[int, int]


def encode(shown: Shown, quality: int = 80, comment: str = "") -> bytes:
    """Encode a picture.

    Args:
        shown: what may be shown.
        quality: 1 … 100.
        comment: kept in the file, as UTF-8; empty for none.
    Raises:
        FrameError: the encoder refuses it.
        ValueError: another quality.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"expected a quality of 1 to 100, got {quality}")
    good, data = cv2.imencode(
        ".jpg", cv2.cvtColor(shown.pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not good:
        raise FrameError(f"cannot encode a picture of {shown.pixels.shape} as JPEG")
    whole = data.tobytes()
    if not comment:
        return whole
    said = comment.encode()[:_COMMENT_MOST]
    return whole[:2] + _COMMENT + (len(said) + 2).to_bytes(2, "big") + said + whole[2:]


def fit(
    shown: Shown,
    caption: Caption | None,
    *,
    max_side_px: int,
    max_bytes: int,
    qualities: Sequence[int] = QUALITIES,
) -> Jpeg:
    """Encode a picture as well as so many bytes allow.

    Args:
        shown: what may be shown.
        caption: written below it and into the file's comment; None: nothing is.
        max_side_px: a larger picture is made smaller first; the caption comes on top.
        max_bytes: of the file.
        qualities: tried in this order before a picture is made smaller.
    Raises:
        FrameError: no picture fits into so few bytes.
    """
    side_px = min(max_side_px, max(shown.size_px))
    while True:
        small = shrink(shown, side_px)
        if caption is not None:
            small = write(small, caption)
        for quality in qualities:
            data = encode(small, quality, "" if caption is None else caption.text)
            if len(data) <= max_bytes:
                return Jpeg(data, small.size_px)
        if side_px <= _LEAST_PX:
            raise FrameError(f"no picture of {_LEAST_PX} px fits into {max_bytes} bytes")
        side_px = max(_LEAST_PX, side_px * 3 // 4)


def decode(data: bytes, like: Shown) -> Shown:
    """Decode what `fit` made of a picture that may be shown; `like` is another one, of the same camera.

    Raises:
        FrameError: it is no picture.
    """
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if stored is None:
        raise FrameError(f"{len(data)} bytes are no picture")
    return replace(like, pixels=np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), np.uint8))
