"""The step that exports: a student twice in floating point, calibrated on training frames, both files quantized."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from ai_edge_litert.interpreter import Interpreter

from edge.model.manifest import Manifest
from scoring.truth import TruthSequence
from training.export import file
from training.export.spec import NEXT
from training.network import lite0
from training.network.lite0 import Backbone
from training.quantize import onnx_file
from training.quantize.boundary import convolution_nodes, frame_entry, integer_ends_tflite
from training.quantize.tflite_file import Rule, Sample, TFLiteFile
from training.smoke.features import read_frames
from training.smoke.network import FRAME_PX, STATE_NAMES, Student, zero_state
from training.smoke.side import TrainingSide, made_of_step
from training.smoke.train import load_head
from training.step.step import Step, digests

logger = logging.getLogger(__name__)

INPUT_NAMES = ("frame", *STATE_NAMES)
OUTPUT_NAMES = ("scores", *(f"{name}{NEXT}" for name in STATE_NAMES))
TFLITE_NAMES = {f"serving_default_args_{i}": name for i, name in enumerate(INPUT_NAMES)} | {
    f"serving_default_output_{i}_output": name for i, name in enumerate(OUTPUT_NAMES)
}
"""The project's tensor names by those of a float file."""
FRAME_ENDS = (0.0, 1.0)  # a pixel's range is known: scale 1/255
# Convolutions and the backbone's skips; the state's arithmetic stays in float32.
RULES = (
    *(Rule(operation) for operation in ("CONV_2D", "DEPTHWISE_CONV_2D", "PAD")),
    Rule("ADD", where=f".*{re.escape(lite0.Block.__module__)}.Block.*"),
)
CALIBRATION_FRAMES = 4  # a sequence, those with boxes apart
FLOAT, TFLITE, ONNX = "float.tflite", "model.tflite", "model.onnx"


@dataclass(frozen=True, slots=True)
class Exported:
    """The model files of a student, float and quantized.

    Attributes:
        float_tflite: bytes.
        int8_tflite, uint8_onnx: bytes of the two files of the bundle.
        calibration_sha256: of the frames that set the ranges.
        float_max, int8_mean: as `student.export.Check`; None where nobody checked.
    """

    float_tflite: bytes
    int8_tflite: bytes
    uint8_onnx: bytes
    calibration_sha256: str
    float_max: float | None = None
    int8_mean: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Inputs of the float network, taken from training sequences while it runs over them.

    Attributes:
        samples: frame in 0..1 and states, by the project's names.
        sha256: over the digests of the frames' files, in order.
    """

    samples: list[Sample]
    sha256: str


def export(side: TrainingSide, backbone: Backbone, head: Step, manifest: Manifest) -> Exported:
    """Export a student and quantize both files with ranges from the same frames, or find that done.

    Args:
        side: that the head was trained on; its pictures set the ranges.
        backbone: whose features the head was trained on.
        head: of `train_head`.
        manifest: how frames are fitted.

    Raises:
        ValueError: a file of the step is damaged.
    """
    step = side.shop.step("export", "export", {"head": head.key, "calibration_frames": CALIBRATION_FRAMES})

    def make() -> dict[str, Any]:
        made = _export(Student(backbone, load_head(head)), side, manifest, step.folder)
        pictures = frozenset(side.handed()["calibration"])
        return {"made_of": sorted(pictures | made_of_step(head))} | made

    side.take(side.shop.once(step, make), "calibration")
    float_tflite, int8_tflite, uint8_onnx = (step.file(name).read_bytes() for name in (FLOAT, TFLITE, ONNX))
    return Exported(float_tflite, int8_tflite, uint8_onnx, step.read()["calibration_sha256"])


def _export(student: Student, side: TrainingSide, manifest: Manifest, work: Path) -> dict[str, Any]:
    float_tflite, float_onnx = work / FLOAT, work / "float.onnx"
    inputs = (torch.full((1, *FRAME_PX, 3), 0.5), *zero_state(student.head.channels))
    file.export_tflite(student, inputs, float_tflite)
    file.export_onnx(student, inputs, float_onnx, INPUT_NAMES, OUTPUT_NAMES)
    calibration = calibrate(float_tflite, side, manifest)
    logger.info("calibrated on %d inputs", len(calibration.samples))
    (work / TFLITE).write_bytes(quantize_tflite(float_tflite, calibration.samples))
    (work / ONNX).write_bytes(quantize_onnx(float_onnx, calibration.samples))
    float_onnx.unlink()
    return {"files": digests(work, FLOAT, TFLITE, ONNX), "calibration_sha256": calibration.sha256}


def quantize_tflite(float_file: Path, samples: Sequence[Sample]) -> bytes:
    """Quantize the float TFLite file: INT8 convolutions, frame and scores; everything else stays float32."""
    positions = {name: f"args_{index}" for index, name in enumerate(INPUT_NAMES)}
    by_position = [{positions[key]: value for key, value in sample.items()} for sample in samples]
    frame = next(old for old, new in TFLITE_NAMES.items() if new == "frame")
    quantized = TFLiteFile(float_file, RULES).quantize(by_position, {frame: FRAME_ENDS})
    return integer_ends_tflite(quantized, TFLITE_NAMES)


def quantize_onnx(float_file: Path, samples: Sequence[Sample]) -> bytes:
    """Quantize the float ONNX file like its TFLite twin."""
    graph = onnx.load(str(float_file)).graph
    entry = frame_entry(graph)
    ranges = onnx_file.ranges_of(float_file, samples) | {entry: FRAME_ENDS}
    return onnx_file.quantize(float_file, ranges, entry, convolution_nodes(graph))


def calibrate(float_tflite: Path, side: TrainingSide, manifest: Manifest) -> Calibration:
    """Run the float network over training sequences and keep a few of its inputs, frames with boxes among them."""
    interpreter = Interpreter(str(float_tflite), num_threads=2)
    runner = interpreter.get_signature_runner("serving_default")
    samples: list[Sample] = []
    digest = hashlib.sha256()
    for sequence in side.sequences:
        chosen = _chosen(sequence)
        state = {
            f"args_{i}": np.zeros(_shape(interpreter, i), np.float32) for i in range(1, len(INPUT_NAMES))
        }
        paths = side.pictures(sequence, "calibration")[: max(chosen) + 1]
        for index, pixels in enumerate(read_frames(paths, manifest)):
            frame = pixels[None].astype(np.float32) / np.float32(255)
            if index in chosen:
                named: Sample = dict(zip(INPUT_NAMES, [frame, *state.values()], strict=True))
                samples.append({key: value.copy() for key, value in named.items()})
                digest.update(hashlib.sha256(paths[index].read_bytes()).digest())
            outputs = runner(args_0=frame, **state)
            state = {f"args_{i}": outputs[f"output_{i}"] for i in range(1, len(OUTPUT_NAMES))}
    return Calibration(samples, digest.hexdigest())


def _chosen(sequence: TruthSequence) -> set[int]:
    """Choose frames over the whole sequence, and its middle boxed one."""
    last = len(sequence.frames) - 1
    even = {round(last * (i + 0.5) / CALIBRATION_FRAMES) for i in range(CALIBRATION_FRAMES)}
    boxed = [index for index, frame in enumerate(sequence.frames) if frame.boxes]
    return even | ({boxed[len(boxed) // 2], boxed[-1]} if boxed else set())


def _shape(interpreter: Interpreter, index: int) -> tuple[int, ...]:
    details = {d["name"]: d["shape"] for d in interpreter.get_input_details()}
    return tuple(int(size) for size in details[f"serving_default_args_{index}"])
