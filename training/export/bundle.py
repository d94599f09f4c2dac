"""Writing a bundle: model files described, a self-test made by its own first file, a card."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.model.bundle import Bundle, file_spec, write_bundle
from edge.model.load import load_runtime
from edge.model.manifest import SELFTEST_NAME, Manifest
from edge.model.pattern import draw
from edge.model.selftest import pattern_for, score_frames, with_selftest
from training.export.spec import spec_of

CARD_NAME = "card.md"


def write(folder: Path, manifest: Manifest, models: Mapping[str, bytes], card: str) -> Bundle:
    """Write a bundle; an older one of that name is replaced when the new one has scored its self-test.

    Args:
        folder: of the bundle.
        manifest: all but its files and its self-test.
        models: `model.tflite`, `model.onnx` or both.
        card: Markdown.
    """
    contents = {**models, CARD_NAME: card.encode()}
    specs = {name: spec_of(name, data) for name, data in models.items()}
    specs[CARD_NAME] = file_spec(contents[CARD_NAME])
    staged = folder.with_name(folder.name + ".untested")
    shutil.rmtree(staged, ignore_errors=True)
    draft = write_bundle(staged, msgspec.structs.replace(manifest, files=specs), contents)
    drawn = pattern_for(draft.model_file()[1])
    whole, stored = with_selftest(
        draft.manifest, drawn, score_frames(draft, load_runtime(draft), draw(drawn))
    )
    shutil.rmtree(staged)
    shutil.rmtree(folder, ignore_errors=True)
    return write_bundle(folder, whole, {**contents, SELFTEST_NAME: stored})


def scores(
    bundle: Bundle, frames: Sequence[NDArray[np.uint8]], backend: str | None = None
) -> NDArray[np.float32]:
    """Return (N, classes) logits of frames of a classifier, scored one by one as the device does.

    Args:
        bundle: of a classifier.
        frames: as many as you like.
        backend: whose file; the device's choice if absent.
    """
    return score_frames(bundle, load_runtime(bundle, backend), frames).reshape(len(frames), -1)
