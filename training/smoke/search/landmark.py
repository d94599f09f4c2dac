"""A design that the sampler does not choose: a ResNet-18 in place of the backbone, tried as trials are.

Head, recipe and inner folds are those of a trial. Its maps are made here, by a backbone that was taught on the side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from training.network import file
from training.smoke.lesson import material
from training.smoke.lesson.material import Sequenced, Sight
from training.smoke.lesson.recipe import Ground, Labels, Opened
from training.smoke.lesson.setting import Setting
from training.smoke.network import BACKGROUND_RATE
from training.smoke.pool import picture
from training.smoke.pool.frozen import Frozen, freeze
from training.smoke.pool.map import change_all, map_all
from training.smoke.search import imitation
from training.smoke.search.imitation import BACKBONE, Imitating, imitated
from training.smoke.search.rehearsal import Rehearsal, Terms, Tried
from training.smoke.search.space import TODAY, Parameters
from training.smoke.side import TrainingSide, made_of_step
from training.smoke.student.calibration import Framed
from training.step.step import Step

METHODS = imitation.METHODS
LABEL, NAME = "ResNet-18", "resnet18"
PROCESSES = 2  # that make maps
_TOLD = ("setting", "sequences", "frames", "error", "took_s")


@dataclass(frozen=True, slots=True)
class Landmark:
    """What was tried beside the study.

    Attributes:
        label: for table and plot.
        parameters: as of a trial: today's head.
        tried: with seed 0.
        taught: how its backbone was made: setting, numbers of sequences and frames, error on frames that it did not
            learn from in variances of the features, seconds.
    """

    label: str
    parameters: Parameters
    tried: Tried
    taught: dict[str, Any]


class Imitated(Labels):
    """The student on labels alone, behind a ResNet-18 that gives the features of the ground's backbone.

    Args:
        ground: its backbone is the one that is imitated; its maps are there.
        setting: of the student.
        imitating: how the ResNet-18 learns.
    """

    def __init__(self, ground: Ground, setting: Setting, imitating: Imitating) -> None:
        super().__init__(ground, setting)
        self.imitating = imitating
        self.taught: Step | None = None

    def open(self, side: TrainingSide) -> Opened:
        """Open a side: teach, freeze, map; what is done is found.

        Raises:
            LeakError, ValueError: as `Labels.open` and `imitation.imitated`.
        """
        sequences = self._sequences(side)
        network = self._imitator(side, sequences)
        variants, pictures = [one.variant for one in sequences], [one.pictures for one in sequences]
        maps = map_all(side.shop, variants, pictures, network, PROCESSES)
        for every, _ in self.setting.cadences:
            change_all(side.shop, variants, pictures, maps, BACKGROUND_RATE, every, PROCESSES)
        return self._opened(side, sequences, network)

    def _imitator(self, side: TrainingSide, sequences: list[Sequenced]) -> Frozen:
        real = [one for one in sequences if one.variant.real]
        whole = Sight(self._network(side, self.ground.backbone), BACKGROUND_RATE, cadences=(1,))
        framed = [
            Framed(example, picture.paths(one.pictures, one.variant))
            for one, example in zip(real, material.examples(side, real, whole), strict=True)
        ]
        self.taught = side.take(imitated(side.shop, framed, self.imitating), "training")
        backbone, made_of = file.read(self.taught.file(BACKBONE)), made_of_step(self.taught)
        network = freeze(side.shop, NAME, backbone, made_of, self.ground.stills)
        side.take(network.step, "calibration")
        return network


def try_resnet18(side: TrainingSide, terms: Terms, imitating: Imitating) -> Landmark:
    """Try today's head behind a ResNet-18, or find all of it made but the choice of the point.

    Args:
        side: that the study searches on.
        terms: of the study; its setting and its data are those of the point.
        imitating: how the ResNet-18 learns.

    Raises:
        LeakError, ValueError: as `Imitated.open` and `Rehearsal.tried`.
    """
    trials = Rehearsal(side, terms)
    plain = trials.recipe({**TODAY, "backbone": "lite0"})
    recipe = Imitated(plain.ground, plain.setting, imitating)
    tried = trials.tried_by(recipe, 0)
    assert recipe.taught is not None
    record = recipe.taught.read()
    return Landmark(LABEL, {"backbone": NAME, **TODAY}, tried, {name: record[name] for name in _TOLD})
