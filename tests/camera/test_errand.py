"""Calls that hang: one thread for each of a camera's, however often it is tried, and beats go on meanwhile."""

import os
import threading

import pytest

from edge.camera.errand import Errands
from edge.camera.network import RtspOptions, open_rtsp
from edge.camera.v4l2 import V4l2Options, open_device
from edge.clock import SystemClock
from edge.errors import CameraError
from tests.camera.conftest import StillClock, session

HANG_S = 250.0


class Call:
    """Hangs until it is released."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.made = 0
        self.discarded: list[object] = []

    def __call__(self) -> object:
        self.made += 1
        assert self.release.wait(HANG_S)
        return object()

    def run(self, errands: Errands, limit_s: float, clock=None, beat=lambda: None) -> object:
        return errands.run("call", self, limit_s, clock or SystemClock(), beat, self.discarded.append)


def others(before: set[threading.Thread]) -> int:
    """How many threads run that did not run before; those of earlier tests may end meanwhile."""
    return len(set(threading.enumerate()) - before)


@pytest.fixture
def call():
    made = Call()
    yield made
    made.release.set()


def test_a_result_and_an_error_go_through():
    errands = Errands()
    assert errands.run("call", lambda: 5, HANG_S, SystemClock(), lambda: None) == 5
    with pytest.raises(ZeroDivisionError):
        errands.run("call", lambda: 1 / 0, HANG_S, SystemClock(), lambda: None)
    assert errands.run("call", lambda: 6, HANG_S, SystemClock(), lambda: None) == 6


def test_a_call_that_hangs_is_waited_for_and_not_made_again(call):
    errands, clock, beats = Errands(), StillClock(), []
    before = set(threading.enumerate())
    for _ in range(200):
        with pytest.raises(TimeoutError):
            call.run(errands, 10.0, clock, lambda: beats.append(1))
    assert call.made == 1
    assert others(before) == 1
    assert clock.now_ns == pytest.approx(1e9 + 200 * 10e9)  # its timeout each time
    assert len(beats) >= 200 * 19  # the watchdog hears of it all the time


def test_the_next_try_has_the_result_of_a_call_that_takes_long(call):
    errands = Errands()
    with pytest.raises(TimeoutError):
        call.run(errands, 0.01)
    threading.Timer(0.05, call.release.set).start()
    assert call.run(errands, HANG_S) is not None
    assert (call.made, call.discarded) == (1, [])


def test_a_result_that_comes_too_late_is_discarded_and_the_call_made_again(call):
    errands = Errands()
    with pytest.raises(TimeoutError):
        call.run(errands, 0.01)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "call"]
    call.release.set()
    thread.join(HANG_S)
    assert len(call.discarded) == 1
    assert call.run(errands, HANG_S) is not None
    assert (call.made, len(call.discarded)) == (2, 1)


def test_what_a_beat_raises_ends_the_wait(call):
    def stop() -> None:
        raise KeyError("stop")

    with pytest.raises(KeyError):
        call.run(Errands(), HANG_S, StillClock(), stop)


def test_a_device_that_hangs_costs_one_thread(tmp_path):
    pipe = tmp_path / "video0"
    os.mkfifo(pipe)
    with_session, before = session(clock=StillClock()), set(threading.enumerate())
    for _ in range(20):
        with pytest.raises(CameraError, match=r"video0.*the device hangs"):
            open_device(V4l2Options(uri=f"v4l2:{pipe}"), with_session, container_format="rawvideo")
    assert others(before) == 1
    pipe.open("wb").close()  # lets the thread end


def test_what_is_no_name_is_told():
    host = f"{'x' * 70}.invalid"
    with pytest.raises(CameraError, match=f"the name '{host}' has no address: it is no name"):
        open_rtsp(RtspOptions(uri=f"rtsp://{host}/live"), session())
