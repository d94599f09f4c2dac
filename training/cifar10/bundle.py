"""A bundle of one classifier: files that the edge runtime loads, with what it needs to know of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import onnx
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edge.model.bundle import SELFTEST_NAME, Bundle, file_spec, write_bundle
from edge.model.load import load_runtime
from edge.model.manifest import FileSpec, Manifest, Normalisation, TensorSpec
from edge.model.selftest import pack_selftest, score_frames
from training.distill.images import LABELS, SIDE_PX, Images
from training.distill.view import PIXELS_PER_UNIT, ZERO_PIXEL

EXPORT = 2  # raise it when an export of the same network gives another file
SELFTEST_FRAMES = 6
TOLERANCE_STEPS = 4.0
LICENCE = "research and tests; CIFAR-10 (Krizhevsky 2009) has no licence of its own"


def write(folder: Path, name: str, files: dict[str, bytes], card: str, **more: Any) -> Bundle:  # noqa: ANN401
    """Write a bundle, self-test included; an older one of that name is replaced.

    Args:
        folder: of the bundle.
        name: in its manifest.
        files: `model.tflite`, `model.onnx` or both.
        card: Markdown.
        more: further fields of the manifest.
    """
    contents = {**files, "card.md": card.encode()}
    specs = {"card.md": file_spec(contents["card.md"])}
    specs |= {file: _spec(file, data) for file, data in files.items()}
    channel = (ZERO_PIXEL / 255,) * 3
    manifest = Manifest(
        schema="1.0",
        name=name,
        version="0.1.0",
        task="classify",
        kind="logits",
        labels=LABELS,
        files=specs,
        normalisation=Normalisation(mean=channel, std=(PIXELS_PER_UNIT / 255,) * 3),
        tolerance_steps=TOLERANCE_STEPS,
        **more,
    )
    staged = folder.with_name(folder.name + ".untested")
    shutil.rmtree(staged, ignore_errors=True)
    frames = _frames()
    draft = write_bundle(staged, manifest, contents)
    stored = pack_selftest(frames, score_frames(draft, load_runtime(draft), frames))
    shutil.rmtree(staged)
    shutil.rmtree(folder, ignore_errors=True)
    specs[SELFTEST_NAME] = file_spec(stored)
    return write_bundle(
        folder, msgspec.structs.replace(manifest, files=specs), {**contents, SELFTEST_NAME: stored}
    )


def scores(bundle: Bundle, images: Images, backend: str | None = None) -> NDArray[np.float32]:
    """Return (N, classes) logits of images, scored one by one as the device does.

    Args:
        bundle: of this module.
        images: as many as you like.
        backend: whose file; the device's choice if absent.
    """
    return score_frames(bundle, load_runtime(bundle, backend), images.frames()).reshape(len(images), -1)


def _frames() -> NDArray[np.uint8]:
    """Return smooth noise, (n, 32, 32, 3) uint8: pictures of nobody."""
    noise = np.random.default_rng(0).integers(0, 256, (SELFTEST_FRAMES, SIDE_PX, SIDE_PX, 3), np.uint8)
    return np.stack(
        [cv2.normalize(cv2.GaussianBlur(f, (9, 9), 0), None, 0, 255, cv2.NORM_MINMAX) for f in noise]
    )


def _spec(file: str, data: bytes) -> FileSpec:
    return _tflite_spec(data) if file.endswith(".tflite") else _onnx_spec(data)


def _tflite_spec(data: bytes) -> FileSpec:
    interpreter = Interpreter(model_content=data)
    tensors = []
    for role, detail in (
        ("frame", interpreter.get_input_details()[0]),
        ("scores", interpreter.get_output_details()[0]),
    ):
        integer = detail["dtype"] != np.float32
        scale, zero_point = detail["quantization"]
        tensors.append(
            TensorSpec(
                name=detail["name"],
                role=role,
                shape=tuple(int(size) for size in detail["shape"]),
                dtype=np.dtype(detail["dtype"]).name,
                layout="NHWC" if role == "frame" else None,
                scale=float(scale) if integer else None,
                zero_point=int(zero_point) if integer else None,
            )
        )
    return file_spec(data, "litert", tuple(tensors))


def _onnx_spec(data: bytes) -> FileSpec:
    graph = onnx.load_from_string(data).graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    frame, scores = graph.input[0], graph.output[0]
    tensors = []
    for role, value, ends in (
        ("frame", frame, [(n.op_type, n.input) for n in graph.node if n.input[0] == frame.name]),
        ("scores", scores, [(n.op_type, n.input) for n in graph.node if n.output[0] == scores.name]),
    ):
        kind = value.type.tensor_type
        integer = kind.elem_type == onnx.TensorProto.UINT8
        parameters = [inputs for op, inputs in ends if op in {"DequantizeLinear", "QuantizeLinear"}]
        tensors.append(
            TensorSpec(
                name=value.name,
                role=role,
                shape=tuple(size.dim_value for size in kind.shape.dim),
                dtype="uint8" if integer else "float32",
                layout="NCHW" if role == "frame" else None,
                scale=float(constants[parameters[0][1]]) if integer else None,
                zero_point=int(constants[parameters[0][2]]) if integer else None,
            )
        )
    return file_spec(data, "onnx", tuple(tensors))
