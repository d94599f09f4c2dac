"""The thread of a camera, run here in the test's own thread, on a clock that stands still."""

import logging
import threading
from itertools import pairwise

import numpy as np
import pytest

from edge.camera.intake import Intake
from edge.camera.network import RtspOptions
from edge.camera.option import NetworkOptions, RecordingOptions
from edge.camera.reader import Backoff, Camera, CameraReader
from edge.camera.slots import Slots
from edge.camera.source import Picture
from edge.clock import SystemClock
from edge.counter.drops import Account
from edge.errors import CameraError, FrameError
from firmware_sim.serve import serving

S = 1_000_000_000
HANG_S = 500.0  # ends a hang before pytest does; where all is well nothing waits for it


def picture(number: int, step_s: float = 1.0) -> Picture:
    pixels = np.full((64, 64, 3), 60 + number % 150, np.uint8)
    return Picture((64, 64), round(number * step_s * S), None, 0, lambda: pixels)


class Script:
    """A source that does as it is told: pictures, errors to raise, callables to call, None for the end."""

    def __init__(self, *steps, live: bool = True) -> None:
        self.live = live
        self.steps = list(steps)
        self.closed = 0

    def read(self):
        step = self.steps.pop(0)
        if callable(step):
            step = step()
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        self.closed += 1


class Rig:
    """A reader with all that it needs; `sources` are opened one after the other, errors are raised."""

    def __init__(self, clock, *sources, pace="fast", options=None, password=None, on_beat=None) -> None:
        self.sources = list(sources)
        self.account = Account()
        self.slots = Slots({"north": self.account})
        self.beats: list[int] = []
        self.on_beat = on_beat
        self.clock = clock
        self.reader = CameraReader(
            Camera("north", options or RecordingOptions(uri="file:x", pace=pace), password=password),
            Intake(self.account, clock, lambda stage, ns: None),
            self.slots,
            clock,
            beat=self.beat,
            backoff=Backoff(draw=lambda: 1.0),
            opener=self.open,
        )

    def beat(self) -> None:
        self.beats.append(self.clock.mono_ns())
        if self.on_beat:
            self.on_beat(self)

    def open(self, options, session):
        if not self.sources:
            self.reader.stop()
            raise CameraError("no more")
        source = self.sources.pop(0)
        if isinstance(source, Exception):
            raise source
        return source


def test_a_recording_is_read_to_its_end(clock):
    source = Script(*(picture(number) for number in range(3)), None, live=False)
    rig = Rig(clock, source, on_beat=lambda rig: rig.slots.take_oldest(0) and rig.account.score())
    rig.reader.run()
    assert (rig.reader.finished, rig.reader.error, rig.reader.reconnects) == (True, None, 0)
    assert source.closed == 1
    balance = rig.account.balance()
    assert balance.decoded == 3
    assert balance.dropped["overwritten"] == 0


def test_a_fast_recording_waits_for_the_model(clock):
    taken = []

    def take_sometimes(rig):
        if len(rig.beats) % 3 == 0 and (waiting := rig.slots.take_oldest(0)):
            taken.append(waiting[1].sequence)

    rig = Rig(clock, Script(*(picture(n) for n in range(5)), None, live=False), on_beat=take_sometimes)
    rig.reader.run()
    last = rig.slots.take_oldest(0)
    assert [*taken, last[1].sequence] == [0, 1, 2, 3, 4]


