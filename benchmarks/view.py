"""`firetower bench view`: is a changed view found, and is none told where nothing changed?

Real sequences are shown to the daemon's own judgement of pictures, as they are and with planted changes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from edge.camera.condition import Sight
from edge.camera.limit import Limits
from edge.camera.outline import SHIFT
from edge.camera.repeat import sample_of
from edge.camera.schedule import NS_PER_S, Schedule
from edge.camera.still import decode_still
from edge.camera.turn import PICTURES, Turns
from edge.errors import SettingsError
from edge.frame import Frame
from edge.image import RgbImage
from scoring.statistic import rate, share
from scoring.truth import TruthFrame, TruthSequence, read

Pixels = NDArray[np.uint8]

SCHEMA = "firetower.view/1.0"
SHIFTS, AXES = (0.03, 0.05, 0.1), ("right", "down")
WITHIN = 10  # pictures from the change on, in which it must be found
FOUND = 0.95  # of the changes, the aim
FALSE_A_DAY = 0.1  # the other aim
GAP_S = 900.0  # a longer interval between frames was not watched
JOINED_S = 2 * 86_400.0  # sequences of a camera that are no farther apart are one stream
LEFT_OUT = 10  # the upper and the lower tenth of pictures that are cut: their banners would move along
_ROUNDS = 50
_METHOD = (
    "real: each picture as it is, to one judgement per stream (sequences of one camera, less than two days apart, at "
    "their real times). planted: a window of the pictures of one sequence, which jumps by a share of its width at a "
    "moment drawn by the seed, right or left, down or up; or pictures of another camera from that moment on. Pictures "
    "that the daemon drops (dark, frozen) are left out of it; ten at least stand before and after. found: with which "
    "picture from the change on, 1 is the first; within 10 counts. false_before: told before the change. Camera-days: "
    "intervals up to 15 minutes. Frames laid 60 s apart have no days"
)


@dataclass(frozen=True, slots=True)
class Planted:
    """A change in a sequence, and what came of it.

    Attributes:
        sequence, camera: where.
        change: a share of the width, or "other scene".
        axis: of the shift; the other camera of an other scene.
        found: with which picture from the change on; None if not at all.
        false_before: how many were told before it.
    """

    sequence: str
    camera: str
    change: float | str
    axis: str
    found: int | None
    false_before: int


@dataclass(slots=True)
class Real:
    """A stream as it is.

    Attributes:
        turns: names of the frames with which another view was told.
        pictures: how many were looked at.
        watched_s: in true time; None for frames laid closer than they were taken.
    """

    stream: str
    accelerated: bool
    turns: list[str] = field(default_factory=list)
    pictures: int = 0
    watched_s: float | None = None


class Watch:
    """The daemon's judgement of one camera's pictures."""

    def __init__(self) -> None:
        self._sight = Sight(Schedule())

    def see(self, bgr: Pixels, time_s: float) -> tuple[bool, bool]:
        """Show it (H, W, 3) uint8 BGR; return whether it is scored, and whether another view was told with it."""
        time_ns, before = round(time_s * NS_PER_S), self._sight.turn.count
        frame = Frame(RgbImage(bgr, "BGR"), 0, time_ns, time_ns, time_ns, time_ns)
        return self._sight.judge(frame) is None, self._sight.turn.count > before


def streams(folders: Sequence[Path]) -> list[list[tuple[Path, TruthSequence]]]:
    """Return the sequences of each camera in order of time, joined where they are close.

    Raises:
        TruthError: what lies in a folder is no data.
    """
    made: list[list[tuple[Path, TruthSequence]]] = []
    known = [(folder, one) for folder in folders for one in read(folder) if len(one.frames) > 1]
    for folder, sequence in sorted(known, key=lambda one: (one[1].camera, times_s(one[1])[0], one[1].id)):
        last = made[-1][-1][1] if made else None
        close = last is not None and last.camera == sequence.camera
        if last is not None and close and 0 < times_s(sequence)[0] - times_s(last)[-1] <= JOINED_S:
            made[-1].append((folder, sequence))
        else:
            made.append([(folder, sequence)])
    return made


def times_s(sequence: TruthSequence) -> list[float]:
    """Return when its frames were taken; a minute apart where nobody knows."""
    return [_time_s(frame, number) for number, frame in enumerate(sequence.frames)]


def _time_s(frame: TruthFrame, number: int) -> float:
    known = frame.epoch if frame.real_epoch is None else frame.real_epoch
    return 60.0 * number if known is None else known


def show(watch: Watch, real: Real, sequence: TruthSequence, pictures: Sequence[Pixels]) -> list[int]:
    """Show a sequence as it is; return the numbers of the frames that are scored."""
    scored, taken_s = [], times_s(sequence)
    for number, (frame, pixels, time_s) in enumerate(zip(sequence.frames, pictures, taken_s, strict=True)):
        is_scored, told = watch.see(pixels, time_s)
        scored += [number] * is_scored
        real.turns += [frame.name] * told
    real.pictures += len(scored)
    if sequence.timed and not sequence.accelerated:
        steps = np.diff(taken_s)
        real.watched_s = (real.watched_s or 0.0) + float(steps[steps <= GAP_S].sum())
    return scored


def plant(
    sequence: TruthSequence, pictures: Sequence[Pixels], others: Mapping[str, Sequence[Pixels]], seed: int
) -> Iterator[Planted]:
    """Plant each kind of change once.

    Args:
        sequence: where.
        pictures: of it, those that are scored, all of one size.
        others: pictures of other cameras.
        seed: of moments, directions and the other camera.
    """
    if len(pictures) < 2 * WITHIN:
        return
    rng = np.random.default_rng([seed, *sequence.id.encode()])
    height, width = pictures[0].shape[:2]
    border, room_px = height // LEFT_OUT, round(max(SHIFTS) * width)
    inner = [one[border : height - border] for one in pictures]
    size_px = (inner[0].shape[0] - room_px, width - room_px)
    for change in SHIFTS:
        for axis in AXES:
            moment = int(rng.integers(WITHIN, len(inner) - WITHIN + 1))
            near, far = rng.permutation([0, round(change * size_px[1])])
            offsets = [near] * moment + [far] * (len(inner) - moment)
            windows = (_window(*each, size_px, axis) for each in zip(inner, offsets, strict=True))
            yield Planted(sequence.id, sequence.camera, change, axis, *_found(windows, moment))
    camera = sorted(others)[int(rng.integers(len(others)))]
    moment = int(rng.integers(WITHIN, len(inner) - WITHIN + 1))
    scenes = [cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) for one in others[camera]]
    mixed = (*pictures[:moment], *(np.asarray(one, np.uint8) for one in scenes))
    yield Planted(sequence.id, sequence.camera, "other scene", camera, *_found(iter(mixed), moment))


def _window(pixels: Pixels, offset_px: int, size_px: tuple[int, int], axis: str) -> Pixels:
    left, top = (offset_px, 0) if axis == "right" else (0, offset_px)
    return pixels[top : top + size_px[0], left : left + size_px[1]]


def _found(pictures: Iterator[Pixels], moment: int) -> tuple[int | None, int]:
    """Return with which picture from the moment on another view was told, and how often before it."""
    watch, false_before = Watch(), 0
    for number, pixels in enumerate(pictures):
        if watch.see(pixels, 60.0 * number)[1]:
            if number >= moment:
                return number - moment + 1, false_before
            false_before += 1
    return None, false_before


def cost_ns(size_px: tuple[int, int] = (480, 640)) -> list[int]:
    """Time what a view costs per picture, in ns."""
    rng, turns, times_ns = np.random.default_rng(1), Turns(), []
    images = [RgbImage(rng.integers(0, 255, (*size_px, 3), np.uint8)) for _ in range(3)]
    for number in range(_ROUNDS + 5):
        started_ns = time.perf_counter_ns()
        turns.see(sample_of(images[number % 3]))
        times_ns.append(time.perf_counter_ns() - started_ns)
    return times_ns[5:]


def measure(folders: Sequence[Path], seed: int) -> dict[str, Any]:
    """Return the whole result.

    Raises:
        TruthError, FrameError: the data cannot be read.
    """
    about, real, planted = describe(), [], []
    known = streams(folders)
    others: dict[str, list[Pixels]] = {}
    for stream in known:
        folder, first = stream[0]
        middle = len(first.frames) // 2
        if first.camera not in others:
            others[first.camera] = _pictures(folder, first.frames[middle : middle + WITHIN])
    for stream in known:
        name = f"{stream[0][1].id} and {len(stream) - 1} more" if len(stream) > 1 else stream[0][1].id
        watch, one = Watch(), Real(name, stream[0][1].accelerated)
        for folder, sequence in stream:
            print(sequence.id, file=sys.stderr)
            pictures = _pictures(folder, sequence.frames)
            scored = [pictures[number] for number in show(watch, one, sequence, pictures)]
            foreign = {camera: some for camera, some in others.items() if camera != sequence.camera}
            planted += list(plant(sequence, scored, foreign, seed)) if foreign else []
        real.append(one)
    return {
        "schema": SCHEMA,
        "machine": about,
        "method": _METHOD,
        "seed": seed,
        "rule": {"shift": SHIFT, "pictures": PICTURES},
        "summary": summarize(real, planted),
        "real": [asdict(one) for one in real],
        "planted": [asdict(one) for one in planted],
        "cost_ns": cost_ns(),
    }


def _pictures(folder: Path, frames: Sequence[TruthFrame]) -> list[Pixels]:
    return [decode_still(folder / frame.file, Limits()) for frame in frames]


def summarize(real: Sequence[Real], planted: Sequence[Planted]) -> dict[str, Any]:
    """Return how many changes were found, and how many were told where there was none."""
    found = {}
    for change in (*SHIFTS, "other scene"):
        some = [one.found for one in planted if one.change == change]
        good = sum(one is not None and one <= WITHIN for one in some)
        found[str(change)] = msgspec.to_builtins(share(good, len(some)))
    timed = [one for one in real if not one.accelerated]
    laid = [one for one in real if one.accelerated]
    days = sum(one.watched_s or 0.0 for one in timed) / 86_400
    each = rate(_counted(timed)["count"], days)  # per day
    return {
        "found_within_10": found,
        "false_before": sum(one.false_before for one in planted),
        "false_at_true_times": {
            **_counted(timed),
            "camera_days": round(days, 2),
            "per_day": each.per_hour,
            "low": each.low,
            "high": each.high,
        },
        "false_laid_closer": _counted(laid),
    }


def _counted(some: Sequence[Real]) -> dict[str, int]:
    return {"count": sum(len(one.turns) for one in some), "pictures": sum(one.pictures for one in some)}


def command(arguments: Sequence[str]) -> int:
    """Run the command line; return 0 where both aims are met by what was counted, 1 where one is not.

    Raises:
        SettingsError: the file for the result cannot be written.
        TruthError, FrameError: the data cannot be read.
    """
    parser = argparse.ArgumentParser(prog="firetower bench view", description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="sequences.json")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    options = parser.parse_args(arguments)
    if options.json is not None and not options.json.parent.is_dir():
        raise SettingsError(f"--json: no folder {options.json.parent}")
    cv2.setNumThreads(1)
    result = measure(options.data, options.seed)
    if options.json is not None:
        options.json.write_text(json.dumps(result) + "\n")
    summary = result["summary"]
    print(json.dumps(summary))
    found = all(each["total"] == 0 or each["share"] >= FOUND for each in summary["found_within_10"].values())
    false = summary["false_at_true_times"]
    return 0 if found and false["count"] <= FALSE_A_DAY * false["camera_days"] else 1
