"""From regions to plumes: k of n frames open a track, unseen frames close it, and one plume keeps one track.

A state machine over frames, one a camera. It knows no time, ids or store: the pipeline makes the events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from edge.detect.region import Region
from edge.frame import Box
from edge.model.manifest import Confirmation

MAX_TRACKS = 64  # plumes and candidates together; also the regions of a frame that are looked at
NEAR_CELLS = 2.0  # how far a plume's centre may drift between two frames if it does not overlap itself

Kind: TypeAlias = Literal["opened", "updated", "closed", "held", "far"]
Reason: TypeAlias = Literal["unseen", "merged", "reset"]


@dataclass(frozen=True, slots=True)
class Change:
    """What one frame did to one plume.

    Attributes:
        kind: `opened` once, `updated` each time it is seen again, `closed` once; `held` each time that a candidate is
            seen that would be open but for its `usual` sights, `far` where it would be but for the `far` ones of them.
        track: counts up from 1; one tracker gives no number twice.
        label: the class.
        box_px: hull of its regions at the latest sight, (x0, y0, x1, y1) in source pixels.
        peak: the largest score so far.
        score: the largest at the latest sight.
        sightings: frames in which it was seen, those before it opened included.
        cells: how many it covers at the latest sight.
        grew: it reaches at least a cell farther than ever: at most 2 · (rows + cols) times in its life.
        reason: of a closing: `unseen` for long enough, `merged` into one first seen earlier, or `reset`.
        merged_into: the number of that one.
        cell_box: hull of its regions at the latest sight, (row0, col0, row1, col1), ends excluded.
    """

    kind: Kind
    track: int
    label: str
    box_px: Box
    peak: float
    score: float
    sightings: int
    cells: int
    grew: bool = False
    reason: Reason | None = None
    merged_into: int | None = None
    cell_box: Box = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Track:
    """A candidate or an open plume.

    Attributes:
        seen: its regions at the latest sight.
        reach: hull of all cells that it ever had.
        history: bit i says whether it was seen i frames ago, over the window.
        near: bit i says whether it was seen i frames ago and not only far from the horizon, over the window.
        unusual: the same of not merely as usual.
        unseen: frames since the latest sight.
        confirmed: whether it was once seen in enough frames to open, held back or not.
    """

    number: int
    label: str
    seen: tuple[Region, ...]
    reach: Box
    peak: float
    history: int
    near: int
    unusual: int
    sightings: int = 1
    unseen: int = 0
    open: bool = False
    confirmed: bool = False


@dataclass(slots=True)
class _Group:
    """What is one plume in this frame: earlier tracks and the regions that belong to them."""

    label: str
    tracks: list[_Track]
    sight: list[Region] = field(default_factory=list)

    def overlaps(self, region: Region) -> bool:
        earlier = (own for track in self.tracks for own in track.seen)
        return any(_overlap(own.cell_box, region.cell_box) for own in (*self.sight, *earlier))


class Tracker:
    """Follows the plumes of one camera.

    Attributes:
        flowed: which tracks, candidates too, flowed into which one with the newest frame.
    """

    def __init__(self, confirmation: Confirmation) -> None:
        self._rule = confirmation
        self.flowed: Mapping[int, int] = {}
        self._tracks: list[_Track] = []
        self._given = 0

    @property
    def open_count(self) -> int:
        """How many plumes are open."""
        return sum(track.open for track in self._tracks)

    @property
    def confirmed_labels(self) -> set[str]:
        """The labels of the plumes that are open, or would be if they were not held back."""
        return {track.label for track in self._tracks if track.confirmed}

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of all tracks that it follows now, candidates too."""
        return frozenset(track.number for track in self._tracks)

    @property
    def reaches(self) -> dict[int, Box]:
        """The hull of all cells that each track ever had, by its number; candidates too."""
        return {track.number: track.reach for track in self._tracks}

    def release(self, numbers: Collection[int]) -> list[Change]:
        """Open candidates that were `held`; return their openings, in the order of their numbers."""
        opened = [replace(t, open=True) for t in self._tracks if t.number in numbers and not t.open]
        others = [t for t in self._tracks if t.number not in numbers or t.open]
        self._tracks = sorted(others + opened, key=lambda track: track.number)
        return [_change("opened", track, grew=True) for track in opened]

    def reset(self) -> list[Change]:
        """Forget everything, for the camera's state starts anew; return the closing of each open plume."""
        closed = [_change("closed", track, reason="reset") for track in self._tracks if track.open]
        self._tracks = []
        return closed

    def forget_candidates(self) -> None:
        """Keep only what is open, since what else was seen is too long ago."""
        self._tracks = [track for track in self._tracks if track.open]

    def update(self, regions: Sequence[Region]) -> list[Change]:
        """Take the regions of the next scored frame.

        Boxes of one label that overlap are one plume: a split stays one; of two that merge the open one
        survives, of two open ones the one first seen. A region that overlaps none goes to the nearest within
        NEAR_CELLS, else it is a new candidate. Of more than MAX_TRACKS regions the strongest are looked at;
        of more tracks the open ones and the candidates with most hits stay. A sight that is all `usual` or all `far`
        keeps an open plume open, and opens none.

        Returns:
            At most one change for each plume, in the order of their numbers.
        """
        changes: list[Change] = []
        tracks: list[_Track] = []
        flowed: dict[int, int] = {}
        for group in self._group(sorted(regions, key=_weakness)[:MAX_TRACKS]):
            survivor = min(group.tracks, key=_juniority, default=None)
            if survivor is not None:
                flowed |= {t.number: survivor.number for t in group.tracks if t is not survivor}
            changes += [
                _change("closed", track, reason="merged", merged_into=survivor.number)
                for track in group.tracks
                if track.open and survivor is not None and track is not survivor
            ]
            tracks += self._step(survivor, tuple(group.sight), changes)
        tracks = sorted(tracks, key=_juniority)[:MAX_TRACKS]
        self._tracks, self.flowed = sorted(tracks, key=lambda track: track.number), flowed
        return sorted(changes, key=lambda change: change.track)

    def _group(self, regions: Sequence[Region]) -> list[_Group]:
        """Put together what overlaps, then what is near; `regions` strongest first."""
        groups = [_Group(track.label, [track]) for track in self._tracks]
        for region in regions:
            touched = [group for group in groups if group.label == region.label and group.overlaps(region)]
            joined = _Group(region.label, [], [region])
            for group in touched:
                joined.tracks += group.tracks
                joined.sight = group.sight + joined.sight
            groups = [group for group in groups if not any(group is other for other in touched)] + [joined]
        known = [group for group in groups if group.tracks]
        new = [group for group in groups if not group.tracks]
        return known + [group for group in new if not _adopt(known, group)]

    def _step(self, track: _Track | None, sight: tuple[Region, ...], changes: list[Change]) -> list[_Track]:
        """Move one track by one frame; return it, or nothing when its end has come."""
        window = (1 << self._rule.window) - 1
        if not sight:
            assert track is not None
            missed = replace(
                track,
                history=(track.history << 1) & window,
                near=(track.near << 1) & window,
                unusual=(track.unusual << 1) & window,
                unseen=track.unseen + 1,
            )
            if missed.open and missed.unseen >= self._rule.close_after:
                changes.append(_change("closed", missed, reason="unseen"))
                return []
            # After more misses in a row than this, no window can hold enough hits with those before them.
            longest = self._rule.close_after - 1 if missed.confirmed else self._rule.window - self._rule.hits
            return [missed] if missed.open or missed.unseen <= longest else []
        peak, reach = max(region.peak for region in sight), _hull(region.cell_box for region in sight)
        near, unusual = (any(one) for one in zip(*((not r.far, not r.usual) for r in sight), strict=True))
        if track is None:
            self._given += 1
            new = _Track(self._given, sight[0].label, sight, reach, peak, 1, int(near), int(unusual))
        else:
            new = replace(
                track, seen=sight, reach=_hull([track.reach, reach]), peak=max(track.peak, peak),
                history=(track.history << 1 | 1) & window, near=(track.near << 1 | near) & window,
                unusual=(track.unusual << 1 | unusual) & window, sightings=track.sightings + 1, unseen=0,
            )  # fmt: skip
        new = replace(new, confirmed=new.confirmed or new.history.bit_count() >= self._rule.hits)
        if new.open:
            changes.append(_change("updated", new, grew=track is not None and new.reach != track.reach))
        elif new.unusual.bit_count() >= self._rule.hits:
            new = replace(new, open=True)
            changes.append(_change("opened", new, grew=True))
        elif new.history.bit_count() >= self._rule.hits:
            changes.append(_change("held" if new.near.bit_count() >= self._rule.hits else "far", new))
        return [new]


