"""A third party's image classifier, one file that a backend reads, made into a bundle.

What the file does not tell, the user must: labels, normalisation, colour order. What it tells is checked
against that, in a child process, for the file is not trusted.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from edge import __version__
from edge.errors import BundleError, SettingsError
from edge.model.backend import Backend
from edge.model.bundle import Bundle, file_spec, read_plain, write_bundle
from edge.model.interface import FileTensor, Interface
from edge.model.label import labels_within, some
from edge.model.manifest import Confirmation, Manifest, Normalisation, TensorSpec, Threshold
from edge.model.preprocess import input_table, place
from edge.model.probe import Answer, probe
from edge.model.registry import BACKENDS, suffixes

MODEL_BYTES_MAX = 256 << 20
_LOW = {"uint8": 0, "int8": -128}
_SUM_SLACK = 0.02
_USUAL_SIDE_PX = 224
_USUAL_FRAME_PX = (1080, 1920)  # height, width
_FILLED_ENOUGH = 0.95
_CONVENTIONS = (
    "for float input: '--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225' (ImageNet, torchvision), "
    "'--mean 0.5 --std 0.5' (pixels become −1…1, Keras MobileNet), '--mean 0 --std 1' (0…1), "
    "'--mean 0 --std 0.00392157' (0…255)"
)

Layout = Literal["NHWC", "NCHW"]
Kind = Literal["logits", "probabilities"]
_LAYOUTS: tuple[Layout, ...] = ("NHWC", "NCHW")
_ADVICE = {
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".xz", ".7z"), "unpack it and name the model in it"),
    **dict.fromkeys((".data", ".onnx_data"), "these are weights: name the .onnx beside them"),
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".safetensors"), "export it with torch.onnx.export"),
    **dict.fromkeys((".h5", ".keras", ".pb"), "convert it with tf.lite.TFLiteConverter"),
}


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user says of the file.

    Attributes:
        labels: one for each class, in the order of the output; None: those that the file itself brings.
        independent: whether several labels may be true at once.
        backend: by name; None: the first of the registry that reads such files.
        mean, std: real = (pixel / 255 − mean) / std, one number or one per channel; None: only for integer
            inputs, whose stored values then are the pixels themselves.
        kind: what the output is; None: found out from two runs.
        fit: None: letterbox, and the user is told what that does.
        layout: None: found out from the shape.
        size_px: (height, width), where the file leaves it open.
        alerts: thresholds of the labels that may open an event, in the output's own kind.
        name: of the bundle; None: the file's.
    """

    labels: tuple[str, ...] | None = None
    backend: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    kind: Kind | None = None
    independent: bool = False
    colour_order: Literal["RGB", "BGR"] = "RGB"
    fit: Literal["letterbox", "stretch"] | None = None
    layout: Layout | None = None
    size_px: tuple[int, int] | None = None
    alerts: Mapping[str, Threshold] = field(default_factory=dict)
    name: str | None = None
    version: str = "1"


@dataclass(frozen=True, slots=True)
class Imported:
    """The new bundle, and what the user should know of it."""

    bundle: Bundle
    notes: tuple[str, ...]


def import_model(path: Path, folder: Path, options: ImportOptions) -> Imported:
    """Make a bundle of a classifier's file.

    Args:
        path: a model file with one image input and one output of class scores.
        folder: where the bundle goes; does not exist yet.
        options: what the file does not tell.
    Raises:
        BundleError: the file cannot be used; names it and says why.
        SettingsError: an option is missing or contradicts the file; starts with the option.
        MissingExtraError: the backend is not installed.
    """
    backend = _backend(path, options.backend)
    model = read_plain(path, MODEL_BYTES_MAX, follow=True)
    if len(model) > MODEL_BYTES_MAX:
        raise BundleError(f"{path}: more than {MODEL_BYTES_MAX} bytes; no classifier for a small board")
    file, notes = f"model{backend.suffix}", list[str]()
    labels = _labels(path, model, options, notes)
    whole = model if backend.whole is None else backend.whole(model, path, MODEL_BYTES_MAX)
    if whole is not model:
        notes.append(f"the weights that lay beside {path.name} are within {file} now, {len(whole)} bytes")
    answer, layout = _look(path, whole, backend, options, notes)
    scores = _scores(path, answer.actual.outputs[0], labels)
    frame, normalisation = _frame(path, answer.actual.inputs[0], layout, options)
    manifest = Manifest(
        schema="1.1",
        name=options.name or path.stem,
        version=options.version,
        task="classify",
        kind=_kind(answer, scores, options, notes),
        labels=labels,
        labels_independent=options.independent,
        files={file: file_spec(whole, backend.name, (frame, scores))},
        colour_order=options.colour_order,
        fit=options.fit or "letterbox",
        normalisation=normalisation,
        thresholds=dict(options.alerts),
        confirmation=Confirmation(hits=1, window=1, close_after=1),
        provenance={"imported_from": path.name, "imported_by": f"firetower {__version__}"},
    )
    notes += [*_range_notes(manifest, frame), *_fit_notes(frame, options)]
    return Imported(write_bundle(folder, manifest, {file: whole}), tuple(notes))


