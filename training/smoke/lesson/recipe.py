"""Both arms as recipes of a cross-validation: one student, once from a teacher and once from labels alone.

Initialisation, batches, augmentation, steps and rates are the same. The inner students of seed 0 choose the operating
point that all seeds of an arm use.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from edge.model.manifest import Manifest, Threshold
from training.distill.setting import Distillation
from training.gate.stream import TRAINED_ON, Part
from training.smoke import train
from training.smoke.bundle import manifest_of, write
from training.smoke.export import Exported
from training.smoke.fold.recipe import CARD, FoldRecipe
from training.smoke.lesson import inner, material, point, trained
from training.smoke.lesson.example import Example
from training.smoke.lesson.inner import Half
from training.smoke.lesson.material import Sequenced, Sight
from training.smoke.lesson.point import Point, Scored
from training.smoke.lesson.setting import TRIALS, Setting
from training.smoke.lesson.teacher import KINDS, Kind, teach, train_kinds
from training.smoke.network import BACKGROUND_RATE
from training.smoke.pool import picture, variant
from training.smoke.pool.condition import NAMES
from training.smoke.pool.frozen import Frozen, Name, frozen
from training.smoke.side import TrainingSide
from training.smoke.student.calibration import Framed
from training.smoke.student.export import export
from training.step.step import Step

METHODS = train.METHODS | variant.METHODS | trained.METHODS
SCHEMA = "1.4"  # calm and conditions
BACKBONE: Name = "lite0-third"
METHOD = Distillation(temperature=2.0, alpha=0.7)
METRICS = "none: see the result of the cross-validation"


def blank() -> Manifest:
    """Return the manifest of a student, all but its files and its point."""
    return msgspec.structs.replace(
        manifest_of(Threshold(open=0.0, keep=0.0)), schema=SCHEMA, conditions=NAMES
    )


@dataclass(frozen=True, slots=True)
class Ground:
    """What both arms stand on, the same for all folds.

    Attributes:
        parts: all sequences of the data; the pool is made of them, and each fold takes what is its own.
        stills: pictures that set the ranges of the backbones and tune a pruned one; no fold judges on them.
        backbone: of the student.
        pool_seed: of the pool's lots.
    """

    parts: tuple[Part, ...]
    stills: tuple[Path, ...]
    backbone: Name = BACKBONE
    pool_seed: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """A training side, opened.

    Attributes:
        side: the door.
        sequences: of the pool, made of its pictures alone.
        network: the student's backbone.
        examples: of the sequences, in its features.
        halves: inner folds.
    """

    side: TrainingSide
    sequences: list[Sequenced]
    network: Frozen
    examples: list[Example]
    halves: list[Half]


class Labels:
    """The student from labels alone.

    Args:
        ground: what both arms stand on.
        setting: how the student is trained, the seed among it.
    """

    name = "student on labels alone"
    trains_on_quiet = True
    chosen = (
        "sizes, steps and the loss: on inner folds of fold 1's training side; no teacher, so no T and no α"
    )
    chosen_on: Literal["the training side of fold 1", "every fold", "nothing"] = "the training side of fold 1"
    method: Distillation | None = None
    kinds: tuple[Kind, ...] = ()

    def __init__(self, ground: Ground, setting: Setting) -> None:
        self.ground, self.setting = ground, setting

    def stated(self) -> dict[str, Any]:
        """Return the settings, the seed among them, the grid of points and the numbers of its steps' methods."""
        return {
            "name": self.name,
            "steps": self.setting.steps,
            "trials": TRIALS,
            "setting": asdict(self.setting),
            "method": msgspec.to_builtins(self.method),
            "kinds": [asdict(kind) for kind in self.kinds],
            "backbone": self.ground.backbone,
            "pool_seed": self.ground.pool_seed,
            "point": {
                "opens": point.OPENS,
                "hysteresis": point.HYSTERESIS,
                "calms": msgspec.to_builtins(point.CALMS),
                "per_hour": [point.CANDIDATES_PER_HOUR, point.ALERTS_PER_HOUR],
                "alert": [*point.ALERT_ABOVES, point.PERSISTENCE_S, point.ESCALATE_S],
            },
            "methods": METHODS,
        }

    def choose(self, side: TrainingSide) -> FoldRecipe:  # noqa: ARG002 — chosen before, by trials on that side
        """Return itself."""
        return self

    def train(self, side: TrainingSide) -> Path:
        """Make the bundle; what is done is skipped.

        Raises:
            LeakError, ValueError: as `material.examples`, `trained.trained` and `student.export.export`.
        """
        opened = self.open(side)
        chosen = self.inner_point(opened)
        exported = self.exported(opened)
        provenance = {"inner_folds": msgspec.to_builtins(chosen)}
        manifest = self.manifest(opened, chosen, exported, {"method": METRICS}, provenance)
        return write(side.out, manifest, exported, CARD).folder

    def exported(self, opened: Opened) -> Exported:
        """Train the student on all groups of a side and export it; what is done is found.

        Raises:
            LeakError, ValueError: as `trained.trained` and `student.export.export`.
        """
        student = self.student(opened)
        opened.side.take(student, "training", "feature scale")
        framed = [
            Framed(example, picture.paths(one.pictures, one.variant))
            for one, example in zip(opened.sequences, opened.examples, strict=True)
        ]
        return export(opened.side, opened.network, student, framed, blank(), BACKGROUND_RATE)

    def manifest(
        self,
        opened: Opened,
        chosen: Point,
        exported: Exported,
        metrics: dict[str, Any],
        provenance: dict[str, Any],
    ) -> Manifest:
        """State a bundle; its files are added when it is written.

        Args:
            opened: what it was trained on.
            chosen: its operating point.
            exported: its files.
            metrics: what was measured, and how.
            provenance: what is said besides the recipe and its data.
        """
        return msgspec.structs.replace(
            blank(),
            thresholds={point.LABEL: chosen.threshold},
            alert=chosen.alert,
            calm=chosen.calm,
            calibration_sha256=exported.calibration_sha256,
            metrics=metrics,
            provenance={
                "recipe": msgspec.to_builtins(self.stated()),
                TRAINED_ON: opened.side.trained_on,
                "training_groups": sorted({sequence.group for sequence in opened.side.sequences}),
                **provenance,
            },
        )

    def _network(self, side: TrainingSide, name: Name) -> Frozen:
        network = frozen(side.shop, name, self.ground.stills)
        side.take(network.step, "calibration")
        return network

    def open(self, side: TrainingSide) -> Opened:
        """Open a side: its sequences of the pool, seen by the student's backbone.

        Raises:
            LeakError, ValueError: as `material.of_side` and `material.examples`.
        """
        sequences = self._sequences(side)
        return self._opened(side, sequences, self._network(side, self.ground.backbone))

    def _sequences(self, side: TrainingSide) -> list[Sequenced]:
        return material.of_side(side, variant.variants(self.ground.parts, self.ground.pool_seed))

    def _opened(self, side: TrainingSide, sequences: list[Sequenced], network: Frozen) -> Opened:
        cadences = tuple(every for every, _ in self.setting.cadences)
        examples = material.examples(side, sequences, Sight(network, BACKGROUND_RATE, cadences))
        return Opened(side, sequences, network, examples, inner.halves(sequences))

    def inner_point(self, opened: Opened, seed: int = 0) -> Point:
        """Return the operating point that the inner folds' students give; what is trained is found.

        Args:
            opened: a side.
            seed: of the inner students.
        """
        scored: list[Scored] = []
        for half in opened.halves:
            setting = dataclasses.replace(self.setting, seed=seed)
            student = self._student(opened, f"without-{half.name}", half.groups, setting)
            opened.side.take(student, "thresholds")
            scored += inner.scored(opened.side, student, opened.sequences, opened.examples, half.held)
        return point.choose(scored, blank())

    def student(self, opened: Opened) -> Step:
        """Train the student on all groups of a side, or find it trained."""
        groups = frozenset(example.group for example in opened.examples)
        return self._student(opened, "all", groups, self.setting)

    def _student(self, opened: Opened, name: str, groups: frozenset[str], setting: Setting) -> Step:
        """Train a student on some groups."""
        learned = self._learned(opened, name, groups)
        step_name = f"student-{type(self).__name__.lower()}-{name}-{setting.seed}"
        return trained.trained(opened.side.shop, step_name, learned, setting, self.method)

    def _learned(self, opened: Opened, name: str, groups: frozenset[str]) -> list[Example]:  # noqa: ARG002 — of the other arm
        """Return the examples of some groups as this arm learns from them."""
        return [example for example in opened.examples if example.group in groups]


