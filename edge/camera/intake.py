"""The way of a camera's pictures to the model, live as in a replay: count, choose, convert, judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edge.camera.condition import Sight
from edge.camera.schedule import Schedule
from edge.camera.source import Picture
from edge.clock import Clock
from edge.counter.drops import Account
from edge.errors import FrameError
from edge.frame import Frame


class Intake:
    """Makes frames of the pictures that are due; the others are counted and dropped with their cause.

    Args:
        account: every picture that is taken in is counted here.
        clock: the machine's.
        record: told stage (`decode`, `convert`) and its time in ns.
        schedule: which pictures are due, in the model's time; all if absent.
        judged: whether dark and frozen pictures are dropped, and changes of the view looked for.
        turns: whether they are, if so.

    Attributes:
        sight: what the camera shows.
        decoded_mono_ns: when the last picture came, None before the first.
        converted_mono_ns: when the last one was looked at, None before.
        naps: how often the camera was closed by the governor; whoever reads it counts.
    """

    def __init__(
        self,
        account: Account,
        clock: Clock,
        record: Callable[[str, int], None],
        schedule: Schedule | None = None,
        *,
        judged: bool = True,
        turns: bool = True,
    ) -> None:
        schedule = Schedule() if schedule is None else schedule
        self.account = account
        self.sight = Sight(schedule, turns=turns)
        self.decoded_mono_ns: int | None = None
        self.converted_mono_ns: int | None = None
        self.naps = 0
        self._clock = clock
        self._record = record
        self._grid = schedule.choosing()
        self._judged = judged

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
        if not self._grid.due(model_ns):
            self.account.drop("not_due")
            return None
        self._grid.take(model_ns)
        frame = self._convert(picture, sequence, mono_ns, model_ns)
        if frame is None:
            return None
        cause = self.sight.judge(frame) if self._judged else None
        if cause is not None:
            self.account.drop(cause)
            return None
        turn = self.sight.turn
        if not (turn.count or self.naps):
            return frame
        return replace(frame, turns=turn.count, view=turn.view, naps=self.naps)

    def pass_by(self) -> None:
        """Count a picture of a recording that came while its camera was to be closed."""
        self.account.decode()
        self.account.drop("governed")

    def corrupt(self) -> None:
        """Count a picture that could not be decoded."""
        self.account.decode()
        self.account.drop("corrupt")

    def _convert(self, picture: Picture, sequence: int, mono_ns: int, model_ns: int) -> Frame | None:
        started_ns = self._clock.mono_ns()
        try:
            image = picture.to_image()
        except FrameError:
            self.account.drop("corrupt")
            return None
        except BaseException:
            self.account.drop("failed")
            raise
        self.converted_mono_ns = self._clock.mono_ns()
        self._record("convert", self.converted_mono_ns - started_ns)
        wall_ns = self._clock.wall_ns() if picture.wall_ns is None else picture.wall_ns
        dark_ns = self.sight.dark_ns
        return Frame(image, sequence, mono_ns, wall_ns, picture.source_ns, model_ns, picture.name, dark_ns)
