"""What a camera shows, judged by its due pictures: dark, the same picture again and again, or another view.

A picture is dropped at once where nothing can be seen in it; what is said of the camera takes several pictures and,
for darkness, minutes. Time is the model's: that of the source in recordings, monotonic live.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from edge.camera.repeat import Repeats, sample_of
from edge.camera.schedule import NS_PER_S, Schedule
from edge.camera.turn import Turns
from edge.frame import Frame
from edge.health import limit_s
from edge.image import Image, RgbImage

Condition: TypeAlias = Literal["ok", "dark", "frozen"]

DARK_LUMA = 20.0  # of 255: below, a picture of a landscape shows nothing but noise
DARK_PICTURES = 3
DARK_S = 180.0
IDENTICAL_PICTURES = 3
STILL_PICTURES = 5

_STEP_PX = 12  # every 12th pixel of every 12th row is looked at, of small pictures more
_EDGE = 10  # the upper and the lower tenth are not: clocks and banners lie there
_NO_IMAGE = RgbImage(np.zeros((1, 1, 3), np.uint8))


@dataclass(frozen=True, slots=True)
class Turn:
    """The latest change of a camera's view.

    Attributes:
        at: the frame with which it was certain, without its image; None where the view never changed.
        view: number of what the camera looks at since.
        count: how often it changed.
    """

    at: Frame | None = None
    view: int = 0
    count: int = 0


class Sight:
    """What one camera shows, over all its reconnections. One thread judges, others read the attributes.

    Args:
        schedule: how often a picture of it is due, which says how old its last bright one may be.
        turns: whether changes of its view are looked for.

    Attributes:
        condition: of the camera.
        darkness: the first frame of the latest darkness of the camera, without its image; None if it never was dark.
        dark_mono_ns, dark_ns: monotonic and model time of the newest dark picture; None if there was none.
        turn: the latest change of the view.
    """

    def __init__(self, schedule: Schedule, *, turns: bool = True) -> None:
        self.condition: Condition = "ok"
        self.darkness: Frame | None = None
        self.dark_mono_ns: int | None = None
        self.dark_ns: int | None = None
        self.turn = Turn()
        self._turns = Turns() if turns else None
        self._schedule = schedule
        self._repeats = Repeats()
        self._dusk: Frame | None = None  # the first of the dark pictures in a row that there are now
        self._dark_row = 0
        self._bright_ns: int | None = None  # model time of the last bright picture

    def judge(self, frame: Frame) -> Literal["dark", "frozen"] | None:
        """Take the next due picture in; return why it is not to be scored, None where it is."""
        run = self._repeats.see(frame.image)
        if is_dark(frame.image):
            self._darken(frame)
            frozen = self.condition == "frozen" and run.still >= STILL_PICTURES  # black in turn
            self.condition = "dark" if self.darkness is self._dusk else "frozen" if frozen else "ok"
            self.dark_mono_ns = frame.captured_mono_ns
            return "dark"
        self._dusk, self._dark_row = None, 0
        self._bright_ns = frame.model_ns
        if run.identical >= IDENTICAL_PICTURES:
            self.condition = "frozen"
            return "frozen"
        self.condition = "frozen" if run.still >= STILL_PICTURES else "ok"
        if run.identical == 1 and self.condition == "ok":
            self._look(frame)
        return None

    def _look(self, frame: Frame) -> None:
        """Compare a picture that shows something new with the view that is known."""
        if self._turns is not None and self._turns.see(sample_of(frame.image)):
            self.turn = Turn(replace(frame, image=_NO_IMAGE), self._turns.view, self.turn.count + 1)

    def _darken(self, frame: Frame) -> None:
        """Count a dark picture; a camera that is dark stays so until a bright one."""
        now_ns = frame.model_ns
        if self._dusk is None or now_ns < (self.dark_ns or now_ns):  # the first, or the source jumped back
            self._dusk, self._dark_row = replace(frame, image=_NO_IMAGE), 0
            self._bright_ns = None if self._bright_ns is None else min(self._bright_ns, now_ns)
        self._dark_row += 1
        self.dark_ns = now_ns
        lasted = now_ns - self._dusk.model_ns >= DARK_S * NS_PER_S
        limit_ns = limit_s(self._schedule.cadence_s) * NS_PER_S
        overdue = self._bright_ns is None or now_ns - self._bright_ns > limit_ns
        if self._dark_row >= DARK_PICTURES and lasted and overdue:
            self.darkness = self._dusk


def is_dark(image: Image) -> bool:
    """Say whether a picture is too dark to show anything, but for banners along its edges."""
    height = image.size_px[0]
    step, edge = max(1, min(_STEP_PX, height // _EDGE)), height // _EDGE
    inner = slice(-(-edge // step), -(-(height - edge) // step))
    return float(image.luma(step)[inner].mean()) < DARK_LUMA
