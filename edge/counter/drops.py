"""The account of frames of one camera: decoded = scored + dropped (each with its cause) + waiting."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal, get_args

Cause = Literal[
    "overwritten", "not_due", "governed", "stale", "dark", "frozen", "corrupt", "failed", "stopped"
]
CAUSES: tuple[Cause, ...] = get_args(Cause)


@dataclass(frozen=True, slots=True)
class Balance:
    """One consistent reading of an account.

    Attributes:
        decoded: frames that left the decoder, whole or corrupt.
        scored: frames that went through the model.
        dropped: the others, by cause: overwritten (a fresher one came first), not_due (held back by the cadence),
            governed (of a recording, while the governor had its camera closed), stale (too old when its turn came),
            dark, frozen, corrupt (damaged, or predicted from a damaged one),
            failed (the model raised), stopped (the daemon ended first).
        waiting: frames on their way; decoded − scored − dropped.
    """

    decoded: int
    scored: int
    dropped: dict[Cause, int]
    waiting: int


class Account:
    """Counts the frames of one camera; every decoded frame ends in exactly one `score` or `drop`. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decoded = 0
        self._scored = 0
        self._dropped: dict[Cause, int] = dict.fromkeys(CAUSES, 0)

    def decode(self) -> int:
        """Count a decoded frame; return its sequence number, from 0."""
        with self._lock:
            self._decoded += 1
            return self._decoded - 1

    def score(self) -> None:
        """Count a frame that went through the model."""
        with self._lock:
            self._scored += 1

    def drop(self, cause: Cause) -> None:
        """Count a frame that ended otherwise."""
        with self._lock:
            self._dropped[cause] += 1

    def balance(self) -> Balance:
        """Read all counts at one moment."""
        with self._lock:
            waiting = self._decoded - self._scored - sum(self._dropped.values())
            return Balance(self._decoded, self._scored, dict(self._dropped), waiting)
