"""Score frames between marks that arm64/plugin.c sees, print the number of regions: `count.py FRAMES.npy BACKEND`."""

import contextlib
import gc
import os
import sys
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.heatmap import regions
from edge.model.loaded import Model, load_model
from edge.model.preprocess import Prepared, Preprocess
from edge.model.runtime import Tensor

MARK = 32343  # arm64/plugin.c
DECODED, WRITTEN, SCORED, FOUND = range(4)


def mark(moment: int) -> None:
    """Make the system call that the plugin looks for; there is no such process group."""
    with contextlib.suppress(ProcessLookupError):
        os.getpgid(-MARK - moment)


def main() -> None:
    """Score the first frame to warm up, then all of them from a state of zero."""
    cv2.setNumThreads(1)
    frames = np.load(sys.argv[1], allow_pickle=False)
    model = load_model(None, sys.argv[2])
    preprocess = Preprocess(model.bundle.manifest, model.file.one("frame"))
    gc.disable()
    score(model, preprocess, frames[:1])
    print(score(model, preprocess, frames))


def score(model: Model, preprocess: Preprocess, frames: NDArray[np.uint8]) -> int:
    """Do what `edge.pipeline` does between a decoded picture and its regions; return how many were found.

    Args:
        model: loaded.
        preprocess: of that model.
        frames: (n, H, W, 3) uint8 RGB, one camera's in turn.
    """
    manifest, state = model.bundle.manifest, model.runtime.zero_state()
    stride_px, count = float(manifest.cell_stride_px or 1), 0
    for pixels in frames:
        mark(DECODED)
        prepared = preprocess(pixels)
        inference = model.runtime.infer(_marked(prepared), state)
        mark(SCORED)
        found = regions(
            inference.scores,
            manifest.labels,
            manifest.thresholds,
            None,
            partial(prepared.placement.cell_box, stride_px=stride_px),
        )
        mark(FOUND)
        count += len(found)
        state = inference.state
    return count


def _marked(prepared: Prepared) -> Callable[[Tensor], None]:
    def write(tensor: Tensor) -> None:
        prepared.write(tensor)
        mark(WRITTEN)

    return write


if __name__ == "__main__":
    main()
