"""Dark and frozen cameras: a picture is dropped at once, a camera is judged by time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.condition import DARK_LUMA, DARK_PICTURES, DARK_S, Sight, Turn, is_dark
from edge.camera.schedule import Schedule
from edge.frame import Frame
from edge.health import limit_s
from edge.image import RgbImage

S = 1_000_000_000
RNG = np.random.default_rng(0)


def noisy(mean: float, shape=(96, 128, 3)) -> np.ndarray:
    return np.clip(RNG.normal(mean, 4, shape), 0, 255).astype(np.uint8)


def frame(pixels, time_s, mono_s=None) -> Frame:
    mono_ns = round((time_s if mono_s is None else mono_s) * S)
    return Frame(RgbImage(pixels), 0, mono_ns, 0, None, round(time_s * S))


def see(sight, pictures, every_s=60.0, start_s=0.0):
    """Return the cause and the camera's condition after each picture."""
    return [
        (sight.judge(frame(pixels, start_s + number * every_s)), sight.condition)
        for number, pixels in enumerate(pictures)
    ]


def test_a_moment_of_black_drops_its_picture_and_blinds_nobody():
    pictures = [noisy(120), np.zeros((96, 128, 3), np.uint8), noisy(120)]
    assert see(Sight(Schedule(60)), pictures) == [(None, "ok"), ("dark", "ok"), (None, "ok")]


def test_a_camera_is_dark_after_three_minutes_and_bright_with_the_first_bright_picture():
    pictures = [noisy(120), *(noisy(8) for _ in range(6)), noisy(60), noisy(8)]
    seen = see(Sight(Schedule(60)), pictures)
    assert [cause for cause, _ in seen] == [None, *["dark"] * 6, None, "dark"]
    # the first dark one is at 60 s, the last bright one is older than 180 s at 240 s
    assert [condition for _, condition in seen] == ["ok"] * 4 + ["dark"] * 3 + ["ok"] * 2


@pytest.mark.parametrize(
    ("every_s", "first_dark_s"),
    [
        (60, 240),
        (15, 195),
        (1, 181),
        (200, 800),
        (600, 2400),
    ],  # three pictures, three minutes, the stale limit
)
def test_darkness_takes_pictures_and_minutes_and_the_stale_limit(every_s, first_dark_s):
    sight = Sight(Schedule(every_s))
    sight.judge(frame(noisy(120), 0))
    times_s = (every_s * number for number in range(1, 400))
    found_s = next(
        t for t in times_s if sight.judge(frame(noisy(8), t)) == "dark" and sight.condition == "dark"
    )
    assert found_s == first_dark_s
    assert sight.darkness.model_ns == every_s * S
    assert sight.darkness.image.size_px == (1, 1)  # nothing is kept of it


def test_a_daemon_that_starts_in_the_night_waits_for_the_minutes_alone():
    seen = see(Sight(Schedule(60)), [noisy(8) for _ in range(5)])
    assert [condition for _, condition in seen] == ["ok"] * 3 + ["dark"] * 2


def test_minutes_are_the_models_own_and_not_those_of_the_machine():
    sight = Sight(Schedule(60))
    for number in range(5):
        sight.judge(frame(noisy(8), number * 60, mono_s=number * 0.001))
    assert sight.condition == "dark"
    late = Sight(Schedule(60))
    for number in range(5):
        late.judge(frame(noisy(8), number * 0.001, mono_s=number * 60))
    assert late.condition == "ok"


def test_a_source_that_jumps_back_begins_anew():
    sight = Sight(Schedule(60))
    see(sight, [noisy(120), noisy(8), noisy(8)], start_s=100_000)
    seen = see(sight, [noisy(8) for _ in range(6)])
    assert [condition for _, condition in seen] == ["ok"] * 4 + ["dark"] * 2


