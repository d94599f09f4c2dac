"""What a memory of the hour knows of one camera's plumes: what it holds back, how long they last, where they were."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from edge.detect.memory import Memory
from edge.detect.tracker import Change, Tracker
from edge.frame import Box


@dataclass(slots=True)
class Holding:
    """Goes with one tracker, from its first frame on. What flows into a track is that track's from then on.

    Attributes:
        since_s: model time at which each track would have been open for the first time without a memory.
        began_s: model time of the first sight of each, whatever held it.
        reach: hull of all cells that each ever had, (row0, col0, row1, col1), ends excluded.
        held: tracks that are or were held back.
        released: those of them that outgrew or outlasted what was usual.
        confirmed: those of which a person confirmed an event.
        struck: the reach of each that was struck, as it was then.
        seen: what was seen in the newest frame, open or held back.
    """

    since_s: dict[int, float] = field(default_factory=dict)
    began_s: dict[int, float] = field(default_factory=dict)
    reach: dict[int, Box] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    released: set[int] = field(default_factory=set)
    confirmed: set[int] = field(default_factory=set)
    struck: dict[int, Box] = field(default_factory=dict)
    seen: tuple[Change, ...] = ()

    def see(self, changes: Sequence[Change], tracker: Tracker, now_s: float) -> int:
        """Take what the tracker says of a frame; return how many were held back for the first time.

        Args:
            changes: all of the frame.
            tracker: after it.
            now_s: model time.
        """
        self._follow(tracker, now_s)
        alive = self.reach.keys()
        self.seen = tuple(change for change in changes if change.kind != "closed")
        self.since_s = {track: since for track, since in self.since_s.items() if track in alive}
        for change in self.seen:
            self.since_s.setdefault(change.track, now_s)
        new = {change.track for change in self.seen if change.kind == "held"} - self.held
        self.held = (self.held | new) & alive
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
        """Return where anything was that was released, as long as it is followed: it is not usual."""
        return [self.reach[track] for track in self.released]

    def to_strike(self, alerts: Collection[int]) -> list[tuple[Box, float]]:
        """Return where what is no longer usual ever was, and since when; each once as far as it reaches.

        Args:
            alerts: the tracks of which an event is an alert.
        """
        news = [
            track
            for track in sorted(self.released | self.confirmed | set(alerts))
            if track in self.reach and self.struck.get(track) != self.reach[track]
        ]
        self.struck |= {track: self.reach[track] for track in news}
        return [(self.reach[track], self.began_s[track]) for track in news]

    def _follow(self, tracker: Tracker, now_s: float) -> None:
        """Take over where the tracks are, and what flowed into what."""
        began_s, reach = dict(self.began_s), dict(self.reach)
        for gone, into in tracker.flowed.items():
            began_s[into] = min(began_s.get(into, now_s), began_s.get(gone, now_s))
            if gone in reach:
                reach[into] = _hull(reach.get(into, reach[gone]), reach[gone])
            for marked in (self.released, self.confirmed):
                if gone in marked:
                    marked.add(into)
        alive = tracker.reaches
        self.began_s = {track: began_s.get(track, now_s) for track in alive}
        self.reach = {track: _hull(reach.get(track, own), own) for track, own in alive.items()}
        self.struck = {track: box for track, box in self.struck.items() if track in alive}
        self.released &= alive.keys()
        self.confirmed &= alive.keys()


def _hull(box: Box, other: Box) -> Box:
    return min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3])


def _within(box: Box, reach: Box) -> bool:
    return reach[0] <= box[0] and reach[1] <= box[1] and box[2] <= reach[2] and box[3] <= reach[3]
