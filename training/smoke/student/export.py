"""The step that exports a student: both files of a bundle with one set of ranges, the backbone's own and the learned.

Both are checked: the float file against torch, the INT8 file against the maps that the operating point was chosen on.
"""

from __future__ import annotations

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
from numpy.typing import NDArray

from edge.model.manifest import Manifest
from training.export import file
from training.export.spec import CONDITIONS, NEXT
from training.network import resnet
from training.quantize import onnx_file
from training.quantize.boundary import convolution_nodes, frame_entry, integer_ends_tflite
from training.quantize.tflite_file import Ranges, Rule, Sample, TFLiteFile
from training.smoke.export import FLOAT, FRAME_ENDS, INPUT_NAMES, ONNX, RULES, TFLITE, Exported
from training.smoke.features import read_frames
from training.smoke.lesson.trained import load_quantized
from training.smoke.network import FRAME_PX, STATE_NAMES
from training.smoke.pool.frozen import Frozen
from training.smoke.side import MADE_OF, TrainingSide, made_of_step
from training.smoke.student import place
from training.smoke.student.calibration import Calibration, Framed, calibrate, some
from training.smoke.student.graph import Graph, zero_state
from training.smoke.student.quantized import Beside, QuantizedHead, Told, plain
from training.smoke.student.score import score
from training.step.step import Step, digests

logger = logging.getLogger(__name__)

_HEAD = re.escape(Told.__module__)
HEAD_RULES = (
    *RULES,
    Rule("ADD", where=rf".*{_HEAD}\.{Told.__name__}.*"),
    Rule("CONCATENATION", where=rf".*{_HEAD}\.{Beside.__name__}.*"),
    Rule("ADD", where=rf".*{re.escape(resnet.Block.__module__)}\.{resnet.Block.__name__}_.*"),
    Rule("MAX_POOL_2D"),
)
SIGNATURES = 3  # inputs that show which tensor is which
CHECKED_SEQUENCES, CHECKED_FRAMES = 2, 8
FLOAT_TOLERANCE = 1e-3  # logits, the float file against torch, at most
INT8_TOLERANCE = 0.5  # logits, the INT8 file against the maps of training, on average


@dataclass(frozen=True, slots=True)
class Check:
    """How far the files are from what was trained, in logits.

    Attributes:
        float_max: of the float file from torch's own graph.
        int8_mean: of the INT8 file from the score maps of training.
    """

    float_max: float
    int8_mean: float


def export(
    side: TrainingSide,
    frozen: Frozen,
    head: Step,
    sequences: Sequence[Framed],
    manifest: Manifest,
    rate: float,
) -> Exported:
    """Export a student and quantize both files, or find that done.

    Args:
        side: that the student was trained on.
        frozen: its backbone.
        head: of `trained`, quantized.
        sequences: that it was trained on, in the backbone's own features.
        manifest: how frames are fitted.
        rate: of the background, per scored frame.

    Raises:
        ValueError: a file is damaged, or too far from what was trained.
    """
    inputs = {
        "head": head.key,
        "backbone": frozen.step.key,
        "rate": rate,
        "of": [s.example.sha256 for s in sequences],
    }
    step = side.shop.step("student", f"student-{frozen.name}", inputs)

    def make() -> dict[str, Any]:
        quantized = load_quantized(head)
        found = _export(Exporter(frozen, quantized, rate, step.folder), sequences, manifest)
        known = made_of_step(head) | made_of_step(frozen.step)
        return found | {MADE_OF: sorted(known.union(found.pop("pictures")))}

    side.take(side.shop.once(step, make), "calibration")
    float_tflite, int8_tflite, uint8_onnx = (step.file(name).read_bytes() for name in (FLOAT, TFLITE, ONNX))
    record = step.read()
    return Exported(
        float_tflite,
        int8_tflite,
        uint8_onnx,
        record["calibration_sha256"],
        record["float_max"],
        record["int8_mean"],
    )


