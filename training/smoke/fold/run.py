"""From data and a recipe to the result of a cross-validation; what is done is skipped."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scoring import gate
from scoring.day import Day
from scoring.gate import Figures, Report
from training.gate import judged, ledger, look, work
from training.gate.evaluate import METHOD as COUNTED
from training.gate.facts import data_of
from training.gate.folds import SCHEMA, FoldRow, RecipeFacts, Result
from training.gate.judged import Recorded
from training.gate.ledger import Look
from training.gate.stream import streams
from training.smoke.data.read import Dataset
from training.smoke.data.split import side_of
from training.smoke.fold.plan import Fold, plan
from training.smoke.fold.recipe import FoldRecipe
from training.smoke.fold.train import Trained, choose, train
from training.step.provenance import commit, machine
from training.step.workshop import Workshop

logger = logging.getLogger(__name__)

METHOD = {
    "folds": "fixed, by camera group, alike in views and then in frames",
    "quiet streams": "each left out once. A recipe that trains on none has one training side for all of them, so it is "
    "trained once and not again for each",
    "thresholds": "from inner folds of the training side, by groups",
    "bundle": "each fold's own INT8 bundle, through the daemon's pipeline",
    "left out": "by the digests of the pictures: a bundle, or anything that it was made from, is refused where one of "
    "them is left out",
    "pooled": "the days of all outer folds together; intervals by group and by camera-day",
}


@dataclass(frozen=True, slots=True)
class How:
    """What to do.

    Attributes:
        command: that asked for it, without this machine's folders.
        work: the folder of all steps.
        seed: of training and bootstraps.
        only: names of the folds to judge; all if empty.
        by_mast: all cameras of one mast are one group.
        processes: at work at once while judging.
        ledger: the file of looks.
    """

    command: str
    work: Path
    seed: int
    only: tuple[str, ...]
    by_mast: bool
    processes: int
    ledger: Path


def run(
    shop: Workshop, datasets: Sequence[Dataset], recipe: FoldRecipe, how: How
) -> tuple[Result, list[Trained]]:
    """Train and judge folds, pool them, and write the look into the ledger.

    Returns:
        The result, and each judged fold's bundle.

    Raises:
        LeakError: a bundle has seen what it would be judged on.
        ValueError: the data, a name in `only` or the ledger are unfit.
    """
    ledger.read(how.ledger)  # a broken one is told now, not after hours
    every = plan(datasets, by_mast=how.by_mast, trains_on_quiet=recipe.trains_on_quiet)
    folds = _chosen(every, how.only)
    recipe = choose(shop, every, recipe)
    made, rows, days = list[Trained](), list[FoldRow](), dict[str, tuple[Day, ...]]()
    for number, fold in enumerate(folds, 1):
        logger.info("fold %s (%d of %d): without %s", fold.name, number, len(folds), ", ".join(fold.groups))
        trained = train(shop, fold, recipe)
        began = time.monotonic()
        days[fold.name] = tuple(_judge(fold, trained, how))
        before = {one.key: row.name for one, row in zip(reversed(made), reversed(rows), strict=True)}
        seconds = round(time.monotonic() - began, 1)
        rows.append(_row(fold, trained, days[fold.name], before, recipe, seconds, how.seed))
        made.append(trained)
    return _result(datasets, recipe, how, rows, days, complete=len(folds) == len(every)), made


def _chosen(folds: Sequence[Fold], only: Sequence[str]) -> list[Fold]:
    known = [fold.name for fold in folds]
    if unknown := sorted(set(only) - set(known)):
        raise ValueError(f"no fold is called {', '.join(unknown)}; the folds are {', '.join(known)}")
    return [fold for fold in folds if not only or fold.name in only]


def _judge(fold: Fold, trained: Trained, how: How) -> list[Day]:
    some = streams(fold.held)
    tasks = [(trained.folder, None, how.work, stream) for stream in some]
    recordings = work.each(f"fold {fold.name}, streams", work.record_stream, tasks, how.processes)
    recorded = [Recorded(stream, one) for stream, one in zip(some, recordings, strict=True)]
    return judged.days_of(work.model_of(trained.folder, None), recorded)


def _row(
    fold: Fold,
    trained: Trained,
    days: Sequence[Day],
    before: dict[str, str],
    recipe: FoldRecipe,
    seconds: float,
    seed: int,
) -> FoldRow:
    fast = {day.accelerated for day in days}
    return FoldRow(
        name=fold.name,
        kind=fold.kind,
        left_out=side_of([part.truth for part in fold.held]),
        training=trained.training,
        saw_choice=_saw_choice(fold, recipe),
        bundle=trained.digest,
        same_bundle_as=before.get(trained.key),
        thresholds=trained.thresholds,
        seconds=trained.seconds,
        tries=trained.tries,
        judged_seconds=seconds,
        used=trained.used,
        report=gate.report(days, seed=seed) if False in fast else None,
        stress=gate.stress(days, seed=seed) if True in fast else None,
    )


def _saw_choice(fold: Fold, recipe: FoldRecipe) -> bool:
    """Say whether the choice of a recipe saw what a fold judges on."""
    if recipe.chosen_on == "nothing":
        return False
    if fold.kind == "quiet":
        return recipe.trains_on_quiet
    return recipe.chosen_on == "every fold" or fold.name != "1"


def _result(
    datasets: Sequence[Dataset],
    recipe: FoldRecipe,
    how: How,
    rows: Sequence[FoldRow],
    days: dict[str, tuple[Day, ...]],
    *,
    complete: bool,
) -> Result:
    outer = [row.name for row in rows if row.kind == "outer"]
    facts, date = facts_of(recipe), dt.datetime.now(dt.UTC).isoformat(timespec="seconds")

    def pooled(names: Sequence[str]) -> Report | None:
        return gate.report([day for name in names for day in days[name]], seed=how.seed) if names else None

    whole = pooled(outer)
    every = [day for some in days.values() for day in some]
    timed, laid = ([day for day in every if day.accelerated is fast] for fast in (False, True))
    looked = frozenset(place for dataset in datasets for place in dataset.looked)
    line = Look(
        schema=ledger.SCHEMA,
        date=date,
        commit=commit(),
        recipe=recipe.name,
        recipe_sha256=facts.sha256,
        seed=how.seed,
        by_mast=how.by_mast,
        folds=tuple(row.name for row in rows),
        data=tuple(dataset.digest for dataset in datasets),
        bundles=tuple(row.bundle for row in rows),
        figures=_headline(whole, rows),
    )
    before = ledger.append(how.ledger, line)
    return Result(
        schema=SCHEMA,
        date=date,
        commit=commit(),
        machine=machine(),
        command=how.command,
        seed=how.seed,
        by_mast=how.by_mast,
        method=METHOD | {name: COUNTED[name] for name in ("due", "false alarms", "watched", "capped delay")},
        recipe=facts,
        data=tuple(data_of(dataset, every) for dataset in datasets),
        folds=tuple(rows),
        complete=complete,
        pooled=whole,
        fold_1=pooled([name for name in outer if name == "1"]),
        others=pooled([name for name in outer if name != "1"]),
        looked=look.looked_of(timed, looked),
        stress_looked=look.looked_of(laid, looked),
        not_looked=tuple(look.not_looked(every, looked)),
        looks=ledger.looks_at(before, line.data),
        ledger=(*before, line),
        days=days,
    )


def facts_of(recipe: FoldRecipe) -> RecipeFacts:
    """Describe a recipe for a result."""
    stated = recipe.stated()
    return RecipeFacts(
        name=recipe.name,
        sha256=hashlib.sha256(msgspec.json.encode(stated, order="deterministic")).hexdigest(),
        stated=stated,
        trains_on_quiet=recipe.trains_on_quiet,
        chosen=recipe.chosen,
        chosen_on=recipe.chosen_on,
    )


def _headline(whole: Report | None, rows: Sequence[FoldRow]) -> dict[str, object]:
    """Return the few figures that a line of the ledger has."""
    figures: dict[str, object] = {}
    if whole is not None:
        figures["events"], figures["alerts"] = _few(whole.events), _few(whole.alerts)
    for row in rows:
        if row.kind == "quiet" and row.report is not None:
            figures[row.name] = {
                "events": _few(row.report.events),
                "alerts": _few(row.report.alerts),
            }
        if row.kind == "quiet" and row.stress is not None:
            figures[f"{row.name}, laid closer"] = {
                "openings": row.stress.events.openings.count,
                "alerts": row.stress.alerts.openings.count,
                "frames": row.stress.events.openings.exposure,
                "open": row.stress.events.open.value,
            }
    return figures


def _few(figures: Figures) -> dict[str, object]:
    views, fires = figures.found.views, figures.found.fires
    return {
        "views_found": [views.count, views.total],
        "fires_found": [fires.count, fires.total],
        "delay_min": figures.delay_min.value,
        "false_alarms_per_hour": figures.alarms.per_hour.value,
        "open": figures.open.value,
    }
