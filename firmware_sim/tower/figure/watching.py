"""What of the time was watched, by camera; which frames were dropped, and which times without a watch were told."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from firmware_sim.tower.demand import unannounced
from firmware_sim.tower.run import Camera, Run, Spell

CLOSED = "closed"


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """One camera, or all of them.

    Attributes:
        share: watched share of the run's time; None without time.
        watched_h, fire_h, fire_watched_h: hours; `fire_…` those in which a fire burnt in view.
        fire_share: watched share of them; None where no fire burnt.
        decoded, scored, waiting: frames.
        dropped: frames, by cause.
        reconnects: how often it was opened again.
        turns: changed views that the daemon noticed.
        cadence: share of the run's time at each cadence in seconds, or `closed`; empty for all of them together.
    """

    share: float | None
    watched_h: float
    fire_h: float
    fire_watched_h: float
    fire_share: float | None
    decoded: int
    scored: int
    waiting: int
    dropped: dict[str, int]
    reconnects: int
    turns: int
    cadence: dict[str, float] = {}


class Without(msgspec.Struct, frozen=True, kw_only=True):
    """Times without a watch of one cause.

    Attributes:
        times: how often.
        hours: together, within the run.
        unannounced: how many nobody was told of before they began.
    """

    times: int
    hours: float
    unannounced: int


class Watching(msgspec.Struct, frozen=True, kw_only=True):
    """What of the time was watched.

    Attributes:
        whole: all cameras together.
        cameras: by name.
        without: times in which the governor had closed cameras, or the board had no power, by cause.
        unannounced: how many of all of these nobody was told of.
    """

    whole: Watched
    cameras: dict[str, Watched]
    without: dict[str, Without]
    unannounced: int


def watching(run: Run) -> Watching:
    """Account for a run's time and frames.

    Args:
        run: of any length.
    """
    length_s = max(0.0, run.to_s - run.from_s)
    causes = sorted({spell.cause for spell in run.spells})
    silent = unannounced(run)
    return Watching(
        whole=_watched(run.cameras.values(), length_s, {}),
        cameras={name: _watched([one], length_s, cadences(run, name)) for name, one in run.cameras.items()},
        without={cause: _without(run, cause, silent) for cause in causes},
        unannounced=len(silent),
    )


def cadences(run: Run, camera: str) -> dict[str, float]:
    """Return the share of a run's time at each cadence of one camera; a sample stands until the next one."""
    lasted = lasting_s(run)
    whole_s = sum(lasted)
    found: dict[str, float] = {}
    for sample, seconds in zip(run.samples, lasted, strict=True):
        cadence_s = sample.cadence_s.get(camera)
        key = CLOSED if cadence_s is None else f"{cadence_s:g}"
        found[key] = found.get(key, 0.0) + seconds
    return {key: seconds / whole_s for key, seconds in sorted(found.items())} if whole_s > 0 else {}


def lasting_s(run: Run) -> list[float]:
    """Return for how long each sample of a run stands: until the next one, the last until the end."""
    ends = [sample.at_s for sample in run.samples[1:]] + [run.to_s]
    return [max(0.0, end - sample.at_s) for sample, end in zip(run.samples, ends, strict=False)]


def spell_s(run: Run, spell: Spell) -> float:
    """Return how long a spell lasted within a run."""
    end_s = run.to_s if spell.to_s is None else min(spell.to_s, run.to_s)
    return max(0.0, end_s - max(spell.from_s, run.from_s))


def _watched(cameras: Iterable[Camera], length_s: float, cadence: dict[str, float]) -> Watched:
    some = list(cameras)
    watched_s = sum(one.watched_s for one in some)
    fire_s, fire_watched_s = sum(one.fire_s for one in some), sum(one.fire_watched_s for one in some)
    dropped: dict[str, int] = {}
    for one in some:
        for cause, frames in one.dropped.items():
            dropped[cause] = dropped.get(cause, 0) + frames
    return Watched(
        share=watched_s / (length_s * len(some)) if some and length_s > 0 else None,
        watched_h=watched_s / 3600,
        fire_h=fire_s / 3600,
        fire_watched_h=fire_watched_s / 3600,
        fire_share=fire_watched_s / fire_s if fire_s > 0 else None,
        decoded=sum(one.decoded for one in some),
        scored=sum(one.scored for one in some),
        waiting=sum(one.waiting for one in some),
        dropped=dict(sorted(dropped.items())),
        reconnects=sum(one.reconnects for one in some),
        turns=sum(one.turns for one in some),
        cadence=cadence,
    )


def _without(run: Run, cause: str, silent: tuple[Spell, ...]) -> Without:
    own = [spell for spell in run.spells if spell.cause == cause]
    return Without(
        times=len(own),
        hours=sum(spell_s(run, spell) for spell in own) / 3600,
        unannounced=sum(spell in silent for spell in own),
    )