def test_dusk_that_flickers_between_night_and_day_is_no_dark_camera():
    pictures = [noisy(8 if number % 3 else 60) for number in range(30)]
    seen = see(Sight(Schedule(60)), pictures)
    assert {condition for _, condition in seen} == {"ok"}
    assert [cause for cause, _ in seen] == [None, "dark", "dark"] * 10


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 400)), max_size=40),
    st.sampled_from([0.0, 1.0, 60.0, 300.0]),
)
def test_dark_means_three_pictures_three_minutes_and_no_bright_one(steps, cadence_s):
    dark, bright = np.zeros((12, 12, 3), np.uint8), None
    sight, time_s, seen = Sight(Schedule(cadence_s)), 0.0, []
    for number, (is_bright, wait_s) in enumerate(steps):
        time_s += wait_s
        bright = np.full((12, 12, 3), 60 + number, np.uint8)
        cause = sight.judge(frame(bright if is_bright else dark, time_s))
        assert (cause == "dark") == (not is_bright)
        seen.append((is_bright, round(time_s * S)))
        row = []
        for was_bright, at_ns in reversed(seen):
            if was_bright:
                break
            row.append(at_ns)
        brights = [at_ns for was_bright, at_ns in seen if was_bright]
        now_ns = seen[-1][1]
        expected = (
            len(row) >= DARK_PICTURES
            and now_ns - row[-1] >= DARK_S * S
            and (not brights or now_ns - brights[-1] > limit_s(cadence_s) * S)
        )
        assert (sight.condition == "dark") == expected


def test_the_third_identical_picture_is_dropped_until_it_changes():
    still, moving = noisy(120), noisy(120)
    seen = see(Sight(Schedule(60)), (still, still, still, still.copy(), moving, still, still, moving))
    assert [cause for cause, _ in seen] == [None, None, "frozen", "frozen", None, None, None, None]
    assert [condition for _, condition in seen][:5] == ["ok", "ok", "frozen", "frozen", "ok"]


def test_one_pixel_that_differs_is_scored():
    pictures = []
    for number in range(4):
        pixels = np.full((96, 128, 3), 90, np.uint8)
        pixels[13, 17] = 91 + number
        pictures.append(pixels)
    assert [cause for cause, _ in see(Sight(Schedule(60)), pictures)] == [None] * 4


def clocked(number, place=(2, 3)):
    pixels = np.random.default_rng(1).integers(60, 200, (96, 128, 3), np.uint8)
    top, left = place
    pixels[top : top + 10, left : left + 40] = np.random.default_rng(number).integers(0, 255, (10, 40, 3))
    return pixels


def test_the_same_picture_under_a_clock_is_scored_and_the_camera_is_frozen_after_five():
    seen = see(Sight(Schedule(60)), [*(clocked(number) for number in range(7)), noisy(120)])
    assert [cause for cause, _ in seen] == [None] * 8
    assert [condition for _, condition in seen] == ["ok"] * 4 + ["frozen"] * 3 + ["ok"]


def test_two_pictures_that_take_turns_are_a_frozen_camera():
    other = noisy(120)
    seen = see(Sight(Schedule(60)), [other if number % 2 else clocked(number) for number in range(8)])
    assert [condition for _, condition in seen][-2:] == ["frozen"] * 2


def test_a_loop_of_three_pictures_is_none():
    pictures = [noisy(120) for _ in range(3)] * 5
    assert {condition for _, condition in see(Sight(Schedule(60)), pictures)} == {"ok"}


def test_a_picture_that_is_white_all_over_is_a_frozen_camera():
    white = np.full((96, 128, 3), 255, np.uint8)
    seen = see(Sight(Schedule(60)), [white] * 3)
    assert seen[-1] == ("frozen", "frozen")


def test_a_frozen_picture_that_is_dark_is_night():
    seen = see(Sight(Schedule(60)), [np.zeros((96, 128, 3), np.uint8)] * 8)
    assert [cause for cause, _ in seen] == ["dark"] * 8
    assert [condition for _, condition in seen] == ["ok"] * 3 + ["dark"] * 5


