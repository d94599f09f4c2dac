"""The steps that quantize: calibration (PTQ), training on with fake quantization (QAT), sensitivity a layer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch

from training.classify import convert, fit, view
from training.classify.fold import FoldedResNet
from training.classify.images import Images
from training.classify.recipe import Quantization
from training.classify.step import Step
from training.classify.train import Run, Workshop, load_logits, loss_of, trained

logger = logging.getLogger(__name__)

FOLLOWED = 0.75  # share of the steps after which the ranges stay
LOW_BITS = (4, 2)
QUANTIZED = "quantized.pt"

Bits = int | Mapping[str, int]
"""Of every layer, or by layer."""


def calibration_pixels(shop: Workshop) -> torch.Tensor:
    """Return the calibration images, normalised: the first of the training split, whose order is by digest."""
    count = shop.recipe.calibration_images
    return view.normalise(shop.cifar10.training.pixels[:count])


def folded(run: Run, made: Step) -> FoldedResNet:
    """Load a trained network and fold its batch norm."""
    return FoldedResNet(trained(run, made)).eval()


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


def ptq(shop: Workshop, run: Run, made: Step) -> Step:
    """Choose ranges by each calibration method, and keep the one that is best on the validation split."""
    step = shop.step(
        "ptq", f"ptq-{run.name}", {"network": made.key, "images": shop.recipe.calibration_images}
    )
    if step.record() is not None:
        return step
    return shop.once(step, lambda: _calibrate(shop, run, made, step.folder))


def _calibrate(shop: Workshop, run: Run, made: Step, folder: Path) -> dict[str, Any]:
    logger.info("%s: calibrating", run.name)
    network = folded(run, made)
    plain, file, pixels = convert.plain(network), folder / "float.onnx", calibration_pixels(shop)
    convert.export_onnx(plain, file)
    set_bits(network, spread(network, 8))
    convert.set_mode(network, "fixed")
    found: dict[str, Any] = {}
    for method in convert.CALIBRATION_METHODS:
        ranges = convert.calibrate(file, plain, pixels, method)
        convert.set_ranges(network, ranges)
        found[method] = {"ranges": ranges, "validation_accuracy": _validate(network, judge(shop))}
    file.unlink()
    best = max(found, key=lambda method: found[method]["validation_accuracy"])
    return {"methods": found, "chosen": best}


def judge(shop: Workshop) -> Images:
    """Return the images that choices are made on: the validation split, or training images where there is none."""
    return shop.cifar10.validation if len(shop.cifar10.validation) else shop.cifar10.training


def _validate(network: FoldedResNet, images: Images) -> float:
    return fit.accuracy_of(fit.predict(network, images), images)


def calibrated(shop: Workshop, run: Run, made: Step, bits: Bits = 8) -> FoldedResNet:
    """Return the network with its chosen ranges and its weights on a grid: post-training quantization, simulated."""
    record = ptq(shop, run, made).record()
    assert record is not None
    network = folded(run, made)
    convert.set_ranges(
        network, {name: tuple(ends) for name, ends in record["methods"][record["chosen"]]["ranges"].items()}
    )
    set_bits(network, spread(network, bits))
    convert.set_mode(network, "fixed")
    return network


def qat(shop: Workshop, run: Run, made: Step, bits: Bits, settings: Quantization) -> Step:
    """Train a network on with fake quantization, its own loss kept, or find it trained."""
    first = ptq(shop, run, made)
    inputs = {
        "network": made.key,
        "ranges": first.key,
        "bits": dict(bits) if isinstance(bits, Mapping) else bits,
        "epochs": settings.qat_epochs,
        "learning_rate": settings.qat_learning_rate,
    }
    name = f"qat{bits}" if isinstance(bits, int) else "qat-mixed"
    step = shop.step("qat", f"{name}-{run.name}", inputs, run.split)
    if step.record() is not None:
        return step
    logger.info("%s: %s, %d epochs", run.name, name, settings.qat_epochs)
    network = calibrated(shop, run, made, bits)
    convert.set_mode(network, "follow")
    training = msgspec.structs.replace(
        run.training, epochs=settings.qat_epochs, learning_rate=settings.qat_learning_rate, small_share=0.0
    )
    soft = None if run.taught is None else load_logits(run.taught[0])
    held_out = shop.cifar10.validation if run.split == "training" else shop.cifar10.validation.none()
    lesson = fit.Lesson(shop.images(run.split), shop.views(run.split, run.training), soft, held_out)

    def settle(share: float) -> None:
        if share >= FOLLOWED:
            convert.set_mode(network, "fixed")

    checkpoint = step.folder / f"{step.name}.pt"
    history = fit.fit(network, lesson, loss_of(run), training, run.seed, checkpoint, tell=settle)

    def keep() -> dict[str, Any]:
        convert.set_mode(network, "fixed")
        torch.save(network.state_dict(), step.folder / QUANTIZED)
        checkpoint.unlink(missing_ok=True)
        accuracy = _validate(network, held_out) if len(held_out) else None
        return {"history": history, "validation_accuracy": accuracy, "bits": spread(network, bits)}

    return shop.once(step, keep)


def quantized(shop: Workshop, run: Run, made: Step, step: Step) -> FoldedResNet:
    """Load what `qat` trained."""
    record = step.record()
    assert record is not None
    network = calibrated(shop, run, made, record["bits"])
    network.load_state_dict(torch.load(step.folder / QUANTIZED, weights_only=True))
    return network.eval()


def sensitivity(shop: Workshop, run: Run, made: Step) -> Step:
    """Measure what each layer alone costs on the validation split with its weights at 4 and at 2 bits."""
    step = shop.step(
        "sensitivity", f"sensitivity-{run.name}", {"network": made.key, "ranges": ptq(shop, run, made).key}
    )
    if step.record() is not None:
        return step
    return shop.once(step, lambda: _sensitivity(shop, run, made))


def _sensitivity(shop: Workshop, run: Run, made: Step) -> dict[str, Any]:
    logger.info("%s: sensitivity a layer", run.name)
    network, images = calibrated(shop, run, made), judge(shop)
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


def mixed(step: Step, loss_budget: float) -> dict[str, int]:
    """Choose bits a layer: always the next cheapest saving of bytes for added loss, until the budget is spent.

    Costs of layers are added up as if they were independent, which is a choice's usual assumption.

    Args:
        step: of `sensitivity`.
        loss_budget: added cross entropy on the validation split.
    """
    record = step.record()
    assert record is not None
    offers = []
    for row in record["layers"]:
        before = 0.0
        for bits, saved in ((4, 4), (2, 2)):  # bits a weight that the step from 8 to 4, from 4 to 2 saves
            cost = max(row[f"int{bits}"]["loss_cost"], before)
            offers.append(((cost - before) / (row["weights"] * saved), cost - before, row["layer"], bits))
            before = cost
    chosen, spent = {row["layer"]: 8 for row in record["layers"]}, 0.0
    for _, cost, layer, bits in sorted(offers):
        if spent + cost <= loss_budget and chosen[layer] == 2 * bits:
            chosen[layer], spent = bits, spent + cost
    return chosen
