"""The manifest of a bundle: what its model reads, writes and means, and the digest of every file.

Versioned: an unknown major version is refused, unknown fields are kept when it is written again.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal

import msgspec

from edge.document import is_deeper, text_of
from edge.errors import ManifestError
from edge.model import alert, calm, condition, horizon, memory, pattern
from edge.model.archive import FILE_BYTES_MAX

SCHEMA_MAJOR = 1
MANIFEST_NAME = "manifest.json"
SELFTEST_NAME = "selftest.npz"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")

_DEPTH_MAX = 32
_WINDOW_MAX = 1000  # a track remembers a bit for each frame of it
_UNREADABLE = (
    msgspec.MsgspecError,
    ValueError,
    OverflowError,
    RecursionError,
)  # of text, a number or a nesting without end

Role = Literal["frame", "state_in", "state_out", "scores", "conditions"]
Dtype = Literal["float32", "int8", "uint8"]


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One tensor of one model file.

    Attributes:
        name: as the file calls it.
        role: what the pipeline does with it. `state_in` and `state_out` pair by `state`.
        shape: without symbolic dimensions.
        dtype: of the file's own interface.
        layout: of a frame; None for others.
        scale, zero_point: real = (stored − zero_point) · scale; None for float32.
        state: name of the state tensor, for the two state roles.
        classes_axis: of the scores of a `classify` bundle, the axis that counts the classes; None: the last.
    """

    name: str
    role: Role
    shape: tuple[int, ...]
    dtype: Dtype
    layout: Literal["NHWC", "NCHW"] | None = None
    scale: float | None = None
    zero_point: int | None = None
    state: str | None = None
    classes_axis: int | None = None


class FileSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file of the bundle; a model file also lists its tensors and the backend that runs it.

    A backend that this version does not know is no error: the bundle's other files may serve here.
    """

    sha256: str
    bytes: int
    backend: str | None = None
    tensors: tuple[TensorSpec, ...] = ()

    def one(self, role: Role) -> TensorSpec:
        """Return the only tensor with this role.

        Raises:
            ManifestError: there is none, or more than one.
        """
        found = [tensor for tensor in self.tensors if tensor.role == role]
        if len(found) != 1:
            raise ManifestError(f"manifest: expected one tensor with role '{role}', got {len(found)}")
        return found[0]

    @property
    def conditions(self) -> TensorSpec | None:
        """The tensor that tells scene conditions, as logits; None where there is none."""
        return next((tensor for tensor in self.tensors if tensor.role == "conditions"), None)

    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each tensor that goes in, by name."""
        return {tensor.name: tensor.shape for tensor in self.tensors if tensor.role in {"frame", "state_in"}}

    def state_pairs(self) -> tuple[tuple[TensorSpec, TensorSpec], ...]:
        """Return (input, output) of each state tensor, in the order of the inputs."""
        outputs = {tensor.state: tensor for tensor in self.tensors if tensor.role == "state_out"}
        return tuple((tensor, outputs[tensor.state]) for tensor in self.tensors if tensor.role == "state_in")


class Normalisation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """real = (pixel / 255 − mean) / std, a value per channel in the manifest's colour order."""

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Threshold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Hysteresis of one label, in the scores' own kind: a region starts at `open`, reaches out to `keep`."""

    open: float
    keep: float


