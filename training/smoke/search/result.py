"""The result of a search: all trials with raw values, which are on the front, how far two seeds are apart."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from optuna.trial import FrozenTrial

from training.smoke.data.split import Side, side_of
from training.smoke.search import space
from training.smoke.search.front import front
from training.smoke.search.rehearsal import Tried
from training.smoke.search.space import Parameters
from training.smoke.search.study import REFERENCE_MS, SEED, TRIED, Study
from training.smoke.side import TrainingSide
from training.step.provenance import commit, machine

SCHEMA = "firetower.search/1"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One trial.

    Attributes:
        number: in the study.
        date: of its end.
        parameters: that were searched.
        seed: of its students.
        ms: INT8 milliseconds of an inference; None where an arm is tuned.
        tried: all that it gave.
        front: whether no other trial of seed 0 beats it in all objectives.
    """

    number: int
    date: str | None
    parameters: Parameters
    seed: int
    ms: float | None
    tried: Tried
    front: bool


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """What two seeds of one design give.

    Attributes:
        numbers: of both trials.
        delays_min: theirs.
    """

    numbers: tuple[int, int]
    delays_min: tuple[float, float]

    @property
    def apart_min(self) -> float:
        """How far both delays are apart, minutes."""
        return abs(self.delays_min[0] - self.delays_min[1])


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Of one study.

    Attributes:
        arm: that was tuned; None: the architecture.
        setting: of every student but for what was searched.
        training: the side that was searched on.
        reference_ms: time of the bundled model, that milliseconds are counted in.
        hours: of all trials, what was found made left out.
        spread: None where not both seeds are done.
    """

    schema: str
    commit: str | None
    machine: dict[str, Any]
    date: str
    command: str
    seed: int
    arm: space.Arm | None
    backbones: tuple[str, ...]
    setting: dict[str, Any]
    training: Side
    reference_ms: float
    hours: float
    trials: list[Row]
    spread: Spread | None


def result_of(study: Study, side: TrainingSide, command: str) -> Result:
    """Describe a study as far as it is.

    Args:
        study: with at least one finished trial.
        side: that it searched on.
        command: without this machine's folders.
    """
    rows = _rows(study)
    return Result(
        schema=SCHEMA,
        commit=commit(),
        machine=machine(),
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        command=command,
        seed=study.seed,
        arm=study.terms.arm,
        backbones=study.terms.backbones,
        setting=msgspec.to_builtins(study.terms.setting),
        training=side_of(side.sequences),
        reference_ms=study.study.user_attrs[REFERENCE_MS],
        hours=round(sum(row.tried.seconds for row in rows) / 3600, 3),
        trials=rows,
        spread=_spread(rows),
    )


def _rows(study: Study) -> list[Row]:
    done = [(trial, msgspec.convert(trial.user_attrs[TRIED], Tried)) for trial in study.done()]
    judged = [(trial, tried) for trial, tried in done if trial.user_attrs[SEED] == 0]
    flags = front([tuple(trial.values) for trial, _ in judged])
    on_front = {trial.number for (trial, _), best in zip(judged, flags, strict=True) if best}
    return [_row(study, trial, tried, best=trial.number in on_front) for trial, tried in done]


def _row(study: Study, trial: FrozenTrial, tried: Tried, *, best: bool) -> Row:
    ended = trial.datetime_complete
    return Row(
        number=trial.number,
        date=None if ended is None else ended.astimezone(dt.UTC).isoformat(timespec="seconds"),
        parameters=trial.params,
        seed=trial.user_attrs[SEED],
        ms=study.ms(tried),
        tried=tried,
        front=best,
    )


def _spread(rows: list[Row]) -> Spread | None:
    for second in rows:
        twins = [row for row in rows if row.parameters == second.parameters and row.seed < second.seed]
        if twins:
            return Spread(
                numbers=(twins[0].number, second.number),
                delays_min=(twins[0].tried.delay_min, second.tried.delay_min),
            )
    return None
