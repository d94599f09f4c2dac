"""From a bundle and folders of sequences to the result of the gate."""

from __future__ import annotations

import argparse
import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import BundleError
from edge.model.loaded import Model
from firmware_sim.scene.side import refuse_mix
from scoring import gate
from scoring.day import Day
from scoring.planted import Plant, planted
from training.gate import control, horizon, judged, ledger, look, memory, picture, plant, work
from training.gate.cost import costs_of
from training.gate.decide import decide
from training.gate.facts import data_of, split_of
from training.gate.folds import Result as Folds
from training.gate.folds import read as read_folds
from training.gate.judged import Controlled, Recorded
from training.gate.recording import from_files
from training.gate.result import SCHEMA, BundleFacts, DayRow, Result, StreamRow
from training.gate.stream import Part, Stream, parts_of, streams, with_seen
from training.smoke.data.read import Dataset, read_told
from training.step.provenance import commit, machine
from training.step.step import write_json

logger = logging.getLogger(__name__)

METHOD = {
    "due": "each recorded frame is due; days of one camera run on without a reset, at the data's own times",
    "false alarms": "an opening in no-smoke frames, counted again every 15 minutes while it is open",
    "watched": "a due frame that was scored, but not the first hits − 1 of them after the model's state began anew",
    "capped delay": "mean over views of min(delay after the first box, 30 minutes); a miss is 30",
    "night": "the sun more than 6° below the horizon; unknown where nobody says where the camera stands (--place, the "
    "data, or a few known cameras)",
    "planted": f"{plant.FRAMES} frames each; a find counts only where the same frames without the fire gave none by "
    "then; the horizon is that of its background's pictures before the ignition; a memory of the hour has no earlier "
    "day",
    "curve": "all thresholds move together; optimistic, since it is drawn on the judged frames",
}


@dataclass(frozen=True, slots=True)
class _Data:
    """What was read, how it was split, and cross-validations of the same recipe."""

    datasets: Sequence[Dataset]
    split: dict[str, Any] | None
    folds: tuple[Folds, ...]

    def looked(self) -> frozenset[tuple[str, str]]:
        return frozenset(place for dataset in self.datasets for place in dataset.looked)


def evaluate(options: argparse.Namespace) -> Result:
    """Measure a bundle.

    Args:
        options: of the command line.
    Raises:
        ValueError, OSError: the data or the bundle are unfit; one line each.
    """
    model = work.model_of(options.bundle, options.backend)
    _check(model)
    crossed = tuple(read_folds(path) for path in options.folds)
    datasets = list(read_told(options))
    _check_folds(options.folds, crossed, datasets)
    known = with_seen(parts_of(datasets, dict(options.place)), model.bundle.manifest.provenance)
    split = split_of(datasets, known)
    parts = _chosen(known, options)
    every = streams(parts)
    recorded = _recorded(options, every, "frames through the network")
    _same(model, recorded)
    plants, folders = _plants(options, every)
    days = judged.days_of(model, recorded)
    if options.memory is not None:
        write_json(options.memory, memory.measure(model, recorded, plants, folders, _command(options)))
    if options.horizon is not None:
        write_json(options.horizon, horizon.measure(model, recorded, plants, folders, _command(options)))
    made = [] if options.no_controls else _controls(options, model, parts)
    pictures = picture.draw_all(model, recorded, days, options.work / "pictures", folders, plants)
    return _result(options, model, _Data(datasets, split, crossed), recorded, days, plants, made, pictures)


def _check(model: Model) -> None:
    manifest = model.bundle.manifest
    if not manifest.thresholds:
        raise BundleError(
            f"{model.bundle.path}: no label has a threshold, so no event can open; import it with --alert LABEL=SCORE"
        )


def _check_folds(paths: Sequence[Path], crossed: Sequence[Folds], datasets: Sequence[Dataset]) -> None:
    known = {dataset.digest for dataset in datasets}
    for path, one in zip(paths, crossed, strict=True):
        if strange := [data.name for data in one.data if data.digest not in known]:
            raise ValueError(f"{path}: was measured on other data ({', '.join(strange)}) than --data names")


def _chosen(parts: list[Part], options: argparse.Namespace) -> list[Part]:
    if options.only:
        wanted = set(options.only.split(","))
        known = {part.truth.group for part in parts}
        if unknown := sorted(wanted - known):
            raise ValueError(
                f"no sequence has group {', '.join(unknown)}; the groups are {', '.join(sorted(known))}"
            )
        parts = [part for part in parts if part.truth.group in wanted]
    return parts


