"""Footage over the real servers, read by the daemon's own sources, with the faults of its stream."""

import contextlib
import threading

import pytest

from edge.errors import CameraError, FrameError
from firmware_sim.footage.fault import Fault, StreamFaults
from firmware_sim.footage.live import FootagePlayer
from firmware_sim.serve import serving_players
from tests.camera.conftest import opened
from tests.firmware_sim.footage.conftest import SIZE_PX, START_S, Wanderer


class Moved:
    """A simulated time that a test moves."""

    def __init__(self) -> None:
        self.now_s = START_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def served():
    """A camera that is cut from 100 s on, stalls from 200 s, is damaged from 300 s and well again from 400 s."""
    faults = StreamFaults(
        (
            Fault(kind="cut", from_s=100, to_s=200),
            Fault(kind="stall", from_s=200, to_s=300),
            Fault(kind="corrupt", from_s=300, to_s=400),
        ),
        START_S,
    )
    clock, ended = Moved(), threading.Event()
    player = FootagePlayer("north", Wanderer(), 10, clock, faults=faults)
    with serving_players([player], ended=ended) as (camera,):
        yield camera, clock
        assert not ended.is_set()


@contextlib.contextmanager
def source(uri, **keys):
    """Open a camera as its reader does: again and again, until it can be reached."""
    while True:
        with contextlib.suppress(CameraError):
            found = opened(uri, **keys)
            break
    try:
        yield found
    finally:
        found.close()


def outcome(found) -> str:
    """Read until something other than a waiting picture comes."""
    for _ in range(200):
        try:
            found.read()
        except FrameError:
            return "damaged"
        except CameraError:
            return "gone"
    return "well"


@pytest.mark.parametrize("way", ["rtsp", "http", "snapshot"])
def test_the_daemon_sees_the_footage_and_the_faults_of_its_stream(served, way):
    camera, clock = served
    uri, keys = getattr(camera, way), {"timeout_s": 4.0}
    with source(uri, **keys) as found:
        picture = found.read()
        assert picture.size_px == SIZE_PX
        assert abs(picture.to_rgb().mean() - Wanderer().at(START_S).pixels.mean()) < 6
        clock.now_s = START_S + 150
        assert outcome(found) == "gone"
    with pytest.raises(CameraError):
        opened(uri, **keys)
    clock.now_s = START_S + 410
    with source(uri, **keys) as found:
        found.read()
        clock.now_s = START_S + 310
        assert outcome(found) in {"damaged", "gone"}
    clock.now_s = START_S + 410
    with source(uri, **keys) as found:
        found.read()
        clock.now_s = START_S + 250
        assert outcome(found) == "gone"  # the timeout


def test_pictures_that_were_shown_are_told_with_their_truth():
    shots, clock = [], Moved()
    clock.now_s = START_S + 4000
    player = FootagePlayer("north", Wanderer(), 10, clock, seen=shots.append)
    with serving_players([player]) as (camera,), source(camera.http) as found:
        found.read()
    assert shots[0].truth.burning == ("ridge",)


def test_footage_that_breaks_ends_the_servers_work_and_is_closed():
    class Broken(Wanderer):
        def at(self, _epoch_s):
            raise ValueError("no disk")

    footage, ended = Broken(), threading.Event()
    with serving_players([FootagePlayer("north", footage, 10)], ended=ended):
        assert ended.wait()
    assert footage.closed
