"""What the page says of the experiment itself: networks, teachers, words, commits."""

from __future__ import annotations

from dataclasses import dataclass

from training.cifar10.recipe import Training
from training.cifar10.report.form import FORMS
from training.cifar10.report.origin import Network
from training.cifar10.report.record import Result


@dataclass(frozen=True, slots=True)
class Learned:
    """One network: on how many images it was trained, and on which GPUs (None: on a CPU, or unknown)."""

    name: str
    network: Network
    images: int
    accelerator: str | None


@dataclass(frozen=True, slots=True)
class Alone:
    """A single network on the validation split."""

    name: str
    accuracy: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """How far the members together are above a pair's sibling; a share."""

    pair: str
    sibling: str
    gain: float


@dataclass(frozen=True, slots=True)
class Added:
    """A teacher that is no member: alone, and what the members would reach with it."""

    name: str
    alone: float | None
    together: float
    gain: float


@dataclass(frozen=True, slots=True)
class Terms:
    """Which of the things that need words the result has."""

    stems: frozenset[str]
    cutout: bool
    small_pictures: bool
    qat: bool
    low_bits: bool
    simulated: bool
    several_seeds: bool
    published: bool


@dataclass(frozen=True, slots=True)
class Commits:
    """Of the code, shortened; whether some had changes, whether some step does not know its own."""

    names: list[str]
    dirty: bool
    unrecorded: bool


def learned(result: Result) -> list[Learned]:
    """Return every network."""
    return [_learned(result, name, one) for name, one in result.training.items()]


def _learned(result: Result, name: str, one: Network) -> Learned:
    counts = result.images
    seen = counts.training.count + (counts.validation.count if one.settings.split == "all" else 0)
    return Learned(name, one, seen, None if one.made is None else one.made.machine.accelerator)


def alone(result: Result) -> list[Alone]:
    """Return the networks on labels alone that have not seen the validation split, the best first."""
    known = [
        Alone(name, one.validation_accuracy)
        for name, one in result.training.items()
        if one.validation_accuracy is not None and not one.settings.distilled
    ]
    return sorted(known, key=lambda one: -one.accuracy)


def ahead(result: Result) -> list[Ahead]:
    """Set the members together beside each sibling that learned from labels alone; none beside itself."""
    together, known = result.teachers.validation_accuracy, {one.name: one.accuracy for one in alone(result)}
    if together is None:
        return []
    return [
        Ahead(pair, sibling, together - known[sibling])
        for pair, sibling in result.siblings.items()
        if sibling in known and result.teachers.members != (sibling,)
    ]


def added(result: Result) -> list[Added]:
    """Return what each teacher that is no member would change."""
    together = result.teachers.validation_accuracy
    if together is None:
        return []
    return [
        Added(name, result.training[name].validation_accuracy, found, found - together)
        for name, found in result.teachers.with_each.items()
    ]


def terms(result: Result) -> Terms:
    """Return which words the page needs."""
    training: list[Training] = [one.settings.training for one in result.training.values()]
    pairs = result.recipe.pairs.values()
    return Terms(
        stems=frozenset(one.settings.stem for one in result.training.values()),
        cutout=any(one.cutout_px > 0 for one in training),
        small_pictures=any(one.small_share > 0 for one in training),
        qat=bool(result.qat),
        low_bits=any(FORMS[row.form].low_bits for row in result.rows),
        simulated=any(row.ran == "simulated" for row in result.rows),
        several_seeds=any(line.seeds > 1 for line in result.summary),
        published=any((pair.network, pair.stem) == ("resnet18", "full") for pair in pairs),
    )


def commits(result: Result) -> Commits:
    """Return the commits as people write them."""
    known = [name for name in result.commits if name != "unrecorded"]
    return Commits(
        [name[:12] + name[40:] for name in known],
        any(name.endswith("-dirty") for name in known),
        len(known) < len(result.commits),
    )


def scored_last(result: Result) -> bool:
    """Return whether, by the dates of the steps, no test image was scored before everything was trained.

    A network without a date of its own was there when the ensemble was made, or compared.
    """
    compared = {*result.teachers.members, *result.teachers.with_each}
    later = dict.fromkeys(result.ensemble.members, result.ensemble.made)
    later |= dict.fromkeys(compared, result.teachers.made)
    made = [one.made or later.get(name) for name, one in result.training.items()]
    made += [one.made for one in result.qat.values()]
    made += [one.made for one in result.sensitivity.values()]
    dates = [one.date for one in made if one is not None]
    scored = [row.made.date for row in result.rows]
    return len(dates) == len(made) and bool(dates and scored) and max(dates) <= min(scored)