def _recorded(options: argparse.Namespace, some: Sequence[Stream], what: str) -> list[Recorded]:
    tasks = [(options.bundle, options.backend, options.work, stream) for stream in some]
    made = work.each(what, work.record_stream, tasks, options.processes)
    return [Recorded(stream, one) for stream, one in zip(some, made, strict=True)]


def _same(model: Model, recorded: Sequence[Recorded]) -> None:
    """See that the decision anew gives what the pipeline itself gave."""
    for one in recorded:
        shots = one.stream.shots()
        again = decide(model, one.stream.name, shots, one.recording, luma=from_files(shots))
        plain = [msgspec.structs.replace(event, id="") for event in one.recording.events]
        assert [msgspec.structs.replace(event, id="") for event in again] == plain, one.stream.name


def _plants(options: argparse.Namespace, every: Sequence[Stream]) -> tuple[list[Plant], dict[int, Path]]:
    """Return the planted fires, and by seed the folder with their pictures."""
    if not options.planted:
        return [], {}
    lots = plant.lots(every, options.planted)
    refuse_mix(plant.trained(every), plant.judging(lots))
    tasks = [(options.bundle, options.backend, options.work, lot) for lot in lots]
    made = work.each("planted fires, in lots", work.plant_lot, tasks, options.processes)
    folders = {one.seed: Path(folder) for plants, folder in made for one in plants}
    return [one for plants, _ in made for one in plants], folders


def _controls(options: argparse.Namespace, model: Model, parts: Sequence[Part]) -> list[Controlled]:
    listed = control.controls([part for part in parts if not part.seen], options.seed)
    recorded = _recorded(options, [one.stream for one in listed], "controls")
    found: dict[str, Controlled] = {}
    for one, again in zip(listed, recorded, strict=True):
        known = found.setdefault(one.kind, Controlled(one.kind, [], []))
        known.days.extend(judged.days_of(model, [again]))
        known.begun_s.append(one.begun_s)
    return list(found.values())


def _result(
    options: argparse.Namespace,
    model: Model,
    data: _Data,
    recorded: Sequence[Recorded],
    days: list[Day],
    plants: list[Plant],
    made: Sequence[Controlled],
    pictures: Sequence[str],
) -> Result:
    seed, unseen = options.seed, judged.unseen(days)
    looked = data.looked()
    rows = _streams(days, looked, seed)
    timed, laid = ([day for day in unseen if day.accelerated is fast] for fast in (False, True))
    return Result(
        schema=SCHEMA,
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        commit=commit(),
        machine=machine(),
        command=_command(options),
        seed=seed,
        looks=_looks(options, data.datasets),
        method=METHOD,
        bundle=_bundle(model),
        data=tuple(data_of(dataset, days) for dataset in data.datasets),
        split=data.split,
        looked=look.looked_of(timed, looked),
        stress_looked=look.looked_of(laid, looked),
        not_looked=tuple(look.not_looked(unseen, looked)),
        left_out=gate.report(unseen, seed=seed),
        trained_on=gate.report([day for day in days if day.seen], seed=seed),
        by_day=gate.half(unseen, night=False, seed=seed),
        by_night=gate.half(unseen, night=True, seed=seed),
        by_unknown=gate.half(unseen, night=None, seed=seed),
        stress=gate.stress(unseen, seed=seed),
        stress_by_day=gate.stress_half(unseen, night=False, seed=seed),
        stress_by_night=gate.stress_half(unseen, night=True, seed=seed),
        stress_by_unknown=gate.stress_half(unseen, night=None, seed=seed),
        streams=tuple(rows),
        worst=worst(rows),
        days=tuple(_day(day) for day in days),
        planted=planted(plants) if plants else None,
        controls=tuple(judged.controls(unseen, made, seed)),
        rules=tuple(judged.rules(model, recorded, plants, seed)),
        curve=tuple(judged.curve(model, recorded, plants, seed)),
        costs=costs_of(
            model.bundle, model.file.backend or "", options.budget, measure=not options.no_controls
        ),
        folds=data.folds,
        pictures=tuple(pictures),
        raw=tuple(days),
        plants=tuple(plants),
    )


def _streams(days: Sequence[Day], looked: frozenset[tuple[str, str]], seed: int) -> list[StreamRow]:
    rows = []
    for name in dict.fromkeys(day.stream for day in days):
        mine = [day for day in days if day.stream == name]
        fast = mine[0].accelerated
        for seen in sorted({day.seen for day in mine}):
            some = [day for day in mine if day.seen == seen]
            rows.append(
                StreamRow(
                    name=name,
                    camera=mine[0].camera,
                    groups=tuple(sorted({day.result.group for day in some})),
                    seen=seen,
                    report=None if fast else gate.report(some, seed=seed),
                    stress=gate.stress(some, seed=seed) if fast else None,
                    looked=look.looked_of(some, looked),
                )
            )
    return rows


