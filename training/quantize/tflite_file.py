"""Quantizing a float TFLite file by ai-edge-quantizer: which operations, by which ranges."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_quantizer import calibrator, quantizer
from ai_edge_quantizer.qtyping import TFLOperationName
from ai_edge_quantizer.utils import qsv_utils
from numpy.typing import NDArray

from training.export.file import quiet

Sample = dict[str, NDArray[np.float32]]
"""One of each input, by name."""
Ranges = dict[str, tuple[float, float]]
"""Smallest and largest value, by tensor or by point."""

MIN_MAX = "min_max_uniform_quantize"
WEIGHT_METHODS = (MIN_MAX, "MSE", "OCTAV")  # ai-edge-quantizer's own
_SIGNATURE = "serving_default"


@dataclass(frozen=True, slots=True)
class Rule:
    """Operations that become INT8; a later rule stands above an earlier one.

    Attributes:
        operation: TFLite's name of the kind.
        where: a regular expression over the names of the tensors that they write.
        weight_bits: of their weights.
        weights: how the scales of weights are chosen, one of `WEIGHT_METHODS`.
    """

    operation: str
    where: str = ".*"
    weight_bits: int = 8
    weights: str = MIN_MAX


class TFLiteFile:
    """A float file that is to be quantized.

    Args:
        path: what litert-torch wrote.
        rules: what becomes INT8; nothing else does.
    """

    def __init__(self, path: Path, rules: Sequence[Rule]) -> None:
        with quiet():
            self._quantizer = quantizer.Quantizer(str(path))
            self._calibrator = calibrator.Calibrator(
                str(path), num_threads=2, qsv_update_func=qsv_utils.min_max_update
            )
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> None:
        """Add a rule."""
        self._quantizer.add_static_config(
            rule.where, TFLOperationName(rule.operation), 8, rule.weight_bits, algorithm_key=rule.weights
        )

    def ranges(self, samples: Sequence[Sample]) -> Ranges:
        """Return the range of each tensor that becomes INT8 over some inputs."""
        return {
            name: (float(np.min(shown["min"])), float(np.max(shown["max"])))
            for name, shown in self._statistics(samples).items()
            if "min" in shown
        }

    def quantize(self, samples: Sequence[Sample], given: Mapping[str, tuple[float, float]]) -> bytes:
        """Quantize by the ranges that are given, and where none is, by those over some inputs."""
        statistics = copy.deepcopy(self._statistics(samples))
        for tensor, ends in given.items():
            for key, value in zip(("min", "max"), ends, strict=True):
                statistics[tensor][key] = np.full_like(statistics[tensor][key], value)
        with quiet():
            made = self._quantizer.quantize(
                statistics, enable_progress_bar=False, enable_progress_report=False
            )
        return bytes(made.quantized_model)

    def _statistics(self, samples: Sequence[Sample]) -> dict[str, Any]:
        recipe = self._quantizer._recipe_manager  # noqa: SLF001 — no public way
        with quiet():
            self._calibrator.reset_model_qsvs()
            self._calibrator.calibrate({_SIGNATURE: samples}, recipe)
        found: dict[str, Any] = self._calibrator.get_model_qsvs()
        return found
