"""The result of a search: all trials with raw values, which are on the front, how far two seeds are apart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from optuna.trial import FrozenTrial

from training.smoke.data.split import Side, side_of
from training.smoke.search import space
from training.smoke.search.front import front
from training.smoke.search.instruction import Instructions
from training.smoke.search.landmark import Landmark
from training.smoke.search.rehearsal import Tried
from training.smoke.search.space import Parameters
from training.smoke.search.study import REFERENCE_MS, SEED, TRIED, Study
from training.smoke.side import TrainingSide
from training.step.provenance import commit, machine

SCHEMA = "firetower.search/1"


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Instructions of an inference.

    Attributes:
        instructions: on emulated CPUs.
        front: whether no other counted trial of seed 0 beats it in the study's objectives and both counts.
    """

    instructions: Instructions
    front: bool


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One trial, or a landmark.

    Attributes:
        number: in the study; None of a landmark.
        date: of its end; None of a landmark.
        parameters: that were searched.
        seed: of its students.
        ms: INT8 milliseconds of an inference; None where an arm is tuned.
        tried: all that it gave.
        front: whether no other trial of seed 0 beats it in all objectives.
        counted: None where nobody counted its file's instructions.
        label: of a landmark; None of a trial.
    """

    number: int | None
    date: str | None
    parameters: Parameters
    seed: int
    ms: float | None
    tried: Tried
    front: bool
    counted: Counted | None = None
    label: str | None = None

    @property
    def name(self) -> str:
        """The label, or the number in the study."""
        return self.label or str(self.number)

    @property
    def values(self) -> tuple[float, ...]:
        """What is minimised."""
        return (self.tried.delay_min, *([] if self.ms is None else [self.ms]))


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
        landmark: a design that the sampler did not choose; None where it was not asked for.
        taught: how the landmark's backbone was made, see `landmark.Landmark`.
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
    landmark: Row | None = None
    taught: dict[str, Any] | None = None


def result_of(
    study: Study,
    side: TrainingSide,
    command: str,
    instructions: Mapping[str, Instructions] | None = None,
    landmark: Landmark | None = None,
) -> Result:
    """Describe a study as far as it is.

    Args:
        study: with at least one finished trial.
        side: that it searched on.
        command: without this machine's folders.
        instructions: of files, by their sha256.
        landmark: that was tried beside it.
    """
    known = instructions or {}
    found = [_row(study, trial, msgspec.convert(trial.user_attrs[TRIED], Tried)) for trial in study.done()]
    judges = [row for row in found if row.seed == 0]
    rows = [_judged(row, judges, known) for row in found]
    beside = None if landmark is None else _judged(_row_of(study, landmark), judges, known)
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
        landmark=beside,
        taught=None if landmark is None else landmark.taught,
    )


def _row(study: Study, trial: FrozenTrial, tried: Tried) -> Row:
    """Return a trial, not judged yet."""
    ended = trial.datetime_complete
    return Row(
        number=trial.number,
        date=None if ended is None else ended.astimezone(dt.UTC).isoformat(timespec="seconds"),
        parameters=trial.params,
        seed=trial.user_attrs[SEED],
        ms=study.ms(tried),
        tried=tried,
        front=False,
    )


def _row_of(study: Study, landmark: Landmark) -> Row:
    """Return a landmark, not judged yet."""
    return Row(
        number=None,
        date=None,
        parameters=landmark.parameters,
        seed=0,
        ms=study.ms(landmark.tried),
        tried=landmark.tried,
        front=False,
        label=landmark.label,
    )


def _judged(row: Row, judges: Sequence[Row], known: Mapping[str, Instructions]) -> Row:
    """Say whether a row is on the fronts of trials of seed 0, which a landmark or another seed does not change."""
    judged = msgspec.structs.replace(
        row, front=row.seed == 0 and _unbeaten(row.values, [one.values for one in judges])
    )
    instructions = _found(row, known)
    if instructions is None:
        return judged
    others = [_counted(one, found) for one in judges if (found := _found(one, known)) is not None]
    best = row.seed == 0 and _unbeaten(_counted(row, instructions), others)
    return msgspec.structs.replace(judged, counted=Counted(instructions=instructions, front=best))


def _found(row: Row, known: Mapping[str, Instructions]) -> Instructions | None:
    return None if row.tried.cost is None else known.get(row.tried.cost.sha256)


def _counted(row: Row, instructions: Instructions) -> tuple[float, ...]:
    return (*row.values, instructions.a72, instructions.a76)


def _unbeaten(one: tuple[float, ...], others: Sequence[tuple[float, ...]]) -> bool:
    return front([one, *others])[0]


def _spread(rows: list[Row]) -> Spread | None:
    for second in rows:
        twins = [row for row in rows if row.parameters == second.parameters and row.seed < second.seed]
        if twins and twins[0].number is not None and second.number is not None:
            return Spread(
                numbers=(twins[0].number, second.number),
                delays_min=(twins[0].tried.delay_min, second.tried.delay_min),
            )
    return None
