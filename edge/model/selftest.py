"""Does a bundle still give the scores that it was shipped with, and do its files agree with each other?"""

from __future__ import annotations

import io
import itertools
import math
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import BundleError
from edge.model import pattern
from edge.model.archive import opened
from edge.model.bundle import Bundle, file_spec
from edge.model.load import load_preprocess, load_runtime
from edge.model.manifest import SELFTEST_NAME, FileSpec, Manifest
from edge.model.preprocess import Preprocess
from edge.model.runtime import Runtime

FRAMES = 6
SCHEMA = "1.3"  # the first whose self-test may be drawn
_UNPACKED_BYTES_MAX = pattern.BYTES_MAX
_FRAMES_MAX = pattern.FRAMES_MAX
# What numpy writes before an array of ours; its own parser of other headers raises errors of many kinds.
# Source: NEP 1, version 1.0.
_HEADER = re.compile(
    r"\{'descr': '(?P<dtype>[|<]\w+)', 'fortran_order': (?P<fortran>False|True), "
    r"'shape': \((?P<shape>\d{1,9}(?:, \d{1,9}){3})\), \} *\n",
    re.ASCII,
)
_FLOAT_STEP = 1 / 256  # what counts as a step where no file of the bundle has quantized scores


_EXPECTED = "expected frames (n, H, W, 3) uint8 and scores (n, rows, cols, classes) float32"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two series of scores are apart.

    Attributes:
        frames: how many were compared.
        steps_max, steps_mean: absolute difference, in steps of the scores' scale.
        tolerance_steps: what the manifest allows.
    """

    frames: int
    steps_max: float
    steps_mean: float
    tolerance_steps: float

    @property
    def good(self) -> bool:
        """Whether the largest difference is within the tolerance."""
        return self.steps_max <= self.tolerance_steps


def score_frames(
    bundle: Bundle, runtime: Runtime, frames: Iterable[NDArray[np.uint8]]
) -> NDArray[np.float32]:
    """Score frames in turn, as one camera's, from a state of zero.

    Args:
        bundle: what the runtime was loaded from.
        runtime: loaded.
        frames: each (H, W, 3) uint8 RGB.
    Returns:
        (frames, rows, cols, classes) float32.
    """
    return score(load_preprocess(bundle, runtime.name), runtime, frames)


def score(
    preprocess: Preprocess, runtime: Runtime, frames: Iterable[NDArray[np.uint8]]
) -> NDArray[np.float32]:
    """Score frames as `score_frames` does, where there is no bundle yet."""
    state, scores = runtime.zero_state(), []
    for pixels in frames:
        inference = runtime.infer(preprocess(pixels).write, state)
        state = inference.state
        scores.append(inference.scores)
    return np.stack(scores)


def compare(bundle: Bundle, frames: NDArray[np.uint8], threads: int = 1) -> Agreement:
    """Score the same frames with every model file of a bundle; return how the two that differ most agree.

    Raises:
        BundleError: the bundle has but one model file, or one for an unknown backend.
        MissingExtraError: the backend of one is not installed.
    """
    names = [spec.backend for spec in bundle.manifest.model_files().values()]
    if len(names) < 2:
        raise BundleError(f"{bundle.path}: nothing to compare: it has a model for {names[0]} alone")
    scores = [score_frames(bundle, load_runtime(bundle, name, threads), frames) for name in names]
    pairs = [agreement(bundle.manifest, one, other) for one, other in itertools.combinations(scores, 2)]
    return max(pairs, key=lambda pair: pair.steps_max)


def selftest(bundle: Bundle, runtime: Runtime) -> Agreement:
    """Score the self-test's frames, stored or drawn, and compare with the stored scores.

    Raises:
        BundleError: the bundle has no self-test, it is malformed, or the scores are too far off.
    """
    frames, expected = read_selftest(bundle)
    result = agreement(bundle.manifest, expected, score_frames(bundle, runtime, frames))
    if not result.good:
        raise BundleError(
            f"{bundle.path}: self-test on {runtime.name}: scores are {result.steps_max:.2f} steps off, "
            f"the manifest allows {result.tolerance_steps:g}; this build of the backend computes otherwise"
        )
    return result


def agreement(manifest: Manifest, expected: NDArray[np.float32], scores: NDArray[np.float32]) -> Agreement:
    """Measure how far scores are from the expected ones.

    Raises:
        BundleError: their shapes differ.
    """
    if expected.shape != scores.shape:
        raise BundleError(f"scores have shape {scores.shape}, expected {expected.shape}")
    steps = np.abs(scores.astype(np.float64) - expected) / step(manifest)
    return Agreement(len(scores), float(steps.max()), float(steps.mean()), manifest.tolerance_steps)


def step(manifest: Manifest) -> float:
    """Return the coarsest scale of the scores among the files."""
    scales = (spec.one("scores").scale for spec in manifest.model_files().values())
    return max((scale for scale in scales if scale is not None), default=_FLOAT_STEP)


def pattern_for(spec: FileSpec) -> pattern.Pattern:
    """Return what to draw for a model file: pictures larger and wider than its input, so that they must be fitted."""
    frame = spec.one("frame")
    height, width = frame.shape[1:3] if frame.layout == "NHWC" else frame.shape[2:4]
    size_px = (
        min(max(height * 5 // 4, pattern.SIDE_PX_MIN), pattern.SIDE_PX_MAX),
        min(max(width * 3 // 2, pattern.SIDE_PX_MIN), pattern.SIDE_PX_MAX),
    )
    frames = min(FRAMES, pattern.BYTES_MAX // (size_px[0] * size_px[1] * 3))
    return pattern.Pattern(kind="hills-1", seed=1, frames=max(1, frames), size_px=size_px)


def with_selftest(
    manifest: Manifest, drawn: pattern.Pattern, scores: NDArray[np.float32]
) -> tuple[Manifest, bytes]:
    """Return the manifest with a self-test whose frames are drawn, and the bytes of its `selftest.npz`.

    Args:
        manifest: names the other files.
        drawn: the frames.
        scores: of them, from a state of zero, as `score_frames` returns them.
    """
    stored = pack_selftest(scores)
    files = {**manifest.files, SELFTEST_NAME: file_spec(stored)}
    schema = max(manifest.schema, SCHEMA, key=_version)
    return msgspec.structs.replace(manifest, schema=schema, selftest=drawn, files=files), stored


def _version(schema: str) -> tuple[int, ...]:
    return tuple(int(part) for part in schema.split("."))


def pack_selftest(scores: NDArray[np.float32], frames: NDArray[np.uint8] | None = None) -> bytes:
    """Return the bytes of a `selftest.npz`.

    Args:
        scores: (n, rows, cols, classes) float32, from a state of zero.
        frames: (n, H, W, 3) uint8 RGB, in order, of one camera; None: the manifest says how they are drawn.
    """
    buffer = io.BytesIO()
    stored = {"scores": scores} if frames is None else {"frames": frames, "scores": scores}
    np.savez_compressed(buffer, **stored)
    return buffer.getvalue()


def read_selftest(bundle: Bundle) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return (frames, scores) of a bundle's self-test, as `pack_selftest` takes them, the frames stored or drawn.

    Raises:
        BundleError: there is none, or it is malformed.
    """
    shown = f"{bundle.path}: {SELFTEST_NAME}"
    listed = bundle.manifest.files.get(SELFTEST_NAME)
    if listed is not None and listed.bytes > _UNPACKED_BYTES_MAX:
        raise BundleError(f"{shown} has {listed.bytes} bytes")
    with opened(io.BytesIO(bundle.read(SELFTEST_NAME)), shown) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _UNPACKED_BYTES_MAX:
            raise BundleError(f"{shown} unpacks to {unpacked} bytes")
        drawn, scores = bundle.manifest.selftest, _read_array(archive, shown, "scores", "<f4")
        frames = _read_array(archive, shown, "frames", "|u1") if drawn is None else pattern.draw(drawn)
    if len(frames) != len(scores) or not 0 < len(frames) <= _FRAMES_MAX:
        raise BundleError(
            f"{shown}: {len(frames)} frames and {len(scores)} scores; expected as many, 1 to {_FRAMES_MAX}"
        )
    return frames, scores


def _read_array(archive: zipfile.ZipFile, shown: str, name: str, dtype: str) -> NDArray[Any]:
    """Read one array, of four dimensions; its size is known before it is read."""
    try:
        entry = archive.getinfo(f"{name}.npy")
    except KeyError:
        raise BundleError(f"{shown}: '{name}' is not in it") from None
    with archive.open(entry) as file:
        start = file.read(10)
        text = file.read(int.from_bytes(start[8:], "little")).decode("latin-1")
        header = _HEADER.fullmatch(text) if start[:8] == b"\x93NUMPY\1\0" else None
        if header is None or header["dtype"] != dtype:
            raise BundleError(f"{shown}: '{name}' is {text[:80]!r}; {_EXPECTED}")
        shape = tuple(map(int, header["shape"].split(", ")))
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size != entry.file_size - len(start) - len(text):
            raise BundleError(f"{shown}: '{name}' has another length than {shape} needs")
        data = bytearray(file.read(size))
    order: Literal["F", "C"] = "F" if header["fortran"] == "True" else "C"
    return np.frombuffer(data, dtype).reshape(shape, order=order)
