"""What a heartbeat says of the governor."""

from __future__ import annotations

import msgspec

from edge.governor.report import Governed


class UnwatchingBeat(msgspec.Struct, frozen=True, kw_only=True):
    """A spell in which cameras are closed, announced or under way.

    Attributes:
        from_s: until it begins; negative once it has.
        to_s: until its end.
        at_least: whether it may last longer.
        why: for people.
    """

    from_s: float
    to_s: float
    at_least: bool
    why: str


class GovernorBeat(msgspec.Struct, frozen=True, kw_only=True):
    """What the governor spares.

    Attributes:
        bands: of its table that are in force.
        economies: in force: `pictures`, `page`, `threads`, `cadence`, `sleep`, `cut_off`.
        asleep: whether cameras are closed.
        unwatching: null where no spell is announced or under way.
        unwatched_s: time so far in which cameras were closed, by its cause: `sleep`, `cut_off`.
        unknown: readings and sensors in doubt, with the reason.
    """

    bands: tuple[str, ...]
    economies: tuple[str, ...]
    asleep: bool
    unwatching: UnwatchingBeat | None
    unwatched_s: dict[str, float]
    unknown: dict[str, str]


def governor_beat(governed: Governed) -> GovernorBeat:
    """Return it as a heartbeat has it."""
    spell, lost = governed.unwatching, governed.unwatched_s
    beat = None
    if spell is not None:
        beat = UnwatchingBeat(from_s=spell.from_s, to_s=spell.to_s, at_least=spell.at_least, why=spell.why)
    return GovernorBeat(
        bands=governed.bands,
        economies=governed.economies,
        asleep=governed.asleep,
        unwatching=beat,
        unwatched_s={"sleep": round(lost.sleep, 1), "cut_off": round(lost.cut_off, 1)},
        unknown=governed.doubts,
    )
