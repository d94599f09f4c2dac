"""What a network is as a file: exported, evaluated on the test images in the edge runtime, counted.

The test images are used here and nowhere else.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge.model.bundle import Bundle
from training.cifar10 import bundle
from training.cifar10.qat import calibration_pixels
from training.cifar10.report.form import FORMS, Form
from training.cifar10.run import Trained
from training.cifar10.workshop import Workshop
from training.distill import fit
from training.distill.images import Images
from training.quantize import convert
from training.quantize.fold import FoldedResNet
from training.step.provenance import commit
from training.step.step import Step, digests

logger = logging.getLogger(__name__)

BUNDLE = "bundle"
LOGITS = "test_logits.npy"
_SCALE_BYTES = 4  # a scale a channel, a 32-bit bias a channel


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report's raw table.

    Attributes:
        role: teacher, baseline or student.
        group: the teacher's or the pair's name.
        one: the network.
        form: what its numbers are.
        source: the steps that made it.
        calibration: the method whose ranges it has, unless it was trained to have others.
    """

    role: str
    group: str
    one: Trained
    form: Form
    source: tuple[Step, ...]
    calibration: str | None = None

    @property
    def name(self) -> str:
        """What its folder and its bundle are called."""
        return f"{self.one.run.name}-{self.form}"


def measure(shop: Workshop, row: Row, network: Callable[[], FoldedResNet]) -> Step:
    """Export a network in a form, evaluate it on the test images, or find that done.

    Args:
        shop: its test images are used.
        row: what it is.
        network: makes it: ranges set for all but `fp32`, weights on grids of the form's bits.
    """
    inputs = {
        "source": [step.key for step in row.source],
        "calibration_method": row.calibration,
        "form": row.form,
        "test": shop.cifar10.test.sha256,
        "export": bundle.EXPORT,
        "calibration": shop.recipe.calibration_images,
    }
    step = shop.step("measure", row.name, inputs)
    return shop.once(step, lambda: _measured(shop, row, network(), step))


def _measured(shop: Workshop, row: Row, network: FoldedResNet, step: Step) -> dict[str, Any]:
    logger.info("%s: export and evaluation", row.name)
    test = shop.cifar10.test
    record: dict[str, Any] = {
        "bits": {name: layer.bits for name, layer in network.layers().items()},
        "macs": macs(network),
        "weights": sum(layer.weight.numel() for layer in network.layers().values()),
    }
    if FORMS[row.form].simulated:
        logits = fit.predict(network, test).numpy()
        np.save(step.folder / LOGITS, logits)
        accuracy = {"torch": _accuracy(logits, test)}
        return record | {
            "files": digests(step.folder, LOGITS),
            "ran": "simulated",
            "bytes": packed_bytes(network),
            "accuracy": accuracy,
        }
    return record | _evaluated(_export(shop, row, network, step.folder), test, step.folder)


def _export(shop: Workshop, row: Row, network: FoldedResNet, folder: Path) -> Bundle:
    """Write the bundle of a row."""
    plain, pixels = convert.plain(network), calibration_pixels(shop)
    tflite, onnx = folder / "float.tflite", folder / "float.onnx"
    convert.export_tflite(plain, tflite)
    few = pixels[: convert.SIGNATURE_IMAGES]
    if row.form == "fp32":
        files = {"model.tflite": tflite.read_bytes()}
    elif row.form == "int4-litert":
        files = {"model.tflite": convert.quantize_tflite(tflite, plain, convert.get_ranges(network), few, 4)}
    else:
        convert.export_onnx(plain, onnx)
        ranges = convert.get_ranges(network)
        files = {
            "model.tflite": convert.quantize_tflite(tflite, plain, ranges, few),
            "model.onnx": convert.quantize_onnx(onnx, plain, ranges, few),
        }
        onnx.unlink()
    tflite.unlink()
    count = shop.recipe.calibration_images
    return bundle.write(
        folder / BUNDLE,
        f"cifar10-{row.name}",
        files,
        bundle.card_of(row.name, shop.recipe.name),
        calibration_sha256=None if row.form == "fp32" else _digest(shop.cifar10.training, count),
        provenance=_provenance(shop, row),
    )


def _provenance(shop: Workshop, row: Row) -> dict[str, Any]:
    run = row.one.run
    return {
        "recipe": shop.recipe.name,
        "images": shop.images(run.split).sha256,
        "seed": run.seed,
        "commit": commit(),
        "taught_by": [] if run.taught is None else run.taught.soft.read()["members"],
        "licence": bundle.LICENCE,
    }


def _digest(images: Images, count: int) -> str:
    return hashlib.sha256(images.pixels[:count].contiguous().numpy().tobytes()).hexdigest()


def _evaluated(written: Bundle, test: Images, folder: Path) -> dict[str, Any]:
    """Score all test images with each file of a bundle."""
    logits = {
        spec.backend: bundle.scores(written, test, spec.backend)
        for spec in written.manifest.model_files().values()
    }
    np.save(folder / LOGITS, logits["litert"])
    files = {name: written.read(name) for name in written.manifest.model_files()}
    record: dict[str, Any] = {
        "files": digests(folder, LOGITS),
        "ran": "file",
        "bundle": written.digest,
        "bytes": len(files["model.tflite"]),
        "file_bytes": {name: len(data) for name, data in files.items()},
        "gzip_bytes": {name: len(gzip.compress(data, 6)) for name, data in files.items()},
        "accuracy": {str(backend): _accuracy(scores, test) for backend, scores in logits.items()},
    }
    if "onnx" in logits:
        same = logits["litert"].argmax(axis=1) == logits["onnx"].argmax(axis=1)
        apart = np.abs(logits["litert"] - logits["onnx"])
        record["agreement"] = {
            "predictions": float(same.mean()),
            "logits_max": float(apart.max()),
            "logits_mean": float(apart.mean()),
        }
    return record


def _accuracy(logits: NDArray[np.float32], images: Images) -> float:
    return float((logits.argmax(axis=1) == images.labels.numpy()).mean())


def test_logits(step: Step) -> NDArray[np.float32]:
    """Return the (N, 10) logits of the test images that a row's accuracy stands on.

    Raises:
        ValueError: they are damaged.
    """
    logits: NDArray[np.float32] = np.load(step.file(LOGITS))
    return logits


def packed_bytes(network: FoldedResNet) -> int:
    """Return what the weights at their bits take, with a scale and a 32-bit bias a channel."""
    total = 0
    for layer in network.layers().values():
        bits = layer.bits or 32
        total += -(-layer.weight.numel() * bits // 8) + 2 * _SCALE_BYTES * len(layer.weight)
    return total


def macs(network: FoldedResNet) -> int:
    """Count the multiply-accumulates of one image, convolutions and the classifier."""
    counted = []

    def count(layer: nn.Module, _: Any, output: torch.Tensor) -> None:  # noqa: ANN401 — torch's hook
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        counted.append(output[0, 0].numel() * weight.numel() if weight.ndim == 4 else weight.numel())

    hooks = [layer.register_forward_hook(count) for layer in network.layers().values()]
    with torch.inference_mode():
        network(torch.zeros(1, 3, network.side_px, network.side_px))
    for hook in hooks:
        hook.remove()
    return sum(counted)
