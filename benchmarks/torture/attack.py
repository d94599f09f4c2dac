"""The form of every attack: what it does, what it counts, and how its verdict follows from that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeAlias

import msgspec

from edge.model.bundle import bundled_path

Verdict: TypeAlias = Literal["held", "failed", "left out"]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the tries.

    Attributes:
        tried: how often something was done to the daemon.
        survived: after how many of them it did its work again.
        lost: what it had promised to keep and has no more: events, descriptors of a camera, answers.
        doubled: what was told or stored twice.
        wrong: answers, pictures and orders that are not true.
    """

    tried: int = 0
    survived: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0


@dataclass(slots=True)
class Outcome:
    """What an attack found.

    Attributes:
        measured: figures, with their units in their names.
        why: what did not hold, a sentence each.
        left_out: why nothing was tried, and what it takes; None where it was.
    """

    tried: int = 0
    survived: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    measured: dict[str, Any] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)
    left_out: str | None = None

    @property
    def counts(self) -> Counts:
        """The counts alone."""
        return Counts(
            tried=self.tried,
            survived=self.survived,
            lost=self.lost,
            doubled=self.doubled,
            wrong=self.wrong,
        )

    def verdict(self) -> Verdict:
        """Return `held` where all tries were survived, and nothing was lost, doubled, wrong or said against it."""
        if self.left_out is not None:
            return "left out"
        bad = self.survived < self.tried or self.lost or self.doubled or self.wrong or self.why
        return "failed" if bad or not self.tried else "held"


@dataclass(frozen=True, slots=True)
class Ground:
    """Where an attack takes place.

    Attributes:
        folder: its own, empty; it goes afterwards.
        random: what chance decides, from the seed of the run and the attack's name.
        short: whether it is the subset of CI.
        tell: shows a line to people.
    """

    folder: Path
    random: Random
    short: bool
    tell: Callable[[str], None]

    def either(self, short: int, full: int) -> int:
        """Return the number for this run."""
        return short if self.short else full


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes:
        kind: the module's noun: cameras, strangers, bombs, damage, kills, disks, clocks.
        name: unique.
        does: what it does, for people.
        seconds: how long it takes on two idle cores, short and full; 0: not in the short run.
        run: does it.
    """

    kind: str
    name: str
    does: str
    seconds: tuple[int, int]
    run: Callable[[Ground], Outcome]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One attack in a result file."""

    kind: str
    name: str
    does: str
    verdict: Verdict
    counts: Counts
    measured: dict[str, Any]
    why: list[str]
    left_out: str | None
    seconds: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A result file.

    Attributes:
        machine: as `benchmarks.machine.describe`, with commit and date.
        seed: of all that chance decided.
        short: whether it is the subset of CI.
    """

    schema: str = "firetower-torture/1.0"
    machine: dict[str, Any]
    seed: int
    short: bool
    seconds: float
    attacks: Sequence[Record]


def eager_bundle(
    folder: Path, *, excited: bool = False, candidates: bool = False, tested: bool = True
) -> Path:
    """Return the bundled model as one that may score every picture: the same files, another cadence.

    Args:
        folder: where its copy is put.
        excited: whether it also opens events at the least sign of smoke, and closes them at once: much to store.
        candidates: whether about half of these stay candidates.
        tested: whether its self-test stays, which takes a third of what a start takes.
    """
    source, copy = bundled_path(), folder / "eager"
    copy.mkdir(exist_ok=True)
    for file in source.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    manifest = msgspec.json.decode((copy / "manifest.json").read_bytes())
    manifest["cadence"] = {"min_s": 0.05, "default_s": 0.2, "max_s": 200}
    if excited:
        manifest["thresholds"] = {"smoke": {"open": -3.0, "keep": -3.2}}
        manifest["confirmation"] = {"hits": 1, "window": 1, "close_after": 1}
    if candidates:
        manifest["alert"] = {"escalate_s": 3600.0, "scores": {"smoke": -1.5}}
    if not tested:
        del manifest["selftest"], manifest["files"]["selftest.npz"]
        (copy / "selftest.npz").unlink()
    (copy / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return copy


def eventful(seed: int = 1) -> str:
    """Return the keys of a camera that shows one event after the other to an excited model, for ever."""
    return f'uri = "scene:?frames=16&ignition=3&seed={seed}"\npace = "fast"\nloop = true\ncadence_s = 60\n'
