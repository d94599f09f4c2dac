"""The second leg of a comparison: planted fires, paired by fire. No evidence about recall on real fires."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scoring import statistic
from scoring.gate import DRAWS
from scoring.planted import SHIPPED, Plant
from training.gate.arm import Arm
from training.gate.result import Result, read

_Bundle = tuple[str, int]  # fold, and seed of the training
_Key = tuple[str, int]  # fold, and seed of the fire


@dataclass(frozen=True, slots=True)
class Planted:
    """The planted fires of an arm, by the bundle that met them and by their own seed."""

    bundles: Mapping[_Bundle, Mapping[int, Plant]]


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """What two arms found of the same planted fires.

    Attributes:
        a, b: share found; mean over training seeds.
        difference: a − b.
        low, high: 95% interval of it, background streams drawn; None over fewer than two, or where they agree.
        more_a, more_b: fires that more seeds of the one arm found than of the other.
    """

    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    more_a: int
    more_b: int
    method: str


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """Planted fires: no evidence about recall on real fires.

    Attributes:
        fires: each met by the bundles of one fold, all seeds of both arms.
        streams: of their backgrounds.
        seeds: of training.
    """

    fires: int
    streams: int
    seeds: tuple[int, ...]
    events: Shares
    alerts: Shares


def load(arm: Arm, paths: Sequence[Path]) -> Planted:
    """Read the planted fires that an arm's bundles met.

    Args:
        arm: whose bundles they are.
        paths: results of `evaluate`, one for each bundle.
    Raises:
        OSError: a file cannot be read.
        ValueError: as `join`, or a file is no such result.
    """
    return join(arm, [(path.name, read(path)) for path in paths])


def join(arm: Arm, results: Sequence[tuple[str, Result]]) -> Planted:
    """Join the planted fires of an arm's bundles.

    Args:
        arm: whose bundles they are.
        results: (name of the file, result).
    Raises:
        ValueError: a file judged another bundle or holds no planted fire, or a bundle or fire comes twice.
    """
    of: dict[str, _Bundle] = {}
    for seed, run in arm.runs.items():
        for fold, row in run.rows.items():
            of.setdefault(row.bundle, (fold, seed))
    bundles: dict[_Bundle, dict[int, Plant]] = {}
    for name, one in results:
        if one.bundle.digest not in of:
            raise ValueError(f"{name}: bundle {one.bundle.digest[:12]} is none of the arm '{arm.name}'")
        if not one.plants:
            raise ValueError(f"{name}: holds no planted fire; evaluate the bundle again with --planted N")
        bundle = of[one.bundle.digest]
        if bundle in bundles:
            raise ValueError(f"{name}: fold {bundle[0]} of seed {bundle[1]} comes twice; name each once")
        bundles[bundle] = {plant.seed: plant for plant in one.plants}
        if len(bundles[bundle]) != len(one.plants):
            raise ValueError(f"{name}: a planted fire comes twice")
    return Planted(bundles)


def compare(a: Planted, b: Planted, *, draws: int = DRAWS, seed: int = 0) -> Leg:
    """Compare what two arms found of the same planted fires.

    Args:
        a: of one arm.
        b: of the other.
        draws: of the bootstrap over background streams.
        seed: of the bootstrap.
    Raises:
        ValueError: the arms' bundles or fires are not the same.
    """
    if a.bundles.keys() != b.bundles.keys():
        only = ", ".join(
            f"fold {fold} of seed {one}" for fold, one in sorted(a.bundles.keys() ^ b.bundles.keys())
        )
        raise ValueError(f"planted fires of {only} on one side alone; evaluate the same bundles of both arms")
    _check_same(a, b)
    seeds = sorted({one for _, one in a.bundles})
    for fold in sorted({fold for fold, _ in a.bundles}):
        if lacking := [one for one in seeds if (fold, one) not in a.bundles]:
            raise ValueError(
                f"planted fires of fold {fold} lack seed {lacking[0]}; evaluate all seeds' bundles"
            )
    met = {(fold, plant.seed): plant for (fold, _), plants in a.bundles.items() for plant in plants.values()}
    streams = {key: plant.stream for key, plant in met.items()}
    return Leg(
        fires=len(met),
        streams=len(set(streams.values())),
        seeds=tuple(seeds),
        events=_shares(a, b, streams, lambda plant: plant.found_s[SHIPPED], draws, seed),
        alerts=_shares(a, b, streams, lambda plant: plant.alert_s[SHIPPED], draws, seed),
    )


def _check_same(a: Planted, b: Planted) -> None:
    """Refuse fires that differ between arms or between seeds of a fold.

    Raises:
        ValueError: they do.
    """
    first: dict[str, dict[int, tuple[object, ...]]] = {}
    for bundles in (a.bundles, b.bundles):
        for (fold, one), plants in bundles.items():
            facts = {fire: _facts(plant) for fire, plant in plants.items()}
            if facts != first.setdefault(fold, facts):
                raise ValueError(
                    f"fold {fold}, seed {one}: met other planted fires than the fold's other bundles"
                )


def _facts(plant: Plant) -> tuple[object, ...]:
    """Return what a fire is, whoever looks for it."""
    return (
        plant.background,
        plant.stream,
        plant.condition,
        plant.contrast,
        plant.colour,
        plant.cut,
        plant.small,
    )


def _shares(
    a: Planted,
    b: Planted,
    streams: Mapping[_Key, str],
    of: Callable[[Plant], float | None],
    draws: int,
    seed: int,
) -> Shares:
    mine, others = _found(a, of), _found(b, of)
    by_stream: dict[str, list[float]] = {}
    for key, stream in streams.items():
        by_stream.setdefault(stream, []).append(mine[key] - others[key])
    parts = [(sum(some), float(len(some))) for some in by_stream.values()]
    alike = len({total / count for total, count in parts}) < 2  # drawn again they say the same: no interval
    bounds = None if alike else statistic.ratio_interval(parts, draws=draws, seed=seed)
    drawn = f"bootstrap over {len(parts)} background streams, {draws} draws, seed {seed}"
    share_a, share_b = statistics.fmean(mine.values()), statistics.fmean(others.values())
    return Shares(
        a=share_a,
        b=share_b,
        difference=share_a - share_b,
        low=None if bounds is None else bounds[0],
        high=None if bounds is None else bounds[1],
        more_a=sum(mine[key] > others[key] for key in mine),
        more_b=sum(mine[key] < others[key] for key in mine),
        method=drawn if bounds else f"none over {len(parts)} background streams",
    )


def _found(one: Planted, of: Callable[[Plant], float | None]) -> dict[_Key, float]:
    """Return the share of training seeds that found each fire."""
    finds: dict[_Key, list[float]] = {}
    for (fold, _), plants in one.bundles.items():
        for fire, plant in plants.items():
            finds.setdefault((fold, fire), []).append(float(of(plant) is not None))
    return {key: statistics.fmean(some) for key, some in finds.items()}
