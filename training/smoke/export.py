"""From the trained student to files: float TFLite and ONNX, and how both name their tensors."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from training.smoke.network import FRAME_PX, STATE_NAMES, Student, zero_state

INPUT_NAMES = ("frame", *STATE_NAMES)
OUTPUT_NAMES = ("scores", *(f"{name}_next" for name in STATE_NAMES))


def example_inputs(student: Student) -> tuple[torch.Tensor, ...]:
    """Return a grey frame and an empty state."""
    return (torch.full((1, *FRAME_PX, 3), 0.5), *zero_state(student.head.channels))


def export_tflite(student: Student, path: Path) -> dict[str, str]:
    """Write the float network as TFLite.

    Returns:
        The project's tensor names by the file's own.
    """
    import litert_torch  # noqa: PLC0415 — seconds to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        litert_torch.convert(student, example_inputs(student)).export(str(path))
    inputs = {f"serving_default_args_{i}": name for i, name in enumerate(INPUT_NAMES)}
    outputs = {f"serving_default_output_{i}_output": name for i, name in enumerate(OUTPUT_NAMES)}
    return inputs | outputs


def export_onnx(student: Student, path: Path) -> None:
    """Write the float network as ONNX (opset 18)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            student,
            example_inputs(student),
            str(path),
            input_names=list(INPUT_NAMES),
            output_names=list(OUTPUT_NAMES),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
