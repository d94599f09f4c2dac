"""The way of a camera's pictures to the model, live as in a replay: count, choose, convert, judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from edge.camera.condition import Condition, ConditionJudge
from edge.camera.schedule import Schedule
from edge.camera.source import Picture
from edge.clock import Clock
from edge.counter.drops import Account
from edge.errors import FrameError
from edge.frame import Frame

DARK_PROBE_S = 300.0


class Intake:
    """Makes frames of the pictures that are due; the others are counted and dropped with their cause.

    Args:
        account: every picture that is taken in is counted here.
        clock: the machine's.
        record: told stage (`decode`, `convert`) and its time in ns.
        schedule: which pictures are due, in the model's time; all if absent.
        dark_probe_s: in darkness only one picture in so many seconds is looked at.
        judged: whether dark and frozen pictures are dropped.

    Attributes:
        condition: what the last picture that was looked at showed.
        decoded_mono_ns: when the last picture came, None before the first.
        converted_mono_ns: when the last one was looked at, None before.
    """

    def __init__(
        self,
        account: Account,
        clock: Clock,
        record: Callable[[str, int], None],
        schedule: Schedule | None = None,
        dark_probe_s: float = DARK_PROBE_S,
        *,
        judged: bool = True,
    ) -> None:
        self.account = account
        self.condition: Condition = "ok"
        self.decoded_mono_ns: int | None = None
        self.converted_mono_ns: int | None = None
        self._clock = clock
        self._record = record
        self._grid = (schedule or Schedule()).choosing()
        self._probe = Schedule(dark_probe_s).skipping()
        self._judge = ConditionJudge() if judged else None

    def take(self, picture: Picture, *, live: bool) -> Frame | None:
        """Take a picture in; return the frame to score, or None where it was dropped.

        Args:
            picture: as it came from the source.
            live: whether time for the model is monotonic; else it is the picture's own.
        """
        sequence = self.account.decode()
        mono_ns = self._clock.mono_ns()
        self.decoded_mono_ns = mono_ns
        self._record("decode", picture.decode_ns)
        model_ns = mono_ns if live or picture.source_ns is None else picture.source_ns
        if (cause := self._passed_by(model_ns)) is not None:
            self.account.drop(cause)
            return None
        frame = self._convert(picture, sequence, mono_ns, model_ns)
        if frame is None:
            return None
        if self._judge is not None:
            self.condition = self._judge.judge(frame.pixels)
        if self.condition != "ok":
            self.account.drop(self.condition)
            return None
        return frame

    def corrupt(self) -> None:
        """Count a picture that could not be decoded."""
        self.account.decode()
        self.account.drop("corrupt")

    def _passed_by(self, model_ns: int) -> Literal["not_due", "dark"] | None:
        if not self._grid.due(model_ns):
            return "not_due"
        self._grid.take(model_ns)
        if self.condition == "dark" and not self._probe.due(model_ns):
            return "dark"
        self._probe.take(model_ns)
        return None

    def _convert(self, picture: Picture, sequence: int, mono_ns: int, model_ns: int) -> Frame | None:
        started_ns = self._clock.mono_ns()
        try:
            pixels = picture.to_rgb()
        except FrameError:
            self.account.drop("corrupt")
            return None
        except BaseException:
            self.account.drop("failed")
            raise
        self.converted_mono_ns = self._clock.mono_ns()
        self._record("convert", self.converted_mono_ns - started_ns)
        wall_ns = self._clock.wall_ns() if picture.wall_ns is None else picture.wall_ns
        return Frame(pixels, sequence, mono_ns, wall_ns, picture.source_ns, model_ns, picture.name)
