"""How the governor stands, for programs and for people."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from edge.governor.ruling import Ruling
from edge.governor.spell import Spell
from edge.zone import Zone


class Unwatched(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds in which cameras were closed, since the process began.

    Attributes:
        sleep: by a band that sleeps.
        cut_off: since the battery was about to be cut off.
    """

    sleep: float = 0.0
    cut_off: float = 0.0


class Unwatching(msgspec.Struct, frozen=True, kw_only=True):
    """A spell without a watch, announced or under way.

    Attributes:
        number: of the spell, since the process began.
        told: from when to when, and why, for people.
        from_s: until it begins; negative once it has.
        to_s: until its end.
        at_least: whether it may last longer.
        why: for people.
    """

    number: int
    told: str
    from_s: float
    to_s: float
    at_least: bool
    why: str


class Governed(msgspec.Struct, frozen=True, kw_only=True):
    """How the governor stands.

    Attributes:
        bands: in force, in the order of the table.
        why: one line for each.
        economies: in force, in their order.
        cadence: 0 is each camera's own, 1 the slowest of the model.
        asleep: whether cameras are closed.
        unwatching: the spell that is announced or under way; null where there is none.
        unwatched_s: time without a watch so far.
        kept_awake: why no camera sleeps though a band would have it; null where that is not so.
        charge, voltage_v, temperature_c, throttling: what is believed; null is unknown.
        load_w, panel_w: what the tower draws and the panel gives.
        doubts: why a reading is unknown, by its name or its sensor's.
    """

    bands: tuple[str, ...]
    why: tuple[str, ...]
    economies: tuple[str, ...]
    cadence: float
    asleep: bool
    unwatching: Unwatching | None
    unwatched_s: Unwatched
    kept_awake: str | None
    charge: float | None
    voltage_v: float | None
    temperature_c: float | None
    throttling: tuple[str, ...] | None
    load_w: float | None
    panel_w: float | None
    doubts: dict[str, str]


def report_of(ruling: Ruling, unwatched: Unwatched, now_ns: int, number: int = 0, line: str = "") -> Governed:
    """Return how it stands.

    Args:
        ruling: that is in force.
        unwatched: so far.
        now_ns: monotonic time.
        number: of its spell.
        line: what is told of its spell.
    """
    readings, spell = ruling.readings, ruling.spell
    unwatching = None
    if spell is not None:
        unwatching = Unwatching(
            number=number,
            told=line,
            from_s=round((spell.from_ns - now_ns) / 1e9, 1),
            to_s=round((spell.to_ns - now_ns) / 1e9, 1),
            at_least=spell.at_least,
            why=spell.why,
        )
    return Governed(
        bands=ruling.bands,
        why=ruling.why,
        economies=ruling.economies,
        cadence=ruling.cadence,
        asleep=ruling.asleep,
        unwatching=unwatching,
        unwatched_s=unwatched,
        kept_awake=ruling.kept_awake,
        charge=readings.charge,
        voltage_v=readings.voltage_v,
        temperature_c=readings.temperature_c,
        throttling=readings.throttling,
        load_w=readings.load_w,
        panel_w=readings.panel_w,
        doubts=dict(readings.doubts),
    )


def told(spell: Spell, now_ns: int, wall_ns: int | None, zone: Zone = UTC) -> str:
    """Return from when to when there is no watch, and why.

    Args:
        spell: announced, or under way.
        now_ns: monotonic time.
        wall_ns: the wall clock at the same moment; None where it is not trusted: then the line counts from now.
        zone: of the times.
    """
    end = "at least " if spell.at_least else ""
    if wall_ns is not None:
        first, last = (_clock(wall_ns + at_ns - now_ns, zone) for at_ns in (spell.from_ns, spell.to_ns))
        if first is not None and last is not None:
            return f"not watching from {first:%H:%M} to {end}{last:%H:%M %Z}: {spell.why}"
    last_min = (spell.to_ns - now_ns) / 60e9
    if now_ns >= spell.from_ns:
        return f"not watching for {end}{last_min:.0f} min more: {spell.why}"
    first_min = (spell.from_ns - now_ns) / 60e9
    return f"not watching from {first_min:.1f} min to {end}{last_min:.1f} min from now: {spell.why}"


def _clock(wall_ns: int, zone: Zone) -> datetime | None:
    try:
        return datetime.fromtimestamp(wall_ns / 1e9, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return None
