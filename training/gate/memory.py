"""What a memory of the hour brings and costs: openings of each stream, and planted fires, with it and without.

A planted fire is decided with what the frames of its stream before it taught. Where nothing of another day did, the
memory can neither help nor harm: such fires are counted apart.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from edge.detect.memory import Memory
from edge.model.loaded import Model
from edge.model.manifest import Manifest
from edge.model.memory import MemoryRule
from scoring import gate
from scoring.day import Day
from scoring.planted import Plant
from training.gate.decide import decided, judge
from training.gate.judged import Recorded
from training.gate.known import Known
from training.gate.plant import PlantedShots, fire_stream, read_fire
from training.gate.recording import Recording, from_files
from training.gate.stream import NS_PER_S, Shot
from training.step.provenance import commit, machine

SCHEMA: Literal["firetower.memory/1"] = "firetower.memory/1"


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One stream, decided one way.

    Attributes:
        openings: events that are false alarms by their opening.
        alarms: the same, counted again every 15 minutes while they stay open.
        open: of the watched frames without smoke, the share in which an event was open.
    """

    openings: int
    alarms: int
    open: float | None


class StreamRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stream.

    Attributes:
        days: on which it was seen, of UTC.
        held, released: plumes that the memory held back, and those of them that opened all the same.
        fewer: of the openings without it, the share that is gone with it; None where there were none.
    """

    name: str
    seen: bool
    accelerated: bool
    days: int
    frames: int
    off: Way
    on: Way
    held: int
    released: int
    fewer: float | None


class FireRow(msgspec.Struct, frozen=True, kw_only=True):
    """One planted fire.

    Attributes:
        lifted: whether the memory raised any threshold in any of its frames.
        off_s, on_s: when it was found, in seconds after ignition; None: not at all.
    """

    seed: int
    stream: str
    lifted: bool
    off_s: float | None
    on_s: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All of it.

    Attributes:
        found: planted fires found without a memory, with `lifted` ones alone in `found_lifted`.
        lost, lost_lifted: those of them that are not found with it.
        delay_s: how much later those are found in the mean that are lifted and found both ways; None: there are none.
    """

    schema: Literal["firetower.memory/1"]
    date: str
    commit: str | None
    machine: dict[str, Any]
    command: str
    bundle: str
    rule: dict[str, Any]
    streams: tuple[StreamRow, ...]
    planted: int
    found: int
    lost: int
    found_lifted: int
    lost_lifted: int
    delay_s: float | None
    fires: tuple[FireRow, ...]


def measure(
    model: Model,
    recorded: Sequence[Recorded],
    plants: Sequence[Plant],
    folders: Mapping[int, Path],
    command: str,
) -> Result:
    """Decide everything twice; the network is not asked.

    Args:
        model: that recorded the streams.
        recorded: all streams.
        plants: fires that were planted on them.
        folders: by seed of a fire, where its recordings are.
        command: for the result.
    """
    rule = model.bundle.manifest.memory or MemoryRule()
    off = msgspec.structs.replace(model.bundle.manifest, memory=None)
    on = msgspec.structs.replace(off, memory=rule)
    by_name = {one.stream.name: one for one in recorded}
    fires = tuple(_fire(model, by_name[one.stream], one.seed, folders[one.seed], (off, on)) for one in plants)
    found = [fire for fire in fires if fire.off_s is not None]
    lifted = [fire for fire in found if fire.lifted]
    later = [fire.on_s - fire.off_s for fire in lifted if fire.on_s is not None and fire.off_s is not None]
    return Result(
        schema=SCHEMA,
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        commit=commit(),
        machine=machine(),
        command=command,
        bundle=model.bundle.digest,
        rule=msgspec.structs.asdict(rule),
        streams=tuple(_stream(model, one, off, on) for one in recorded),
        planted=len(fires),
        found=len(found),
        lost=sum(fire.on_s is None for fire in found),
        found_lifted=len(lifted),
        lost_lifted=sum(fire.on_s is None for fire in lifted),
        delay_s=sum(later) / len(later) if later else None,
        fires=fires,
    )


def _stream(model: Model, one: Recorded, off: Manifest, on: Manifest) -> StreamRow:
    name, shots = one.stream.name, one.stream.shots()
    ways = []
    for manifest in (off, on):
        made = decided(model, name, shots, one.recording, manifest, luma=from_files(shots))
        ways.append(way_of(judge(model, one.stream, one.recording, made.events, manifest)))
    counted = made.hours.counted.get(name)
    without, with_it = ways
    return StreamRow(
        name=name,
        seen=any(part.seen for part in one.stream.parts),
        accelerated=one.stream.accelerated,
        days=len({shot.wall_ns // (86_400 * NS_PER_S) for shot in shots if shot.wall_ns is not None}),
        frames=len(one.recording.maps),
        off=without,
        on=with_it,
        held=0 if counted is None else counted.held,
        released=0 if counted is None else counted.released,
        fewer=1 - with_it.openings / without.openings if without.openings else None,
    )


def way_of(days: Sequence[Day]) -> Way:
    """Add up the days of one stream."""
    quiet = [frame for day in days for frame in day.frames if frame.quiet_s]
    return Way(
        openings=sum(one.counts > 0 for day in days for one in gate.openings_of(day, alerts=False)),
        alarms=sum(gate.false_alarms_of(day, alerts=False) for day in days),
        open=sum(frame.open for frame in quiet) / len(quiet) if quiet else None,
    )


def _fire(
    model: Model, stream: Recorded, seed: int, folder: Path, manifests: tuple[Manifest, Manifest]
) -> FireRow:
    kept, played, control = read_fire(folder, seed)
    planted = fire_stream(kept)
    shots = planted.shots()
    before = _taught(model, stream, shots[0], manifests[1])
    lifted = before is not None and any(
        shot.wall_ns is not None and before.lift(shot.wall_ns / NS_PER_S).any() for shot in shots
    )
    found = []
    for manifest in manifests:
        mine, theirs = (
            _found_s(model, kept, recording, manifest, copy.deepcopy(before))
            for recording in (played, control)
        )
        found.append(mine if mine is not None and (theirs is None or theirs > mine) else None)
    return FireRow(seed=seed, stream=stream.stream.name, lifted=lifted, off_s=found[0], on_s=found[1])


def _found_s(
    model: Model, kept: PlantedShots, recording: Recording, manifest: Manifest, memory: Memory | None
) -> float | None:
    stream = fire_stream(kept)
    made = decided(model, stream.name, stream.shots(), recording, manifest, known=Known(memory=memory))
    (day,) = judge(model, stream, recording, made.events, manifest)
    return day.result.found_s


def _taught(model: Model, one: Recorded, first: Shot, manifest: Manifest) -> Memory | None:
    """Return what the frames of a stream before a shot taught; None where there are none."""
    shots = [shot for shot in one.stream.shots() if shot.time_ns < first.time_ns]
    seen = one.recording.seen[: len(shots)]
    scored = sum(frame.cause is None for frame in seen)
    cut = Recording(seen, one.recording.maps[:scored], (), None)
    return decided(model, one.stream.name, shots, cut, manifest).hours.memory(one.stream.name)
