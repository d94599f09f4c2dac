"""What the tests of footage share: made footage, a small real clip, a clock that goes on by waiting."""

import threading

import av
import numpy as np
import pytest

from firmware_sim.footage.shot import Ignition, Shot, Sighting, Truth

START_S = 1_782_000_000.0
SIZE_PX = (240, 320)


class Wanderer:
    """A camera before textured hills, with the sensor's noise, and a made fire from one hour on."""

    rendered = False
    size_px = SIZE_PX
    ignitions = (Ignition("ridge", START_S + 3600),)

    def __init__(self, level: float = 120.0) -> None:
        rng = np.random.default_rng(1)
        rows, cols = np.mgrid[: SIZE_PX[0], : SIZE_PX[1]]
        hills = 90 + 25 * np.sin(cols / 17) + 12 * np.sin(cols / 5 + 1)
        base = np.where(rows < hills, 160.0, 80.0)
        for _ in range(40):
            y, x = rng.integers(20, SIZE_PX[0] - 20), rng.integers(0, SIZE_PX[1] - 30)
            base[y : y + rng.integers(4, 16), x : x + rng.integers(6, 30)] += rng.normal(0, 30)
        self._base = base[..., None] * level / 120
        self.closed = False

    def at(self, epoch_s: float) -> Shot:
        rng = np.random.default_rng(round(epoch_s * 1000))
        pixels = np.clip(self._base + rng.normal(0, 3, (*SIZE_PX, 3)), 0, 255).astype(np.uint8)
        burning = epoch_s >= START_S + 3600
        alpha = np.zeros(SIZE_PX, np.float32)
        alpha[60:100, 100:130] = 0.6
        sightings = (Sighting("ridge", (100.0, 60.0, 130.0, 100.0), alpha),) if burning else ()
        truth = Truth("smoke" if burning else "no_smoke", ("ridge",) if burning else (), sightings)
        return Shot(pixels, epoch_s, truth)

    def close(self) -> None:
        self.closed = True


class Clock:
    """Simulated: it goes on when somebody waits."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000

    def mono_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 0  # the board knows no time

    def wait(self, signal: threading.Event, timeout_s: float) -> bool:
        self.now_ns += round(timeout_s * 1e9)
        return signal.is_set()

    def now_s(self) -> float:
        return START_S + (self.now_ns - 5_000_000_000) / 1e9


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """30 pictures, 10 a second, a keyframe each second with B-pictures between; picture n has the grey 40 + 6 n."""
    path = tmp_path_factory.mktemp("clip") / "ridge.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "10", "bf": "2", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(30):
            pixels = np.full((64, 96, 3), 40 + 6 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path
