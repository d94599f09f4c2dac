"""What stands under each picture: whose it is and when it was taken; in a drill that comes first, and across it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Stamp
from edge.alert.privacy import Shown

DRILL = "DRILL"
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SCALE = 0.4  # of a picture up to _READ_PX wide: digits are 8 px high
_READ_PX = 400
_LEAST_PX = 160  # a narrower picture gets black beside it, so that a date fits under it
_NAME_MOST = 20  # letters of it, so that the strip takes few of the bytes
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)

_Canvas: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Caption:
    """What is written under a picture, and in its file's comment.

    Attributes:
        text: one line; letters that the font lacks are drawn as `?`.
        drill: whether it is burnt into the picture that nothing of it is real.
    """

    text: str
    drill: bool = False


def caption_of(tower: str, camera: str, captured: Stamp, *, drill: bool = False) -> Caption:
    """Return the caption of a picture: `tower-7 north 2026-07-01 14:32:05Z`."""
    words = [_short(tower), _short(camera), moment(captured)]
    return Caption(" ".join([DRILL, *words] if drill else words), drill)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_MOST else f"{name[: _NAME_MOST - 2]}.."


def moment(stamp: Stamp) -> str:
    """Return a moment for people: the date in UTC, with its doubts, or the time since a recording's begin."""
    if stamp.utc is None:
        return f"{stamp.model_s:.1f} s"
    date = f"{stamp.utc[:10]} {stamp.utc[11:19]}Z"
    if stamp.utc_trusted is False:
        return f"{date} (clock not synchronised)"
    live = stamp.mono_ns is not None
    return f"{date} (clock not known)" if live and stamp.utc_trusted is None else date


def write(shown: Shown, caption: Caption) -> Shown:
    """Return a picture with its caption in a strip below, so that it hides nothing; a drill goes across it."""
    pixels = shown.pixels
    if caption.drill:
        pixels = _burn(pixels.copy())
    height, width = shown.size_px[0], max(shown.size_px[1], _LEAST_PX)
    scale = _SCALE * max(1.0, width / _READ_PX)
    thickness = max(1, round(scale))
    lines = wrap(caption.text, width - 4, scale, thickness)
    line_px = round(30 * scale) + 2
    strip_px = line_px * len(lines) + round(8 * scale)
    canvas = np.zeros((height + strip_px, width, 3), np.uint8)
    left = (width - shown.size_px[1]) // 2
    canvas[:height, left : left + shown.size_px[1]] = pixels
    for number, line in enumerate(lines, 1):
        at = 2, height + line_px * number
        cv2.putText(canvas, line, at, _FONT, scale, _WHITE, thickness, cv2.LINE_AA)
    return replace(shown, pixels=canvas)


def wrap(text: str, width_px: int, scale: float, thickness: int) -> list[str]:
    """Break a text into lines of a width, between words where it can."""
    lines = [""]
    for word in text.encode("ascii", "replace").decode().split():
        if lines[-1] and _wide_px(f"{lines[-1]} {word}", scale, thickness) <= width_px:
            lines[-1] = f"{lines[-1]} {word}"
            continue
        lines.append("")
        for letter in word:
            if _wide_px(lines[-1] + letter, scale, thickness) > width_px:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]


def _wide_px(text: str, scale: float, thickness: int) -> int:
    return int(cv2.getTextSize(text, _FONT, scale, thickness)[0][0])


def _burn(pixels: _Canvas) -> _Canvas:
    """Write across a picture that it is a drill; white with a black edge, to be read on smoke and forest."""
    height, width = pixels.shape[:2]
    (wide, high), _ = cv2.getTextSize(DRILL, _FONT, 1.0, 2)
    scale = min(0.8 * width / wide, 0.5 * height / high)
    thickness = max(1, round(2 * scale))
    at = round((width - wide * scale) / 2), round((height + high * scale) / 2)
    cv2.putText(pixels, DRILL, at, _FONT, scale, _BLACK, 3 * thickness, cv2.LINE_AA)
    cv2.putText(pixels, DRILL, at, _FONT, scale, _WHITE, thickness, cv2.LINE_AA)
    return pixels
