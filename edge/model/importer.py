"""A third party's image classifier, one file that a backend reads, made into a bundle.

What the file does not tell, the user must: labels, normalisation, colour order. What it tells is checked
against that, in a child process, for the file is not trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from edge.model.manifest import Confirmation, Manifest, Normalisation, TensorSpec, Threshold
from edge.model.preprocess import input_table
from edge.model.probe import Answer, probe
from edge.model.registry import BACKENDS, suffixes
from edge.text import plain

MODEL_BYTES_MAX = 256 << 20
_LABELS_MAX = 100_000
_LOW = {"uint8": 0, "int8": -128}
_SUM_SLACK = 0.02
_CONVENTIONS = (
    "for float input: '--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225' (ImageNet, torchvision), "
    "'--mean 0.5 --std 0.5' (pixels become −1…1, Keras MobileNet), '--mean 0 --std 1' (0…1), "
    "'--mean 0 --std 0.00392157' (0…255)"
)

Layout = Literal["NHWC", "NCHW"]
Kind = Literal["logits", "probabilities"]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user says of the file.

    Attributes:
        labels: one for each class, in the order of the output.
        backend: by name; None: the first of the registry that reads such files.
        mean, std: real = (pixel / 255 − mean) / std, one number or one per channel; None: only for integer
            inputs, whose stored values then are the pixels themselves.
        kind: what the output is; None: found out from two runs.
        layout: None: found out from the shape.
        size_px: (height, width), where the file leaves it open.
        alerts: thresholds of the labels that may open an event, in the output's own kind.
        name: of the bundle; None: the file's.
    """

    labels: tuple[str, ...]
    backend: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    kind: Kind | None = None
    colour_order: Literal["RGB", "BGR"] = "RGB"
    fit: Literal["letterbox", "stretch"] = "letterbox"
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
    declared = probe(model, str(path), backend, run=False).declared
    _check_single(path, declared)
    shape, layout = _frame_shape(path, declared.inputs[0], options)
    answer = probe(model, str(path), backend, {declared.inputs[0].name: shape})
    scores = _scores(path, answer.actual.outputs[0], options.labels)
    frame, normalisation = _frame(path, answer.actual.inputs[0], layout, options)
    kind, notes = _kind(answer, scores, options)
    file = f"model{backend.suffix}"
    manifest = Manifest(
        schema="1.0",
        name=options.name or plain(path.stem),
        version=options.version,
        task="classify",
        kind=kind,
        labels=options.labels,
        files={file: file_spec(model, backend.name, (frame, scores))},
        colour_order=options.colour_order,
        fit=options.fit,
        normalisation=normalisation,
        thresholds=dict(options.alerts),
        confirmation=Confirmation(hits=1, window=1, close_after=1),
        provenance={"imported_from": plain(path.name), "imported_by": f"firetower {__version__}"},
    )
    notes += _range_notes(manifest, frame)
    return Imported(write_bundle(folder, manifest, {file: model}), notes)


def _backend(path: Path, asked: str | None) -> Backend:
    """Choose among those that read a file of this kind."""
    suffix = path.suffix.lower()
    if suffix not in suffixes():
        raise BundleError(f"{path}: expected a file that ends in {' or '.join(suffixes())}")
    readers = {name: backend for name, backend in BACKENDS.items() if backend.suffix == suffix}
    if asked is not None and asked not in readers:
        raise SettingsError(f"--backend: '{asked}' does not read {suffix}; expected {' or '.join(readers)}")
    return readers[asked or next(iter(readers))]


