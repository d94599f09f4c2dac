"""Streams: the sequences of one camera in order of time, played one after the other without a reset."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from edge.frame import Frame
from scoring import truth
from scoring.truth import TruthSequence
from training.smoke.data.place import Place
from training.smoke.data.read import Dataset
from training.step.step import picture_digest

NS_PER_S = 1_000_000_000
UNTIMED_S = 60  # between frames that have no times; nothing per hour is told of them


@dataclass(frozen=True, slots=True)
class Part:
    """One sequence of a stream.

    Attributes:
        truth: of it.
        paths: of its frames.
        seen: whether the bundle was trained on its group, as far as is known.
        data: digest of the data that it comes from.
    """

    truth: TruthSequence
    paths: tuple[Path, ...]
    seen: bool = False
    data: str = ""


@dataclass(frozen=True, slots=True)
class Shot:
    """One due frame of a stream.

    Attributes:
        name: of the truth's frame.
        path: of its picture.
        time_ns: model time.
        size_px: (height, width) that the truth states.
        wall_ns: when it was taken, since 1970 UTC; None where nobody knows. It is not `time_ns` where frames are laid
            closer than they were taken.
    """

    name: str
    path: Path
    time_ns: int
    size_px: tuple[int, int]
    wall_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """Frames of one camera, in one piece of model time.

    Attributes:
        name: unlike those of all others.
        parts: in order of time.
    """

    name: str
    parts: tuple[Part, ...]

    @property
    def accelerated(self) -> bool:
        """Whether its frames are laid closer than they were taken."""
        return self.parts[0].truth.accelerated

    def shots(self) -> list[Shot]:
        """Return all due frames: each recorded one is."""
        return [shot for part in self.parts for shot in _shots(part)]

    def inputs(self) -> list[object]:
        """Return what its recording depends on, the pictures by their digests."""
        return [self.name, *shot_inputs(self.shots())]


def shot_inputs(shots: Iterable[Shot]) -> list[list[object]]:
    """Return what depends on frames must name of them: the pictures by their digests, not by names and sizes."""
    return [[shot.name, picture_digest(shot.path), shot.time_ns, shot.size_px] for shot in shots]


def hour_of(shots: Iterable[Shot]) -> Callable[[Frame], float | None]:
    """Return what says when a frame of some shots was taken, in seconds since 1970 UTC, for a memory of the hour."""
    taken = {shot.time_ns: None if shot.wall_ns is None else shot.wall_ns / NS_PER_S for shot in shots}
    return lambda frame: taken.get(frame.model_ns)


def _shots(part: Part) -> Iterator[Shot]:
    size_px = (part.truth.height, part.truth.width)
    for index, (frame, path) in enumerate(zip(part.truth.frames, part.paths, strict=True)):
        time_s = index * UNTIMED_S if frame.epoch is None else frame.epoch
        real_s = frame.epoch if frame.real_epoch is None else frame.real_epoch
        wall_ns = None if real_s is None else round(real_s * NS_PER_S)
        yield Shot(frame.name, path, round(time_s * NS_PER_S), size_px, wall_ns)


def parts_of(datasets: Sequence[Dataset], places: Mapping[str, Place] | None = None) -> list[Part]:
    """Return the sequences of several data sets; stills, in which no event can open, are left out.

    Args:
        datasets: as they were read.
        places: by camera, where it stands; they go before what the data or the built-in table say.
    Raises:
        ValueError: no sequence, one that comes twice, or a place of a camera that is not there.
    """
    places = places or {}
    parts: dict[str, Part] = {}
    for dataset in datasets:
        for sequence in dataset.sequences:
            if sequence.id in parts:
                raise ValueError(
                    f"{dataset.folder}: sequence '{sequence.id}' comes twice; give each folder once"
                )
            if is_still(sequence):
                continue
            if sequence.camera in places:
                latitude_deg, longitude_deg = places[sequence.camera]
                sequence = msgspec.structs.replace(  # noqa: PLW2901 — the same one, at its place
                    sequence, latitude_deg=latitude_deg, longitude_deg=longitude_deg
                )
            paths = tuple(dataset.folder / frame.file for frame in sequence.frames)
            parts[sequence.id] = Part(sequence, paths, data=dataset.digest)
    if not parts:
        where = ", ".join(str(dataset.folder) for dataset in datasets)
        raise ValueError(f"no sequence in {where}, only stills or nothing; an event needs frames in a row")
    cameras = {part.truth.camera for part in parts.values()}
    if unknown := sorted(set(places) - cameras):
        raise ValueError(
            f"--place: no sequence is of camera {', '.join(unknown)}; there are {', '.join(sorted(cameras))}"
        )
    return list(parts.values())


def is_still(sequence: TruthSequence) -> bool:
    """Say whether a sequence is a single picture without a time: no state has seen what was before it."""
    return len(sequence.frames) == 1 and not sequence.timed


TRAINED_ON = "trained_on"  # in a bundle's provenance: what it was trained on, as `trained_on` states it


def trained_on(parts: Sequence[Part]) -> dict[str, str]:
    """State what a bundle is trained on: a digest of each sequence's pictures, by its id."""
    return {part.truth.id: _pictures_digest(part) for part in parts}


