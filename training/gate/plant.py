"""Planted fires through the gate: rendered on left-out backgrounds, played with and without, decided by any rules."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.alert.jpeg import encode
from edge.alert.picture import draw, shrink
from edge.alert.privacy import PUBLIC
from edge.detect.horizon import Horizon
from edge.errors import FrameError
from edge.model.loaded import Model
from edge.model.manifest import Manifest
from firmware_sim.scene.cut import Boxed, CutFire, cut_fire
from firmware_sim.scene.errors import SceneError
from firmware_sim.scene.fire import SMALL_PX, Fire, fires
from firmware_sim.scene.layer import Picture, Pictures
from firmware_sim.scene.planted import PlantedFrame, Planting
from firmware_sim.scene.side import Sources
from scoring.planted import SHIPPED, Plant
from scoring.score import NEAR_CELLS
from scoring.truth import TruthFrame, TruthSequence
from training.gate.decide import SHIFTS, cell_px, decided, judge, shifted, variants
from training.gate.known import Known, horizon_before
from training.gate.recording import Recording, from_files, load, record, save
from training.gate.stream import Part, Shot, Stream

logger = logging.getLogger(__name__)

FRAMES = 40  # of a planted fire: some 16 without smoke, then some 24 with it
_FRAMES_LEAST = 24
_SIDE_PX = 640  # of a drawing
_BEFORE = 5  # frames before ignition from which a cut fire's background is taken


@dataclass(frozen=True, slots=True)
class Background:
    """Frames without smoke, at their true times.

    Attributes:
        name: of the sequence.
        stream: of its camera.
        group: as in the truth.
        shots: all usable ones in a row; a fire takes FRAMES of them.
    """

    name: str
    stream: str
    group: str
    shots: tuple[Shot, ...]


class PlantedShots(msgspec.Struct, frozen=True, kw_only=True):
    """One fire as it was played.

    Attributes:
        fire: the fields of `Fire`.
        background, stream: where.
        truth: frames with labels and boxes.
        grey_levels: the largest contrast after the weather.
    """

    fire: dict[str, object]
    background: str
    stream: str
    truth: TruthSequence
    grey_levels: float | None


@dataclass(frozen=True, slots=True)
class Lot:
    """Fires that one process makes in one go.

    Attributes:
        fires: with the names of their backgrounds.
        backgrounds: those that it needs.
        cuts: sequences that plumes are cut from, those that it needs.
    """

    fires: tuple[Fire, ...]
    backgrounds: dict[str, Background]
    cuts: dict[str, Part]


def backgrounds(streams: Sequence[Stream]) -> dict[str, Background]:
    """Return what fires can be planted on: not seen in training, at true times, enough frames without smoke."""
    found = {}
    for stream in streams:
        for part in stream.parts:
            if part.seen or stream.accelerated or not part.truth.timed:
                continue
            shots = Stream(stream.name, (part,)).shots()
            labels = [frame.label for frame in part.truth.frames]
            first = next((i for i, label in enumerate(labels) if label == "no_smoke"), None)
            if first is None:
                continue
            end = next((i for i in range(first, len(labels)) if labels[i] != "no_smoke"), len(labels))
            if end - first >= _FRAMES_LEAST:
                name = part.truth.id
                found[name] = Background(name, stream.name, part.truth.group, tuple(shots[first:end]))
    return found


def trained(streams: Sequence[Stream]) -> Sources:
    """Return what the bundle was trained on, as far as it is known: groups and sequences."""
    seen = [part.truth for stream in streams for part in stream.parts if part.seen]
    return Sources(
        "train", groups=frozenset(one.group for one in seen), names=frozenset(one.id for one in seen)
    )


def judging(some: Sequence[Lot]) -> Sources:
    """Return what planted fires are made of."""
    places = [place for lot in some for place in lot.backgrounds.values()]
    cuts = [part.truth for lot in some for part in lot.cuts.values()]
    return Sources(
        "judge",
        seeds=frozenset(fire.seed for lot in some for fire in lot.fires),
        groups=frozenset((*(place.group for place in places), *(one.group for one in cuts))),
        names=frozenset((*(place.name for place in places), *(one.id for one in cuts))),
    )


def lots(streams: Sequence[Stream], count: int, size: int = 13) -> list[Lot]:
    """List the fires that judge, in lots.

    Args:
        streams: of the data.
        count: how many fires; none where there is no background.
        size: of a lot.
    """
    places = backgrounds(streams)
    if not places or not count:
        return []
    cuts = {
        part.truth.id: part
        for stream in streams
        for part in stream.parts
        if not part.seen and cut_plume(part) is not None
    }
    listed = list(fires("judge", list(places), count, cuts=list(cuts)))
    made = []
    for first in range(0, len(listed), size):
        some = tuple(listed[first : first + size])
        needed = {fire.background: places[fire.background] for fire in some}
        made.append(Lot(some, needed, {fire.cut: cuts[fire.cut] for fire in some if fire.cut is not None}))
    return made


def cut_plume(part: Part) -> CutFire | None:
    """Cut the plume out of a real sequence; None where it cannot be told from its background."""
    sequence = part.truth
    shots = Stream("", (part,)).shots()
    read = from_files(shots)
    quiet = [i for i, frame in enumerate(sequence.frames) if frame.label == "no_smoke"][-_BEFORE:]
    boxed = [i for i, frame in enumerate(sequence.frames) if frame.boxes]
    if len(quiet) < 3 or not boxed:
        return None
    begun = shots[boxed[0]].time_ns
    try:
        smoke = [
            Boxed(read(i), (shots[i].time_ns - begun) / 1e9, _union(sequence.frames[i].boxes)) for i in boxed
        ]
        return cut_fire([read(i) for i in quiet], smoke, sequence.id, sequence.group)
    except (SceneError, ValueError) as error:
        logger.info("no plume of %s: %s", sequence.id, error)
        return None


def _union(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def plant(model: Model, lot: Lot, folder: Path) -> list[str]:
    """Render the fires of a lot and play each, with it and without; return the names of the files.

    Args:
        model: loaded.
        lot: of fires.
        folder: gets score maps, the truth, and a picture of each fire; none of it may be published.
    """
    cuts = {name: cut for name, part in lot.cuts.items() if (cut := cut_plume(part)) is not None}
    names: list[str] = []
    for fire in lot.fires:
        names += _plant(model, fire, lot.backgrounds[fire.background], cuts, folder)
    return names


def _plant(
    model: Model, fire: Fire, background: Background, cuts: Mapping[str, CutFire], folder: Path
) -> list[str]:
    spare = len(background.shots) - FRAMES
    first = int(np.random.default_rng((fire.seed, 11)).integers(0, spare + 1)) if spare > 0 else 0
    shots, pixels = _whole(background.shots[first : first + FRAMES])
    planting = Planting(Pictures(pixels, tuple(shot.time_ns / 1e9 for shot in shots)), fire, cuts=cuts)
    frames = [planting.frame(index) for index in range(len(shots))]
    sequence = _truth(fire, background, shots, planting.ignition_s, frames)
    camera = sequence.id
    played = record(model, camera, shots, lambda index: frames[index].picture)
    control = record(model, camera, shots, lambda index: frames[index].without)
    names = [*save(played, folder, f"{fire.seed}-with"), *save(control, folder, f"{fire.seed}-without")]
    contrasts = [frame.contrast for frame in frames]
    kept = PlantedShots(
        fire=asdict(fire),
        background=background.name,
        stream=background.stream,
        truth=sequence,
        grey_levels=max((c for c in contrasts if c is not None), default=None),
    )
    (folder / f"{fire.seed}.json").write_bytes(msgspec.json.encode(kept))
    _draw(frames, planting, played, folder / f"{fire.seed}.jpg")
    return [*names, f"{fire.seed}.json", f"{fire.seed}.jpg"]


def _whole(shots: Sequence[Shot]) -> tuple[list[Shot], list[Picture]]:
    """Return the shots whose pictures can be decoded, and these."""
    read, whole, pixels = from_files(shots), [], list[Picture]()
    for index, shot in enumerate(shots):
        with suppress(FrameError):
            pixels.append(read(index))
            whole.append(shot)
    return whole, pixels


def _truth(
    fire: Fire,
    background: Background,
    shots: Sequence[Shot],
    ignition_s: float,
    frames: Sequence[PlantedFrame],
) -> TruthSequence:
    height, width = shots[0].size_px
    made = []
    for shot, frame in zip(shots, frames, strict=True):
        epoch, box = shot.time_ns / 1e9, frame.box
        label = "smoke" if box is not None else "no_smoke" if epoch < ignition_s else "uncertain"
        boxes = () if box is None else (tuple(map(float, box)),)
        made.append(TruthFrame(shot.name, label, epoch, None, boxes))  # type: ignore[arg-type]  # of the three
    return TruthSequence(
        id=f"planted-{fire.seed}", camera=background.stream, fire=f"planted-{fire.seed}",
        group=background.group, width=width, height=height, frames=tuple(made), ignition_epoch=ignition_s,
        box_annotated=True,
    )  # fmt: skip


def _draw(frames: Sequence[PlantedFrame], planting: Planting, played: Recording, path: Path) -> None:
    """Draw the frame in the middle of the fire, with the plume's box."""
    index = (planting.first_frame + len(frames)) // 2
    box, scored = frames[index].box, [i for i, seen in enumerate(played.seen) if seen.cause is None]
    scores = played.maps[scored.index(index)][:, :, 0] if index in scored else None
    boxes = () if box is None else (box,)
    drawn = draw(PUBLIC.show(frames[index].picture), scores=scores, boxes_px=boxes)
    path.write_bytes(encode(shrink(drawn, _SIDE_PX)))