def _labels(path: Path, model: bytes, options: ImportOptions, notes: list[str]) -> tuple[str, ...]:
    """Take the labels that the user gives, or else the file; see that alerts are for some of them."""
    labels = options.labels
    if labels is None:
        labels = labels_within(model, str(path))
        if labels is None:
            raise SettingsError(f"--labels: needed, for {path.name} brings none; a file, or a,b,… by hand")
        notes.append(f"the labels are those that {path.name} brings; --labels gives others")
    for label in options.alerts:
        if label not in labels:
            near = difflib.get_close_matches(label, labels, 1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"--alert: {label!r} is not among the labels ({some(labels)}){meant}")
    return labels


def _look(
    path: Path, model: bytes, backend: Backend, options: ImportOptions, notes: list[str]
) -> tuple[Answer, Layout]:
    """Let a child process run the file, once its input's shape is known; return what it saw, and the layout."""
    answer = probe(model, str(path), backend)
    _check_single(path, answer.declared)
    tensor = answer.declared.inputs[0]
    shape, layout = _frame_shape(path, tensor, options)
    if tensor.shape[:1] == (-1,):
        notes.append(f"input '{tensor.name}' takes any number of pictures: it gets one at a time")
    if answer.actual.inputs[0].shape == shape:
        return answer, layout
    try:
        return probe(model, str(path), backend, {tensor.name: shape}), layout
    except BundleError as error:
        raise BundleError(f"{error}; is --size the one that it was trained with?") from error


def _backend(path: Path, asked: str | None) -> Backend:
    """Choose among those that read a file of this kind."""
    suffix = path.suffix.lower()
    if suffix not in suffixes():
        advice = f"; {_ADVICE[suffix]}" if suffix in _ADVICE else ""
        raise BundleError(f"{path}: expected a file that ends in {' or '.join(suffixes())}{advice}")
    readers = {name: backend for name, backend in BACKENDS.items() if backend.suffix == suffix}
    if asked is not None and asked not in readers:
        raise SettingsError(f"--backend: '{asked}' does not read {suffix}; expected {' or '.join(readers)}")
    return readers[asked or next(iter(readers))]


def _check_single(path: Path, interface: Interface) -> None:
    for what, tensors in (("input", interface.inputs), ("output", interface.outputs)):
        if len(tensors) != 1:
            names = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in tensors)
            raise BundleError(
                f"{path}: it has {len(tensors)} {what}s ({names}), expected one image in and one "
                "row of class scores out; detectors and models with state need a manifest of their own"
            )


def _frame_shape(path: Path, tensor: FileTensor, options: ImportOptions) -> tuple[tuple[int, ...], Layout]:
    """Close the input's shape: batch 1, the user's size where the file leaves it open."""
    shape = tensor.shape if tensor.rank_told else (-1, -1, -1, -1)
    if tensor.dtype not in {"float32", *_LOW}:
        raise BundleError(f"{path}: its input is {tensor.dtype}, expected float32, uint8 or int8")
    layout = _layout(path, tensor.name, shape, options.layout)
    sides = shape[1:3] if layout == "NHWC" else shape[2:4]
    if options.size_px is None and -1 in sides:
        side = max(sides) if max(sides) > 0 else _USUAL_SIDE_PX
        example = "x".join(str(side if one == -1 else one) for one in sides)
        raise SettingsError(
            f"--size: the input {shape} is open; say the height and width that it was trained with, "
            f"for example --size {example}"
        )
    size_px = options.size_px or sides
    if any(side not in {-1, wanted} for side, wanted in zip(sides, size_px, strict=True)):
        raise SettingsError(f"--size: the input {shape} is fixed, {size_px} does not fit; leave it out")
    return ((1, *size_px, 3) if layout == "NHWC" else (1, 3, *size_px)), layout


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


def _frame(
    path: Path, tensor: FileTensor, layout: Layout, options: ImportOptions
) -> tuple[TensorSpec, Normalisation]:
    """Describe the input, and how pixels become its values."""
    spec = TensorSpec(name=tensor.name, role="frame", shape=tensor.shape, dtype="float32", layout=layout)
    normalisation = _given_normalisation(options)
    if tensor.dtype == "float32":
        if normalisation is None:
            raise SettingsError(f"--mean, --std: a float32 input needs both; {_CONVENTIONS}")
        return spec, normalisation
    low = _LOW[tensor.dtype]
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