def with_seen(parts: Sequence[Part], provenance: Mapping[str, object]) -> list[Part]:
    """Mark what a bundle was trained on: sequences that it names, or of the same pictures.

    Of a bundle that names none: of its own data all groups that it did not leave out.

    Args:
        parts: of any data.
        provenance: of the bundle's manifest; nothing is known of one that says nothing.
    """
    named = provenance.get(TRAINED_ON)
    if isinstance(named, dict):
        known = set(named.values())
        return [
            replace(part, seen=part.truth.id in named or _pictures_digest(part) in known) for part in parts
        ]
    data, left_out = provenance.get("data"), provenance.get("validation_groups")
    digest = data.get("sequences_json_sha256") if isinstance(data, dict) else None
    if digest is None or not isinstance(left_out, list | tuple):
        return list(parts)
    return [replace(part, seen=part.data == digest and part.truth.group not in left_out) for part in parts]


def _pictures_digest(part: Part) -> str:
    """Return a short digest of a sequence's pictures, in any order."""
    return hashlib.sha256("".join(sorted(map(picture_digest, part.paths))).encode()).hexdigest()[:16]


def streams(parts: Sequence[Part]) -> list[Stream]:
    """Put the sequences of each camera one after the other; those that overlap in time become streams of their own.

    Accelerated sequences are never joined to others, nor those without times.
    """
    lanes: dict[tuple[str, bool, str], list[list[Part]]] = {}
    for part in sorted(parts, key=lambda part: (part.truth.frames[0].epoch or 0.0, part.truth.id)):
        sequence = part.truth
        apart = "" if sequence.timed else sequence.id
        known = lanes.setdefault((sequence.camera, sequence.accelerated, apart), [])
        begin = sequence.frames[0].epoch or 0.0
        free = (lane for lane in known if (lane[-1].truth.frames[-1].epoch or 0.0) < begin)
        lane = None if apart else next(free, None)
        if lane is None:
            known.append([part])
        else:
            lane.append(part)
    made, names = [], set[str]()
    for (camera, _, _), several in lanes.items():
        for lane in several:
            name, number = camera, 1
            while name in names:
                number += 1
                name = f"{camera} ({number})"
            names.add(name)
            made.append(Stream(name, tuple(lane)))
    return made


def alone(part: Part, sequence: TruthSequence, name: str, order: Sequence[int]) -> Stream:
    """Return a stream of one sequence that was made from the frames of another.

    Args:
        part: whose frames.
        sequence: as many frames as `order`.
        name: of the stream.
        order: which frame of the part stands where.
    """
    paths = tuple(part.paths[index] for index in order)
    return Stream(name, (Part(sequence, paths, part.seen, part.data),))


def renamed(frame: truth.TruthFrame, index: int, epoch: float, **changes: object) -> truth.TruthFrame:
    """Return a frame at another place and time, under a name that no other of its sequence has."""
    return msgspec.structs.replace(
        frame, file=f"{index:05}_{frame.name}", epoch=epoch, offset_s=None, real_epoch=None, **changes
    )
