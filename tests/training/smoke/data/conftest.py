import cv2
import numpy as np
import pytest


def make_picture(path, width=64, height=48, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.resize(pixels, (width, height)))
    return path


@pytest.fixture
def picture():
    """Write a small picture of its own seed."""
    return make_picture