class Confirmation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event opens when seen in `hits` of the last `window` frames, closes after `close_after` unseen."""

    hits: int = 3
    window: int = 5
    close_after: int = 10


class Cadence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Seconds between scored frames that the model was trained for; None: any."""

    min_s: float
    default_s: float
    max_s: float


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a bundle states of itself; see the attributes' types for shapes and units.

    Attributes:
        kind: what the scores are: `logits` (unbounded; sigmoid or softmax still to come) or `probabilities`.
        labels_independent: whether several may be true at once: logits then want a sigmoid each, not a softmax.
        fit: how a frame of another shape is fitted: `letterbox` keeps its aspect ratio, `stretch` does not.
        thresholds: labels without one never open an event.
        alert: when an event becomes an alert (since schema 1.2); None: each is one from its opening.
        calm: how far thresholds fall in a picture that shows nothing (since schema 1.4); None: they do not.
        conditions: names of the scene conditions that its models tell beside the scores, one or several at a time
            (since schema 1.4).
        memory: of the hour (since schema 1.4); None: off, unless the operator turns it on.
        horizon: how far from it thresholds rise (since schema 1.4); None: they do not.
        selftest: how its frames are made (since schema 1.3); None: they lie beside their scores.
        tolerance_steps: how far the files of the bundle may differ, in steps of the scores' scale.
        state_gap_s: after a longer gap a camera's state starts anew.
    """

    schema: str
    name: str
    version: str
    task: Literal["classify", "cells"]
    kind: Literal["logits", "probabilities"]
    labels: tuple[str, ...]
    files: dict[str, FileSpec]
    labels_independent: bool = False
    colour_order: Literal["RGB", "BGR"] = "RGB"
    fit: Literal["letterbox", "stretch"] = "letterbox"
    normalisation: Normalisation = Normalisation()
    cell_stride_px: int | None = None
    thresholds: dict[str, Threshold] = {}
    confirmation: Confirmation = Confirmation()
    alert: alert.AlertRule | None = None
    calm: calm.Calm | None = None
    conditions: tuple[str, ...] = ()
    memory: memory.MemoryRule | None = None
    horizon: horizon.HorizonRule | None = None
    selftest: pattern.Pattern | None = None
    cadence: Cadence | None = None
    state_gap_s: float = 900.0
    tolerance_steps: float = 1.0
    calibration_sha256: str | None = None
    metrics: dict[str, Any] = {}
    provenance: dict[str, Any] = {}

    def model_files(self) -> dict[str, FileSpec]:
        """Return the files that a backend runs, by name."""
        return {name: spec for name, spec in self.files.items() if spec.backend is not None}


def decode(data: bytes) -> Manifest:
    """Read and check a manifest.

    Raises:
        ManifestError: not JSON, a wrong type (with its path), an unknown major version, a contradiction.
    """
    try:
        text = text_of(data)
        head = msgspec.json.decode(text)
        if is_deeper(head, _DEPTH_MAX):
            raise ManifestError(f"manifest: more than {_DEPTH_MAX} tables and lists in each other")
        schema = head.get("schema") if isinstance(head, dict) else None
        if isinstance(schema, str | int | float) and str(schema).split(".")[0] != str(SCHEMA_MAJOR):
            raise ManifestError(
                f"manifest: schema {schema!r} is unknown; this firetower reads {SCHEMA_MAJOR}.x"
            )
        manifest = msgspec.json.decode(text, type=Manifest)
    except _UNREADABLE as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"manifest: {error}") from error
    check(manifest)
    return manifest


def encode(manifest: Manifest, known: bytes | None = None) -> bytes:
    """Write a manifest; fields that only `known` (an earlier encoding) has are kept.

    Raises:
        ManifestError: the content is contradictory.
    """
    check(manifest)
    document = msgspec.to_builtins(manifest)
    if known is not None:
        document = _with_unknown(manifest, document, msgspec.json.decode(text_of(known)))
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def _with_unknown(value: Any, document: Any, old: Any) -> Any:  # noqa: ANN401 — JSON
    """Add to `document`, the encoding of `value`, the fields of `old` that this version's records lack."""
    if isinstance(value, msgspec.Struct) and isinstance(old, dict):
        kept = {key: field for key, field in old.items() if key not in value.__struct_fields__}
        return kept | {
            key: _with_unknown(getattr(value, key), field, old.get(key)) for key, field in document.items()
        }
    if isinstance(value, dict) and isinstance(old, dict):
        return {key: _with_unknown(value[key], field, old.get(key)) for key, field in document.items()}
    if isinstance(value, tuple) and isinstance(old, list) and len(old) == len(value):
        return [_with_unknown(*three) for three in zip(value, document, old, strict=True)]
    return document


