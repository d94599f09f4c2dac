"""Feature maps of a drawn variant by a frozen INT8 network: what training reads instead of pictures."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edge.model.manifest import Threshold
from training.gate.work import each
from training.smoke.bundle import manifest_of
from training.smoke.features import read_frames
from training.smoke.network import GRID
from training.smoke.pool import change, picture
from training.smoke.pool.change import write_rows
from training.smoke.pool.variant import Variant
from training.smoke.side import MADE_OF, made_of_step
from training.step.step import Step, digests, write_whole
from training.step.workshop import Workshop

FEATURES = "features.npy"


class Network(Protocol):
    """A frozen network; `frozen.Frozen` is one."""

    @property
    def step(self) -> Step:
        """The step that made it."""
        ...

    @property
    def name(self) -> str:
        """Of the backbone."""
        ...

    @property
    def tflite(self) -> Path:
        """The file: (1, 480, 640, 3) uint8 or INT8 in, (1, rows · pool, cols · pool, C) out, a tensor a feature."""
        ...

    @property
    def channels(self) -> tuple[int, ...]:
        """Of each feature."""
        ...

    @property
    def pools(self) -> tuple[int, ...]:
        """Of each feature, the side of a cell in its own pixels."""
        ...


@dataclass(frozen=True, slots=True)
class Extractor:
    """What a process needs of a network; as in `Network`."""

    tflite: Path
    channels: tuple[int, ...]
    pools: tuple[int, ...]


def step_of(shop: Workshop, pictures: Step, name: str, network: Network) -> Step:
    """Return the step of a variant's map, done or not.

    Args:
        shop: where it goes.
        pictures: the variant's step.
        name: of the variant.
        network: whose features.
    """
    inputs: dict[str, Any] = {"pictures": pictures.key, "network": network.step.key}
    return shop.step("pool-map", f"map-{network.name}-{name}", inputs)


def map_all(
    shop: Workshop, some: Sequence[Variant], pictures: Sequence[Step], network: Network, processes: int
) -> list[Step]:
    """Make the maps that are not there yet, in a few processes; return all, in the order of the variants.

    Args:
        shop: where they go.
        some: variants.
        pictures: their steps, done.
        network: whose features.
        processes: at work at once.
    """
    steps = [step_of(shop, one, variant.name, network) for one, variant in zip(pictures, some, strict=True)]
    extractor = Extractor(network.tflite, network.channels, network.pools)
    learned = tuple(sorted(made_of_step(network.step)))
    todo = [
        (step, one, picture.paths(one, variant), extractor, learned)
        for step, one, variant in zip(steps, pictures, some, strict=True)
        if step.record() is None
    ]
    each(f"maps of {network.name}", make, todo, processes)
    return steps


def change_all(
    shop: Workshop, some: Sequence[Variant], pictures: Sequence[Step], maps: Sequence[Step], rate: float,
    every: int, processes: int,
) -> list[Step]:  # fmt: skip
    """Make the changes of maps that are not there yet; return all, in their order (`change.make`)."""
    steps = [
        change.step_of(shop, one.name, source, rate, every) for one, source in zip(some, maps, strict=True)
    ]
    todo = [
        (step, source, FEATURES, picture.read(drawn).truth, rate, every)
        for step, source, drawn in zip(steps, maps, pictures, strict=True)
        if step.record() is None
    ]
    each(f"changes at every {every}", change.make, todo, processes)
    return steps


def make(
    step: Step, pictures: Step, paths: Sequence[Path], extractor: Extractor, learned: Sequence[str]
) -> None:
    """Compute one map into the step's folder, unless another process has.

    Args:
        step: of the map.
        pictures: the variant's step.
        paths: of its frames.
        extractor: what runs.
        learned: digests of the pictures that the network itself was made of.
    """
    cv2.setNumThreads(1)
    with step.alone():
        if step.record() is None:
            began = time.monotonic()
            shape = (len(paths), sum(extractor.channels), *GRID)
            rows = features(extractor, paths)
            write_whole(step.folder / FEATURES, lambda path: write_rows(path, shape, rows))
            step.finish(
                {
                    "took_s": round(time.monotonic() - began, 3),
                    "files": digests(step.folder, FEATURES),
                    "shape": list(shape),
                    MADE_OF: sorted(made_of_step(pictures).union(learned)),
                }
            )


def features(extractor: Extractor, paths: Sequence[Path]) -> Iterator[NDArray[np.float16]]:
    """Yield the features of frames, fitted as the device fits them: (C, 30, 40) float16, means of each cell.

    Raises:
        ValueError: a file is no image, or the network's tensors are not what it says.
    """
    interpreter = _interpreter(extractor.tflite)
    (given,) = interpreter.get_input_details()
    outputs = interpreter.get_output_details()
    rows, cols = GRID
    expected = [
        (1, rows * pool, cols * pool, count)
        for pool, count in zip(extractor.pools, extractor.channels, strict=True)
    ]
    if (got := [tuple(map(int, one["shape"])) for one in outputs]) != expected:
        raise ValueError(f"{extractor.tflite}: its features are {got}; expected {expected}")
    for frame in read_frames(paths, manifest_of(Threshold(open=0.0, keep=0.0))):
        pixels = (frame ^ 0x80).view(np.int8) if given["dtype"] == np.int8 else frame
        interpreter.set_tensor(given["index"], pixels[None])
        interpreter.invoke()
        yield np.concatenate([_pooled(interpreter, one) for one in outputs]).astype(np.float16)


def _pooled(interpreter: Interpreter, output: dict[str, Any]) -> NDArray[np.float32]:
    """Return the mean of each cell, (C, rows, cols) float32, dequantized."""
    scale, zero = output["quantization"]
    stored = interpreter.get_tensor(output["index"])[0].astype(np.float32)
    height, width, count = stored.shape
    rows, cols = GRID
    cells = stored.reshape(rows, height // rows, cols, width // cols, count).mean((1, 3), dtype=np.float32)
    return np.asarray((cells - np.float32(zero)) * np.float32(scale), np.float32).transpose(2, 0, 1)


@functools.cache
def _interpreter(tflite: Path) -> Interpreter:
    interpreter = Interpreter(str(tflite), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter
