"""The cadence of one camera under the governor, and its warm-up after it was closed."""

from __future__ import annotations

from edge.camera.schedule import Schedule
from edge.model.manifest import Cadence

WARM_PICTURES = 10  # after a spell: enough for a change of the view to be certain, and for averages to follow
_WARM_SPARE = 2  # times the time that they take at best


class Pace:
    """Sets the schedule of one camera.

    Args:
        schedule: of the camera; its cadence now is the camera's own.
        trained: what the model was trained for; None: any, and then nothing is slowed down.
    """

    def __init__(self, schedule: Schedule, trained: Cadence | None) -> None:
        self._schedule = schedule
        self._own_s = schedule.cadence_s
        self._fastest_s = self._own_s if trained is None else min(self._own_s, trained.min_s)
        self._slowest_s = self._own_s if trained is None else max(self._own_s, trained.max_s)
        self._warm: tuple[int, int] | None = None  # pictures and monotonic time at which it is warm

    def wake(self, pictures: int, now_ns: int) -> None:
        """Begin to warm up.

        Args:
            pictures: of the camera that were looked at so far.
            now_ns: monotonic time.
        """
        most_s = _WARM_SPARE * WARM_PICTURES * self._fastest_s
        self._warm = (pictures + WARM_PICTURES, now_ns + round(most_s * 1e9))

    def step(self, share: float, pictures: int, now_ns: int) -> None:
        """Set the cadence.

        Args:
            share: 0 is the camera's own, 1 the slowest of the model.
            pictures: of the camera that were looked at so far.
            now_ns: monotonic time.
        """
        if self._warm is not None and (pictures >= self._warm[0] or now_ns >= self._warm[1]):
            self._warm = None
        slowed_s = self._own_s + share * (self._slowest_s - self._own_s)
        self._schedule.cadence_s = slowed_s if self._warm is None else self._fastest_s
