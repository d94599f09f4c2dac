"""Three words on a run, each with the sentence that says why: endurance, watching, delivery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from firmware_sim.tower.figure.delivery import Delivery
from firmware_sim.tower.figure.endurance import Endurance
from firmware_sim.tower.figure.watching import Watching

Word: TypeAlias = Literal["good", "strained", "failed", "unknown"]

CHARGE_LEAST = 0.2  # below it lead-acid batteries age, and the built-in table sleeps
CHARGE_FALL = 0.1  # of a run of a day or longer, from begin to end
HEAT_C = 80.0  # from there on a Raspberry Pi throttles
WATCHED_GOOD, WATCHED_FAILED = 0.95, 0.5
_DAY_S = 86_400.0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One word, and why.

    Attributes:
        word: `unknown` where the run has nothing to judge.
        why: a sentence or several.
    """

    word: Word
    why: str


def of_endurance(found: Endurance, lasts_s: float) -> Verdict:
    """Judge whether the tower had power all the time.

    Failed: the board had no power. Strained: the governor cut it off, its charge fell below 0.2, or by more than 0.1
    from begin to end of a day or longer, or its chip reached 80 °C. Good: none of these.

    Args:
        found: the figures.
        lasts_s: length of the run, seconds.
    """
    failed = [f"The board had no power for {hours(found.off_h)}."] if found.off_h > 0 else []
    if found.source is None and not failed:
        return Verdict(word="unknown", why="The run has no battery and no sun.")
    strained: list[str] = []
    if found.cut_offs and not failed:
        strained.append(f"The battery was empty {times(found.cut_offs)}.")
    low, first, last, heat = found.charge_low, found.charge_begin, found.charge_end, found.soc_high_c
    if low is not None and low.value < CHARGE_LEAST:
        strained.append(f"Its charge fell to {low.value:.0%}.")
    if first is not None and last is not None and lasts_s >= _DAY_S and first - last > CHARGE_FALL:
        strained.append(f"It ended with a charge of {last:.0%} after {first:.0%}: it took more than came in.")
    if heat is not None and heat.value >= HEAT_C:
        strained.append(f"The chip reached {heat.value:.0f} °C.")
    fine = "It had power all the time."
    if low is not None:
        fine = f"It had power all the time; its charge was never below {low.value:.0%}."
    return _worst(failed, strained, fine)


def of_watching(found: Watching) -> Verdict:
    """Judge whether the tower looked.

    Failed: a time without a watch was not announced before it began, or a camera watched less than half of the time,
    or of the time in which a fire burnt in its view. Strained: less than 95% of either. Good: neither.
    """
    if found.whole.share is None:
        return Verdict(word="unknown", why="There was no camera, or no time.")
    failed = []
    if found.unannounced:
        failed.append(f"It did not watch {times(found.unannounced)} without having announced it.")
    strained: list[str] = []
    of_time = {name: one.share for name, one in found.cameras.items() if one.share is not None}
    of_fire = {name: one.fire_share for name, one in found.cameras.items() if one.fire_share is not None}
    for of, shares in (("the time", of_time), ("the time in which a fire burnt in view", of_fire)):
        low = {name: share for name, share in shares.items() if share < WATCHED_GOOD}
        if low:
            least = min(low, key=lambda name: low[name])
            (failed if low[least] < WATCHED_FAILED else strained).append(_watched(of, low, least))
    return _worst(
        failed, strained, f"Every camera watched at least {_floor(min(of_time.values()))} of the time."
    )


def of_delivery(found: Delivery) -> Verdict:
    """Judge whether people heard.

    Failed: nobody heard of an alert though the scenario's limit had passed. Strained: an alert was told, or a text of
    one delivered, later than that; a message was lost or unheard; a heartbeat was overdue. Good: none of these.
    """
    if not found.whole.committed and not found.beats:
        return Verdict(word="unknown", why="The tower had nothing to send, or nobody to send it to.")
    told, whole = found.told, found.whole
    failed = []
    if told.never:
        failed.append(f"Nobody heard of {told.never} of {told.alerts} alerts in time.")
    strained = []
    if told.late:
        strained.append(f"{told.late} of {told.alerts} alerts were told late.")
    elif whole.late:
        strained.append(f"Texts of alerts came late to some receiver: {whole.late}.")
    if whole.lost:
        strained.append(f"{whole.lost} of {whole.committed} messages were lost.")
    if whole.unheard:
        strained.append(f"Nobody listened to {whole.unheard} of {whole.committed} messages.")
    if found.overdue:
        own = sum(one.excuse == "none" for one in found.overdue)
        cause = f", {own} of them while link and power were there" if own else ""
        strained.append(f"A heartbeat was overdue {times(len(found.overdue))}{cause}.")
    fine = f"{whole.delivered} of {whole.committed} messages arrived"
    fine += f", and {whole.waiting} wait." if whole.waiting else "."
    return _worst(failed, strained, fine)


def times(count: int) -> str:
    """Write how often."""
    return "once" if count == 1 else f"{count} times"


def hours(value: float) -> str:
    """Write a length."""
    return f"{value * 60:.0f} minutes" if value < 2 else f"{value:.1f} hours"


def _watched(of: str, low: Mapping[str, float], least: str) -> str:
    if len(low) == 1:
        return f"Camera {least} watched {_floor(low[least])} of {of}."
    return f"{len(low)} cameras watched less than {WATCHED_GOOD:.0%} of {of}; {least} {_floor(low[least])}."


def _floor(share: float) -> str:
    """Write a share, never as more than it was."""
    return f"{int(share * 1000 + 1e-9) / 10:g}%"


def _worst(failed: Sequence[str], strained: Sequence[str], fine: str) -> Verdict:
    word: Word = "failed" if failed else "strained" if strained else "good"
    return Verdict(word=word, why=_joined([*failed, *strained] or [fine]))


def _joined(sentences: Iterable[str]) -> str:
    return " ".join(sentences)
