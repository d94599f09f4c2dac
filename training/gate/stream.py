"""Streams: the sequences of one camera in order of time, played one after the other without a reset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scoring import truth
from scoring.truth import TruthSequence
from training.step.step import sha256

NS_PER_S = 1_000_000_000
UNTIMED_S = 60  # between frames that have no times; nothing per hour is told of them


@dataclass(frozen=True, slots=True)
class Part:
    """One sequence of a stream.

    Attributes:
        truth: of it.
        paths: of its frames.
        seen: whether the bundle was trained on its group, as far as is known.
        data: sha256 of the truth's file that it comes from.
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
    """

    name: str
    path: Path
    time_ns: int
    size_px: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stream:
    """Frames of one camera, in one piece of model time.

    Attributes:
        name: unlike those of all others.
        parts: in order of time.
        place: (latitude, longitude) in degrees, where it is known.
    """

    name: str
    parts: tuple[Part, ...]
    place: tuple[float, float] | None = None

    @property
    def accelerated(self) -> bool:
        """Whether its frames are laid closer than they were taken."""
        return self.parts[0].truth.accelerated

    def shots(self) -> list[Shot]:
        """Return all due frames: each recorded one is."""
        return [shot for part in self.parts for shot in _shots(part)]

    def inputs(self) -> list[object]:
        """Return what its recording depends on, the pictures by their digests."""
        return [
            self.name,
            *([shot.name, sha256(shot.path), shot.time_ns, shot.size_px] for shot in self.shots()),
        ]


def _shots(part: Part) -> Iterator[Shot]:
    size_px = (part.truth.height, part.truth.width)
    for index, (frame, path) in enumerate(zip(part.truth.frames, part.paths, strict=True)):
        time_s = index * UNTIMED_S if frame.epoch is None else frame.epoch
        yield Shot(frame.name, path, round(time_s * NS_PER_S), size_px)


def read(folders: Sequence[Path]) -> list[Part]:
    """Read the truth of several folders.

    Raises:
        TruthError: a folder without truth, or a malformed one.
        ValueError: no sequence, or one that comes twice.
    """
    parts: dict[str, Part] = {}
    for folder in folders:
        sequences = truth.read(folder)
        digest = sha256(folder / truth.FILE_NAME)
        for sequence in sequences:
            if sequence.id in parts:
                raise ValueError(f"{folder}: sequence '{sequence.id}' comes twice; give each folder once")
            paths = tuple(folder / frame.file for frame in sequence.frames)
            parts[sequence.id] = Part(sequence, paths, data=digest)
    if not parts:
        raise ValueError(f"no sequence in {', '.join(map(str, folders))}; expected at least one")
    return list(parts.values())


def with_seen(parts: Sequence[Part], provenance: Mapping[str, object]) -> list[Part]:
    """Mark what a bundle was trained on: of its own data all groups that it did not leave out.

    Args:
        parts: of any data.
        provenance: of the bundle's manifest; nothing is known of one that says nothing.
    """
    data, left_out = provenance.get("data"), provenance.get("validation_groups")
    digest = data.get("sequences_json_sha256") if isinstance(data, dict) else None
    if digest is None or not isinstance(left_out, list | tuple):
        return list(parts)
    return [
        Part(part.truth, part.paths, part.data == digest and part.truth.group not in left_out, part.data)
        for part in parts
    ]


def streams(parts: Sequence[Part], places: Mapping[str, tuple[float, float]] | None = None) -> list[Stream]:
    """Put the sequences of each camera one after the other; those that overlap in time become streams of their own.

    Accelerated sequences are never joined to others, nor those without times.
    """
    places = places or {}
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
            made.append(Stream(name, tuple(lane), places.get(camera)))
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
