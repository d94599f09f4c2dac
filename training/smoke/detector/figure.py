"""What a bundle and its card say in figures: what its point gave on held-out folds, and what the folds' bundles did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from scoring import gate
from scoring.statistic import Share
from training.gate.arm import Arm, Run, load, without_seed
from training.smoke.data.read import Dataset
from training.smoke.data.split import side_of
from training.smoke.fold.plan import Fold
from training.smoke.fold.recipe import FoldRecipe
from training.smoke.lesson.point import Figures, Point

METHOD = (
    "the daemon's decision over score maps of real sequences, each by the student of a fold that had not seen its "
    "camera group; the thresholds were chosen on these maps, so the figures are optimistic; streams laid closer set no "
    "threshold"
)
NIGHT = "not validated at night"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates or alerts of the bundles of the outer folds, one seed.

    Attributes:
        views, fires: found, exact.
        false_alarms, hours: recounted, in so many watched hours without smoke.
        delay_min: mean capped delay after the first box.
    """

    views: Share
    fires: Share
    false_alarms: float
    hours: float
    delay_min: float | None


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates or alerts on one left-out quiet stream, one seed.

    Attributes:
        false_alarms, exposure, unit: so many in so many watched hours; of a stream that is laid closer, openings in
            watched frames.
        open: share of these with one open.
    """

    false_alarms: float
    exposure: float
    unit: str
    open: float | None


class SeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One seed of a cross-validation; the quiet streams by name."""

    seed: int
    candidates: Told
    alerts: Told
    quiet_candidates: dict[str, Quiet]
    quiet_alerts: dict[str, Quiet]


def of_folds(
    paths: Sequence[Path], recipe: FoldRecipe, folds: Sequence[Fold], datasets: Sequence[Dataset]
) -> tuple[SeedRow, ...]:
    """Read results of a cross-validation and see that they are of these folds, data and recipe, whatever their seeds.

    Args:
        paths: of its files; nothing if empty.
        recipe: of the bundle.
        folds: all of them.
        datasets: all of them.

    Raises:
        OSError, ValueError: as `training.gate.arm.load`; another recipe, other data, or a fold is missing.
    """
    if not paths:
        return ()
    arm = load(paths)
    stated = without_seed(msgspec.json.decode(msgspec.json.encode(recipe.stated())))
    if arm.stated != stated:
        raise ValueError(
            f"--folds: the files are of another recipe ('{arm.name}', not '{recipe.name}') or of other settings"
        )
    given = sorted((one.digest, one.corrected) for one in arm.first.data)
    if given != sorted((one.digest, one.corrected) for one in datasets):
        raise ValueError("--folds: the files are of other data; name the same --data as `cross-validate` had")
    for fold in folds:
        row = arm.rows.get(fold.name)
        if row is None or row.left_out != side_of([part.truth for part in fold.held]):
            raise ValueError(f"--folds: the files lack fold {fold.name}, or it leaves out other groups")
    return _rows(arm)


def _rows(arm: Arm) -> tuple[SeedRow, ...]:
    return tuple(_row(seed, run) for seed, run in arm.runs.items())


def _row(seed: int, run: Run) -> SeedRow:
    whole = gate.report(run.of("outer"), seed=seed)
    return SeedRow(
        seed=seed,
        candidates=_told(whole.events),
        alerts=_told(whole.alerts),
        quiet_candidates=_quiet(run, alerts=False),
        quiet_alerts=_quiet(run, alerts=True),
    )


def _told(figures: gate.Figures) -> Told:
    return Told(
        views=figures.found.views,
        fires=figures.found.fires,
        false_alarms=figures.alarms.per_hour.count,
        hours=figures.alarms.per_hour.exposure,
        delay_min=figures.delay_min.value,
    )


def _quiet(run: Run, *, alerts: bool) -> dict[str, Quiet]:
    found = {}
    for name, row in run.rows.items():
        if row.kind != "quiet":
            continue
        if row.report is not None:
            timed = row.report.alerts if alerts else row.report.events
            found[name] = _one(timed.alarms.per_hour, "watched hours", timed.open.value)
        if row.stress is not None:
            laid = row.stress.alerts if alerts else row.stress.events
            found[f"{name}, laid closer"] = _one(laid.openings, "watched frames", laid.open.value)
    return found


def _one(counted: gate.Estimate, unit: str, share: float | None) -> Quiet:
    return Quiet(false_alarms=counted.count, exposure=counted.exposure, unit=unit, open=share)


def metrics_of(point: Point, rows: Sequence[SeedRow]) -> dict[str, Any]:
    """Return what the manifest says was measured: the false alarms to be expected, with their exposure.

    Args:
        point: chosen on the held-out folds.
        rows: of the folds' own bundles.
    """
    return {
        "method": METHOD,
        "night": NIGHT,
        "expected": {"candidates": _expected(point.candidates), "alerts": _expected(point.alerts)},
        "within_limits": point.within,
        "bundles_of_folds": msgspec.to_builtins(rows),
    }


def _expected(figures: Figures) -> dict[str, Any]:
    return {
        "false_alarms_before_fires": figures.before,
        "hours_before_fires": round(figures.before_h, 2),
        "false_alarms_on_quiet_streams": figures.quiet,
        "hours_on_quiet_streams": round(figures.quiet_h, 2),
        "views_found": figures.found,
        "views": figures.views,
        "capped_delay_min": None if figures.delay_min is None else round(figures.delay_min, 2),
    }