def decide_lot(model: Model, lot: Lot, folder: Path) -> list[Plant]:
    """Decide about the fires of a lot, as shipped, with each rule off, and at every threshold of the curve.

    Where the manifest has a horizon, each goes on with the one that the pictures of its background before the ignition
    gave. A memory of the hour begins with nothing.
    """
    manifest = model.bundle.manifest
    rules = variants(manifest) | {f"shift {by:+g}": shifted(manifest, by) for by in SHIFTS}
    return [_decided(model, folder, fire.seed, lot.backgrounds[fire.background], rules) for fire in lot.fires]


def read_fire(folder: Path, seed: int) -> tuple[PlantedShots, Recording, Recording]:
    """Return a fire as `plant` left it in a folder: what it is, and its recordings with the fire and without."""
    kept = msgspec.json.decode((folder / f"{seed}.json").read_bytes(), type=PlantedShots)
    played, control = (
        load(folder / f"{seed}-{name}.json", folder / f"{seed}-{name}.npz") for name in ("with", "without")
    )
    return kept, played, control


def fire_stream(kept: PlantedShots) -> Stream:
    """Return the stream that a planted fire was played as."""
    return Stream(kept.truth.id, (Part(kept.truth, tuple(Path(f.file) for f in kept.truth.frames)),))


