"""The image input of a stranger's classifier: its shape, its layout, and how pixels become its values."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from edge.errors import BundleError, SettingsError
from edge.model.interface import FileTensor
from edge.model.manifest import Manifest, Normalisation, TensorSpec
from edge.model.preprocess import input_table, place

LOW = {"uint8": 0, "int8": -128}  # of each integer type the least value
Layout = Literal["NHWC", "NCHW"]
_USUAL_SIDE_PX = 224
_USUAL_FRAME_PX = (1080, 1920)  # height, width
_FILLED_ENOUGH = 0.95
_LAYOUTS: tuple[Layout, ...] = ("NHWC", "NCHW")
_CONVENTIONS = (
    "for float input: '--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225' (ImageNet, torchvision), "
    "'--mean 0.5 --std 0.5' (pixels become −1…1, Keras MobileNet), '--mean 0 --std 1' (0…1), "
    "'--mean 0 --std 0.00392157' (0…255)"
)


def close_shape(
    path: Path, tensor: FileTensor, asked: Layout | None, size_px: tuple[int, int] | None
) -> tuple[tuple[int, ...], Layout]:
    """Close the input's shape: one picture, three colours, and where the file leaves it open the user's size.

    Args:
        path: of the model, for messages.
        tensor: as the file declares it.
        asked: the layout that the user gives.
        size_px: (height, width) that the user gives.
    Returns:
        Four sizes, and which of them are what.
    Raises:
        BundleError: it takes no colour picture.
        SettingsError: layout or size are missing or contradict the file.
    """
    shape = tensor.shape if tensor.rank_told else (-1, -1, -1, -1)
    if tensor.dtype not in {"float32", *LOW}:
        raise BundleError(f"{path}: its input is {tensor.dtype}, expected float32, uint8 or int8")
    layout = _layout(path, tensor.name, shape, asked)
    sides = shape[1:3] if layout == "NHWC" else shape[2:4]
    if size_px is None and -1 in sides:
        side = max(sides) if max(sides) > 0 else _USUAL_SIDE_PX
        example = "x".join(str(side if one == -1 else one) for one in sides)
        raise SettingsError(
            f"--size: the input {shape} is open; say the height and width that it was trained with, "
            f"for example --size {example}"
        )
    height, width = size_px or sides
    if sides[0] not in {-1, height} or sides[1] not in {-1, width}:
        raise SettingsError(
            f"--size: the input {shape} is fixed, {height}x{width} does not fit; leave it out"
        )
    return ((1, height, width, 3) if layout == "NHWC" else (1, 3, height, width)), layout


def _layout(path: Path, name: str, shape: tuple[int, ...], asked: Layout | None) -> Layout:
    """Find the axis of the three colours; it may be open, too."""
    sides = {"NHWC": shape[1:3], "NCHW": shape[2:4]}
    channels = {"NHWC": shape[3:4], "NCHW": shape[1:2]}
    found: list[Layout] = []
    if len(shape) == 4 and shape[0] in {-1, 1}:
        exact: list[Layout] = [layout for layout in _LAYOUTS if channels[layout] == (3,)]
        open_too: list[Layout] = [
            layout for layout in _LAYOUTS if channels[layout] in {(3,), (-1,)} and 1 not in sides[layout]
        ]
        found = open_too if asked in open_too else exact or open_too
    if not found:
        hint = "; export it for a batch of 1 or an open one" if len(shape) == 4 and shape[0] > 1 else ""
        raise BundleError(
            f"{path}: input '{name}' is {shape}, expected one colour image, "
            f"(1, height, width, 3) or (1, 3, height, width){hint}"
        )
    if asked is not None and asked not in found:
        raise SettingsError(f"--layout: input {shape} is not {asked}")
    if asked is None and len(found) > 1:
        raise SettingsError(
            f"--layout: input {shape} may be NHWC (as of TensorFlow) or NCHW (as of torch); say which"
        )
    return asked or found[0]


def describe_input(
    path: Path, tensor: FileTensor, layout: Layout, normalisation: Normalisation | None
) -> tuple[TensorSpec, Normalisation]:
    """Describe the input for the manifest, and how pixels become its values.

    Args:
        path: of the model, for messages.
        tensor: with the shape that it has in a run.
        layout: of that shape.
        normalisation: that the user gives; None: the pixels themselves go in.
    Raises:
        SettingsError: it needs a normalisation, or cannot take one.
    """
    spec = TensorSpec(name=tensor.name, role="frame", shape=tensor.shape, dtype="float32", layout=layout)
    if tensor.dtype == "float32":
        if normalisation is None:
            raise SettingsError(f"--mean, --std: a float32 input needs both; {_CONVENTIONS}")
        return spec, normalisation
    low = LOW[tensor.dtype]
    if normalisation is not None and tensor.scale is None:
        raise SettingsError(
            f"--mean, --std: {path.name} does not tell the scale of its {tensor.dtype} input; "
            "leave both out, and the pixels go in as they are"
        )
    scale = tensor.scale if tensor.scale is not None else 1 / 255
    zero_point = tensor.zero_point if tensor.zero_point is not None else low
    if normalisation is None:  # stored = pixel + low
        mean, std = (zero_point - low) / 255, 1 / (255 * scale)
        normalisation = Normalisation(mean=(mean,) * 3, std=(std,) * 3)
    dtype: Literal["uint8", "int8"] = "uint8" if low == 0 else "int8"
    return msgspec.structs.replace(spec, dtype=dtype, scale=scale, zero_point=zero_point), normalisation


def normalisation_of(mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> Normalisation | None:
    """Return the normalisation that the user gives, a value per channel or one for all; None if there is none.

    Raises:
        SettingsError: one of the two alone, a wrong count, or another unit than a pixel range of 0…1.
    """
    if mean is None and std is None:
        return None
    if mean is None or std is None:
        raise SettingsError("--mean, --std: give both or none")
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in {1, 3}:
            raise SettingsError(f"--{name}: expected one number or three, got {len(values)}")
        if not all(-1 <= value <= 1 for value in values) or (name == "std" and min(values) <= 0):
            raise SettingsError(
                f"--{name}: {values} are not in units of a pixel range of 0…1; divide values in units of "
                f"0…255 by 255 (127.5 becomes 0.5); {_CONVENTIONS}"
            )
    means, stds = (values * (3 // len(values)) for values in (mean, std))
    return Normalisation(mean=(means[0], means[1], means[2]), std=(stds[0], stds[1], stds[2]))


def range_notes(manifest: Manifest, frame: TensorSpec) -> tuple[str, ...]:
    """Say if the normalisation uses little of an integer input's range, or leaves it: it is likely wrong."""
    if frame.dtype == "float32":
        return ()
    table = input_table(manifest, frame).astype(np.int64)
    used = int(table.max() - table.min()) / 255
    clipped = float(np.isin(table, (table.min(), table.max())).mean())
    if used > 0.7 and clipped < 0.1:
        return ()
    reach = f"pixels reach {used:.0%} of the input's range and {clipped:.0%} of their values are at its ends"
    return (f"{reach}: check --mean and --std",)


def fit_notes(frame: TensorSpec) -> tuple[str, ...]:
    """Say what a letterbox does to the pictures of most cameras."""
    height, width = frame.shape[1:3] if frame.layout == "NHWC" else frame.shape[2:4]
    y0, x0, y1, x1 = place(_USUAL_FRAME_PX, (height, width), letterbox=True).content_px
    filled = (y1 - y0) * (x1 - x0) / (height * width)
    if filled > _FILLED_ENOUGH:
        return ()
    told = (
        f"frames keep their shape: a 16:9 picture fills {filled:.0%} of the {height} × {width} px input, the rest is "
        f"grey; a classifier that was trained on pictures stretched to {height} × {width} never saw that and scores "
        "worse: for such a one, import it with --fit stretch"
    )
    return (told,)
