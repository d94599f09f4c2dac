"""What else the quantizers offer for post-training quantization, tried on the validation split and reported.

A file whose weights were chosen by one quantizer's own search would no longer be its ONNX twin's, so these stay a
comparison.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

from edge.model.load import load_runtime
from edge.model.selftest import score_frames
from training.classify import bundle, convert, qat
from training.classify.images import Images
from training.classify.step import Step
from training.classify.train import Trained, Workshop

logger = logging.getLogger(__name__)


def corrections(shop: Workshop, trained: Trained) -> Step:
    """Measure a network's PTQ file with each of the quantizer's ways to choose the scales of weights."""
    ranges = qat.ptq(shop, trained.run, trained.made)
    step = shop.step(
        "corrections", f"corrections-{trained.run.name}", {"network": trained.made.key, "ranges": ranges.key}
    )
    return shop.once(step, lambda: {"validation_accuracy": _measured(shop, trained)})


def _measured(shop: Workshop, trained: Trained) -> dict[str, float]:
    logger.info("%s: the quantizer's other weight methods", trained.run.name)
    network = qat.calibrated(shop, trained.run, trained.made)
    for layer in network.layers().values():
        layer.set_bits(None)  # the quantizer chooses
    plain, found = convert.plain(network), {}
    few = qat.calibration_pixels(shop)[: convert.SIGNATURE_IMAGES]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "float.tflite"
        convert.export_tflite(plain, file)
        for method in convert.WEIGHT_METHODS:
            data = convert.quantize_tflite(file, plain, convert.get_ranges(network), few, weights=method)
            found[method] = _accuracy(Path(folder) / "bundle", data, qat.judge(shop))
    return found


def _accuracy(folder: Path, data: bytes, images: Images) -> float:
    made = bundle.write(folder, "trial", {"model.tflite": data}, "a trial")
    frames = [image.permute(1, 2, 0).contiguous().numpy() for image in images.pixels]
    scores = score_frames(made, load_runtime(made), frames).reshape(len(images), -1)
    return float((scores.argmax(axis=1) == images.labels.numpy()).mean())


def describe(shop: Workshop, trained: Trained) -> dict[str, Any]:
    """Return the validation accuracy of each calibration and each weight method of a network."""
    calibrated = qat.ptq(shop, trained.run, trained.made).record() or {}
    methods = {name: found["validation_accuracy"] for name, found in calibrated["methods"].items()}
    weights = (corrections(shop, trained).record() or {})["validation_accuracy"]
    return {"calibration": methods, "chosen": calibrated["chosen"], "weights": weights}
