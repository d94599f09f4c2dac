"""The thread of a camera, run here in the test's own thread, on a clock that stands still."""

import logging
import threading
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from edge.backoff import Backoff
from edge.camera.address import options_for
from edge.camera.intake import Intake
from edge.camera.network import HttpOptions, RtspOptions
from edge.camera.option import NetworkOptions, RecordingOptions
from edge.camera.reader import Camera, CameraReader
from edge.camera.schedule import Schedule
from edge.camera.slots import Slots
from edge.camera.source import Picture
from edge.clock import SystemClock
from edge.counter.drops import Account
from edge.errors import CameraError, FrameError
from edge.health import CameraFacts, judge_all
from edge.image import RgbImage
from firmware_sim.serve import serving

S = 1_000_000_000
HANG_S = 500.0  # ends a hang before pytest does; where all is well nothing waits for it


def picture(number: int, step_s: float = 1.0) -> Picture:
    pixels = np.full((64, 64, 3), 60 + number % 150, np.uint8)
    return Picture((64, 64), round(number * step_s * S), None, 0, lambda: RgbImage(pixels))


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

    def __init__(
        self, clock, *sources, pace="fast", options=None, password=None, on_beat=None, cadence_s=0.0
    ) -> None:
        self.sources = list(sources)
        self.account = Account()
        self.slots = Slots({"north": self.account})
        self.beats: list[int] = []
        self.on_beat = on_beat
        self.clock = clock
        self.intake = Intake(self.account, clock, lambda stage, ns: None)
        self.reader = CameraReader(
            Camera(
                "north", options or RecordingOptions(uri="file:x", pace=pace), Schedule(cadence_s), password
            ),
            self.intake,
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
        self.session = session
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


def test_a_picture_that_is_frozen_is_still_so_after_the_camera_was_opened_again(clock):
    same = picture(1)
    rig = Rig(clock, *(Script(same, CameraError(f"gone {n}")) for n in range(4)))
    rig.reader.run()
    assert rig.account.balance().dropped["frozen"] == 2
    assert rig.intake.sight.condition == "frozen"


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


def test_a_small_picture_among_large_ones_is_corrupt_and_ends_nothing(clock):
    small = Picture((32, 32), S, None, 0, lambda: RgbImage(np.full((32, 32, 3), 90, np.uint8)))
    rig = Rig(clock, Script(picture(0), small, picture(2), CameraError("gone")))
    rig.reader.run()
    balance = rig.account.balance()
    assert (balance.decoded, balance.dropped["corrupt"]) == (3, 1)


def test_a_camera_of_small_pictures_is_refused(clock):
    small = Picture((32, 32), S, None, 0, lambda: RgbImage(np.full((32, 32, 3), 90, np.uint8)))
    rig = Rig(clock, Script(small, live=False))
    rig.reader.run()
    assert "expected 64x64 or more" in rig.reader.error
    assert rig.reader.finished


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


def a_second_later(clock, outcome):
    def step():
        clock.now_ns += S
        return outcome

    return step


def seconds_of(clock, outcome, count: int) -> list:
    return [a_second_later(clock, outcome) for _ in range(count)]


@pytest.mark.parametrize(("cadence_s", "limit_s"), [(1.0, 30), (60.0, 120)])
def test_a_live_camera_without_a_whole_picture_is_opened_again_and_then_corrupt(clock, cadence_s, limit_s):
    damage = FrameError("half a picture")
    first = Script(*seconds_of(clock, damage, 1000))
    second = Script(*seconds_of(clock, damage, 5), a_second_later(clock, picture(0)), CameraError("gone"))
    rig = Rig(clock, first, second, cadence_s=cadence_s)
    seen = []
    rig.on_beat = lambda rig: seen.append((len(second.steps), rig.reader.corrupt, rig.reader.error))
    rig.reader.run()
    assert len(first.steps) == 1000 - limit_s - 1  # the limit counts from the first damaged picture
    assert first.closed == 1
    assert not any(corrupt for left, corrupt, _ in seen if left == 7)
    assert all(corrupt for left, corrupt, _ in seen if 2 <= left < 7)
    assert not any(corrupt for left, corrupt, _ in seen if left < 2)
    assert any(error == f"no whole picture for {limit_s} s; the last: half a picture" for *_, error in seen)
    balance = rig.account.balance()
    assert balance.dropped["corrupt"] == limit_s + 1 + 5
    assert balance.decoded == balance.scored + sum(balance.dropped.values()) + balance.waiting


def test_a_camera_that_passes_damage_by_without_a_word_is_opened_again_too(clock):
    class Silent(Script):
        """Gives one damaged picture and then skips packets for ever, as before a keyframe that never comes."""

        def read(self):
            if self.steps:
                return super().read()
            while True:
                clock.now_ns += S
                rig.session.beat()

    source = Silent(FrameError("half a picture"))
    rig = Rig(clock, source)
    rig.reader.run()
    assert source.closed == 1
    assert rig.reader.reconnects == 2


def test_damage_with_whole_pictures_between_is_no_reason_to_open_a_camera_again(clock):
    steps = []
    for number in range(100):
        steps += [*seconds_of(clock, FrameError("bad"), 29), a_second_later(clock, picture(number))]
    rig = Rig(clock, Script(*steps, CameraError("end")))
    corrupt = []
    rig.on_beat = lambda rig: corrupt.append(rig.reader.corrupt)
    rig.reader.run()
    assert rig.reader.reconnects == 2  # after the end
    assert not any(corrupt)
    assert rig.account.balance().dropped["corrupt"] == 2900


class FastClock(SystemClock):
    """A minute passes in a quarter of a second."""

    FASTER = 240

    def mono_ns(self) -> int:
        return super().mono_ns() * self.FASTER

    def wait(self, signal: threading.Event, timeout_s: float) -> bool:
        return super().wait(signal, timeout_s / self.FASTER)


def test_a_real_camera_that_sends_halves_is_opened_again_and_then_corrupt(scripted_server):
    jpeg = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 255, (64, 96, 3), np.uint8))[1].tobytes()
    half = jpeg[: len(jpeg) // 2]
    part = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(half), half)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
    uri = f"http://127.0.0.1:{scripted_server(head + part, drip=part)}/live"
    account, clock, corrupt = Account(), FastClock(), threading.Event()

    def beat():
        if reader.corrupt:
            corrupt.set()

    reader = CameraReader(
        Camera("north", HttpOptions(uri=uri, timeout_s=300), Schedule(10.0)),
        Intake(account, clock, lambda stage, ns: None),
        Slots({"north": account}),
        clock,
        beat=beat,
        backoff=Backoff(0.1, 0.3),
    )
    reader.start()
    assert corrupt.wait(HANG_S)
    facts = CameraFacts(None, clock.mono_ns(), "ok", 10.0, reader.error, corrupt=reader.corrupt)
    health = judge_all({"north": facts}, clock.mono_ns())
    assert reader.stop(HANG_S)
    assert reader.reconnects >= 1
    assert (health.healthy, health.cameras["north"].state) == (False, "corrupt")
    assert "a picture is corrupt" in health.reasons[0]
    balance = account.balance()
    assert balance.decoded == balance.dropped["corrupt"] > 1


