"""Quantization-aware training: a network trains on with fake quantization; its ranges follow, then stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from training.distill import fit
from training.distill.loop import Loss
from training.distill.setting import Training
from training.quantize import convert
from training.quantize.bits import Bits
from training.quantize.fold import FoldedResNet
from training.quantize.setting import Quantization

FOLLOWED = 0.75  # share of the steps after which the ranges stay


def learning_rate(bits: Bits, settings: Quantization) -> float:
    """Return the rate for weights of these bits."""
    lowest = bits if isinstance(bits, int) else min(bits.values())
    return settings.qat_learning_rate if lowest >= 8 else settings.low_bit_learning_rate


def train_on(
    network: FoldedResNet,
    lesson: fit.Lesson,
    loss: Loss,
    training: Training,
    seed: int,
    checkpoint: Path,
    rate: float,
    epochs: int,
) -> list[dict[str, Any]]:
    """Train a quantized network on; afterwards it quantizes by the ranges that it trained with.

    Args:
        network: with ranges to start with, and its weights on their grids.
        lesson: as it learned before, like loss, training and seed; SGD alone, and whole images.
        loss: of a batch.
        training: how the network was trained.
        seed: of order and cutout.
        checkpoint: of `fit`.
        rate: the peak learning rate.
        epochs: how long.
    """
    settled: dict[str, tuple[float, float]] = {}

    def settle(share: float) -> None:
        if share >= FOLLOWED and not settled:
            convert.set_mode(network, "fixed")
            settled.update(convert.get_ranges(network))

    convert.set_mode(network, "follow")
    history = fit.fit(
        network,
        lesson,
        loss,
        msgspec.structs.replace(training, epochs=epochs, learning_rate=rate, muon=None, small_share=0.0),
        seed,
        checkpoint,
        tell=settle,
    )
    convert.set_mode(network, "fixed")
    convert.set_ranges(network, settled or convert.get_ranges(network))  # not their average
    return history
