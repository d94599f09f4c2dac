"""A tower's day, as a judge is told of it."""

from collections.abc import Sequence
from typing import Any

from edge.governor.band import Band, built_in
from edge.governor.reading import Readings
from edge.governor.ruling import Judge, Ruling, Situation

FULL = {"charge": 0.95, "voltage_v": 13.2, "temperature_c": 40.0, "throttling": ()}


class Day:
    """A judge that began well, and what it is told; each step goes on from the one before."""

    def __init__(self, bands: Sequence[Band] | None = None, **first: Any) -> None:
        self.judge = Judge(built_in() if bands is None else bands)
        self.now_s = 0.0
        self.told: dict[str, Any] = {"risk": "neutral", "open_event": False, "minute": 720, "begun": True}
        self.read: dict[str, Any] = {}
        if first:
            self.step(0, **{key: FULL[key] for key in first})
            self.step(**first)

    def step(self, after_s: float = 10, **changed: Any) -> Ruling:
        self.now_s += after_s
        for key, value in changed.items():
            (self.told if key in self.told else self.read)[key] = value
        return self.judge.step(
            Situation(readings=Readings(**self.read), now_ns=round(self.now_s * 1e9), **self.told)
        )