def test_a_damaged_recording_is_read_to_its_end(clock):
    rig = Rig(clock, Script(*seconds_of(clock, FrameError("bad"), 5000), None, live=False))
    rig.reader.run()
    assert rig.account.balance().dropped["corrupt"] == 5000
    assert (rig.reader.finished, rig.reader.error, rig.reader.corrupt) == (True, "bad", False)


def test_no_secret_of_an_unexpected_error_is_said(clock, caplog):
    caplog.set_level(logging.DEBUG)
    uri = "rtsp://lookout:s3kr%40t@cam/live"
    error = RuntimeError(f"strange: {uri} s3kr@t")
    rig = Rig(clock, error, options=NetworkOptions(uri=uri, user="ranger"), password="smokey!")
    errors = []
    rig.on_beat = lambda rig: errors.append(rig.reader.error)
    rig.reader.run()
    said = caplog.text + "".join(text for text in errors if text)
    assert "RuntimeError: strange: rtsp://cam ***" in said
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


LOOPED = RecordingOptions(uri="file:x", loop=True, pace="fast")


def test_a_recording_in_a_loop_that_breaks_is_opened_again_later_and_later(clock, caplog):
    broken = [Script(picture(n), CameraError(f"gone {n}"), live=False) for n in range(2)]
    rig = Rig(clock, *broken, CameraError("no such file"), Script(picture(2), live=False), options=LOOPED)
    seen = []
    rig.slots.offer = lambda camera, frame: seen.append((frame.source_ns, round(clock.now_ns / S)))
    rig.on_beat = lambda rig: rig.sources or rig.reader.stop()
    rig.reader.run()
    assert not rig.reader.finished
    assert [number for number, _ in seen] == [0, S, 2 * S]
    assert [later - earlier for (_, earlier), (_, later) in pairwise(seen)] == [1, 1 + 2]


