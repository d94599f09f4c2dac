"""One arm of a comparison: results of `cross-validate`, joined by seed, and what makes two arms comparable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from scoring.day import Day
from training.gate.folds import FoldRow, Result, read
from training.smoke.data.split import OUTER_FOLDS

_SEED = "seed"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One file.

    Attributes:
        file: its name, without the folder.
        looks: how often its data had been judged in outer folds before.
    """

    file: str
    seed: int
    folds: tuple[str, ...]
    recipe_sha256: str
    commit: str | None
    date: str
    looks: int


@dataclass(frozen=True, slots=True)
class Run:
    """One seed over all folds that its files hold: rows and days by the name of the fold."""

    rows: Mapping[str, FoldRow]
    days: Mapping[str, tuple[Day, ...]]

    def of(self, kind: str) -> list[Day]:
        """Return the days of all `outer` or all `quiet` folds."""
        return [day for name, row in self.rows.items() if row.kind == kind for day in self.days[name]]


@dataclass(frozen=True, slots=True)
class Arm:
    """One recipe, several seeds.

    Attributes:
        name: of the recipe.
        stated: by the recipe, without its seed.
        steps: of the optimizer, as the recipe states them.
        trials: of tuning, as the recipe states them.
        runs: by seed, in order; all over the same folds.
    """

    name: str
    stated: dict[str, Any]
    steps: int
    trials: int
    runs: Mapping[int, Run]
    sources: tuple[Source, ...]
    first: Result

    @property
    def rows(self) -> Mapping[str, FoldRow]:
        """The rows of the first seed, by fold."""
        return next(iter(self.runs.values())).rows


def load(paths: Sequence[Path]) -> Arm:
    """Read the files of an arm and join those of one seed.

    Args:
        paths: results of `cross-validate`, in any order.
    Raises:
        OSError: a file cannot be read.
        ValueError: as `join`, or a file is no such result.
    """
    return join([(path.name, read(path)) for path in paths])


def join(results: Sequence[tuple[str, Result]]) -> Arm:
    """Join the results of an arm.

    Args:
        results: (name of the file, result).
    Raises:
        ValueError: none, files of different recipes, data or ways of counting, a fold twice, seeds over different
            folds, or a recipe that does not state its steps and trials.
    """
    if not results:
        raise ValueError("an arm without a result of `python -m training cross-validate`; name at least one")
    (named, first), *others = results
    for name, one in others:
        _same(f"{name} and {named}", _alike(one), _alike(first))
    rows: dict[int, dict[str, FoldRow]] = {}
    days: dict[int, dict[str, tuple[Day, ...]]] = {}
    for name, one in results:
        known = rows.setdefault(one.seed, {})
        for row in one.folds:
            if row.name in known:
                raise ValueError(f"{name}: fold {row.name} of seed {one.seed} comes twice; name each once")
            known[row.name] = row
        days.setdefault(one.seed, {}).update(one.days)
    runs = {seed: Run(_ordered(rows[seed]), days[seed]) for seed in sorted(rows)}
    start = next(iter(runs))
    for seed, run in runs.items():
        _same(f"{named}: seeds {seed} and {start}", _sides(run.rows), _sides(runs[start].rows))
    stated = without_seed(first.recipe.stated)
    return Arm(
        name=first.recipe.name,
        stated=stated,
        steps=_stated(stated, "steps", named),
        trials=_stated(stated, "trials", named),
        runs=runs,
        sources=tuple(_source(name, one) for name, one in results),
        first=first,
    )


def check_fair(a: Arm, b: Arm) -> None:
    """See that two arms differ in their recipe, and in nothing else that could make one the better.

    Raises:
        ValueError: they are the same recipe, or differ in data, ways of counting, folds, seeds, steps or trials.
    """
    if a.stated == b.stated:
        raise ValueError(
            f"both arms are the same recipe ('{a.name}'); name the files of another one with --b"
        )
    mine, others = _alike(a.first), _alike(b.first)
    for one in (mine, others):
        del one["recipe"]
    mine |= {"seeds": list(a.runs), "steps": a.steps, "trials": a.trials} | _sides(a.rows)
    others |= {"seeds": list(b.runs), "steps": b.steps, "trials": b.trials} | _sides(b.rows)
    _same("the arms", mine, others)


def missing(arm: Arm) -> list[str]:
    """Name the outer folds that an arm lacks."""
    return [name for number in range(1, OUTER_FOLDS + 1) if (name := str(number)) not in arm.rows]


def _same(who: str, mine: Mapping[str, object], others: Mapping[str, object]) -> None:
    """Refuse what differs, by name.

    Raises:
        ValueError: something does.
    """
    if mine.keys() != others.keys():
        only = sorted(mine.keys() ^ others.keys())
        raise ValueError(f"{who}: {', '.join(only)} on one side alone; both must hold the same folds")
    for what, value in mine.items():
        if value != others[what]:
            raise ValueError(f"{who} differ in {what}: {_short(value)} against {_short(others[what])}")


def _alike(one: Result) -> dict[str, object]:
    """Return what all files of a comparison share, and of an arm the recipe."""
    return {
        "data": sorted((data.digest, data.corrected) for data in one.data),
        "groups by mast": one.by_mast,
        "ways of counting": one.method,
        "recipe": without_seed(one.recipe.stated),
    }


def _sides(rows: Mapping[str, FoldRow]) -> dict[str, object]:
    """Return both sides of each fold; training sides are the same where both recipes may train on quiet streams."""
    return {
        f"fold {name}": (row.kind, row.left_out.ids_sha256, row.training.ids_sha256)
        for name, row in rows.items()
    }


def _ordered(rows: dict[str, FoldRow]) -> dict[str, FoldRow]:
    """Put outer folds first, each kind by name, whatever the order of the files."""
    return dict(sorted(rows.items(), key=lambda item: (item[1].kind != "outer", item[0])))


def without_seed(stated: Any) -> Any:  # noqa: ANN401 — what a recipe states is JSON of any shape
    """Return what a recipe states, without its seeds: what all seeds of an arm share."""
    if isinstance(stated, dict):
        return {name: without_seed(value) for name, value in stated.items() if name != _SEED}
    return [without_seed(value) for value in stated] if isinstance(stated, list) else stated


def _stated(stated: Mapping[str, Any], name: str, file: str) -> int:
    """Return a number that a recipe states of itself, at the top or among its settings."""
    settings = stated.get("settings")
    places: Iterator[Any] = (place for place in (stated, settings) if isinstance(place, Mapping))
    found = next((place[name] for place in places if name in place), None)
    if type(found) is not int:
        raise ValueError(
            f"{file}: its recipe states no number of {name}; a comparison needs it in `stated`, or in its `settings`"
        )
    return found


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:120]}…"


def _source(name: str, one: Result) -> Source:
    return Source(
        file=name,
        seed=one.seed,
        folds=tuple(row.name for row in one.folds),
        recipe_sha256=one.recipe.sha256,
        commit=one.commit,
        date=one.date,
        looks=one.looks,
    )
