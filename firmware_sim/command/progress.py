"""How far a long run is, for whoever waits at a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO


class Progress:
    """One line that is written over again; nothing where nobody looks.

    Args:
        stream: where it is written.
        now_s: monotonic seconds.
    """

    def __init__(self, stream: TextIO, now_s: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._now_s, self._begin_s = stream, now_s, now_s()
        self._shown = stream.isatty()

    def __call__(self, share: float) -> None:
        """Show the share that is done, and how long the rest will take at the pace so far."""
        if not self._shown or not 0 < share <= 1:
            return
        left_s = (self._now_s() - self._begin_s) * (1 - share) / share
        self._stream.write(f"\r{share:4.0%}, {left_s // 60:.0f} min {left_s % 60:02.0f} s left \x1b[K")
        self._stream.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
