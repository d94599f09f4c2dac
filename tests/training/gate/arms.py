"""Results of two arms made by hand: five outer folds of one camera group each, and two quiet streams."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import msgspec

from scoring import gate
from scoring.day import Day
from scoring.score import Alerts
from tests.scoring.test_gate import day
from training.gate.facts import DataFacts
from training.gate.folds import SCHEMA, FoldRow, RecipeFacts, Result
from training.gate.look import Count, Looked
from training.smoke.data.split import Side

MISS = None
NOBODY = Looked(quiet=Count(alarms=0, looked=0), others=Count(alarms=0, looked=0))
BURNING = ("1", "2", "3", "4", "5")


def view(name: str, group: str, candidate: int | None, alert: int | None) -> Day:
    """A view found so many minutes after its first box; before it three minutes without smoke."""
    labels, at = "nnn" + "s" * 45, () if candidate is None else ((3 + candidate,),)
    made = day(labels, *at, name=name, stream=f"cam-{group}")
    found_s = None if alert is None else 60.0 * alert
    result = msgspec.structs.replace(
        made.result, group=group, fire=f"fire-{name}",
        alerts=Alerts(found_s=found_s, found_any_s=found_s, openings=()),
    )  # fmt: skip
    return msgspec.structs.replace(made, camera=f"cam-{group}", result=result)


def quiet(name: str, openings: int, *, accelerated: bool = False) -> Day:
    """An hour without smoke, with short openings that become alerts at once."""
    made = day("n" * 60, *((1 + 4 * i, 3 + 4 * i) for i in range(openings)), name=name, stream=name)
    return msgspec.structs.replace(made, camera=name, accelerated=accelerated)


def side(ids: Sequence[str]) -> Side:
    return Side(tuple(ids), len(ids), len(ids), 48, hashlib.sha256(" ".join(ids).encode()).hexdigest())


def row(name: str, days: Sequence[Day], *, kind: str = "outer", bundle: str = "b") -> FoldRow:
    held = sorted(one.result.id for one in days)
    timed = any(not one.accelerated for one in days)
    return FoldRow(
        name=name, kind=kind, left_out=side(held), training=side([f"not {one}" for one in held]), saw_choice=False,
        bundle=bundle, same_bundle_as=None, thresholds={"smoke": {"open": 1.0, "keep": 0.0}}, seconds=1.0, tries=1,
        judged_seconds=1.0, used={}, report=gate.report(days, draws=9) if timed else None,
        stress=None if timed else gate.stress(days, draws=9),
    )  # fmt: skip


def result(
    recipe: str,
    seed: int,
    days: Mapping[str, Sequence[Day]],
    *,
    steps: int = 400,
    trials: int | None = 12,
    **more,
) -> Result:
    """One seed of a recipe; folds whose name is no number leave a quiet stream out."""
    stated: dict[str, object] = {"name": recipe, "settings": {"steps": steps, "seed": seed}}
    stated |= {} if trials is None else {"trials": trials}
    rows = tuple(
        row(name, some, kind="outer" if name.isdigit() else "quiet", bundle=f"{recipe}-{seed}-{name}")
        for name, some in days.items()
    )
    values = {
        "schema": SCHEMA, "date": "2026-01-01", "commit": "c" * 40, "machine": {}, "command": "", "seed": seed,
        "by_mast": False, "method": {"capped delay": "a miss is 30"}, "folds": rows, "complete": True,
        "recipe": RecipeFacts(
            name=recipe, sha256=hashlib.sha256(json.dumps(stated).encode()).hexdigest(), stated=stated,
            trains_on_quiet=True, chosen="", chosen_on="nothing",
        ),
        "data": (DataFacts(
            name="fires", kind="sequences", digest="d" * 64, sequences=1, frames=1, left_out={}, corrected=0,
            looks=0, passed={},
        ),),
        "pooled": None, "fold_1": None, "others": None, "looked": NOBODY, "stress_looked": NOBODY,
        "not_looked": (), "looks": 3, "ledger": (), "days": {name: tuple(some) for name, some in days.items()},
    }  # fmt: skip
    return Result(**values | more)


def folds(
    delays: Sequence[int | None], *, later: int = 0, openings: int = 0, fast: int = 0
) -> dict[str, list[Day]]:
    """One view a fold, of a group of its own; a quiet hour, and one laid closer.

    Args:
        delays: minutes to the alert of each fold's view; None: missed.
        later: minutes from candidate to alert.
        openings: in the quiet hour.
        fast: in the one laid closer.
    """
    views = {
        name: [view(f"v{name}", f"g{name}", None if late is None else late - later, late)]
        for name, late in zip(BURNING, delays, strict=False)
    }
    return views | {"road": [quiet("road", openings)], "site": [quiet("site", fast, accelerated=True)]}
