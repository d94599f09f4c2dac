"""What a camera sees, as far as it matters here: dark pictures and frozen ones are not scored."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Condition: TypeAlias = Literal["ok", "dark", "frozen"]

DARK_LUMA = 20.0  # of 255: below, a picture of a landscape shows nothing but noise
_STEP_PX = 12  # every 12th pixel of every 12th row is looked at, 2,160 of 640×480
_FROZEN_IN_A_ROW = 3
_LUMA = np.array((0.299, 0.587, 0.114))  # ITU-R BT.601


class ConditionJudge:
    """Judges the pictures of one camera in turn.

    Args:
        dark_luma: mean luma, 0 to 255, below which a picture is dark.
    """

    def __init__(self, dark_luma: float = DARK_LUMA) -> None:
        self._dark_luma = dark_luma
        self._last = b""
        self._same = 0

    def judge(self, pixels: NDArray[np.uint8]) -> Condition:
        """Judge (H, W, 3) uint8 RGB: dark before frozen, the same picture for the third time in a row.

        A live sensor has noise, so that two pictures are never the same to the last bit.
        """
        sample = np.ascontiguousarray(pixels[::_STEP_PX, ::_STEP_PX])
        content = sample.tobytes()
        self._same = self._same + 1 if content == self._last else 1
        self._last = content
        if float(np.dot(cv2.mean(sample)[:3], _LUMA)) < self._dark_luma:
            return "dark"
        return "frozen" if self._same >= _FROZEN_IN_A_ROW else "ok"
