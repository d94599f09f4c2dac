"""Three camera groups of made-up maps, of which one is a quiet stream; the folds leave each out once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.model.alert import AlertRule
from edge.model.calm import Calm
from edge.model.manifest import Threshold
from scoring.truth import TruthFrame, TruthSequence
from tests.training.smoke.lesson import made
from training.gate.stream import Part
from training.smoke.fold.plan import Fold
from training.smoke.lesson.example import Example
from training.smoke.lesson.point import Figures, Point
from training.smoke.lesson.recipe import METHODS, Ground, Labels, Opened
from training.smoke.lesson.setting import Setting
from training.smoke.pool import picture
from training.smoke.pool.condition import NAMES
from training.smoke.side import TrainingSide, pictures_of
from training.step.step import picture_digest
from training.step.workshop import Workshop

SHORT = Setting(steps=4, batch=4, projected=4, width=8, depth=1, seed=2)
GROUPS = ("bright", "dull", "road")
FIGURES = Figures(found=12, views=17, delay_min=11.25, before=2, before_h=13.5, quiet=1, quiet_h=67.0)
CHOSEN = Point(
    threshold=Threshold(open=2.0, keep=1.0), calm=Calm(margin=2.0, fall=3.5), candidates=FIGURES,
    alert=AlertRule(escalate_s=1800, scores={"smoke": 2.5}, held=("night", "infrared")),
    alerts=FIGURES, within=True,
)  # fmt: skip


@dataclass
class Made:
    """What the tests stand on.

    Attributes:
        kept: whether a side is opened without what it leaves out; False: a recipe that leaks.
        sequences: of the pool, for each group a real one and a rendered one.
    """

    folder: Path
    shop: Workshop
    folds: list[Fold]
    sequences: list[SimpleNamespace]
    examples: list[Example]
    kept: bool = True

    def side(self) -> TrainingSide:
        """The side of all sequences."""
        parts = [part for fold in self.folds for part in fold.held]
        return TrainingSide(self.shop, parts, {}, self.folder / "out")

    def side_of(self, fold: Fold) -> TrainingSide:
        """A fold's own side, as a cross-validation opens it."""
        return TrainingSide(self.shop, fold.training, pictures_of(fold.held), self.folder / "out")

    def opened(self, side: TrainingSide) -> Opened:
        groups = {sequence.group for sequence in side.sequences} if self.kept else set(GROUPS)
        pairs = [pair for pair in zip(self.sequences, self.examples, strict=True) if pair[1].group in groups]
        some, examples = ([pair[at] for pair in pairs] for at in (0, 1))
        return Opened(side, some, SimpleNamespace(name="lite0-third"), examples, [])


def build(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Write maps and pictures; whatever recipe opens a side finds these."""
    parts, sequences, examples = {}, [], []
    for group in GROUPS:
        parts[group] = part = _part(folder, group)
        digests = frozenset(map(picture_digest, part.paths))
        for source in ("real", "weather"):
            one = made.example(
                folder, f"{group}-{source}", group, source, 6 if group != "road" else None, len(NAMES)
            )
            examples.append(replace(one, made_of=digests))
            variant = SimpleNamespace(
                name=one.name, real=source == "real", weather="clear" if source == "real" else "fog"
            )
            drawn = SimpleNamespace(truth=part.truth)
            sequences.append(
                SimpleNamespace(variant=variant, pictures=None, drawn=drawn, source=source, paths=part.paths)
            )
    folds = [
        Fold(
            group if group == "road" else str(number), "quiet" if group == "road" else "outer", (parts[group],),
            tuple(parts[other] for other in GROUPS if other != group),
        )
        for number, group in enumerate(GROUPS, 1)
    ]  # fmt: skip
    built = Made(folder, Workshop(folder / "work", METHODS), folds, sequences, examples)
    built.shop.leave()
    monkeypatch.setattr(Labels, "open", lambda _, side: built.opened(side))
    monkeypatch.setattr(picture, "paths", lambda *_: ())
    return built


def recipe() -> Labels:
    """The student from labels alone, short, seed 2."""
    return Labels(Ground((), ()), SHORT)


def _part(folder: Path, group: str) -> Part:
    paths, frames = [], []
    for index in range(made.FRAMES):
        path = folder / f"{group}-{index:03}.jpg"
        path.write_text(path.name)  # nobody decodes it
        paths.append(path)
        boxes = ((80.0, 80.0, 144.0, 144.0),) if index >= 6 and group != "road" else ()
        frames.append(
            TruthFrame(path.name, "smoke" if boxes else "no_smoke", 1e9 + 60.0 * index, None, boxes)
        )
    truth = TruthSequence(
        group, f"camera-{group}", group, group, 640, 480, tuple(frames),
        ignition_epoch=None if group == "road" else 1e9 + 300, box_annotated=group != "road",
    )  # fmt: skip
    return Part(truth, tuple(paths), data="d" * 64)
