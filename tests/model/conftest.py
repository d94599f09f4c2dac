"""Pictures that the small fixture classifiers were trained on, and the folder of the fixtures.

`make_foreign.py` imports `striped_pictures` from here, so that training and tests draw from one source.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

FIXTURES = Path(__file__).parent / "fixtures"
STRIPE_LABELS = ("plain", "rows", "columns")


def draw_stripes(count: int, seed: int, size_px: int = 24):
    """Return (count, size, size, 3) uint8 RGB pictures, flat or striped in two colours, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(STRIPE_LABELS)
    pictures = np.empty((count, size_px, size_px, 3), np.uint8)
    axis = np.arange(size_px)
    for index, label in enumerate(labels):
        dark, bright = rng.integers(20, 110, 3), rng.integers(140, 236, 3)
        wave = (axis + rng.integers(8)) // rng.integers(2, 5) % 2
        stripe = np.broadcast_to(wave[:, None] if label == 1 else wave[None, :], (size_px, size_px))
        stripe = stripe * (label > 0) + rng.integers(2) * (label == 0)
        picture = np.where(stripe[..., None] > 0, bright, dark) + rng.integers(-15, 16, (size_px, size_px, 3))
        pictures[index] = picture.clip(0, 255)
    return pictures, labels


@pytest.fixture
def fixtures() -> Path:
    """Return the folder of the committed model files."""
    return FIXTURES


@pytest.fixture
def stripes():
    """Return what draws pictures for the fixtures' classifiers."""
    return draw_stripes