def test_a_folder_in_a_loop_that_is_gone_for_a_while_goes_on_in_time_and_counts_no_frame_twice(
    clock, tmp_path
):
    folder, aside = tmp_path / "frames", tmp_path / "aside"
    folder.mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).integers(60, 200, (64, 64, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), noise)
    frames, account, errors = [], Account(), []

    def beat():
        if len(frames) == 6 and not errors and folder.exists():
            folder.rename(aside)
        errors.extend([reader.error] if reader.error else [])
        if errors and aside.exists():
            aside.rename(folder)
        if len(frames) == 12:
            reader.stop(0)

    slots = Slots({"north": account})
    slots.offer = lambda camera, frame: (frames.append(frame), account.score())
    options = options_for(str(folder), loop=True, pace="fast", folder_cadence_s=60)
    intake = Intake(account, clock, lambda stage, ns: None)
    reader = CameraReader(Camera("north", options, Schedule(60)), intake, slots, clock, beat=beat)
    reader.run()
    assert "cannot read folder" in errors[0]
    assert reader.error is None
    assert reader.reconnects >= 1
    assert [frame.source_ns // S for frame in frames] == [60 * number for number in range(12)]
    assert [frame.sequence for frame in frames] == list(range(12))
    balance = account.balance()
    assert balance.decoded == balance.scored + sum(balance.dropped.values())
    assert sum(balance.dropped.values()) == 0


def test_what_a_picture_is_like_now_is_said_once_with_the_cameras_masks(clock, caplog):
    mask = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
    wide = [replace(picture(n), geometry="mirrored") for n in range(3)]
    stored = [picture(n) for n in range(4, 6)]
    options = RtspOptions(uri="rtsp://cam/x", masks=[mask], privacy=[mask])
    scripts = [Script(*wide, CameraError("gone")), Script(*wide, *stored, CameraError("gone"))]
    rig = Rig(clock, *scripts, options=options)
    rig.reader.run()
    said = [record.message for record in caplog.records if "pictures are" in record.message]
    told = "camera 'north': its pictures are mirrored, unlike in earlier versions: see that"
    assert said == [
        f"{told} cameras.north.masks and cameras.north.privacy still cover what they should",
        "camera 'north': its pictures are as they are stored again",
    ]


def test_a_camera_that_rests_is_closed_and_opened_again_and_its_thread_goes_on(clock):
    first, second = Script(picture(0)), Script(picture(1), CameraError("over"))

    def rest(rig):
        if rig.account.balance().decoded == 1 and not first.closed:
            rig.reader.rest(resting=True)
        elif first.closed and len(rig.beats) > 10:
            rig.reader.rest(resting=False)

    rig = Rig(clock, first, second, options=RtspOptions(uri="rtsp://x/"), on_beat=rest)
    rig.reader.run()
    assert first.closed == 1
    assert rig.intake.naps == 1
    assert max(b - a for a, b in pairwise(rig.beats)) <= S
    assert rig.account.balance().decoded == 2
    _, frame = rig.slots.take_oldest(0)
    assert frame.naps == 1


def test_a_camera_that_is_told_to_rest_before_it_is_opened_or_between_attempts_is_not(clock):
    def stop(rig):
        if len(rig.beats) > 20:
            rig.reader.stop()

    rig = Rig(clock, Script(picture(0)), options=RtspOptions(uri="rtsp://x/"), on_beat=stop)
    rig.reader.rest(resting=True)
    rig.reader.run()
    assert len(rig.sources) == 1
    failing = Rig(clock, CameraError("refused"), Script(picture(0)), options=RtspOptions(uri="rtsp://x/"))

    def rest(rig):
        if rig.reader.error:
            rig.reader.rest(resting=True)
        stop(rig)

    failing.on_beat = rest
    failing.reader.run()
    assert len(failing.sources) == 1


def test_a_recording_in_its_own_time_goes_on_unseen_while_its_camera_rests(clock):
    source = Script(*(picture(number) for number in range(10)), None, live=False)

    def rest(rig):
        decoded = rig.account.balance().decoded
        rig.reader.rest(resting=3 <= decoded < 7)
        rig.slots.take_oldest(0) and rig.account.score()

    rig = Rig(clock, source, pace="clip", on_beat=rest)
    rig.reader.run()
    balance = rig.account.balance()
    assert balance.decoded == 10
    assert 3 <= balance.dropped["governed"] <= 4
    assert source.closed == 1


def test_a_fast_recording_waits_while_its_camera_rests(clock):
    source = Script(*(picture(number) for number in range(4)), None, live=False)

    def rest(rig):
        rig.reader.rest(resting=5 < len(rig.beats) < 50)
        rig.slots.take_oldest(0) and rig.account.score()

    rig = Rig(clock, source, pace="fast", on_beat=rest)
    rig.reader.run()
    assert rig.account.balance().dropped["governed"] == 0
    assert rig.account.balance().decoded == 4
