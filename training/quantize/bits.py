"""Bits of weights, layer by layer: what each layer's cost, and which are chosen."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from training.distill import fit
from training.distill.images import Images
from training.quantize.fold import FoldedResNet

logger = logging.getLogger(__name__)

LOW_BITS = (4, 2)

Bits = int | Mapping[str, int]
"""Of every layer, or by layer."""


def spread(network: FoldedResNet, bits: Bits) -> dict[str, int]:
    """Return the bits of each layer: stem and classifier stay at 8 where one number is given for all."""
    names = list(network.layers())
    if isinstance(bits, int):
        return {name: 8 if name in {names[0], names[-1]} else bits for name in names}
    return {name: bits[name] for name in names}


def set_bits(network: FoldedResNet, bits: Mapping[str, int]) -> None:
    """Put every layer's weight on its grid."""
    for name, layer in network.layers().items():
        layer.set_bits(bits[name])


def sensitivity(network: FoldedResNet, images: Images) -> dict[str, Any]:
    """Measure what each layer alone costs with its weights at 4 and at 2 bits.

    Args:
        network: quantized, its weights at 8 bits.
        images: to judge on.

    Returns:
        Accuracy and loss at 8 bits (`int8`), and a row a layer (`layers`) of what it costs.
    """
    logger.info("sensitivity a layer")
    whole, layers = _loss(network, images), []
    for name, layer in network.layers().items():
        row: dict[str, Any] = {"layer": name, "weights": layer.weight.numel()}
        for bits in LOW_BITS:
            layer.set_bits(bits)
            accuracy, loss = _loss(network, images)
            row[f"int{bits}"] = {"accuracy_cost": whole[0] - accuracy, "loss_cost": loss - whole[1]}
        layer.set_bits(8)
        layers.append(row)
    return {"int8": {"accuracy": whole[0], "loss": whole[1]}, "layers": layers}


def _loss(network: FoldedResNet, images: Images) -> tuple[float, float]:
    """Return accuracy and cross entropy."""
    logits = fit.predict(network, images)
    loss = float(torch.nn.functional.cross_entropy(logits, images.labels))
    return fit.accuracy_of(logits, images), loss


def mixed(layers: Sequence[Mapping[str, Any]], loss_budget: float) -> dict[str, int]:
    """Choose bits a layer: always the cheapest saving of bits for added loss that still fits the budget.

    Costs of layers are added up as if they were independent, which is a choice's usual assumption; a cost below
    nothing counts as nothing.

    Args:
        layers: rows of `sensitivity`.
        loss_budget: added cross entropy on the images of those.
    """
    rows = {row["layer"]: row for row in layers}
    costs = {
        name: {8: 0.0, **{b: max(0.0, row[f"int{b}"]["loss_cost"]) for b in LOW_BITS}}
        for name, row in rows.items()
    }
    chosen, left = dict.fromkeys(rows, 8), loss_budget
    while True:
        offers = [
            ((costs[name][bits] - costs[name][now]) / (rows[name]["weights"] * (now - bits)), name, bits)
            for name, now in chosen.items()
            for bits in LOW_BITS
            if bits < now and costs[name][bits] - costs[name][now] <= left
        ]
        if not offers:
            return chosen
        _, name, bits = min(offers)
        left -= costs[name][bits] - costs[name][chosen[name]]
        chosen[name] = bits
