"""One trial: both inner students of a design, the point that they give together, and what the design's file costs."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from scoring.gate import CAP_S
from training.distill.setting import Distillation
from training.gate.stream import Part
from training.smoke.lesson.example import Example
from training.smoke.lesson.point import Point
from training.smoke.lesson.recipe import Distilled, Ground, Labels, Opened
from training.smoke.lesson.setting import Setting
from training.smoke.pool.frozen import Name
from training.smoke.search.file import Cost, cost_of
from training.smoke.search.space import WITHOUT, Arm, Parameters
from training.smoke.side import TrainingSide

CAP_MIN = CAP_S / 60


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial gave.

    Attributes:
        delay_min: see `delay_of`.
        point: that both inner students give together.
        cost: of the file; None where an arm is tuned, whose files are all alike.
        seconds: that it took here, without what was found made.
    """

    delay_min: float
    point: Point
    cost: Cost | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Terms:
    """What all trials of a study have in common.

    Attributes:
        parts: all sequences of the data, as the pool was made of them.
        stills: pictures that set the backbones' ranges.
        backbones: to choose from; an arm has one.
        arm: that is tuned; None searches the architecture.
        setting: of every student but for what is searched.
    """

    parts: tuple[Part, ...]
    stills: tuple[Path, ...]
    backbones: tuple[Name, ...]
    arm: Arm | None
    setting: Setting


class Rehearsal:
    """Tries parameters on one training side.

    Args:
        side: the only door to data; its pool is there.
        terms: of the study.
    """

    def __init__(self, side: TrainingSide, terms: Terms) -> None:
        self.side, self.terms = side, terms
        self._opened: dict[str, Opened] = {}

    def tried(self, parameters: Parameters, seed: int) -> Tried:
        """Try parameters; what is made is found.

        Args:
            parameters: of `space.suggest`.
            seed: of the inner students.

        Raises:
            LeakError, ValueError: as `Labels.open`, `Labels.inner_point` and `file.cost_of`.
        """
        return self.tried_by(self.recipe(parameters), seed)

    def tried_by(self, recipe: Labels, seed: int) -> Tried:
        """Try a recipe; those with one backbone share an open side.

        Args:
            recipe: whose inner students are tried.
            seed: of the inner students.

        Raises:
            LeakError, ValueError: as `tried`.
        """
        began = time.monotonic()
        backbone = recipe.ground.backbone
        if backbone not in self._opened:
            self._opened[backbone] = recipe.open(self.side)
        opened = self._opened[backbone]
        cost = cost_of(opened, recipe.setting) if self.terms.arm is None else None
        point = recipe.inner_point(opened, seed)
        seconds = round(time.monotonic() - began, 1)
        return Tried(delay_min=delay_of(point), point=point, cost=cost, seconds=seconds)

    def recipe(self, parameters: Parameters) -> Labels:
        """Return the recipe whose inner students are tried."""
        backbone = msgspec.convert(parameters.get("backbone", self.terms.backbones[0]), Name)
        ground = Ground(self.terms.parts, self.terms.stills, backbone)
        given = asdict(self.terms.setting)
        setting = msgspec.convert({name: parameters.get(name, given[name]) for name in given}, Setting)
        if self.terms.arm == "distilled":
            return Distilled(ground, setting, msgspec.convert(parameters, Distillation))
        if self.terms.arm == "ablation":
            return Without(ground, setting, WITHOUT[str(parameters["without"])])
        return Labels(ground, setting)


class Without(Labels):
    """The student on labels with something left out.

    Args:
        ground: as of `Labels`.
        setting: as of `Labels`.
        without: sources of the pool that it does not see; `context` is the head's.
    """

    def __init__(self, ground: Ground, setting: Setting, without: frozenset[str]) -> None:
        super().__init__(ground, replace(setting, context="context" not in without))
        self.without = without

    def _learned(self, opened: Opened, name: str, groups: frozenset[str]) -> list[Example]:
        learned = super()._learned(opened, name, groups)
        return [example for example in learned if example.source not in self.without]


def delay_of(point: Point) -> float:
    """Return the mean of both severities' capped delay, minutes; the cap where the limits of false alarms are not kept.

    Raises:
        ValueError: no view has boxes, so that there is no delay.
    """
    if None in (point.candidates.delay_min, point.alerts.delay_min):
        raise ValueError("no view of the training side has boxes; a search needs some")
    return point.delay_min() if point.within else CAP_MIN