def _change(
    kind: Kind,
    track: _Track,
    *,
    grew: bool = False,
    reason: Reason | None = None,
    merged_into: int | None = None,
) -> Change:
    box_px = _hull(region.box_px for region in track.seen)
    score = max(region.peak for region in track.seen)
    return Change(
        kind, track.number, track.label, box_px, track.peak, score, track.sightings,
        sum(region.cells for region in track.seen), grew, reason, merged_into,
        _hull(region.cell_box for region in track.seen),
    )  # fmt: skip


def _weakness(region: Region) -> tuple[float, str, Box]:
    """Order regions from the strongest, whatever order they came in."""
    return -region.peak, region.label, region.cell_box


def _juniority(track: _Track) -> tuple[bool, int, int, float, int]:
    """Order tracks: open before candidates; of open ones the first seen, of candidates the likeliest."""
    standing = track.number if track.open else -track.history.bit_count()
    return not track.open, standing, track.unseen, -track.peak, track.number


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _hull(boxes: Iterable[Box]) -> Box:
    top, left, bottom, right = zip(*boxes, strict=True)
    return min(top), min(left), max(bottom), max(right)


def _adopt(known: list[_Group], new: _Group) -> bool:
    """Give the regions of `new` to the nearest earlier plume, if one is near enough."""
    distances = [
        (_apart(own.cell_box, region.cell_box), track.number, index)
        for index, group in enumerate(known)
        if group.label == new.label
        for track in group.tracks
        for own in track.seen
        for region in new.sight
    ]
    least, _, index = min(distances, default=(NEAR_CELLS + 1, 0, 0))
    if least > NEAR_CELLS:
        return False
    known[index].sight += new.sight
    return True


def _apart(a: Box, b: Box) -> float:
    """Return the distance between centres in cells, along the axis where it is larger."""
    return max(abs(a[0] + a[2] - b[0] - b[2]), abs(a[1] + a[3] - b[1] - b[3])) / 2
