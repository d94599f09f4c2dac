"""When each camera was scored last, and when its next frame is due."""

from __future__ import annotations

from collections.abc import Mapping

from edge.camera.schedule import NS_PER_S, Schedule


class Dues:
    """Follows the cameras of one tower. One thread notes, any may ask.

    Args:
        schedules: by camera.
    """

    def __init__(self, schedules: Mapping[str, Schedule]) -> None:
        self._schedules = schedules
        self._scored: dict[str, tuple[int, float]] = {}  # when, and the cadence then

    def note(self, camera: str, now_ns: int) -> None:
        """Note that a frame was scored, at a monotonic time."""
        self._scored[camera] = now_ns, self._schedules[camera].cadence_s

    def scored_ns(self, camera: str) -> int | None:
        """Return the monotonic time at which a frame was last scored; None where none was."""
        known = self._scored.get(camera)
        return None if known is None else known[0]

    def cadence_s(self, camera: str) -> float:
        """Return the longer of the cadence now and that of the last scored frame: the next may count from either."""
        now_s = self._schedules[camera].cadence_s
        known = self._scored.get(camera)
        return now_s if known is None else max(now_s, known[1])

    def all_s(self, now_ns: int, opened_s: float | None = None) -> dict[str, float | None]:
        """Return the seconds until each camera's next frame is due; None where none was scored yet.

        Args:
            now_ns: monotonic time.
            opened_s: until cameras are opened again; None where they are open.
        """
        return {name: self._due_s(name, now_ns) if opened_s is None else opened_s for name in self._schedules}

    def _due_s(self, camera: str, now_ns: int) -> float | None:
        known = self._scored.get(camera)
        if known is None:
            return None
        return max(0.0, self._schedules[camera].cadence_s - (now_ns - known[0]) / NS_PER_S)
