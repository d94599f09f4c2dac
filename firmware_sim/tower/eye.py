"""What one simulated camera showed, what is true of it, and which of its time was watched."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from edge.model.loaded import Model
from edge.model.preprocess import Preprocess, place
from firmware_sim.footage.shot import Ignition, Shot
from firmware_sim.tower.plan import View
from firmware_sim.tower.run import Fire
from scoring.score import NEAR_CELLS, Verdict, alarm_cell, cells_apart
from scoring.truth import Box, Label

Interval = tuple[float, float]
_SAME_S = 1e-3


@dataclass(frozen=True, slots=True)
class Opening:
    """An event's opening beside the truth of the picture that was shown then.

    Attributes:
        at_s: when, in seconds since 1970 UTC.
        box_px: where.
        frame_px: (height, width).
        label: of the picture.
        burning: fires that burnt.
    """

    at_s: float
    box_px: tuple[int, int, int, int]
    frame_px: tuple[int, int]
    label: Label
    burning: tuple[str, ...]


@dataclass(slots=True)
class Eye:
    """Follows one camera through a run.

    Attributes:
        name: of the camera.
        view: what it shows.
        shown: of each fire, when its smoke showed and where, in the order of time.
        newest: what it gave last.
        seen_s: when that was.
    """

    name: str
    view: View
    shown: dict[str, list[tuple[float, Box]]] = field(default_factory=dict)
    newest: Shot | None = None
    seen_s: float = float("-inf")
    _watched: list[Interval] = field(default_factory=list)
    _look: Interval | None = None  # when the newest picture was looked at, and until when that lasts

    def saw(self, shot: Shot, now_s: float) -> None:
        """Take note of a picture that the camera gave."""
        self.newest, self.seen_s = shot, now_s
        self._note(shot, now_s)

    def probe(self, now_s: float) -> None:
        """Look for the first smoke of fires that burn while the camera gives no pictures."""
        unseen = [
            one for one in self.view.footage.ignitions if one.burns(now_s) and one.fire not in self.shown
        ]
        shot = self.view.footage.at(now_s) if unseen else None
        if shot is not None:
            self._note(shot, now_s)

    def looked(self, now_s: float, cadence_s: float) -> None:
        """Take note that a picture was scored, or looked at and found dark: it covers its cadence."""
        self._end_look(now_s)
        self._look = (now_s, now_s + cadence_s)

    def opening(self, at_s: float, box_px: tuple[int, int, int, int], frame_px: tuple[int, int]) -> Opening:
        """Return an opening beside what the camera showed last."""
        truth = None if self.newest is None else self.newest.truth
        label, burning = ("unlabelled", ()) if truth is None else (truth.label, truth.burning)
        return Opening(at_s, box_px, frame_px, label, burning)

    def watched(self, end_s: float) -> list[Interval]:
        """Return the time that was watched, up to the end of the run."""
        self._end_look(end_s)
        return self._watched

    def burning(self, begin_s: float, end_s: float) -> list[Interval]:
        """Return the time in which a fire burnt in its view."""
        found: list[Interval] = []
        spans = ((max(begin_s, one.epoch_s), _end(one, end_s)) for one in self._fires(begin_s, end_s))
        for first, last in sorted(spans):
            if found and first <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], last))
            else:
                found.append((first, last))
        return found

    def fires(self, begin_s: float, end_s: float) -> list[Fire]:
        """Return the fires that it could see."""
        return [
            Fire(
                fire=one.fire,
                camera=self.name,
                kind="rendered" if one.rendered else self.view.kind,
                ignition_s=one.epoch_s,
                end_s=one.end_s if one.end_s is not None and one.end_s < end_s else None,
                shown_s=self.shown[one.fire][0][0] if one.fire in self.shown else None,
            )
            for one in self._fires(begin_s, end_s)
        ]

    def judge(self, opening: Opening, cell_px: tuple[float, float]) -> tuple[tuple[str, ...], Verdict]:
        """Return which fires an opening meets, and its verdict, by the rule of `scoring.score`.

        A fire is met where the cell around the middle of the opening's box is within two cells of the box that its
        smoke had in the picture nearest in time.
        """
        if opening.label == "no_smoke" or not opening.burning:
            return (), "false_alarm" if opening.label in ("no_smoke", "smoke") else "left_out"
        boxed = [fire for fire in opening.burning if fire in self.shown]
        cell = alarm_cell(opening.box_px, cell_px)
        met = tuple(
            fire
            for fire in boxed
            if cells_apart(cell, self._nearest(fire, opening.at_s), cell_px) <= NEAR_CELLS
        )
        if met:
            return met, "find"
        return (), "mislocalised" if boxed and opening.label == "smoke" else "left_out"

    def _fires(self, begin_s: float, end_s: float) -> Iterable[Ignition]:
        return (
            one
            for one in self.view.footage.ignitions
            if one.epoch_s < end_s and (one.end_s is None or one.end_s > begin_s)
        )

    def _nearest(self, fire: str, at_s: float) -> Box:
        shown = self.shown[fire]
        return min(shown, key=lambda one: (abs(one[0] - at_s), one[0]))[1]

    def _note(self, shot: Shot, now_s: float) -> None:
        for sighting in shot.truth.sightings:
            self.shown.setdefault(sighting.fire, []).append((now_s, sighting.box))

    def _end_look(self, now_s: float) -> None:
        if self._look is None:
            return
        first, last = self._look[0], min(self._look[1], now_s)
        self._look = None
        if self._watched and first - self._watched[-1][1] < _SAME_S:
            self._watched[-1] = (self._watched[-1][0], last)
        elif last > first:
            self._watched.append((first, last))


def length_s(intervals: Iterable[Interval]) -> float:
    """Return how long intervals are together."""
    return sum(last - first for first, last in intervals)


def overlap_s(some: list[Interval], others: list[Interval]) -> float:
    """Return how long two lists of intervals overlap; each is in order, and none of one list meets another of it."""
    whole = 0.0
    ends = [last for _, last in others]
    for first, last in some:
        for begin, end in others[bisect_left(ends, first) :]:
            if begin >= last:
                break
            whole += max(0.0, min(last, end) - max(first, begin))
    return whole


def cell_of(model: Model, frame_px: tuple[int, int]) -> tuple[float, float]:
    """Return (width, height) of a cell of the model's scores in pixels of a frame; of a classifier the whole frame."""
    manifest = model.bundle.manifest
    if manifest.task == "classify":
        return float(frame_px[1]), float(frame_px[0])
    input_px = Preprocess(manifest, model.file.one("frame")).input_px
    y0, x0, y1, x1 = place(frame_px, input_px, letterbox=manifest.fit == "letterbox").content_px
    stride_px = float(manifest.cell_stride_px or 1)
    return stride_px * frame_px[1] / (x1 - x0), stride_px * frame_px[0] / (y1 - y0)


def _end(one: Ignition, end_s: float) -> float:
    return end_s if one.end_s is None else min(end_s, one.end_s)
