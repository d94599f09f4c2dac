"""Pictures of every miss and every false alarm, for people. They show real frames: their folder is never committed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from edge.alert.picture import crop_jpeg, draw
from edge.errors import FrameError
from edge.frame import Box
from edge.model.loaded import Model
from scoring.day import Day
from scoring.gate import found_s_of
from scoring.planted import SHIPPED, Plant
from training.gate.decide import map_px
from training.gate.judged import Recorded
from training.gate.look import alarms
from training.gate.recording import from_files
from training.step.step import write_whole

_LATER_S = 600.0  # after its first box a missed fire is shown


def draw_all(
    model: Model,
    recorded: Sequence[Recorded],
    days: Sequence[Day],
    folder: Path,
    folders: dict[int, Path],
    plants: Sequence[Plant],
) -> list[str]:
    """Draw what went wrong on what the bundle had not seen; return the names of the files.

    Args:
        model: that recorded the streams.
        recorded: streams.
        days: of them.
        folder: for the pictures; a folder of it is named after the bundle.
        folders: by the seed of a planted fire, where its picture is.
        plants: the planted fires.
    """
    folder /= model.bundle.digest[:16]
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    names = []
    by_sequence = {day.result.id: day for day in days}
    for one in recorded:
        at = 0
        for part in one.stream.parts:
            day = by_sequence[part.truth.id]
            wanted = {} if day.seen else _wanted(day, part.truth.ignition_epoch)
            for index, frame in enumerate(part.truth.frames):
                for what in wanted.get(frame.name, ()):
                    name = f"{what}-{part.truth.id}-{index:04}.jpg".replace("/", "-")
                    if _draw(model, one, at + index, frame.boxes, folder / name):
                        names.append(name)
            at += len(part.truth.frames)
    for plant in plants:
        if plant.found_s[SHIPPED] is None or plant.alert_s[SHIPPED] is None:
            name = f"planted-miss-{plant.condition}-{plant.contrast}-{plant.seed}.jpg"
            shutil.copyfile(folders[plant.seed] / f"{plant.seed}.jpg", folder / name)
            names.append(name)
    return names


def _wanted(day: Day, ignition: float | None) -> dict[str, list[str]]:
    """Return what to draw, by the name of the frame."""
    wanted: dict[str, list[str]] = {}
    for alarm in alarms([day]):
        wanted.setdefault(alarm.frame, []).append("false-alarm")
    missed = found_s_of(day, alerts=False) is None or found_s_of(day, alerts=True) is None
    if day.result.boxed and missed and ignition is not None:
        smoky = [frame.name for frame in day.frames if frame.label == "smoke"]
        late = min(len(smoky) - 1, int(_LATER_S / max(1.0, day.frames[0].lasts_s)))
        wanted.setdefault(smoky[late], []).append("miss")
    return wanted


def _draw(
    model: Model,
    one: Recorded,
    index: int,
    boxes: Sequence[tuple[float, float, float, float]],
    path: Path,
) -> bool:
    manifest = model.bundle.manifest
    try:
        pixels = from_files(one.stream.shots())(index)
    except FrameError:
        return False
    scores = None
    if one.recording.seen[index].cause is None and manifest.task == "cells":
        number = sum(seen.cause is None for seen in one.recording.seen[:index])
        label = next(iter(manifest.thresholds))
        scores = one.recording.maps[number][:, :, manifest.labels.index(label)]
    drawn: list[Box] = [(round(x0), round(y0), round(x1), round(y1)) for x0, y0, x1, y1 in boxes]
    threshold = next(iter(manifest.thresholds.values()))
    x0, y0, x1, y1 = map_px(manifest, model, pixels.shape[:2])
    area: Box = (round(x0), round(y0), round(x1), round(y1))
    picture = draw(
        pixels, scores=scores, kind=manifest.kind, threshold=threshold, area_px=area, boxes_px=drawn
    )
    write_whole(path, lambda partial: partial.write_bytes(crop_jpeg(picture, None)))
    return True