def parse_labels(text: str) -> tuple[str, ...]:
    """Read labels, one a line; of labels that occur twice (ImageNet has some) the later get a number.

    Raises:
        SettingsError: none, or an empty line among them, which would shift all that follow.
    """
    lines = [line.strip() for line in text.lstrip("\ufeff").rstrip().splitlines()]
    if not lines or "" in lines:
        where = f"line {lines.index('') + 1} is empty" if lines else "no label in it"
        raise SettingsError(f"--labels: {where}; expected one label a line")
    if len(lines) > _LABELS_MAX:
        raise SettingsError(f"--labels: {len(lines)} lines; expected {_LABELS_MAX} or fewer")
    labels: dict[str, None] = {}
    counts: dict[str, int] = {}
    for line in lines:
        label = line
        while label in labels:
            counts[line] = counts.get(line, 1) + 1
            label = f"{line} ({counts[line]})"
        labels[label] = None
    return tuple(labels)


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
    shape = tensor.shape
    if tensor.dtype not in {"float32", *_LOW}:
        raise BundleError(f"{path}: its input is {tensor.dtype}, expected float32, uint8 or int8")
    if len(shape) != 4 or shape[0] not in {-1, 1} or 3 not in {shape[1], shape[3]}:
        raise BundleError(
            f"{path}: input '{tensor.name}' is {shape}, expected one colour image, "
            "(1, height, width, 3) or (1, 3, height, width)"
        )
    layout: Layout = options.layout or ("NHWC" if shape[3] == 3 else "NCHW")
    if options.layout is None and shape[1] == shape[3] == 3:
        raise SettingsError(f"--layout: input {shape} may be NHWC or NCHW; say which")
    if shape[3 if layout == "NHWC" else 1] != 3:
        raise SettingsError(f"--layout: input {shape} is not {layout}")
    sides = shape[1:3] if layout == "NHWC" else shape[2:4]
    if options.size_px is None and -1 in sides:
        raise SettingsError(f"--size: the input {shape} is open; say which, for example --size 224x224")
    size_px = options.size_px or sides
    if any(side not in {-1, wanted} for side, wanted in zip(sides, size_px, strict=True)):
        raise SettingsError(f"--size: the input {shape} is fixed, {size_px} does not fit; leave it out")
    return ((1, *size_px, 3) if layout == "NHWC" else (1, 3, *size_px)), layout


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


def _scores(path: Path, tensor: FileTensor, labels: Sequence[str]) -> TensorSpec:
    count = tensor.shape[-1] if tensor.shape else 0
    if len(tensor.shape) not in {2, 4} or int(np.prod(tensor.shape)) != count:
        raise BundleError(
            f"{path}: output '{tensor.name}' is {tensor.shape}, expected scores of one image, (1, classes)"
        )
    if count != len(labels):
        hint = "; is one for the background?" if abs(count - len(labels)) == 1 else ""
        raise SettingsError(f"--labels: {len(labels)} labels, but {path.name} has {count} classes{hint}")
    spec = TensorSpec(name=tensor.name, role="scores", shape=tensor.shape, dtype="float32")
    if tensor.dtype == "float32":
        return spec
    if tensor.dtype not in _LOW or tensor.scale is None:
        raise BundleError(
            f"{path}: output '{tensor.name}' is {tensor.dtype} and its scale is not told; "
            "expected float32, or uint8 or int8 in a kind of file that tells the scale"
        )
    dtype: Literal["uint8", "int8"] = "uint8" if tensor.dtype == "uint8" else "int8"
    return msgspec.structs.replace(spec, dtype=dtype, scale=tensor.scale, zero_point=tensor.zero_point)


def _kind(answer: Answer, scores: TensorSpec, options: ImportOptions) -> tuple[Kind, tuple[str, ...]]:
    """Decide what the output is, from what the user says and from the scores of two runs."""
    samples = [np.asarray(sample, np.float64) for sample in answer.samples if sample]
    slack = _SUM_SLACK + (scores.scale or 0.0) * len(options.labels) / 2
    bounded = all(sample.min() >= -_SUM_SLACK and sample.max() <= 1 + _SUM_SLACK for sample in samples)
    summed = bounded and all(abs(sample.sum() - 1) <= slack for sample in samples)
    looks = "between 0 and 1 with a sum of 1" if summed else "between 0 and 1"
    if options.kind == "probabilities" and not bounded:
        raise SettingsError("--scores: these are not probabilities: they leave 0…1; use 'logits'")
    if options.kind == "logits" and summed:
        return "logits", (
            f"the scores are {looks}: if there is a softmax inside, say --scores probabilities",
        )
    if options.kind is not None:
        return options.kind, ()
    if bounded and (not summed or len(options.labels) == 1):
        raise SettingsError(f"--scores: cannot tell: they are {looks}; say 'logits' or 'probabilities'")
    kind: Kind = "probabilities" if summed else "logits"
    return kind, (f"the scores were taken for {kind}, from two runs; --scores says otherwise",)


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
