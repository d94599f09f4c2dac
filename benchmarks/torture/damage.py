"""Damage: one turned bit a second in a stream of H.264, and how much of it is scored (`benchmarks.bitflips`)."""

from __future__ import annotations

from benchmarks.bitflips import VISIBLE_DB, Clip, good, measure
from benchmarks.torture.attack import Attack, Ground, Outcome
from edge.model.loaded import load_model


def attack(ground: Ground) -> Outcome:
    """Turn a bit a second in copies of one clip, each by another seed; a try is one copy read in one mode."""
    record = measure(Clip(seconds=ground.either(20, 30)), load_model(None), ground.either(2, 20))
    outcome = Outcome(tried=len(record["runs"]), survived=len(record["runs"]), measured=record["summary"])
    if not good(record):
        outcome.wrong = sum(figures["visibly_damaged"] for figures in record["summary"].values())
        outcome.why.append(
            f"1% or more of the scored pictures are below {VISIBLE_DB:g} dB, or more events open"
        )
    return outcome


ATTACKS = (
    Attack(
        "damage",
        "turned bits in H.264",
        "one bit a second is turned in copies of a clip; under 1% of the scored pictures may be visibly damaged, and "
        "no more events may open than in the untouched one",
        (12, 80),
        attack,
    ),
)
