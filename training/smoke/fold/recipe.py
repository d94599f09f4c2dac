"""What a recipe must be to be cross-validated, and the one that ships."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from training.gate.stream import TRAINED_ON
from training.smoke.bundle import manifest_of, write
from training.smoke.make import FALSE_ALARMS_PER_HOUR, INNER_FOLDS, make
from training.smoke.recipe import Recipe
from training.smoke.side import TrainingSide
from training.smoke.train import METHODS

CARD = "Made for one fold of a cross-validation, to be judged on what it has not seen. Not for a tower.\n"


class FoldRecipe(Protocol):
    """A way to make a bundle from a training side.

    Attributes:
        name: for people.
        trains_on_quiet: whether quiet streams are handed to it.
        chosen: what was chosen of it, how and on what; for the result.
        chosen_on: the side that `choose` looked at. `every fold`: its choices are older than the folds.
    """

    name: str
    trains_on_quiet: bool
    chosen: str
    chosen_on: Literal["the training side of fold 1", "every fold", "nothing"]

    def stated(self) -> dict[str, Any]:
        """Return all that its result depends on besides the training side.

        `compare-arms` also asks for `steps` of the optimizer and `trials` of tuning, there or in `settings`.
        """

    def choose(self, side: TrainingSide) -> FoldRecipe:
        """Choose architecture, T and α on the training side of fold 1, once for all folds."""

    def train(self, side: TrainingSide) -> Path:
        """Make a bundle in `side.out` from what the side hands out, and from nothing else; return its folder."""


class Shipped:
    """Frozen backbone, a head on hard labels, quantized after training: as `python -m training smoke`."""

    name = "frozen backbone, head on hard labels, quantized after training"
    trains_on_quiet = False
    chosen = (
        "sizes, rates, steps and the loss: in an earlier study over three folds of the same groups; there is no "
        "teacher, so no T and no α"
    )
    chosen_on: Literal["the training side of fold 1", "every fold", "nothing"] = "every fold"

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def stated(self) -> dict[str, Any]:
        """Return the settings, the seed among them, and the numbers of its steps' methods."""
        return {
            "name": self.name,
            "settings": asdict(self.recipe),
            "methods": {kind: METHODS[kind] for kind in ("features", "head", "export")},
            "inner_folds": INNER_FOLDS,
            "false_alarms_per_hour": FALSE_ALARMS_PER_HOUR,
        }

    def choose(self, side: TrainingSide) -> FoldRecipe:  # noqa: ARG002 — nothing is left to choose
        """Return itself."""
        return self

    def train(self, side: TrainingSide) -> Path:
        """Make the bundle; what is done is skipped.

        Raises:
            LeakError, ValueError: as `make`.
        """
        made = make(side, self.recipe)
        manifest = manifest_of(
            made.choice.threshold,
            calibration_sha256=made.exported.calibration_sha256,
            metrics={"method": "none: see the result of the cross-validation"},
            provenance={
                "recipe": asdict(self.recipe),
                TRAINED_ON: side.trained_on,
                "training_groups": sorted({sequence.group for sequence in side.sequences}),
                "inner_folds": msgspec.to_builtins(made.choice.summary),
            },
        )
        return write(side.out, manifest, made.exported, CARD).folder
