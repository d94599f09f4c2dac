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
from edge.model.manifest import SELFTEST_NAME, Confirmation, Manifest, TensorSpec, Threshold
from edge.model.pattern import draw
from edge.model.picture_input import (
    LOW,
    Layout,
    close_shape,
    describe_input,
    fit_notes,
    normalisation_of,
    range_notes,
)
from edge.model.preprocess import Preprocess
from edge.model.probe import Answer, probe
from edge.model.registry import BACKENDS, suffixes
from edge.model.runtime import Runtime
from edge.model.selftest import pattern_for, score, step, with_selftest
from edge.text import plain

MODEL_BYTES_MAX = 256 << 20
_SUM_SLACK = 0.02
# A stranger's layers may round otherwise on another CPU; what a self-test is to see is off by more.
_TOLERANCE_STEPS, _TOLERANCE_SHARE = 2.0, 0.02
Kind = Literal["logits", "probabilities"]
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
        RuntimeModelError: the backend refuses the file here that it ran in a child process.
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
    given = normalisation_of(options.mean, options.std)
    frame, normalisation = describe_input(path, answer.actual.inputs[0], layout, given)
    manifest = Manifest(
        schema="1.1",
        name=options.name or plain(path.stem),
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
        provenance={"imported_from": plain(path.name), "imported_by": f"firetower {__version__}"},
    )
    notes += [*range_notes(manifest, frame), *(fit_notes(frame) if options.fit is None else ())]
    contents = {file: whole}
    manifest = _tested(manifest, backend.open(whole, str(path), manifest.files[file], 1), contents, notes)
    return Imported(write_bundle(folder, manifest, contents), tuple(notes))


def _tested(manifest: Manifest, runtime: Runtime, contents: dict[str, bytes], notes: list[str]) -> Manifest:
    """Give a bundle a self-test: scores of drawn frames, as they are on this machine."""
    spec = next(iter(manifest.model_files().values()))
    drawn = pattern_for(spec)
    scores = score(Preprocess(manifest, spec.one("frame")), runtime, draw(drawn))
    if not np.isfinite(scores).all():
        notes.append("no self-test is in the bundle: scores of drawn pictures are not finite")
        return manifest
    range_steps = float(np.ptp(scores.astype(np.float64))) / step(manifest)
    tolerance_steps = max(_TOLERANCE_STEPS, _TOLERANCE_SHARE * range_steps)
    tolerant = msgspec.structs.replace(manifest, tolerance_steps=tolerance_steps)
    tested, contents[SELFTEST_NAME] = with_selftest(tolerant, drawn, scores)
    return tested


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
    shape, layout = close_shape(path, tensor, options.layout, options.size_px)
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
    if tensor.dtype not in LOW or tensor.scale is None:
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
