"""What a horizon brings and costs: each stream, and planted fires, decided with it and without.

A stream's horizon is found in its pictures as the daemon finds it. A planted fire goes on with the one that the
pictures of its stream up to its ignition gave; where they gave none, the horizon can neither help nor harm.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from edge.detect.horizon import Horizon
from edge.model.horizon import HorizonRule
from edge.model.loaded import Model
from edge.model.manifest import Manifest
from scoring import gate
from scoring.day import Day
from scoring.planted import Plant
from training.gate.decide import Decided, decided, judge
from training.gate.judged import Recorded
from training.gate.known import Known, horizon_before
from training.gate.plant import PlantedShots, fire_stream, read_fire
from training.gate.recording import Recording, from_files
from training.step.provenance import commit, machine

SCHEMA: Literal["firetower.horizon/1"] = "firetower.horizon/1"
RULE = HorizonRule(above=4, below=10, rise=1.0)  # where the bundle has none


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One stream, decided one way; of all events, and of those that became alerts.

    Attributes:
        openings: events that are false alarms by their opening.
        alarms, alert_alarms: false alarms, counted again every 15 minutes while they stay open.
        found, alert_found: views with boxes that were found.
    """

    openings: int
    alarms: int
    alert_alarms: int
    found: int
    alert_found: int


class StreamRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stream.

    Attributes:
        frames, banded: scored ones, and those of them in which a horizon was known.
        views: with boxes.
        held: plumes that the horizon held back.
    """

    name: str
    seen: bool
    accelerated: bool
    frames: int
    banded: int
    views: int
    held: int
    off: Way
    on: Way


class FireRow(msgspec.Struct, frozen=True, kw_only=True):
    """One planted fire.

    Attributes:
        banded: whether there was a horizon.
        off_s, on_s: when it was found, in seconds after ignition; None: not at all.
    """

    seed: int
    stream: str
    banded: bool
    off_s: float | None
    on_s: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All of it.

    Attributes:
        cameras, known: streams, and those with a horizon at any time.
        found, lost: planted fires found without a horizon, and those of them that are not found with it.
        delay_s: how much later those are found in the mean that have a horizon and are found both ways; None: there
            are none.
    """

    schema: Literal["firetower.horizon/1"]
    date: str
    commit: str | None
    machine: dict[str, Any]
    command: str
    bundle: str
    rule: HorizonRule
    cameras: int
    known: int
    streams: tuple[StreamRow, ...]
    planted: int
    found: int
    lost: int
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
        recorded: all streams, whose pictures are read.
        plants: fires that were planted on them.
        folders: by seed of a fire, where its recordings are.
        command: for the result.
    Raises:
        ValueError: the rule does not fit the bundle, or a picture is not what the truth says.
    """
    rule = model.bundle.manifest.horizon or RULE
    off = msgspec.structs.replace(model.bundle.manifest, horizon=None)
    on = msgspec.structs.replace(off, horizon=rule)
    streams = tuple(_stream(model, one, off, on) for one in recorded)
    by_name = {one.stream.name: one for one in recorded}
    fires = tuple(_fire(model, by_name[one.stream], one.seed, folders[one.seed], off, on) for one in plants)
    found = [fire for fire in fires if fire.off_s is not None]
    later = [
        fire.on_s - fire.off_s
        for fire in found
        if fire.banded and fire.on_s is not None and fire.off_s is not None
    ]
    return Result(
        schema=SCHEMA,
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        commit=commit(),
        machine=machine(),
        command=command,
        bundle=model.bundle.digest,
        rule=rule,
        cameras=len(streams),
        known=sum(one.banded > 0 for one in streams),
        streams=streams,
        planted=len(fires),
        found=len(found),
        lost=sum(fire.on_s is None for fire in found),
        delay_s=sum(later) / len(later) if later else None,
        fires=fires,
    )


def _stream(model: Model, one: Recorded, off: Manifest, on: Manifest) -> StreamRow:
    shots = one.stream.shots()

    def decide(manifest: Manifest) -> tuple[Decided, list[Day]]:
        made = decided(model, one.stream.name, shots, one.recording, manifest, luma=from_files(shots))
        return made, judge(model, one.stream, one.recording, made.events, manifest)

    (_, without), (made, with_it) = decide(off), decide(on)
    return StreamRow(
        name=one.stream.name,
        seen=any(part.seen for part in one.stream.parts),
        accelerated=one.stream.accelerated,
        frames=len(one.recording.maps),
        banded=made.banded,
        views=sum(day.result.boxed for day in without),
        held=made.held,
        off=_way(without),
        on=_way(with_it),
    )


def _way(days: Sequence[Day]) -> Way:
    boxed = [day for day in days if day.result.boxed]
    alarms, alert_alarms = (
        sum(gate.false_alarms_of(day, alerts=alerts) for day in days) for alerts in (False, True)
    )
    found, alert_found = (
        sum(gate.found_s_of(day, alerts=alerts) is not None for day in boxed) for alerts in (False, True)
    )
    return Way(
        openings=sum(one.counts > 0 for day in days for one in gate.openings_of(day, alerts=False)),
        alarms=alarms,
        alert_alarms=alert_alarms,
        found=found,
        alert_found=alert_found,
    )


def _fire(model: Model, stream: Recorded, seed: int, folder: Path, off: Manifest, on: Manifest) -> FireRow:
    kept, played, control = read_fire(folder, seed)
    until_s = kept.truth.ignition_epoch or 0.0
    horizon = horizon_before(stream.stream.shots(), until_s, stream.recording.seen)
    found = []
    for manifest in (off, on):
        mine, theirs = (
            _found_s(model, kept, recording, manifest, copy.deepcopy(horizon))
            for recording in (played, control)
        )
        found.append(mine if mine is not None and (theirs is None or theirs > mine) else None)
    banded = horizon.line is not None
    return FireRow(seed=seed, stream=stream.stream.name, banded=banded, off_s=found[0], on_s=found[1])


def _found_s(
    model: Model, kept: PlantedShots, recording: Recording, manifest: Manifest, horizon: Horizon
) -> float | None:
    stream = fire_stream(kept)
    made = decided(model, stream.name, stream.shots(), recording, manifest, known=Known(horizon=horizon))
    (day,) = judge(model, stream, recording, made.events, manifest)
    return day.result.found_s
