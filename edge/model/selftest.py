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

import numpy as np
from numpy.typing import NDArray

from edge.errors import BundleError
from edge.model.archive import opened
from edge.model.bundle import SELFTEST_NAME, Bundle
from edge.model.load import load_preprocess, load_runtime
from edge.model.manifest import Manifest
from edge.model.runtime import Runtime

_UNPACKED_BYTES_MAX = 48_000_000  # some fifty pictures of 640×480
_FRAMES_MAX = 1000
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
    preprocess = load_preprocess(bundle, runtime.name)
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
    """Score the stored frames and compare with the stored scores.

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


def pack_selftest(frames: NDArray[np.uint8], scores: NDArray[np.float32]) -> bytes:
    """Return the bytes of a `selftest.npz`.

    Args:
        frames: (n, H, W, 3) uint8 RGB, in order, of one camera.
        scores: (n, rows, cols, classes) float32, from a state of zero.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, frames=frames, scores=scores)
    return buffer.getvalue()


def read_selftest(bundle: Bundle) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return (frames, scores) of a bundle's self-test, shaped as `pack_selftest` takes them.

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
        frames = _read_array(archive, shown, "frames", "|u1")
        scores = _read_array(archive, shown, "scores", "<f4")
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
