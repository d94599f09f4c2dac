"""From a trained head to a verified bundle: export, calibrate on training frames, quantize, self-test, card."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import onnx
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edge.camera.address import open_source, options_for
from edge.camera.source import Session
from edge.clock import SystemClock
from edge.model.bundle import SELFTEST_NAME, Bundle, file_spec, write_bundle
from edge.model.load import load_runtime
from edge.model.manifest import Cadence, Confirmation, FileSpec, Manifest, TensorSpec, Threshold
from edge.model.selftest import pack_selftest, score_frames
from scoring.truth import TruthSequence
from training.quantize.boundary import Sample, quantize_onnx, quantize_tflite
from training.smoke.export import INPUT_NAMES, OUTPUT_NAMES, export_onnx, export_tflite
from training.smoke.features import read_frames
from training.smoke.network import CELL_PX, STATE_NAMES, Student

logger = logging.getLogger(__name__)

SELFTEST_FRAMES = 6
TOLERANCE_STEPS = 3.0
CADENCE = Cadence(min_s=50, default_s=60, max_s=200)  # what the training sequences have


@dataclass(frozen=True, slots=True)
class Calibration:
    """Inputs of the float network, taken from training sequences while it runs over them.

    Attributes:
        samples: frame in 0..1 and states, by the project's names.
        sha256: over the digests of the frames' files, in order.
    """

    samples: list[Sample]
    sha256: str


def manifest_of(
    name: str,
    version: str,
    threshold: Threshold,
    files: dict[str, FileSpec],
    **more: Any,  # noqa: ANN401
) -> Manifest:
    """State what every smoke student of ours has in common."""
    return Manifest(
        schema="1.0",
        name=name,
        version=version,
        task="cells",
        kind="logits",
        labels=("smoke",),
        files=files,
        cell_stride_px=CELL_PX,
        thresholds={"smoke": threshold},
        confirmation=Confirmation(hits=3, window=4, close_after=10),
        cadence=CADENCE,
        state_gap_s=900.0,
        tolerance_steps=TOLERANCE_STEPS,
        **more,
    )


def calibrate(
    float_tflite: Path,
    folder: Path,
    sequences: Sequence[TruthSequence],
    manifest: Manifest,
    per_sequence: int = 4,
) -> Calibration:
    """Run the float network over training sequences and keep a few of its inputs, frames with boxes among them."""
    interpreter = Interpreter(str(float_tflite), num_threads=2)
    runner = interpreter.get_signature_runner("serving_default")
    samples: list[Sample] = []
    digest = hashlib.sha256()
    for sequence in sequences:
        chosen = _chosen(sequence, per_sequence)
        state = {
            f"args_{i}": np.zeros(_shape(interpreter, i), np.float32) for i in range(1, len(INPUT_NAMES))
        }
        paths = [folder / frame.file for frame in sequence.frames[: max(chosen) + 1]]
        for index, pixels in enumerate(read_frames(paths, manifest)):
            frame = pixels[None].astype(np.float32) / 255
            if index in chosen:
                named = dict(zip(INPUT_NAMES, [frame, *state.values()], strict=True))
                samples.append({key: value.copy() for key, value in named.items()})
                digest.update(hashlib.sha256(paths[index].read_bytes()).digest())
            outputs = runner(args_0=frame, **state)
            state = {f"args_{i}": outputs[f"output_{i}"] for i in range(1, len(OUTPUT_NAMES))}
    return Calibration(samples, digest.hexdigest())


def _chosen(sequence: TruthSequence, count: int) -> set[int]:
    """Choose frames over the whole sequence, and its middle boxed one."""
    last = len(sequence.frames) - 1
    even = {round(last * (i + 0.5) / count) for i in range(count)}
    boxed = [index for index, frame in enumerate(sequence.frames) if frame.boxes]
    return even | ({boxed[len(boxed) // 2], boxed[-1]} if boxed else set())


def _shape(interpreter: Interpreter, index: int) -> tuple[int, ...]:
    details = {d["name"]: d["shape"] for d in interpreter.get_input_details()}
    return tuple(int(size) for size in details[f"serving_default_args_{index}"])


@dataclass(frozen=True, slots=True)
class Exported:
    """The model files of a student, float and quantized.

    Attributes:
        float_tflite: bytes.
        int8_tflite, uint8_onnx: bytes of the two files of the bundle.
        calibration_sha256: of the frames that set the ranges.
    """

    float_tflite: bytes
    int8_tflite: bytes
    uint8_onnx: bytes
    calibration_sha256: str


def export(
    student: Student, folder: Path, sequences: Sequence[TruthSequence], manifest: Manifest, work: Path
) -> Exported:
    """Export a student twice, calibrate on training sequences, quantize both files with the same ranges."""
    work.mkdir(parents=True, exist_ok=True)
    float_tflite, float_onnx = work / "float.tflite", work / "float.onnx"
    names = export_tflite(student, float_tflite)
    export_onnx(student, float_onnx)
    calibration = calibrate(float_tflite, folder, sequences, manifest)
    positions = {name: f"args_{index}" for index, name in enumerate(INPUT_NAMES)}
    by_position = [{positions[key]: value for key, value in sample.items()} for sample in calibration.samples]
    logger.info("calibrated on %d inputs", len(calibration.samples))
    return Exported(
        float_tflite.read_bytes(),
        quantize_tflite(float_tflite, by_position, names),
        quantize_onnx(float_onnx, calibration.samples, work),
        calibration.sha256,
    )


def tflite_spec(data: bytes, names: dict[str, str] | None = None) -> FileSpec:
    """Describe a TFLite file of ours.

    Args:
        data: the file.
        names: the project's names by the file's, for a float file; a quantized one has the project's own.
    """
    interpreter = Interpreter(model_content=data)
    tensors = []
    for detail in [*interpreter.get_input_details(), *interpreter.get_output_details()]:
        role = (names or {}).get(detail["name"], detail["name"])
        scale, zero_point = detail["quantization"]
        integer = detail["dtype"] != np.float32
        tensors.append(
            _tensor(
                detail["name"],
                role,
                tuple(int(size) for size in detail["shape"]),
                np.dtype(detail["dtype"]).name,
                (float(scale), int(zero_point)) if integer else None,
            )
        )
    return file_spec(data, "litert", tuple(tensors))


def onnx_spec(data: bytes) -> FileSpec:
    """Describe a quantized ONNX file of ours."""
    graph = onnx.load_from_string(data).graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    quantized = {"frame": (1 / 255, 0)}
    for node in graph.node:
        if node.op_type == "QuantizeLinear" and node.output[0] == "scores":
            quantized["scores"] = (float(constants[node.input[1]]), int(constants[node.input[2]]))
    tensors = []
    for value in [*graph.input, *graph.output]:
        kind = value.type.tensor_type
        dtype = "uint8" if kind.elem_type == onnx.TensorProto.UINT8 else "float32"
        shape = tuple(size.dim_value for size in kind.shape.dim)
        tensors.append(_tensor(value.name, value.name, shape, dtype, quantized.get(value.name)))
    return file_spec(data, "onnx", tuple(tensors))


def _tensor(
    name: str, role: str, shape: tuple[int, ...], dtype: str, quantization: tuple[float, int] | None
) -> TensorSpec:
    state = role.removesuffix("_next")
    kind = "frame" if role == "frame" else "scores" if role == "scores" else None
    if kind is None and state not in STATE_NAMES:
        raise ValueError(f"tensor {name!r} is none of ours")
    return TensorSpec(
        name=name,
        role=kind or ("state_out" if role.endswith("_next") else "state_in"),  # type: ignore[arg-type]  # built from a role, not spelt out
        shape=shape,
        dtype=dtype,  # type: ignore[arg-type]  # the file reader gives its name as text
        layout="NHWC" if kind == "frame" else None,
        scale=None if quantization is None else quantization[0],
        zero_point=None if quantization is None else quantization[1],
        state=None if kind else state,
    )


def selftest_frames(count: int = SELFTEST_FRAMES) -> NDArray[np.uint8]:
    """Return frames of the built-in scene around its ignition, (count, 480, 640, 3) uint8: no camera's pictures."""
    source = open_source(options_for("scene:plume?frames=40"), Session(SystemClock()))
    pictures: Iterator[Any] = iter(source.read, None)
    frames = [picture.to_rgb() for picture in pictures]
    return np.stack([cv2.GaussianBlur(frame, (5, 5), 0) for frame in frames[-count:]])


def build(folder: Path, manifest: Manifest, contents: dict[str, bytes]) -> Bundle:
    """Write a bundle with a self-test made by its own first file; an older one of that name is replaced.

    Args:
        folder: of the bundle.
        manifest: describes the model files among `contents`.
        contents: model files and the card.
    """
    frames = selftest_frames()
    staged = folder.with_name(folder.name + ".untested")
    shutil.rmtree(staged, ignore_errors=True)
    bundle = write_bundle(staged, manifest, contents)
    scores = score_frames(bundle, load_runtime(bundle), frames)
    stored = pack_selftest(frames, scores)
    files = {**manifest.files, SELFTEST_NAME: file_spec(stored)}
    shutil.rmtree(folder, ignore_errors=True)
    result = write_bundle(
        folder, msgspec.structs.replace(manifest, files=files), {**contents, SELFTEST_NAME: stored}
    )
    shutil.rmtree(staged)
    return result
