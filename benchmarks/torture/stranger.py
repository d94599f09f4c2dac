"""Strangers at the door: crowds that say nothing, speak slowly or guess, while the right token asks for health."""

from __future__ import annotations

from functools import partial

from benchmarks.strangers import CROWDS, measure
from benchmarks.torture.attack import Attack, Ground, Outcome

_SLOW_S = 2.0  # an answer to the right token comes within it, on a machine that has nothing else to do
_LOG_LINES = 10  # in a minute
_SHORT = ("silent", "guessing")


def attack(ground: Ground, *, kind: str) -> Outcome:
    """Have one crowd of 2,000 before the daemon."""
    found = measure(kind, ground.either(3, 12))
    answers = found.pop("answers")
    slowest_s = max(answer["s"] for answer in answers)
    lines_allowed = _LOG_LINES * max(1.0, found["minutes"])
    outcome = Outcome(
        tried=len(answers),
        survived=sum(answer["code"] == 200 for answer in answers),
        lost=found["camera_opened"] - 1,
        measured={**found, "slowest_s": slowest_s, "answers_s": [answer["s"] for answer in answers]},
    )
    if outcome.lost:
        outcome.why.append(f"the camera was opened {found['camera_opened']} times")
    if found["log_lines_with_those_at_the_end"] >= lines_allowed:
        outcome.why.append(f"{found['log_lines_with_those_at_the_end']} lines of log")
    if not ground.short and slowest_s > _SLOW_S:  # the machine of CI has other things to do
        outcome.wrong = sum(answer["s"] > _SLOW_S for answer in answers)
        outcome.why.append(f"an answer took {slowest_s:g} s")
    return outcome


def _does(kind: str) -> str:
    says = {
        "silent": "say nothing",
        "returning": "come back when they are cut off",
        "dripping": "send their headers a few bytes at a time",
        "deaf": "ask and never read",
        "kept": "ask again and again without a token",
        "guessing": "guess tokens",
    }[kind]
    return f"2,000 connections {says}; the right token must be answered, and no camera opened again"


ATTACKS = tuple(
    Attack(
        "strangers",
        f"strangers, {kind}",
        _does(kind),
        (10 if kind in _SHORT else 0, 22),
        partial(attack, kind=kind),
    )
    for kind in CROWDS
)
