"""What a memory of the hour holds back of one camera, and for how long its regions have lasted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from edge.detect.memory import Memory
from edge.detect.tracker import Change
from edge.frame import Box


@dataclass(slots=True)
class Holding:
    """Goes with one tracker, from its first frame on.

    Attributes:
        since_s: model time at which each track would have been open for the first time without a memory.
        held: tracks that are or were held back.
        released: those of them that outgrew or outlasted what was usual.
        seen: what was seen in the newest frame, open or held back.
    """

    since_s: dict[int, float] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    released: set[int] = field(default_factory=set)
    seen: tuple[Change, ...] = ()

    def see(self, changes: Sequence[Change], alive: Collection[int], now_s: float) -> int:
        """Take what the tracker says of a frame; return how many were held back for the first time.

        Args:
            changes: all of the frame.
            alive: the tracks that the tracker follows after it.
            now_s: model time.
        """
        self.seen = tuple(change for change in changes if change.kind != "closed")
        self.since_s = {track: since for track, since in self.since_s.items() if track in alive}
        for change in self.seen:
            self.since_s.setdefault(change.track, now_s)
        new = {change.track for change in self.seen if change.kind == "held"} - self.held
        self.held, self.released = (self.held | new) & set(alive), self.released & set(alive)
        return len(new)

    def outgrown(self, memory: Memory, wall_s: float | None, now_s: float, least_s: float) -> list[Change]:
        """Return what is held back and is so no longer: wider than ever about this hour, or lasting for longer.

        Args:
            memory: of the camera.
            wall_s: seconds since 1970 UTC; None where no clock is trusted: then nothing is held back.
            now_s: model time.
            least_s: nothing is held back for less because it lasts.
        """
        found = []
        for change in self.seen:
            if change.kind != "held":
                continue
            box, lasts_s = change.cell_box, now_s - self.since_s[change.track]
            reach = None if wall_s is None else memory.reach(box, wall_s)
            wider = wall_s is None or reach is None or not _within(box, reach)
            usual_s = 0.0 if wall_s is None else memory.lasted_s(box, wall_s)
            if wider or lasts_s > max(least_s, usual_s):
                found.append(change)
        self.released |= {change.track for change in found}
        return found

    def pause(self, now_s: float) -> None:
        """Let what is followed last from now on only: nobody looked before."""
        self.since_s = dict.fromkeys(self.since_s, now_s)

    def runs(self, now_s: float) -> list[tuple[Box, float]]:
        """Return where something is seen in the newest frame, and for how many seconds it has lasted."""
        return [(change.cell_box, now_s - self.since_s[change.track]) for change in self.seen]

    def spared(self) -> list[Box]:
        """Return where something is seen that was released: it is not usual."""
        return [change.cell_box for change in self.seen if change.track in self.released]


def _within(box: Box, reach: Box) -> bool:
    return reach[0] <= box[0] and reach[1] <= box[1] and box[2] <= reach[2] and box[3] <= reach[3]