def test_a_recording_at_its_own_pace_waits_for_its_times(clock):
    started_ns = clock.now_ns
    seen_ns = []
    steps = [picture(n, 2.5) for n in range(3)]
    rig = Rig(clock, Script(*steps, None, live=False), pace="clip")
    rig.slots.offer = lambda camera, frame: seen_ns.append(frame.captured_mono_ns - started_ns)
    rig.reader.run()
    assert seen_ns == [0, 5 * S // 2, 5 * S]
    assert max(clock.waits_s) <= 1
    assert max(b - a for a, b in pairwise(rig.beats)) <= S


def test_a_live_camera_overwrites_what_waits(clock):
    rig = Rig(clock, Script(picture(0), picture(1), picture(2), CameraError("gone")), pace="fast")
    rig.reader.run()
    assert rig.account.balance().dropped["overwritten"] == 2


def test_a_refused_camera_is_tried_again_ever_later_and_beats_go_on(clock):
    rig = Rig(clock, *(CameraError(f"refused {n}") for n in range(9)))
    rig.reader.run()
    waited_s = [0.0]
    assert rig.reader.reconnects == 10
    assert rig.reader.error == "no more"
    total_s = (clock.now_ns - rig.beats[0]) / S
    assert total_s == pytest.approx(1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 + 60)
    assert max(b - a for a, b in pairwise(rig.beats)) <= S
    assert waited_s == [0.0]


def test_backoff_is_capped_and_jittered_over_its_whole_range():
    assert [Backoff(draw=lambda: 1.0).delay_s(n) for n in (1, 2, 3, 7, 5000)] == [1, 2, 4, 60, 60]
    assert Backoff(draw=lambda: 0.25).delay_s(3) == 1


def test_a_healthy_picture_resets_backoff_and_error(clock):
    broken = [CameraError("refused")] * 4
    rig = Rig(clock, *broken, Script(picture(0), CameraError("stalled")), CameraError("refused"))
    errors = []
    rig.on_beat = lambda rig: errors.append(rig.reader.error)
    rig.reader.run()
    total_s = (clock.now_ns - rig.beats[0]) / S
    assert total_s == pytest.approx(1 + 2 + 4 + 8 + 1 + 2)
    assert None in errors[-10:]


def test_a_source_is_closed_whatever_happens(clock):
    sources = [
        Script(CameraError("broke")),
        Script(ZeroDivisionError("bug")),
        Script(picture(0), FrameError("x")),
    ]
    sources[-1].steps.append(CameraError("end"))
    rig = Rig(clock, *sources)
    rig.reader.run()
    assert [source.closed for source in sources] == [1, 1, 1]
    assert rig.account.balance().dropped["corrupt"] == 1


def test_a_broken_recording_is_finished_with_its_error(clock):
    rig = Rig(clock, Script(CameraError("damaged"), live=False))
    rig.reader.run()
    assert (rig.reader.finished, rig.reader.error) == (True, "damaged")


def test_a_live_camera_that_is_always_corrupt_is_opened_again_a_recording_is_read_on(clock):
    corrupt = [FrameError("bad")] * 5000
    rig = Rig(clock, Script(*corrupt))
    rig.reader.run()
    assert rig.account.balance().dropped["corrupt"] == 100
    assert rig.reader.reconnects == 2
    rig = Rig(clock, Script(*corrupt, None, live=False))
    rig.reader.run()
    assert rig.account.balance().dropped["corrupt"] == 5000
    assert rig.reader.finished


def test_no_secret_of_an_unexpected_error_is_said(clock, caplog):
    caplog.set_level(logging.DEBUG)
    uri = "rtsp://lookout:s3kr%40t@cam/live"
    error = RuntimeError(f"strange: {uri} s3kr@t")
    rig = Rig(clock, error, options=NetworkOptions(uri=uri, user="ranger"), password="smokey!")
    errors = []
    rig.on_beat = lambda rig: errors.append(rig.reader.error)
    rig.reader.run()
    said = caplog.text + "".join(text for text in errors if text)
    assert "RuntimeError: strange: rtsp://cam/live ***" in said
    assert not [secret for secret in ("lookout", "s3kr", "ranger", "smokey") if secret in said]


def test_the_same_error_is_logged_once(clock, caplog):
    caplog.set_level(logging.INFO)
    Rig(clock, *([CameraError("refused")] * 5)).reader.run()
    assert [record.message for record in caplog.records].count("camera 'north': refused") == 1


def test_stopping_while_waiting_for_the_model_accounts_for_the_frame(clock):
    rig = Rig(clock, Script(picture(0), picture(1), None, live=False))
    rig.on_beat = lambda rig: len(rig.beats) > 5 and rig.reader.stop()
    rig.reader.run()
    assert rig.account.balance().dropped["stopped"] == 1
    assert rig.account.balance().waiting == 1


def test_stop_leaves_a_hanging_read_alone(clock):
    release = threading.Event()
    started = threading.Event()

    def hang():
        started.set()
        release.wait()
        return CameraError("woken")

    rig = Rig(clock, Script(hang))
    rig.reader.start()
    assert started.wait()
    assert not rig.reader.stop(timeout_s=0.05)
    release.set()
    assert rig.reader.stop(timeout_s=HANG_S)


def test_a_stopped_reader_that_never_started():
    class NoClock:
        pass

    reader = Rig(NoClock()).reader
    assert reader.stop()


def test_a_real_camera_comes_back_after_its_server_was_restarted(make_clip):
    clip = str(make_clip("north.mp4", frames=40))
    account = Account()
    slots = Slots({"north": account})
    clock = SystemClock()
    with serving([clip], fps=10) as cameras:
        camera = Camera("north", RtspOptions(uri=cameras[0].rtsp, timeout_s=10))
        port = int(camera.options.uri.split(":")[2].split("/")[0])
        reader = CameraReader(
            camera, Intake(account, clock, lambda s, n: None), slots, clock, backoff=Backoff(0.1, 0.3)
        )
        reader.start()
        assert slots.take_oldest(HANG_S) is not None
    while reader.error is None:
        slots.take_oldest(0.1)
    slots.take_oldest(0)
    with serving([clip], fps=10, rtsp_port=port):
        assert slots.take_oldest(HANG_S) is not None
        assert reader.reconnects >= 1
        assert reader.stop(timeout_s=HANG_S)
    slots.close()
    assert account.balance().decoded > 0