def check(manifest: Manifest) -> None:
    """Check what types alone cannot say.

    Raises:
        ManifestError: the content is contradictory.
    """
    _check_names(manifest)
    if not manifest.model_files():
        raise ManifestError("manifest.files: no model file (one with a 'backend')")
    for name, spec in manifest.model_files().items():
        _check_roles(manifest, f"manifest.files.{name}", spec)
        for tensor in spec.tensors:
            _check_tensor(f"manifest.files.{name}.{tensor.name}", tensor)
    _check_events(manifest)
    _check_selftest(manifest.selftest, manifest.files)
    cadence = manifest.cadence
    if cadence is not None and not 0 < cadence.min_s <= cadence.default_s <= cadence.max_s < math.inf:
        raise ManifestError("manifest.cadence: expected 0 < min_s ≤ default_s ≤ max_s")
    if not 0 < manifest.state_gap_s < math.inf:
        raise ManifestError("manifest.state_gap_s: expected a positive number of seconds")
    if not 0 <= manifest.tolerance_steps < math.inf:
        raise ManifestError("manifest.tolerance_steps: expected a number of steps, 0 or more")
    if not all(0 < std < math.inf for std in manifest.normalisation.std):
        raise ManifestError("manifest.normalisation.std: expected positive numbers")
    if not all(map(math.isfinite, manifest.normalisation.mean)):
        raise ManifestError("manifest.normalisation.mean: expected finite numbers")


def _check_events(manifest: Manifest) -> None:
    for label, threshold in manifest.thresholds.items():
        if label not in manifest.labels:
            raise ManifestError(f"manifest.thresholds: {label!r} is not among the labels")
        if not -math.inf < threshold.keep <= threshold.open < math.inf:
            raise ManifestError(f"manifest.thresholds.{label}: expected finite keep ≤ open")
    confirmation = manifest.confirmation
    if not 1 <= confirmation.hits <= confirmation.window <= _WINDOW_MAX or confirmation.close_after < 1:
        raise ManifestError(
            f"manifest.confirmation: expected 1 ≤ hits ≤ window ≤ {_WINDOW_MAX} and close_after ≥ 1"
        )
    if manifest.alert is not None:
        opens = {label: threshold.open for label, threshold in manifest.thresholds.items()}
        alert.check(manifest.alert, opens)
        condition.check_held(manifest.alert.held, manifest.conditions)
    if manifest.calm is not None:
        labels, frames = len(manifest.thresholds), confirmation.window
        calm.check(manifest.calm, kind=manifest.kind, thresholds=labels, confirmed_in=frames)
    if manifest.memory is not None:
        memory.check(
            manifest.memory, task=manifest.task, kind=manifest.kind, thresholds=len(manifest.thresholds)
        )
    if manifest.horizon is not None:
        horizon.check(
            manifest.horizon, task=manifest.task, kind=manifest.kind, thresholds=len(manifest.thresholds)
        )


def _check_selftest(drawn: pattern.Pattern | None, files: dict[str, FileSpec]) -> None:
    if drawn is None:
        return
    pattern.check(drawn)
    if SELFTEST_NAME not in files:
        raise ManifestError(f"manifest.selftest: the scores are missing, files has no {SELFTEST_NAME}")


def _check_names(manifest: Manifest) -> None:
    for field, text in (("name", manifest.name), ("version", manifest.version)):
        if not text.strip() or not text.isprintable():
            raise ManifestError(f"manifest.{field}: expected printable text, got {text!r}")
    if MANIFEST_NAME in manifest.files:
        raise ManifestError(f"manifest.files: {MANIFEST_NAME} cannot hold its own digest; leave it out")
    condition.check(manifest.conditions)
    if not manifest.labels or len(set(manifest.labels)) != len(manifest.labels):
        raise ManifestError("manifest.labels: expected at least one, each once")
    for name, spec in manifest.files.items():
        if not _PLAIN_NAME.fullmatch(name):
            raise ManifestError(f"manifest.files: {name!r} is not a plain file name")
        if len(spec.sha256) != 64 or set(spec.sha256) - set("0123456789abcdef") or spec.bytes < 0:
            raise ManifestError(f"manifest.files.{name}: expected a lower-case sha256 and a length in bytes")
        if spec.bytes > FILE_BYTES_MAX:
            raise ManifestError(
                f"manifest.files.{name}: {spec.bytes} bytes, expected {FILE_BYTES_MAX} or fewer"
            )
        if spec.backend is not None and not _PLAIN_NAME.fullmatch(spec.backend):
            raise ManifestError(f"manifest.files.{name}.backend: {spec.backend!r} is not a plain name")


