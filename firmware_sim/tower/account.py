"""The account of a run: every figure of its report, from what the run left alone."""

from __future__ import annotations

import msgspec

from firmware_sim.tower.demand import judged
from firmware_sim.tower.figure.delivery import Delivery, delivery
from firmware_sim.tower.figure.endurance import Endurance, endurance
from firmware_sim.tower.figure.finding import Finding, finding
from firmware_sim.tower.figure.verdict import Verdict, of_delivery, of_endurance, of_watching
from firmware_sim.tower.figure.watching import Watching, watching
from firmware_sim.tower.run import Clock, Run


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """One demand of the scenario: what it wanted, what it got (None: nothing to judge), and whether that is enough."""

    wanted: float
    got: float | None
    met: bool


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the tower had power, whether it looked, and whether people heard."""

    endurance: Verdict
    watching: Verdict
    delivery: Verdict


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Every figure of one run.

    Attributes:
        scenario, purpose, clock, seed, bundle: of the run.
        from_s: its begin, seconds since 1970 UTC.
        days: its length.
        verdicts: in words.
        demands: of the scenario, by name.
        met: whether all of them are; true where there is none.
        watching, endurance, delivery: figures.
        finding: fires and false alarms, by kind of footage.
    """

    scenario: str
    purpose: str
    clock: Clock
    seed: int
    bundle: str
    from_s: float
    days: float
    verdicts: Verdicts
    demands: dict[str, Demand]
    met: bool
    watching: Watching
    finding: dict[str, Finding]
    endurance: Endurance
    delivery: Delivery


def account(run: Run) -> Summary:
    """Return the account of a run.

    Raises:
        ValueError: the run states a demand that there is not.
    """
    demands = {one.name: Demand(wanted=one.wanted, got=one.got, met=one.met) for one in judged(run)}
    lasts_s = run.to_s - run.from_s
    watched, lasted, delivered = watching(run), endurance(run), delivery(run)
    return Summary(
        scenario=run.scenario,
        purpose=run.purpose,
        clock=run.clock,
        seed=run.seed,
        bundle=run.bundle,
        from_s=run.from_s,
        days=lasts_s / 86_400,
        verdicts=Verdicts(
            endurance=of_endurance(lasted, lasts_s),
            watching=of_watching(watched),
            delivery=of_delivery(delivered),
        ),
        demands=demands,
        met=all(one.met for one in demands.values()),
        watching=watched,
        finding=finding(run),
        endurance=lasted,
        delivery=delivered,
    )
