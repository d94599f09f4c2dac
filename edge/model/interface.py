"""What a model file itself says of its inputs and outputs, and whether that is what the manifest says."""

from __future__ import annotations

import msgspec

from edge.errors import BundleError
from edge.model.manifest import FileSpec, TensorSpec


class FileTensor(msgspec.Struct, frozen=True):
    """One input or output as a backend reports it.

    Attributes:
        name: as the file calls it.
        shape: -1 where the dimension is symbolic.
        dtype: numpy's name of it.
        scale, zero_point: of a quantized tensor; None where it has none or the format does not tell.
        told: whether the format tells scale and zero point at all (TFLite does, ONNX does not).
        rank_told: whether the file tells how many dimensions there are; if not, `shape` is ().
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None
    told: bool = True
    rank_told: bool = True


class Interface(msgspec.Struct, frozen=True):
    """All inputs and outputs of one model file."""

    inputs: tuple[FileTensor, ...]
    outputs: tuple[FileTensor, ...]


def check_interface(file: str, spec: FileSpec, interface: Interface) -> None:
    """Check that a model file is what the manifest says; outputs that it does not name are left alone.

    Raises:
        BundleError: names the file, the tensor, what the manifest says and what the file has.
    """
    said_in = [tensor for tensor in spec.tensors if tensor.role in {"frame", "state_in"}]
    said_out = [tensor for tensor in spec.tensors if tensor.role in {"scores", "conditions", "state_out"}]
    inputs = {tensor.name: tensor for tensor in interface.inputs}
    outputs = {tensor.name: tensor for tensor in interface.outputs}
    if len(inputs) != len(interface.inputs) or set(inputs) != {tensor.name for tensor in said_in}:
        names = sorted(tensor.name for tensor in said_in)
        raise BundleError(f"{file}: its inputs are {sorted(inputs)}, the manifest says {names}")
    for tensor in said_in:
        _check_tensor(file, tensor, inputs[tensor.name])
    for tensor in said_out:
        if tensor.name not in outputs:
            raise BundleError(f"{file}: no output '{tensor.name}', it has {sorted(outputs)}")
        _check_tensor(file, tensor, outputs[tensor.name])


def _check_tensor(file: str, said: TensorSpec, found: FileTensor) -> None:
    fits = not found.rank_told or (
        len(said.shape) == len(found.shape)
        and all(has in {-1, says} for says, has in zip(said.shape, found.shape, strict=True))
    )
    if not fits or said.dtype != found.dtype:
        raise BundleError(
            f"{file}: tensor '{said.name}' is {found.shape} {found.dtype}, "
            f"the manifest says {said.shape} {said.dtype}"
        )
    if not found.told or said.dtype == "float32" or said.scale is None:
        return
    close = found.scale is not None and abs(found.scale - said.scale) <= 1e-6 * said.scale
    if not close or found.zero_point != said.zero_point:
        raise BundleError(
            f"{file}: tensor '{said.name}' has scale {found.scale} and zero point {found.zero_point}, "
            f"the manifest says {said.scale} and {said.zero_point}"
        )
