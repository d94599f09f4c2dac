"""A study on nothing: figures that follow from the parameters, and terms of a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.model.alert import AlertRule
from edge.model.manifest import Threshold
from training.smoke.lesson.point import Figures, Point
from training.smoke.lesson.recipe import METHODS
from training.smoke.lesson.setting import Setting
from training.smoke.search import file, landmark
from training.smoke.search.cost import Timed
from training.smoke.search.file import Cost
from training.smoke.search.rehearsal import Terms, Tried, delay_of
from training.smoke.search.space import Arm, Parameters
from training.smoke.side import TrainingSide
from training.step.workshop import Workshop

SETTING = Setting(steps=4, batch=4)


def figures(delay_min: float | None, found: int = 3) -> Figures:
    return Figures(found=found, views=5, delay_min=delay_min, before=0, before_h=4.0, quiet=0, quiet_h=3.0)


def point(candidates: float | None, alerts: float | None, *, within: bool = True) -> Point:
    return Point(
        threshold=Threshold(open=2.0, keep=1.0), alert=AlertRule(escalate_s=1800), calm=None,
        candidates=figures(candidates), alerts=figures(alerts), within=within,
    )  # fmt: skip


def terms(arm: Arm | None = None, backbones: tuple[Any, ...] = ("lite0-third", "lite0-coarse")) -> Terms:
    return Terms((), (), backbones, arm, SETTING)


def side(folder: Path) -> TrainingSide:
    shop = Workshop(folder / "work", METHODS | file.METHODS | landmark.METHODS)
    return TrainingSide(shop, [], {}, folder / "out")


def tried(parameters: Parameters, seed: int) -> Tried:
    """Wider is earlier and slower; the second seed is a minute later; an arm's files cost nothing."""
    if "width" not in parameters:
        chosen = point(10.0, 12.0)
        return Tried(delay_min=delay_of(chosen), point=chosen, cost=None, seconds=2.0)
    width = int(parameters["width"])
    chosen = point(20 - width / 16 + seed, 22 - width / 16 + seed)
    timed = Timed(own_ns=[width * 10_000] * 3, reference_ns=[1_000_000] * 3)
    cost = Cost(sha256="0" * 64, bytes=100_000, macs=width * 1_000_000, timed=timed)
    return Tried(delay_min=delay_of(chosen), point=chosen, cost=cost, seconds=2.0)
