"""What a scenario demands of a run, and whether the run met it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from firmware_sim.tower.run import Mail, Run, Seen, Spell

_REPLACED = {
    "coalesced",
    "ended",
    "snoozed",
}  # words of the outbox: a newer text went instead, or nobody wanted it


@dataclass(frozen=True, slots=True)
class Judged:
    """One demand after a run.

    Attributes:
        name: as in the scenario; what ends in `_max` is a most, all else a least.
        wanted: what the scenario states.
        got: what the run gave; None where it has nothing to judge, such as no fire.
        met: whether the demand is met; what cannot be judged is not.
    """

    name: str
    wanted: float
    got: float | None
    met: bool


def judged(run: Run) -> tuple[Judged, ...]:
    """Judge each demand of a run, in the order in which the scenario states them.

    Raises:
        ValueError: the run states a demand that there is not.
    """
    return tuple(_judge(run, name, wanted) for name, wanted in run.demands.items())


def _judge(run: Run, name: str, wanted: float) -> Judged:
    if name not in MEASURES:
        raise ValueError(f"demands: there is no '{name}'; there are {', '.join(MEASURES)}")
    got = MEASURES[name](run)
    met = got is not None and (got <= wanted if name.endswith("_max") else got >= wanted)
    return Judged(name, wanted, got, met)


def watched_share(run: Run) -> float | None:
    """Return the watched share of all cameras' time; None without a camera or time."""
    whole_s = (run.to_s - run.from_s) * len(run.cameras)
    return sum(camera.watched_s for camera in run.cameras.values()) / whole_s if whole_s > 0 else None


def fire_watched_share(run: Run) -> float | None:
    """Return the watched share of the time in which a fire burnt in a camera's view; None where none did."""
    whole_s = sum(camera.fire_s for camera in run.cameras.values())
    return sum(camera.fire_watched_s for camera in run.cameras.values()) / whole_s if whole_s > 0 else None


def found_share(run: Run) -> float | None:
    """Return the share of fires that an event of any camera met; None without a fire.

    One that never showed counts, too: whoever stood there would have wanted to know.
    """
    return _met_share(run, [event for event in run.events if event.fires])


def alerted_share(run: Run) -> float | None:
    """Return the share of fires that an alert of any camera met; None without a fire."""
    return _met_share(run, [event for event in run.events if event.fires and event.alerted_s is not None])


def false_alerts(run: Run) -> int:
    """Count alerts that meet no fire. Of a clip nobody knows what burns in it: its alerts do not count."""
    return sum(event.alerted_s is not None for event in _false(run))


def false_candidates(run: Run) -> int:
    """Count candidates that meet no fire and never became alerts; not those of a clip."""
    return sum(event.alerted_s is None for event in _false(run))


def delivered_share(run: Run) -> float | None:
    """Return the share of the messages about events that a receiver had; None without one.

    Pictures are counted; what a newer one replaced, or somebody snoozed, is not.
    """
    mails = [mail for mail in run.mails if mail.event is not None and not _replaced(mail)]
    return sum(mail.delivered_s is not None for mail in mails) / len(mails) if mails else None


def late(run: Run) -> tuple[Mail, ...]:
    """Return the texts of alerts that came too late, or had not come though it was too late already.

    Pictures follow as the link allows; they are never late.
    """
    alerts = (mail for mail in run.mails if mail.kind == "event" and mail.severity == "alert")
    return tuple(
        mail
        for mail in alerts
        if not _replaced(mail)
        and (run.to_s if mail.delivered_s is None else mail.delivered_s) - mail.committed_s > run.late_s
    )


def cut_offs(run: Run) -> tuple[Spell, ...]:
    """Return the spells of an empty battery: the governor's cut-off, and no power. One within the other is one."""
    return tuple(spell for spell in _empty(run) if not any(_holds(other, spell) for other in _empty(run)))


def unannounced(run: Run) -> tuple[Spell, ...]:
    """Return the spells that nobody was told of before they began.

    No power is announced where it comes within a cut-off that was.
    """
    told = [spell for spell in run.spells if _told(spell)]
    return tuple(
        spell
        for spell in run.spells
        if not _told(spell) and not (spell.cause == "off" and any(_holds(other, spell) for other in told))
    )


def lost(run: Run) -> tuple[Mail, ...]:
    """Return the messages that nobody will ever get, though nothing newer replaced them and nobody snoozed them."""
    return tuple(mail for mail in run.mails if mail.fate == "lost" and not _replaced(mail))


def turns(run: Run) -> int:
    """Count the changed views that the daemon noticed."""
    return sum(camera.turns for camera in run.cameras.values())


def answered_share(run: Run) -> float | None:
    """Return the share of people's words that the tower answered; None where nobody said one."""
    return sum(word.answer is not None for word in run.words) / len(run.words) if run.words else None


Measure = Callable[[Run], float | None]
MEASURES: Mapping[str, Measure] = {
    "watched_share": watched_share,
    "fire_watched_share": fire_watched_share,
    "found_share": found_share,
    "alerted_share": alerted_share,
    "false_alerts_max": false_alerts,
    "false_candidates_max": false_candidates,
    "delivered_share": delivered_share,
    "late_max": lambda run: len(late(run)),
    "lost_max": lambda run: len(lost(run)),
    "cut_offs_max": lambda run: len(cut_offs(run)),
    "unannounced_max": lambda run: len(unannounced(run)),
    "turns": turns,
    "answered_share": answered_share,
}
OF_FIRES = ("fire_watched_share", "found_share", "alerted_share")  # nobody can judge these where none burns


def _met_share(run: Run, events: list[Seen]) -> float | None:
    fires = {fire.fire for fire in run.fires}
    met = {fire for event in events for fire in event.fires}
    return len(met & fires) / len(fires) if fires else None


def _replaced(mail: Mail) -> bool:
    return mail.fate == "lost" and mail.why.partition(":")[0] in _REPLACED


def _false(run: Run) -> Iterator[Seen]:
    clips = {name for name, camera in run.cameras.items() if camera.kind == "clip"}
    return (
        event
        for event in run.events
        if event.verdict == "false_alarm" and not event.fires and event.camera not in clips
    )


def _told(spell: Spell) -> bool:
    return spell.told_s is not None and spell.told_s <= spell.from_s


def _empty(run: Run) -> Iterator[Spell]:
    return (spell for spell in run.spells if spell.cause != "sleep")


def _holds(outer: Spell, inner: Spell) -> bool:
    """Say whether a spell begins within another one, or together with an earlier one of the list."""
    within = outer.from_s < inner.from_s or (
        outer.from_s == inner.from_s and outer.cause == "cut_off" != inner.cause
    )
    return outer is not inner and within and (outer.to_s is None or inner.from_s < outer.to_s)
