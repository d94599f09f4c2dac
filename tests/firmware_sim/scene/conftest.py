"""A made picture: bright sky, a far ridge in haze, a near dark ridge, rough land."""

import cv2
import numpy as np
import pytest

from firmware_sim.scene.layer import Pictures

HEIGHT, WIDTH, FRAMES = 240, 320, 12
FAR_ROW, NEAR_ROW = 90.0, 118.0


def far_line():
    return FAR_ROW + 6 * np.sin(np.arange(WIDTH) / 40)


def near_line():
    return NEAR_ROW + 5 * np.sin(np.arange(WIDTH) / 25 + 1)


def drawn(seed=0, sky=(150.0, 180.0, 215.0)):
    rng = np.random.default_rng(seed)
    rows = np.arange(HEIGHT)[:, None]
    fade = np.clip(rows / FAR_ROW, 0, 1)[..., None]
    picture = np.array(sky) * (0.7 + 0.3 * fade) * np.ones((HEIGHT, WIDTH, 1))
    grain = cv2.resize(rng.normal(0, 1, (HEIGHT // 2, WIDTH // 2)), (WIDTH, HEIGHT))[..., None]
    picture = np.where(
        rows[..., None] > far_line()[None, :, None], np.array((115.0, 125.0, 140.0)) + 7 * grain, picture
    )
    picture = np.where(
        rows[..., None] > near_line()[None, :, None], np.array((60.0, 62.0, 45.0)) + 12 * grain, picture
    )
    picture += np.random.default_rng(seed + 100).normal(0, 1.0, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def picture():
    return drawn()


@pytest.fixture(scope="session")
def pictures():
    """Frames a minute apart that differ in the sensor's noise alone."""
    base = drawn().astype(np.float32)
    noise = np.random.default_rng(7).normal(0, 1.0, (FRAMES, *base.shape))
    return Pictures(
        [np.clip(base + n, 0, 255).astype(np.uint8) for n in noise], tuple(60.0 * i for i in range(FRAMES))
    )
