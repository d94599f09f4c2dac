"""The steps that a result is collected from, and the commits that they were made with."""

from __future__ import annotations

from dataclasses import dataclass

from training.cifar10 import correction, qat
from training.cifar10.report.measure import Row as Plan
from training.cifar10.run import Trained
from training.cifar10.workshop import Workshop
from training.step.step import Step


@dataclass(frozen=True, slots=True)
class Sources:
    """The steps that the report speaks of.

    Attributes:
        networks: trained on labels alone, by name.
        soft: the ensemble's logits.
        compared: of `logits.compare`.
        students: by `PAIR/SEED`.
        siblings: on which a pair's choices were made, by pair.
        rows: evaluated networks.
        times: of `latency.measure`.
        replayed: of `replayed.replay`.
    """

    networks: dict[str, Trained]
    soft: Step
    compared: Step
    students: dict[str, Trained]
    siblings: dict[str, Trained]
    rows: list[tuple[Plan, Step]]
    times: Step
    replayed: Step


def commits(shop: Workshop, sources: Sources, low: dict[str, Trained]) -> tuple[str, ...]:
    """Return the commits of all steps, once each.

    Args:
        shop: where choices of the low bits are found.
        sources: all other steps.
        low: the siblings on which bits were chosen, by pair.
    """
    return tuple(sorted({_commit(step) for step in _steps(shop, sources, low)}))


def _commit(step: Step) -> str:
    """Return the commit that a step was made with."""
    return str(step.read()["made"]["commit"] or "unrecorded")


def _steps(shop: Workshop, sources: Sources, low: dict[str, Trained]) -> list[Step]:
    """Return the steps that figures come from."""
    networks = [*sources.networks.values(), *sources.students.values()]
    choices = [
        step
        for one in low.values()
        for step in (
            qat.sensitivity(shop, one, qat.best_method(shop, one)),
            correction.corrections(shop, one),
        )
    ]
    return [
        sources.soft,
        sources.compared,
        sources.times,
        sources.replayed,
        *(one.step for one in networks),
        *(step for plan, measured in sources.rows for step in (measured, *plan.source)),
        *choices,
    ]
