"""How long to wait before something is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts: the n-th is drawn from 0 to min(cap_s, base_s · 2ⁿ⁻¹).

    Source: "Exponential Backoff and Jitter", AWS Architecture Blog, 2015 (full jitter).
    """

    base_s: float = 1.0
    cap_s: float = 60.0
    draw: Callable[[], float] = random.random

    def delay_s(self, failures: int) -> float:
        """Return the wait after so many failures in a row, from 1."""
        return self.draw() * min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, 30))
