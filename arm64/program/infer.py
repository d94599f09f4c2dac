"""Run a student's file on one camera's noise between marks that arm64/plugin.c sees: `infer.py FILE.tflite`."""

import gc
import sys
from pathlib import Path

import numpy as np

from arm64.program.count import DECODED, FOUND, SCORED, WRITTEN, mark
from edge.model.bundle import file_spec
from edge.model.interface import FileTensor
from edge.model.litert import BACKEND, LiteRtRuntime
from edge.model.manifest import FileSpec, Role, TensorSpec
from edge.model.runtime import Tensor

WARM_UP, INFERENCES = 1, 3
_NEXT = "_next"  # ends the name of what a state becomes


def main() -> None:
    """Run each inference on the state that the one before it left."""
    path = Path(sys.argv[1])
    model = path.read_bytes()
    spec = spec_of(path.name, model)
    runtime = LiteRtRuntime(model, path.name, spec, threads=1)
    pixels = np.random.default_rng(0).integers(0, 256, spec.one("frame").shape, np.uint8)

    def write(tensor: Tensor) -> None:
        np.copyto(tensor, pixels.view(tensor.dtype))
        mark(WRITTEN)

    state = runtime.zero_state()
    gc.disable()
    for _ in range(WARM_UP + INFERENCES):
        mark(DECODED)
        state = runtime.infer(write, state).state
        mark(SCORED)
        mark(FOUND)


def spec_of(file: str, model: bytes) -> FileSpec:
    """Describe a file by its tensors' names, which are the project's.

    Args:
        file: its name.
        model: its bytes.

    Raises:
        RuntimeModelError: LiteRT refuses it.
    """
    made = BACKEND.describe(model, file)
    tensors = [_tensor(one, "state_in") for one in made.inputs]
    tensors += [_tensor(one, "state_out") for one in made.outputs]
    return file_spec(model, BACKEND.name, tuple(tensors))


def _tensor(one: FileTensor, otherwise: Role) -> TensorSpec:
    ends: dict[str, Role] = {"frame": "frame", "scores": "scores", "conditions": "conditions"}
    role = ends.get(one.name, otherwise)
    return TensorSpec(
        name=one.name,
        role=role,
        shape=one.shape,
        dtype=one.dtype,  # type: ignore[arg-type]  # one of those that a runtime has, or the runtime refuses it
        layout="NHWC" if role == "frame" else None,
        scale=one.scale,
        zero_point=one.zero_point,
        state=one.name.removesuffix(_NEXT) if role == otherwise else None,
    )


if __name__ == "__main__":
    main()