def _decided(
    model: Model, folder: Path, seed: int, background: Background, rules: Mapping[str, Manifest]
) -> Plant:
    kept, played, control = read_fire(folder, seed)
    stream = fire_stream(kept)
    horizon = None
    if model.bundle.manifest.horizon is not None:
        horizon = horizon_before(background.shots, kept.truth.ignition_epoch or 0.0)
    found, alerts, void = {}, {}, False
    for name, manifest in rules.items():
        one, other = (_finds(model, stream, recording, manifest, horizon) for recording in (played, control))
        found[name], alerts[name] = (
            mine if mine is not None and (theirs is None or theirs > mine) else None
            for mine, theirs in zip(one, other, strict=True)
        )
        if name == SHIPPED:
            void = one[0] is not None and found[name] is None
    fire = msgspec.convert(kept.fire, Fire)
    return Plant(
        seed=seed,
        background=kept.background,
        stream=kept.stream,
        condition=fire.condition,
        contrast=fire.contrast,
        colour=fire.colour,
        cut=fire.cut,
        small=fire.first_px < SMALL_PX,
        grey_levels=kept.grey_levels,
        bare=_bare(model, stream, played, control),
        found_s=found,
        alert_s=alerts,
        void=void,
    )


def _finds(
    model: Model, stream: Stream, recording: Recording, manifest: Manifest, horizon: Horizon | None
) -> tuple[float | None, float | None]:
    """Return when the fire was found, as an event and as an alert, seconds after ignition."""
    known = Known(horizon=copy.deepcopy(horizon))
    made = decided(model, stream.name, stream.shots(), recording, manifest, known=known)
    (day,) = judge(model, stream, recording, made.events, manifest)
    alerts = day.result.alerts
    return day.result.found_s, None if alerts is None else alerts.found_s


def _bare(model: Model, stream: Stream, played: Recording, control: Recording) -> bool:
    """Say whether the score finds the fire in any frame, without a rule."""
    manifest, sequence = model.bundle.manifest, stream.parts[0].truth
    size = cell_px(manifest, model, sequence)
    ours, theirs = _by_frame(played), _by_frame(control)
    for index, frame in enumerate(sequence.frames):
        if frame.boxes and index in ours and index in theirs:
            near = _near(frame.boxes, ours[index].shape, size, sequence)
            for number, label in enumerate(manifest.labels):
                threshold = manifest.thresholds.get(label)
                if threshold is None:
                    continue
                with_fire, without = ours[index][:, :, number][near], theirs[index][:, :, number][near]
                if with_fire.max() >= threshold.open > without.max():
                    return True
    return False


def _by_frame(recording: Recording) -> dict[int, NDArray[np.float32]]:
    scored: Iterator[int] = (i for i, seen in enumerate(recording.seen) if seen.cause is None)
    return dict(zip(scored, recording.maps, strict=True))


def _near(
    boxes: Sequence[tuple[float, float, float, float]],
    shape: tuple[int, ...],
    cell: tuple[float, float],
    sequence: TruthSequence,
) -> NDArray[np.bool_]:
    """Return (rows, cols): the cells within NEAR_CELLS of a box, on a grid that is centred over the picture."""
    rows, cols = shape[:2]
    if rows == cols == 1:
        return np.ones((1, 1), bool)
    left = sequence.width / 2 - cols * cell[0] / 2 + np.arange(cols) * cell[0]
    top = sequence.height / 2 - rows * cell[1] / 2 + np.arange(rows) * cell[1]
    near = np.zeros((rows, cols), bool)
    for x0, y0, x1, y1 in boxes:
        across = np.maximum(left - x1, x0 - left - cell[0]) <= NEAR_CELLS * cell[0]
        down = np.maximum(top - y1, y0 - top - cell[1]) <= NEAR_CELLS * cell[1]
        near |= down[:, None] & across[None, :]
    return near