class Distilled(Labels):
    """The same student from a teacher of unlike heads, which never saw more than the student's own groups.

    Args:
        ground: what both arms stand on.
        setting: how the student is trained, the seed among it.
        method: temperature and α.
        kinds: heads of the teacher.
    """

    name = "student from a teacher of unlike heads"
    chosen = (
        "sizes, steps and the loss as for labels alone; T and α: on inner folds of fold 1's training side"
    )

    def __init__(
        self,
        ground: Ground,
        setting: Setting,
        method: Distillation = METHOD,
        kinds: Sequence[Kind] = KINDS,
    ) -> None:
        super().__init__(ground, setting)
        self.method, self.kinds = method, tuple(kinds)

    def _learned(self, opened: Opened, name: str, groups: frozenset[str]) -> list[Example]:
        own = super()._learned(opened, name, groups)
        sequences = [one for one in opened.sequences if one.drawn.truth.group in groups]
        views = [self._views(opened.side, sequences, kind) for kind in self.kinds]
        teachers = train_kinds(opened.side.shop, name, self.kinds, views, groups)
        for teacher in teachers:
            opened.side.take(teacher.step, "teacher")
        taught = teach(opened.side.shop, teachers, own)
        for example in taught:
            opened.side.note("soft labels", example.made_of)
        return taught

    def _views(self, side: TrainingSide, sequences: Sequence[Sequenced], kind: Kind) -> list[Example]:
        network = self._network(side, kind.network)
        cadences = tuple(every for every, _ in kind.setting.cadences)
        return material.examples(side, sequences, Sight(network, kind.rate, cadences))