def test_a_frozen_camera_that_shows_black_in_turn_does_not_flap():
    black = np.zeros((96, 128, 3), np.uint8)
    seen = see(Sight(Schedule(60)), [black if number % 2 else clocked(number) for number in range(12)])
    assert {condition for _, condition in seen[-4:]} == {"frozen"}


def test_luma_weighs_green_most():
    for channel, dark in ((0, True), (1, False), (2, True)):
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[..., channel] = 60
        assert is_dark(RgbImage(pixels)) == dark


def test_a_lens_cap_with_hot_pixels_is_dark():
    pixels = noisy(6, (480, 640, 3))
    rows, columns = RNG.integers(0, 480, 2000), RNG.integers(0, 640, 2000)
    pixels[rows, columns] = 255
    assert is_dark(RgbImage(pixels))


def test_a_bright_banner_over_the_night_is_dark_and_over_the_day_is_not():
    for mean, dark in ((8, True), (DARK_LUMA + 8, False)):
        pixels = noisy(mean, (480, 640, 3))
        pixels[:32] = 255
        assert is_dark(RgbImage(pixels)) == dark


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 9, 3), (64, 64, 3), (480, 640, 3)])
def test_any_size(shape):
    assert see(Sight(Schedule(60)), [noisy(100, shape)]) == [(None, "ok")]


def test_a_change_of_size_is_a_change():
    flat = np.full((480, 640, 3), 90, np.uint8)
    seen = see(Sight(Schedule(60)), (flat, flat, flat[:240], flat))
    assert seen == [(None, "ok")] * 4


LAND = np.kron(RNG.integers(40, 200, (14, 18)), np.ones((8, 8), int)).astype(np.uint8)  # fields with edges


def land(right_px: int = 0, down_px: int = 0) -> np.ndarray:
    """A view of it, (96, 128, 3), with noise that is never the same."""
    part = LAND[down_px : down_px + 96, right_px : right_px + 128, None]
    return np.clip(part + RNG.normal(0, 3, (96, 128, 3)), 0, 255).astype(np.uint8)


def turned(sight, pictures, start_s=0.0):
    """Return the camera's view after each picture."""
    views = []
    for number, pixels in enumerate(pictures):
        sight.judge(frame(pixels, start_s + 60 * number))
        views.append(sight.turn.view)
    return views


def test_a_turned_camera_is_found_with_the_fifth_picture_and_says_since_when():
    sight = Sight(Schedule(60))
    assert turned(sight, [land() for _ in range(4)]) == [0] * 4
    assert sight.turn == Turn()
    assert turned(sight, [land(8) for _ in range(6)], 240) == [0, 0, 0, 0, 1, 1]
    assert sight.turn.at.model_ns == 480 * S
    assert sight.turn.at.image.size_px == (1, 1)  # nothing is kept of it
    assert turned(sight, [land() for _ in range(6)], 600) == [1, 1, 1, 1, 0, 0]
    assert sight.turn.count == 2


def test_a_camera_that_may_turn_is_not_followed():
    sight = Sight(Schedule(60), turns=False)
    assert turned(sight, [*(land() for _ in range(6)), *(land(8) for _ in range(8))]) == [0] * 14


def test_repeats_and_dark_pictures_are_not_looked_at_for_a_turn():
    sight = Sight(Schedule(60))
    turned(sight, [land() for _ in range(4)])
    black, away = np.zeros((96, 128, 3), np.uint8), [land(8) for _ in range(5)]
    # each new picture counts once, however often it comes
    pictures = [one for new in away for one in (new, new, black)]
    assert turned(sight, pictures, 240) == [0] * 12 + [1] * 3


def test_a_frozen_picture_is_no_view_whatever_its_clock_says():
    sight = Sight(Schedule(60))
    turned(sight, [land() for _ in range(4)])
    seen, frozen = [], land(8)
    for number in range(12):
        one = frozen.copy()
        one[40:44, 4 : 8 + number] = 255
        seen += turned(sight, [one], 240 + 60 * number)
    assert seen[4:] == [0] * 8
    assert sight.condition == "frozen"
