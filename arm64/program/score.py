"""Score the golden frames with each file of a bundle and print the exact scores: `score.py FRAMES.npy [BUNDLE]`."""

import hashlib
import json
import platform
import sys
from pathlib import Path

import numpy as np

from edge.model.bundle import Bundle, bundled_path
from edge.model.load import load_runtime
from edge.model.selftest import score_frames


def main() -> None:
    """Print a JSON line for each backend: digests of each frame's float32 scores, and the scores."""
    frames = np.load(sys.argv[1], allow_pickle=False)
    bundle = Bundle.open(Path(sys.argv[2]) if len(sys.argv) > 2 else bundled_path())
    for backend in bundle.backends():
        scores = score_frames(bundle, load_runtime(bundle, backend.name, probed=True), frames)
        found = {
            "machine": platform.machine(),
            "backend": backend.name,
            "sha256": [hashlib.sha256(frame.tobytes()).hexdigest() for frame in scores],
            "scores": scores.astype(float).ravel().tolist(),
        }
        print(json.dumps(found))


if __name__ == "__main__":
    main()