def _given_normalisation(options: ImportOptions) -> Normalisation | None:
    if options.mean is None and options.std is None:
        return None
    if options.mean is None or options.std is None:
        raise SettingsError("--mean, --std: give both or none")
    for name, values in (("mean", options.mean), ("std", options.std)):
        if len(values) not in {1, 3}:
            raise SettingsError(f"--{name}: expected one number or three, got {len(values)}")
        if not all(-1 <= value <= 1 for value in values) or (name == "std" and min(values) <= 0):
            raise SettingsError(
                f"--{name}: {values} are not in units of a pixel range of 0…1; divide values in units of "
                f"0…255 by 255 (127.5 becomes 0.5); {_CONVENTIONS}"
            )
    mean, std = (tuple(values) * (3 // len(values)) for values in (options.mean, options.std))
    return Normalisation(mean=(mean[0], mean[1], mean[2]), std=(std[0], std[1], std[2]))


def _scores(path: Path, tensor: FileTensor, labels: tuple[str, ...]) -> TensorSpec:
    """Describe the output: one score a label, along any one axis."""
    wide = [axis for axis, size in enumerate(tensor.shape) if size != 1]
    count = math.prod(tensor.shape)
    if len(wide) > 1:
        raise BundleError(
            f"{path}: output '{tensor.name}' is {tensor.shape}, expected one score a class, such as (1, 2); "
            "a map of scores needs their mean over rows and columns at its end, a detector a manifest of its own"
        )
    if count != len(labels):
        hint = "; is one for the background, or a heading?" if abs(count - len(labels)) == 1 else ""
        if (count, len(labels)) == (1, 2):
            hint = f"; a lone score needs one label, that of a high score: --labels {labels[1]},"
        raise SettingsError(f"--labels: {len(labels)} labels, but {path.name} has {count} classes{hint}")
    axis = wide[0] if wide and wide[0] != len(tensor.shape) - 1 else None
    spec = TensorSpec(name=tensor.name, role="scores", shape=tensor.shape, dtype="float32", classes_axis=axis)
    if tensor.dtype == "float32":
        return spec
    if tensor.dtype not in _LOW or tensor.scale is None:
        raise BundleError(
            f"{path}: output '{tensor.name}' is {tensor.dtype} and its scale is not told; "
            "expected float32, or uint8 or int8 in a kind of file that tells the scale"
        )
    dtype: Literal["uint8", "int8"] = "uint8" if tensor.dtype == "uint8" else "int8"
    return msgspec.structs.replace(spec, dtype=dtype, scale=tensor.scale, zero_point=tensor.zero_point)


def _kind(answer: Answer, scores: TensorSpec, options: ImportOptions, notes: list[str]) -> Kind:
    """Decide what the output is, from what the user says and from the scores of two runs."""
    count = math.prod(scores.shape)
    samples = [np.asarray(sample, np.float64) for sample in answer.samples if sample]
    slack = _SUM_SLACK + (scores.scale or 0.0) * count / 2
    bounded = all(sample.min() >= -_SUM_SLACK and sample.max() <= 1 + _SUM_SLACK for sample in samples)
    summed = bounded and all(abs(sample.sum() - 1) <= slack for sample in samples)
    looks = "between 0 and 1 with a sum of 1" if summed else "between 0 and 1"
    exclusive = count > 1 and not options.independent
    if options.kind == "probabilities" and not bounded:
        raise SettingsError("--scores: these are not probabilities: they leave 0…1; use 'logits'")
    if options.kind is None and bounded and (not summed or count == 1):
        raise SettingsError(
            f"--scores: cannot tell: they are {looks}; say 'logits', or 'probabilities' if there is a softmax or a "
            "sigmoid inside"
        )
    kind: Kind = options.kind or ("probabilities" if summed else "logits")
    if options.kind is None:
        notes.append(f"the scores were taken for {kind}, from two runs; --scores says otherwise")
    elif kind == "logits" and summed:
        notes.append(f"the scores are {looks}: if there is a softmax inside, say --scores probabilities")
    if kind == "logits":
        means = (
            "one label is true (softmax); --independent if several may be" if exclusive else "a sigmoid each"
        )
        notes.append(f"what logits mean: {means}")
    elif exclusive and not summed:
        notes.append("the scores do not sum to 1: if several labels may be true at once, say --independent")
    return kind


def _range_notes(manifest: Manifest, frame: TensorSpec) -> tuple[str, ...]:
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


def _fit_notes(frame: TensorSpec, options: ImportOptions) -> tuple[str, ...]:
    """Say what a letterbox does to the pictures of most cameras, unless the user chose it."""
    height, width = frame.shape[1:3] if frame.layout == "NHWC" else frame.shape[2:4]
    y0, x0, y1, x1 = place(_USUAL_FRAME_PX, (height, width), letterbox=True).content_px
    filled = (y1 - y0) * (x1 - x0) / (height * width)
    if options.fit is not None or filled > _FILLED_ENOUGH:
        return ()
    told = (
        f"frames keep their shape: a 16:9 picture fills {filled:.0%} of the {height} × {width} px input, the rest is "
        f"grey; a classifier that was trained on pictures stretched to {height} × {width} never saw that and scores "
        "worse: for such a one, import it with --fit stretch"
    )
    return (told,)