def _check_roles(manifest: Manifest, where: str, spec: FileSpec) -> None:
    frame, scores = spec.one("frame"), spec.one("scores")
    channel_axis = {"NHWC": 3, "NCHW": 1, None: None}[frame.layout]
    if channel_axis is None or len(frame.shape) != 4 or frame.shape[0] != 1 or frame.shape[channel_axis] != 3:
        expected = "(1, H, W, 3) NHWC or (1, 3, H, W) NCHW"
        raise ManifestError(f"{where}: the frame must be {expected}, got {frame.shape} {frame.layout}")
    _check_scores(manifest, where, scores)
    if manifest.task == "cells":
        _check_cells(manifest, where, frame, scores)
    if len([t for t in spec.tensors if t.role == "conditions"]) > 1:
        raise ManifestError(f"{where}: expected one tensor with role 'conditions' at most")
    told = spec.conditions
    condition.check_output(where, None if told is None else told.shape, manifest.conditions)
    inputs = [(t.state, t.shape, t.dtype) for t in spec.tensors if t.role == "state_in"]
    outputs = [(t.state, t.shape, t.dtype) for t in spec.tensors if t.role == "state_out"]
    once = len({state for state, _, _ in inputs}) == len(inputs)
    if not once or sorted(map(repr, inputs)) != sorted(map(repr, outputs)):
        raise ManifestError(f"{where}: state tensors going in and out must pair by name, shape and dtype")


def _check_scores(manifest: Manifest, where: str, scores: TensorSpec) -> None:
    shape, axis, count = scores.shape, scores.classes_axis, len(manifest.labels)
    if manifest.task == "cells":
        if axis is not None or not shape or shape[-1] != count:
            raise ManifestError(f"{where}: scores {shape} do not end in {count} labels")
        return
    within = axis is None or 0 <= axis < len(shape)
    if not within or math.prod(shape) != count or (shape and shape[-1 if axis is None else axis] != count):
        raise ManifestError(
            f"{where}: task 'classify' needs scores of {count} labels along one axis, such as (1, {count}), "
            f"got {shape} with classes_axis {axis}"
        )


def _check_tensor(where: str, tensor: TensorSpec) -> None:
    if any(size < 1 for size in tensor.shape):
        raise ManifestError(f"{where}: shape {tensor.shape} has an empty or symbolic dimension")
    unquantized = tensor.scale is None or tensor.zero_point is None
    if tensor.dtype != "float32" and tensor.role in {"frame", "scores", "conditions"} and unquantized:
        raise ManifestError(f"{where}: dtype {tensor.dtype} needs scale and zero_point")
    if tensor.scale is not None and not 0 < tensor.scale < math.inf:
        raise ManifestError(f"{where}: expected a positive scale, got {tensor.scale}")
    low, high = {"int8": (-128, 127), "uint8": (0, 255), "float32": (0, 0)}[tensor.dtype]
    if tensor.zero_point is not None and not low <= tensor.zero_point <= high:
        raise ManifestError(f"{where}: zero_point {tensor.zero_point} is not a value of {tensor.dtype}")
    if tensor.role in {"state_in", "state_out"} and not tensor.state:
        raise ManifestError(f"{where}: a state tensor needs its 'state', the name that pairs it")


def _check_cells(manifest: Manifest, where: str, frame: TensorSpec, scores: TensorSpec) -> None:
    stride_px, shape = manifest.cell_stride_px, scores.shape
    if stride_px is None or stride_px < 1 or len(shape) != 4 or shape[0] != 1:
        raise ManifestError(f"{where}: 'cells' needs cell_stride_px and scores of (1, rows, cols, classes)")
    size_px = frame.shape[1:3] if frame.layout == "NHWC" else frame.shape[2:4]
    for side_px, cells in zip(size_px, shape[1:3], strict=True):
        if not side_px // stride_px <= cells <= -(-side_px // stride_px):
            raise ManifestError(f"{where}: scores {shape} are not {stride_px} px cells of {size_px} px")
