"""From pictures to frames: what is counted, what is dropped and why."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.intake import Intake
from edge.camera.schedule import Schedule
from edge.camera.source import Picture
from edge.counter.drops import Account
from edge.errors import FrameError
from edge.image import RgbImage

S = 1_000_000_000


def picture(
    time_s: float | None, grey: int = 120, *, wall_ns: int | None = None, fail: Exception | None = None
):
    def to_image():
        if fail is not None:
            raise fail
        return RgbImage(np.full((16, 16, 3), grey, np.uint8))

    return Picture((16, 16), None if time_s is None else round(time_s * S), wall_ns, 5, to_image, "a.jpg")


class Stages:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def __call__(self, stage: str, ns: int) -> None:
        self.seen.append((stage, ns))


@pytest.fixture
def stages():
    return Stages()


@pytest.fixture
def account():
    return Account()


def test_a_recorded_frame_has_source_time_and_the_clocks_times(clock, stages, account):
    frame = Intake(account, clock, stages).take(picture(60, wall_ns=7), live=False)
    assert (frame.sequence, frame.source_ns, frame.model_ns, frame.name) == (0, 60 * S, 60 * S, "a.jpg")
    assert (frame.captured_mono_ns, frame.captured_wall_ns) == (clock.mono_ns(), 7)
    assert stages.seen == [("decode", 5), ("convert", 0)]
    assert account.balance().waiting == 1


def test_a_live_frame_has_monotonic_time(clock, stages, account):
    frame = Intake(account, clock, stages).take(picture(60), live=True)
    assert (frame.source_ns, frame.model_ns) == (60 * S, clock.mono_ns())
    assert frame.captured_wall_ns == clock.wall_ns()


def test_pictures_that_are_not_due_are_dropped_and_not_converted(clock, stages, account):
    intake = Intake(account, clock, stages, Schedule(60))
    taken = [
        time_s
        for number, time_s in enumerate(range(0, 300, 20))
        if intake.take(picture(time_s, 100 + number), live=False)
    ]
    assert taken == [0, 60, 120, 180, 240]
    assert account.balance().dropped["not_due"] == 10
    assert [stage for stage, _ in stages.seen].count("convert") == 5


def test_in_darkness_every_due_picture_is_looked_at_and_the_first_bright_one_resumes(clock, stages, account):
    intake = Intake(account, clock, stages, Schedule(60))
    greys = {0: 120, 60: 121, **dict.fromkeys(range(120, 700, 60), 4), 720: 122, 780: 123}
    frames = [intake.take(picture(time_s, grey), live=False) for time_s, grey in greys.items()]
    taken = [frame for frame in frames if frame is not None]
    assert [frame.model_ns // S for frame in taken] == [0, 60, 720, 780]
    assert [frame.dark_ns for frame in taken] == [None, None, 660 * S, 660 * S]
    assert [stage for stage, _ in stages.seen].count("convert") == 14
    assert account.balance().dropped["dark"] == 10
    assert intake.sight.condition == "ok"
    assert intake.sight.darkness.model_ns == 120 * S


def test_darkness_of_a_live_camera_takes_monotonic_minutes_whatever_its_pictures_say(clock, stages, account):
    intake = Intake(account, clock, stages, Schedule(60))
    lies = [0, 10**6, 5, 10**9, 7, 3, 10**12]
    seen = []
    for lie in lies:
        intake.take(picture(lie, 4, wall_ns=lie * S), live=True)
        seen.append(intake.sight.condition)
        clock.now_ns += 60 * S
    assert seen == ["ok"] * 3 + ["dark"] * 4


def test_frames_say_what_their_camera_looks_at_from_the_one_that_made_it_sure(clock, stages, account):
    rng = np.random.default_rng(1)
    fields = np.kron(rng.integers(40, 200, (14, 18)), np.ones((8, 8), int))

    def taken(turns: bool):
        intake = Intake(account, clock, stages, turns=turns)
        for number in range(10):
            right_px = 8 if number >= 4 else 0
            pixels = fields[:96, right_px : right_px + 128, None] + rng.normal(0, 3, (96, 128, 3))
            show = functools.partial(RgbImage, pixels.clip(0, 255).astype(np.uint8))
            yield intake.take(Picture((96, 128), number * S, None, 5, show, ""), live=False)

    assert [(frame.turns, frame.view) for frame in taken(True)] == [(0, 0)] * 8 + [(1, 1)] * 2
    assert [(frame.turns, frame.view) for frame in taken(False)] == [(0, 0)] * 10


def test_what_is_not_judged_is_taken_as_it_is(clock, stages, account):
    intake = Intake(account, clock, stages, judged=False)
    assert all(intake.take(picture(time_s, 4), live=False) for time_s in range(0, 600, 60))
    assert intake.sight.condition == "ok"


def test_the_third_same_picture_is_dropped_as_frozen(clock, stages, account):
    intake = Intake(account, clock, stages)
    taken = [intake.take(picture(time_s, 90), live=False) is not None for time_s in range(5)]
    assert taken == [True, True, False, False, False]
    assert intake.sight.condition == "frozen"
    assert account.balance().dropped["frozen"] == 3


def test_corrupt_pictures_are_counted(clock, stages, account):
    intake = Intake(account, clock, stages)
    intake.corrupt()
    assert intake.take(picture(0, fail=FrameError("bad")), live=False) is None
    assert intake.take(picture(1), live=False).sequence == 2
    assert account.balance().dropped["corrupt"] == 2
    with pytest.raises(MemoryError):
        intake.take(picture(2, fail=MemoryError()), live=False)
    assert account.balance().dropped["failed"] == 1


def test_times_for_health(clock, stages, account):
    intake = Intake(account, clock, stages, Schedule(10))
    assert (intake.decoded_mono_ns, intake.converted_mono_ns) == (None, None)
    intake.take(picture(0), live=False)
    first_ns = clock.now_ns
    clock.now_ns += S
    intake.take(picture(1), live=False)
    assert (intake.decoded_mono_ns, intake.converted_mono_ns) == (first_ns + S, first_ns)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(-100, 1e6)),
            st.sampled_from([0, 3, 90, 91, 255]),
            st.sampled_from(["whole", "corrupt", "unconvertible"]),
            st.booleans(),
        )
    ),
    st.sampled_from([0.0, 0.5, 60.0]),
)
def test_every_picture_is_accounted_for(steps, cadence_s):
    class Clock:
        now_ns = 0

        def mono_ns(self):
            self.now_ns += S // 3
            return self.now_ns

        wall_ns = mono_ns

        def wait(self, signal, timeout_s):
            raise AssertionError

    account, frames = Account(), 0
    intake = Intake(account, Clock(), lambda stage, ns: None, Schedule(cadence_s))
    for time_s, grey, kind, live in steps:
        if kind == "corrupt":
            intake.corrupt()
        else:
            error = FrameError("bad") if kind == "unconvertible" else None
            frames += intake.take(picture(time_s, grey, fail=error), live=live) is not None
    balance = account.balance()
    assert balance.decoded == len(steps)
    assert balance.waiting == frames