class Exporter:
    """Writes the files of one student.

    Args:
        frozen: its backbone.
        head: quantizing.
        rate: of the background, per scored frame.
        work: folder of the files.
    """

    def __init__(self, frozen: Frozen, head: QuantizedHead, rate: float, work: Path) -> None:
        self.frozen, self.head, self.rate = frozen, head, rate
        self.graph = Graph(frozen.backbone(), frozen.pools, plain(head), rate)
        told = (CONDITIONS,) if head.scene is not None else ()
        self.outputs = ("scores", *told, *(f"{name}{NEXT}" for name in STATE_NAMES))
        self.names = {f"serving_default_args_{i}": name for i, name in enumerate(INPUT_NAMES)} | {
            f"serving_default_output_{i}_output": name for i, name in enumerate(self.outputs)
        }
        self.tflite, self.onnx = work / FLOAT, work / "float.onnx"

    def write(self) -> None:
        """Write both float files."""
        self.write_tflite()
        file.export_onnx(self.graph, self._inputs(), self.onnx, INPUT_NAMES, self.outputs)

    def write_tflite(self) -> None:
        """Write the float TFLite file alone."""
        file.export_tflite(self.graph, self._inputs(), self.tflite)

    def _inputs(self) -> tuple[torch.Tensor, ...]:
        return torch.full((1, *FRAME_PX, 3), 0.5), *zero_state(self.head.mean.shape[1])

    def quantize(self, samples: Sequence[Sample]) -> tuple[bytes, bytes]:
        """Return the INT8 TFLite and the uint8 ONNX file.

        Ranges are the backbone's own and the head's learned ones; samples set those between them.

        Raises:
            ValueError: a point of the head has no tensor.
        """
        made, by_position = TFLiteFile(self.tflite, HEAD_RULES), _by_position(samples)
        given = self._ranges(made, by_position)
        int8 = integer_ends_tflite(made.quantize(by_position, given), self.names)
        few = list(zip(samples, by_position, strict=True))[-SIGNATURES:]
        signatures = [made.ranges([sample]) for _, sample in few]
        return int8, self._quantize_onnx(samples, [sample for sample, _ in few], signatures, given)

    def quantize_tflite(self, samples: Sequence[Sample]) -> bytes:
        """Return the INT8 TFLite file alone, as `quantize` does."""
        made, by_position = TFLiteFile(self.tflite, HEAD_RULES), _by_position(samples)
        quantized = made.quantize(by_position, self._ranges(made, by_position))
        return integer_ends_tflite(quantized, self.names)

    def _ranges(self, made: TFLiteFile, by_position: Sequence[Sample]) -> Ranges:
        shown = made.ranges(by_position)
        return dict(shown) | self._given(shown)

    def _given(self, shown: Ranges) -> Ranges:
        frame = next(old for old, new in self.names.items() if new == "frame")
        scores = next(old for old, new in self.names.items() if new == "scores")
        of_head = place.of_head(self.tflite, self.head, scores, shown)
        return self.frozen.given(shown) | of_head | {frame: FRAME_ENDS}

    def _quantize_onnx(
        self, samples: Sequence[Sample], few: Sequence[Sample], signatures: Sequence[Ranges], given: Ranges
    ) -> bytes:
        graph = onnx.load(str(self.onnx)).graph
        entry = frame_entry(graph)
        ranges = onnx_file.ranges_of(self.onnx, samples)
        own = [onnx_file.ranges_of(self.onnx, [sample]) for sample in few]
        ranges |= place.alike(signatures, own, given) | {entry: FRAME_ENDS}
        return onnx_file.quantize(self.onnx, ranges, entry, convolution_nodes(graph))

    def check(self, int8: bytes, sequences: Sequence[Framed], manifest: Manifest) -> Check:
        """Compare both TFLite files with what was trained, over the first frames of a few sequences.

        Raises:
            ValueError: one of them is too far from it.
        """
        apart, away = 0.0, list[float]()
        for one in sequences[:CHECKED_SEQUENCES]:
            example, paths = one.example, one.paths[:CHECKED_FRAMES]
            frames = list(read_frames(paths, manifest))
            count = len(frames)
            maps = score(
                self.head, example.features[:count], example.changes[1][:count], example.inside
            ).maps()
            scores = _run(int8, self.names, self.outputs, [(f ^ 0x80).view(np.int8) for f in frames])
            away.append(float(np.abs(scores - maps).mean()))
            floats = [f.astype(np.float32) / np.float32(255) for f in frames]
            own = _run(self.tflite.read_bytes(), self.names, self.outputs, floats)
            apart = max(apart, float(np.abs(own - self._torch(floats)).max()))
        found = Check(apart, float(np.mean(away)))
        if found.float_max > FLOAT_TOLERANCE or found.int8_mean > INT8_TOLERANCE:
            raise ValueError(
                f"{self.tflite.parent}: the float file is {found.float_max:.4f} logits from torch at most (expected "
                f"{FLOAT_TOLERANCE}), the INT8 file {found.int8_mean:.2f} from the maps on average (expected "
                f"{INT8_TOLERANCE}); the export has lost what was trained"
            )
        return found

    def _torch(self, frames: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        state, scores = zero_state(self.head.mean.shape[1]), []
        with torch.inference_mode():
            for frame in frames:
                outputs = self.graph(torch.from_numpy(frame)[None], *state)
                scores.append(outputs[0][0].numpy())
                state = outputs[-len(STATE_NAMES) :]
        return np.stack(scores)


def _by_position(samples: Sequence[Sample]) -> list[Sample]:
    """Return samples by the names that TFLite gives inputs."""
    positions = {name: f"args_{index}" for index, name in enumerate(INPUT_NAMES)}
    return [{positions[key]: value for key, value in sample.items()} for sample in samples]


def _export(exporter: Exporter, sequences: Sequence[Framed], manifest: Manifest) -> dict[str, Any]:
    calibration: Calibration = calibrate(exporter.head, sequences, manifest, exporter.rate)
    exporter.write()
    int8, uint8 = exporter.quantize(calibration.samples)
    work = exporter.tflite.parent
    (work / TFLITE).write_bytes(int8)
    (work / ONNX).write_bytes(uint8)
    exporter.onnx.unlink()
    found = exporter.check(int8, list(some(sequences)), manifest)
    logger.info("exported: float within %.4f, INT8 %.3f logits on average", found.float_max, found.int8_mean)
    return {
        "files": digests(work, FLOAT, TFLITE, ONNX),
        "calibration_sha256": calibration.sha256,
        "pictures": calibration.pictures,
        "float_max": found.float_max,
        "int8_mean": found.int8_mean,
    }


def _run(
    model: bytes, names: dict[str, str], outputs: Sequence[str], frames: Sequence[NDArray[Any]]
) -> NDArray[np.float32]:
    """Run a TFLite file over frames in a row; return (frames, rows, cols, 1) scores in logits."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    given = {names.get(d["name"], d["name"]): d for d in interpreter.get_input_details()}
    made = {names.get(d["name"], d["name"]): d for d in interpreter.get_output_details()}
    state = {name: np.zeros(given[name]["shape"], np.float32) for name in STATE_NAMES}
    scores = []
    for frame in frames:
        for name, value in {"frame": frame[None], **state}.items():
            interpreter.set_tensor(given[name]["index"], value)
        interpreter.invoke()
        found = {name: interpreter.get_tensor(made[name]["index"]) for name in outputs}
        scale, zero = made["scores"]["quantization"]
        scored = found["scores"][0].astype(np.float32)
        scores.append((scored - zero) * scale if scale else scored)
        state = {name: found[f"{name}{NEXT}"] for name in STATE_NAMES}
    return np.stack(scores)
