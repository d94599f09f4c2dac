"""The steps that quantize: calibration (PTQ), training on with fake quantization (QAT), sensitivity a layer.

Choices are made on the validation split. A pair that trains on the held-out images too takes them over from its
sibling, a teacher of the same network and stem that does not.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from training.cifar10.data import SCALE, SIDE_PX
from training.cifar10.run import Trained
from training.cifar10.train import CHECKPOINT, lesson_of, loss_of
from training.cifar10.workshop import Workshop
from training.distill import fit, view
from training.distill.images import Images
from training.quantize import bits as layers
from training.quantize import convert
from training.quantize.bits import Bits, set_bits, spread
from training.quantize.fold import FoldedResNet
from training.quantize.onnx_file import CALIBRATION_METHODS
from training.quantize.qat import learning_rate, train_on
from training.quantize.setting import Quantization
from training.step.step import Step, digests, write_whole

logger = logging.getLogger(__name__)

QUANTIZED = "quantized.pt"


def calibration_pixels(shop: Workshop) -> torch.Tensor:
    """Return (N, 3, 32, 32) calibration images, normalised: the first of the training split, which digests order."""
    training = shop.cifar10.training
    return view.normalise(training.pixels[: shop.recipe.calibration_images], training.scale)


def folded(one: Trained) -> FoldedResNet:
    """Load a trained network and fold its batch norm."""
    return FoldedResNet(one.load(), SIDE_PX, SCALE).eval()


def judges(shop: Workshop, one: Trained) -> Images:
    """Return the images that choices about a network are made on: the validation split.

    Raises:
        ValueError: the network was trained on them.
    """
    if one.run.split == "all":
        raise ValueError(f"{one.run.name} has seen the validation split; choose on its sibling")
    return shop.cifar10.validation if len(shop.cifar10.validation) else shop.cifar10.training


def ptq(shop: Workshop, one: Trained) -> Step:
    """Find ranges by each calibration method; judge them on the validation split if the network has not seen it."""
    inputs = {
        "network": one.step.key,
        "calibration_images": shop.recipe.calibration_images,
        "methods": CALIBRATION_METHODS,
        "validation": shop.cifar10.validation.sha256,
    }
    step = shop.step("ptq", f"ptq-{one.run.name}", inputs)
    return shop.once(step, lambda: _calibrate(shop, one, step.folder))


def _calibrate(shop: Workshop, one: Trained, folder: Path) -> dict[str, Any]:
    logger.info("%s: calibrating", one.run.name)
    network = folded(one)
    plain, file, pixels = convert.plain(network), folder / "float.onnx", calibration_pixels(shop)
    convert.export_onnx(plain, file)
    set_bits(network, spread(network, 8))
    convert.set_mode(network, "fixed")
    found: dict[str, Any] = {}
    for method in CALIBRATION_METHODS:
        ranges = convert.calibrate(file, plain, pixels, method)
        convert.set_ranges(network, ranges)
        accuracy = None
        if one.run.split == "training":
            images = judges(shop, one)
            accuracy = fit.accuracy_of(fit.predict(network, images), images)
        found[method] = {"ranges": ranges, "validation_accuracy": accuracy}
    file.unlink()
    return {"methods": found}


def best_method(shop: Workshop, one: Trained) -> str:
    """Return the calibration method that is best for a network on the validation split; the plainest of equals.

    Raises:
        ValueError: the network was trained on it.
    """
    judges(shop, one)
    methods = ptq(shop, one).read()["methods"]
    return max(CALIBRATION_METHODS, key=lambda method: methods[method]["validation_accuracy"])


def calibrated(shop: Workshop, one: Trained, method: str, bits: Bits = 8) -> FoldedResNet:
    """Return a network with a method's ranges and its weights on a grid: post-training quantization, simulated."""
    methods = ptq(shop, one).read()["methods"]
    network = folded(one)
    convert.set_ranges(network, {name: tuple(ends) for name, ends in methods[method]["ranges"].items()})
    set_bits(network, spread(network, bits))
    convert.set_mode(network, "fixed")
    return network


def qat(shop: Workshop, one: Trained, method: str, bits: Bits, settings: Quantization) -> Step:
    """Train a network on with fake quantization, its own loss kept, or find it trained.

    Args:
        shop: images and recipe.
        one: where it starts.
        method: whose ranges it starts with.
        bits: of the weights.
        settings: epochs and learning rates.

    Raises:
        ValueError: as `train.train`.
    """
    inputs = {
        "network": one.step.key,
        "ranges": [ptq(shop, one).key, method],
        "bits": dict(bits) if isinstance(bits, Mapping) else bits,
        "epochs": settings.qat_epochs,
        "learning_rate": learning_rate(bits, settings),
    }
    name = f"qat{bits}" if isinstance(bits, int) else "qat-mixed"
    step = shop.step("qat", f"{name}-{one.run.name}", inputs, one.run.split)
    shop.together(
        step, lambda: _train_on(shop, one, calibrated(shop, one, method, bits), bits, settings, step)
    )
    (step.folder / CHECKPOINT).unlink(missing_ok=True)
    return step


def _train_on(
    shop: Workshop, one: Trained, network: FoldedResNet, bits: Bits, settings: Quantization, step: Step
) -> dict[str, Any]:
    logger.info("%s: %d epochs", step.name, settings.qat_epochs)
    lesson = lesson_of(shop, one.run)
    history = train_on(
        network,
        lesson,
        loss_of(one.run),
        one.run.training,
        one.run.seed,
        step.folder / CHECKPOINT,
        learning_rate(bits, settings),
        settings.qat_epochs,
    )
    if not shop.processes.is_main_process:
        return {}
    write_whole(step.folder / QUANTIZED, lambda path: torch.save(network.state_dict(), path))
    return {
        "files": digests(step.folder, QUANTIZED),
        "history": history,
        "validation_accuracy": fit.validation_accuracy(network, lesson.validation),
        "bits": spread(network, bits),
    }


def quantized(one: Trained, step: Step) -> FoldedResNet:
    """Load what `qat` trained.

    Raises:
        ValueError: its file is damaged.
    """
    network = folded(one)
    set_bits(network, step.read()["bits"])
    network.load_state_dict(torch.load(step.file(QUANTIZED), weights_only=True, map_location="cpu"))
    convert.set_mode(network, "fixed")
    return network.eval()


def sensitivity(shop: Workshop, one: Trained, method: str) -> Step:
    """Measure what each layer alone costs on the validation split with its weights at 4 and at 2 bits.

    Raises:
        ValueError: the network was trained on it.
    """
    images = judges(shop, one)
    inputs = {
        "network": one.step.key,
        "ranges": [ptq(shop, one).key, method],
        "validation": shop.cifar10.validation.sha256,
    }
    step = shop.step("sensitivity", f"sensitivity-{one.run.name}", inputs)
    return shop.once(step, lambda: layers.sensitivity(calibrated(shop, one, method), images))
