"""The result of `python -m training evaluate`: every figure, and every raw value that it was counted from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from scoring.day import Day
from scoring.gate import Estimate, NightReport, Report, StressReport
from scoring.planted import Plant, Planted
from scoring.statistic import Share
from training.gate import file
from training.gate.facts import DataFacts
from training.gate.folds import Result as Folds
from training.gate.look import Alarm, Looked

SCHEMA = "firetower.gate/1.0"


class BundleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which bundle was judged.

    Attributes:
        backend: that ran it.
        localised: whether it says where; a classifier does not: what it finds stands in `anywhere` alone.
        thresholds, confirmation, alert, calm: the operating point, as in the manifest.
        left_out: groups that it was not trained on, as its manifest says; None where it does not.
    """

    name: str
    version: str
    digest: str
    backend: str | None
    localised: bool
    kind: str
    thresholds: dict[str, dict[str, float]]
    confirmation: dict[str, int]
    alert: dict[str, Any] | None
    left_out: tuple[str, ...] | None
    calm: dict[str, Any] | None = None


class StreamRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stream: `report` of true times, else `stress`; how many of its false alarms were looked at."""

    name: str
    camera: str
    groups: tuple[str, ...]
    seen: bool
    report: Report | None
    stress: StressReport | None
    looked: Looked


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """One sequence.

    Attributes:
        hours: watched, without smoke.
        open, alert: share of its watched frames without smoke in which one was open; None without such.
        openings, alerts: false alarms, recounted.
        found, alerted: whether the fire was found, by a classifier in the whole frame; None where that cannot be
            judged.
    """

    stream: str
    sequence: str
    date: str
    accelerated: bool
    seen: bool
    hours: float
    openings: int
    alerts: int
    open: float | None
    alert: float | None
    found: bool | None
    alerted: bool | None


class ControlRow(msgspec.Struct, frozen=True, kw_only=True):
    """One control.

    Attributes:
        report: of its sequences, None where it made no sequence anew.
        auc: of the frames' scores.
        within_15: boxed views found within 15 minutes of the first frame, as an event; of controls that begin in smoke.
        alerted_within_15: the same, as an alert.
        f1: of frames.
    """

    name: str
    report: Report | None
    auc: float | None
    within_15: Share | None
    alerted_within_15: Share | None
    f1: float | None


class RuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """The decision with a rule off: on the real data, and how many planted fires it finds."""

    name: str
    report: Report
    stress: StressReport
    planted_events: Share | None
    planted_alerts: Share | None


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One threshold of the curve; optimistic, since whoever chooses one here has seen these frames.

    Attributes:
        by: logits by which all thresholds moved.
        delay_min, fires, alert_delay_min, alert_fires: localised, of a classifier anywhere.
    """

    by: float
    delay_min: float | None
    alert_delay_min: float | None
    fires: Share
    alert_fires: Share
    alarms: Estimate
    alert_alarms: Estimate
    planted: Share | None
    alert_planted: Share | None


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What an inference costs; None where it was not measured.

    Attributes:
        rss_bytes: resident after ten inferences, less resident before the runtime was imported; median of processes.
        instructions: of one inference, by emulated board, counted by `python -m arm64 instructions` with this bundle.
    """

    rss_bytes: int | None
    instructions: dict[str, int] | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle on some data, at its operating point.

    Attributes:
        method: how things were counted, by name.
        looks: how often these data had been judged before; None: it was not said.
        split: what was trained on and what was left out, by `split.record`; None where no sequence was trained on.
        looked, stress_looked: how many false alarms of `left_out` and of `stress` somebody looked at.
        not_looked: those that nobody did, of both.
        left_out, trained_on: at true times; what the bundle saw in training is apart, and optimistic.
        stress: accelerated streams, all of them unseen.
        worst: names of streams at true times, by what they are worst in.
        days: sequences, for people; `raw` has the scorer's own results.
        costs: of an inference.
        folds: cross-validations of the recipe that made it, as `cross-validate` wrote them.
        pictures: of misses and false alarms, in an ignored folder: file names.
    """

    schema: str
    date: str
    commit: str | None
    machine: dict[str, Any]
    command: str
    seed: int
    looks: int | None
    method: dict[str, str]
    bundle: BundleFacts
    data: tuple[DataFacts, ...]
    split: dict[str, Any] | None
    looked: Looked
    stress_looked: Looked
    not_looked: tuple[Alarm, ...]
    left_out: Report
    trained_on: Report
    by_day: NightReport
    by_night: NightReport
    by_unknown: NightReport
    stress: StressReport
    stress_by_day: StressReport
    stress_by_night: StressReport
    stress_by_unknown: StressReport
    streams: tuple[StreamRow, ...]
    worst: dict[str, str | None]
    days: tuple[DayRow, ...]
    planted: Planted | None
    controls: tuple[ControlRow, ...]
    rules: tuple[RuleRow, ...]
    curve: tuple[Point, ...]
    costs: Costs
    folds: tuple[Folds, ...]
    pictures: tuple[str, ...]
    raw: tuple[Day, ...]
    plants: tuple[Plant, ...]


def read(path: Path) -> Result:
    """Read and check one file.

    Raises:
        OSError, ValueError: as `file.read`.
    """
    return file.read(path, Result, SCHEMA, "evaluate")