def worst(rows: Sequence[StreamRow]) -> dict[str, str | None]:
    """Name the worst unseen streams: most false alarms an hour, longest open, least watched; None where none is bad."""

    def name(values: dict[str, float | None]) -> str | None:
        known = {stream: value for stream, value in values.items() if value}
        return max(known, key=lambda stream: known[stream], default=None)

    true = {row.name: row.report for row in rows if row.report is not None and not row.seen}
    unwatched = {
        row.name: 1 - (frames.value or 0.0)
        for row in rows
        if not row.seen
        and (whole := row.report or row.stress) is not None
        and (frames := whole.watched.frames)
    }
    return {
        "false alarms": name({s: r.events.alarms.per_hour.value for s, r in true.items()}),
        "false alarms, alerts": name({s: r.alerts.alarms.per_hour.value for s, r in true.items()}),
        "time open": name({s: r.events.open.value for s, r in true.items()}),
        "time open, alerts": name({s: r.alerts.open.value for s, r in true.items()}),
        "unwatched": name(dict(unwatched)),
    }


def _day(day: Day) -> DayRow:
    quiet = [frame for frame in day.frames if frame.quiet_s]
    boxed = day.result.boxed
    return DayRow(
        stream=day.stream,
        sequence=day.result.id,
        date=day.date,
        accelerated=day.accelerated,
        seen=day.seen,
        hours=0.0 if day.accelerated else round(day.quiet_h, 3),
        openings=gate.false_alarms_of(day, alerts=False),
        alerts=gate.false_alarms_of(day, alerts=True),
        open=sum(frame.open for frame in quiet) / len(quiet) if quiet else None,
        alert=sum(frame.alert for frame in quiet) / len(quiet) if quiet else None,
        found=gate.found_s_of(day, alerts=False) is not None if boxed else None,
        alerted=gate.found_s_of(day, alerts=True) is not None if boxed else None,
    )


def _bundle(model: Model) -> BundleFacts:
    manifest = model.bundle.manifest
    groups = manifest.provenance.get("validation_groups")
    return BundleFacts(
        name=manifest.name,
        version=manifest.version,
        digest=model.bundle.digest,
        backend=model.file.backend,
        localised=manifest.task == "cells",
        kind=manifest.kind,
        thresholds={
            label: {"open": one.open, "keep": one.keep} for label, one in manifest.thresholds.items()
        },
        confirmation=msgspec.structs.asdict(manifest.confirmation),
        alert=None if manifest.alert is None else msgspec.structs.asdict(manifest.alert),
        calm=None if manifest.calm is None else msgspec.structs.asdict(manifest.calm),
        left_out=tuple(map(str, groups)) if isinstance(groups, list | tuple) else None,
    )


def _looks(options: argparse.Namespace, datasets: Sequence[Dataset]) -> int | None:
    """Return how often these data were judged before; None where nobody said and there is no ledger."""
    if options.looks is not None or not options.ledger.exists():
        looks: int | None = options.looks
        return looks
    return ledger.looks_at(ledger.read(options.ledger), sorted({dataset.digest for dataset in datasets}))


def _command(options: argparse.Namespace) -> str:
    """Return the command line without the folders of this machine."""
    words = ["python -m training evaluate"]
    words += ["--bundle BUNDLE"] if options.bundle is not None else []
    words += [f"--data {folder.name}" for folder in options.data]
    words += [f"--kind {options.kind}"] if options.kind else []
    words += [f"--groups {options.groups.name}"] if options.groups else []
    words += [f"--smoke-after-s {options.smoke_after_s:g}"] if options.smoke_after_s is not None else []
    words += [f"--smoke-class {name}" for name in options.smoke_class]
    words += [f"--corrections {options.corrections.name}"] if options.corrections else []
    words += [f"--place {name}={lat:g},{lon:g}" for name, (lat, lon) in options.place]
    words += [f"--only {options.only}"] if options.only else []
    words += [f"--planted {options.planted}", f"--seed {options.seed}"]
    words += [f"--folds {path.name}" for path in options.folds]
    words += [f"--memory {options.memory.name}"] if options.memory is not None else []
    words += [f"--horizon {options.horizon.name}"] if options.horizon is not None else []
    words += ["--no-controls"] if options.no_controls else []
    return " ".join(words)
