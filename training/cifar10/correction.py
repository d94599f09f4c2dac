"""What the quantizers offer for post-training quantization, tried on the validation split.

The calibration method that is best is used. A file whose weights one quantizer chose by a search of its own would no
longer be its ONNX twin's, so the weight methods stay a comparison.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from edge.scratch import temporary_folder
from training.cifar10 import bundle, qat
from training.cifar10.run import Trained
from training.cifar10.workshop import Workshop
from training.distill.images import Images
from training.quantize import convert
from training.quantize.tflite_file import WEIGHT_METHODS
from training.step.step import Step

logger = logging.getLogger(__name__)


def corrections(shop: Workshop, one: Trained) -> Step:
    """Measure a network's PTQ file with each of the quantizer's ways to choose the scales of weights."""
    images, method = qat.judges(shop, one), qat.best_method(shop, one)
    inputs = {
        "network": one.step.key,
        "ranges": [qat.ptq(shop, one).key, method],
        "weights": WEIGHT_METHODS,
        "export": bundle.EXPORT,
        "validation": shop.cifar10.validation.sha256,
    }
    step = shop.step("corrections", f"corrections-{one.run.name}", inputs)
    return shop.once(step, lambda: {"validation_accuracy": _measured(shop, one, method, images)})


def _measured(shop: Workshop, one: Trained, method: str, images: Images) -> dict[str, float]:
    logger.info("%s: the quantizer's other weight methods", one.run.name)
    network = qat.calibrated(shop, one, method)
    for layer in network.layers().values():
        layer.set_bits(None)  # the quantizer chooses
    plain, found = convert.plain(network), {}
    few = qat.calibration_pixels(shop)[: convert.SIGNATURE_IMAGES]
    with temporary_folder("correction-") as folder:
        file = folder / "float.tflite"
        convert.export_tflite(plain, file)
        for weights in WEIGHT_METHODS:
            data = convert.quantize_tflite(file, plain, convert.get_ranges(network), few, weights=weights)
            found[weights] = _accuracy(folder / "bundle", data, images)
    return found


def _accuracy(folder: Path, data: bytes, images: Images) -> float:
    logits = bundle.scores(bundle.write(folder, "trial", {"model.tflite": data}, "a trial"), images)
    return float((logits.argmax(axis=1) == images.labels.numpy()).mean())


def describe(shop: Workshop, one: Trained) -> dict[str, Any]:
    """Return the validation accuracy of each calibration method of a network, and which is used."""
    methods = qat.ptq(shop, one).read()["methods"]
    return {
        "network": one.run.name,
        "calibration": {name: found["validation_accuracy"] for name, found in methods.items()},
        "chosen": qat.best_method(shop, one),
    }
