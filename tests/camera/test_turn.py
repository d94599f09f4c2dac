"""A view that changed is told with the fifth picture that agrees; weather, light, trucks and repeats are no view."""

import functools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.camera.outline import SHIFT, SIZE_PX, edges_of, lay
from edge.camera.scene import Scene
from edge.camera.turn import PICTURES, VIEWS, Turns
from edge.camera.view import View

HEIGHT, WIDTH = 200, 256  # of a view: 320 × 240 px less the margin that it may move in
MARGIN_PX = 32
LONG = 12  # pictures after which a view is known


@functools.cache
def scene(seed: int) -> View:
    return View(Scene(seed=seed))


@functools.cache
def whole(seed: int, number: int) -> np.ndarray:
    """A picture of the built-in scene, whose clouds, light and noise change, (240, 320) luma."""
    return cv2.cvtColor(np.ascontiguousarray(scene(seed).render(number)[::2, ::2]), cv2.COLOR_RGB2GRAY)


def picture(number: int, right: float = 0.0, down: float = 0.0, seed: int = 1) -> np.ndarray:
    """The picture of a camera that turned by fractions of its width."""
    x, y = MARGIN_PX + round(right * WIDTH), 20 + round(down * WIDTH)
    return np.ascontiguousarray(whole(seed, number)[y : y + HEIGHT, x : x + WIDTH])


def known(pictures: int = LONG) -> Turns:
    turns = Turns()
    assert not any(turns.see(picture(number)) for number in range(pictures))
    return turns


def told(turns: Turns, pictures) -> list[int]:
    """The numbers of the pictures, from 1, with which another view was told."""
    return [number for number, one in enumerate(pictures, 1) if turns.see(one)]


@pytest.mark.parametrize("direction", [(1, 0), (-1, 0), (0, 1), (0, -1), (0.7, -0.7)])
@pytest.mark.parametrize("size", [0.03, 0.05, 0.078])
def test_a_shift_is_told_with_the_fifth_picture_and_once(size, direction):
    right, down = size * direction[0], size * direction[1]
    turns = known()
    assert told(turns, (picture(LONG + n, right, down) for n in range(LONG))) == [PICTURES]
    assert turns.view == 1


def test_a_shift_below_the_limit_is_the_same_view():
    turns = known()
    assert not told(turns, (picture(LONG + n, SHIFT / 2) for n in range(LONG)))
    assert turns.view == 0


def test_a_view_that_creeps_is_followed():
    turns = known()
    assert not told(turns, (picture(LONG + n, 0.003 * (n // 4)) for n in range(80)))


def test_another_scene_is_told_with_the_fifth_picture():
    turns = known()
    assert told(turns, (picture(n, seed=2) for n in range(LONG))) == [PICTURES]


def test_four_pictures_are_no_view():
    turns = known()
    for number in range(3):
        away = [picture(number * 5 + n, 0.06) for n in range(PICTURES - 1)]
        assert not told(turns, [*away, picture(LONG + number)])


def test_pictures_that_do_not_agree_are_no_view():
    turns = known()
    several = [picture(n, seed=2 + n % 3) for n in range(LONG)]
    assert not told(turns, several)
    assert not told(turns, (picture(n, 0.03 + 0.03 * (n % 3 - 1)) for n in range(LONG)))


def test_a_view_that_was_known_has_its_number_again():
    turns = known()
    places = [(0, 2), (0.07, 1), (0, 1), (0, 2), (0.07, 1)]
    seen = []
    for right, seed in places:
        assert told(turns, (picture(n, right, seed=seed) for n in range(LONG))) == [PICTURES]
        seen.append(turns.view)
    assert seen == [1, 2, 0, 1, 2]


def test_only_the_last_few_are_known():
    turns = known()
    for seed in range(2, 3 + VIEWS):
        told(turns, (picture(n, seed=seed) for n in range(LONG)))
    assert turns.view == VIEWS + 1
    told(turns, (picture(n) for n in range(LONG)))
    assert turns.view == VIEWS + 2


@settings(deadline=None, max_examples=30)
@given(st.floats(0.3, 1.6), st.floats(-60, 60), st.integers(0, 5))
def test_gain_and_offset_are_no_view(gain, offset, seed):
    turns, rng = known(), np.random.default_rng(seed)
    changed = (
        np.clip(picture(LONG + n) * gain + offset + rng.normal(0, 2, (HEIGHT, WIDTH)), 0, 255)
        for n in range(2 * PICTURES)
    )
    assert not told(turns, (one.astype(np.uint8) for one in changed))


def veiled(one: np.ndarray, thickness: float, rng: np.random.Generator) -> np.ndarray:
    """A picture in fog that is thicker here and there, elsewhere each time."""
    wisps = cv2.resize(rng.normal(0, 0.15, (5, 6)).astype(np.float32), (WIDTH, HEIGHT))
    thick = np.clip(thickness + wisps, 0, 1)
    return (one * (1 - thick) + 205 * thick + rng.normal(0, 1, one.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("thickness", [0.5, 0.8, 0.95, 1.2])
def test_fog_that_comes_and_goes_is_no_view(thickness):
    turns, rng = known(), np.random.default_rng(1)
    course = [*np.linspace(0, thickness, 4), *[thickness] * 20, *np.linspace(thickness, 0, 4), *[0] * LONG]
    assert not told(turns, (veiled(picture(LONG + n), t, rng) for n, t in enumerate(course)))
    assert told(turns, (picture(n, 0.05) for n in range(LONG))) == [PICTURES]


def test_a_start_in_fog_is_no_view():
    turns, rng = Turns(), np.random.default_rng(2)
    assert not told(turns, (veiled(picture(n), 1.0, rng) for n in range(LONG)))
    assert not told(turns, (picture(n) for n in range(LONG)))
    assert told(turns, (picture(n, 0.05) for n in range(LONG))) == [PICTURES]


def drops() -> np.ndarray:
    """How much light drops on the lens take, 0 to 1."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x, y in np.random.default_rng(4).integers((20, 30), (WIDTH - 20, HEIGHT - 30), (6, 2)):
        cv2.circle(drawn, (int(x), int(y)), 6, 255, -1)
    return cv2.GaussianBlur(drawn, (0, 0), 2).astype(np.float32) / 255


def test_drops_on_the_lens_that_come_with_fog_are_no_view():
    turns, rng = known(), np.random.default_rng(4)
    in_fog = [veiled(picture(n), 1.6, rng) * (1 - 0.3 * drops()) for n in range(2 * PICTURES)]
    assert not told(turns, (one.astype(np.uint8) for one in in_fog))
    assert not told(turns, (picture(n) for n in range(LONG)))


def test_fog_that_lifts_from_drops_on_the_lens_shows_no_other_view():
    turns, rng = Turns(), np.random.default_rng(4)
    pictures = [veiled(picture(n), 1.6, rng) for n in range(2 * PICTURES)]
    pictures += [picture(n) for n in range(LONG)]
    assert not told(turns, ((one * (1 - 0.12 * drops())).astype(np.uint8) for one in pictures))


def test_a_view_that_was_seen_for_a_moment_is_none_that_is_left():
    turns = known(PICTURES - 1)
    assert not told(turns, (picture(n, seed=2) for n in range(LONG)))
    assert told(turns, (picture(n) for n in range(LONG))) == [PICTURES]


def test_a_large_truck_that_moves_on_a_little_is_no_view():
    turns = Turns()
    truck = cv2.resize(whole(5, 0), (100, HEIGHT))
    for n in range(4 * PICTURES):
        one = (picture(n) // 4 + 100).astype(np.uint8)  # a hazy day
        left = 10 if n >= 2 * PICTURES else 0
        one[:, left : left + 100] = truck
        assert not turns.see(one)


def test_a_bright_plume_in_fog_is_no_view():
    turns, rng = known(), np.random.default_rng(3)
    assert not told(turns, (veiled(picture(n), 0.9, rng) for n in range(4)))
    for n in range(LONG):
        one = veiled(picture(n), 0.9, rng)
        cv2.ellipse(one, (100 + 2 * n, 90 - n), (14 + 4 * n, 10 + 3 * n), 30, 0, 360, 250, -1)
        assert not turns.see(one)


@pytest.mark.parametrize("side", [0.3, 0.6])
def test_a_truck_that_stops_before_the_camera_is_no_view(side):
    turns = known()
    truck = cv2.resize(whole(5, 0), (round(side * WIDTH), HEIGHT))
    for n in range(LONG):
        one = picture(n)
        one[:, : truck.shape[1]] = truck
        assert not turns.see(one)


def test_clouds_that_drift_are_no_view():
    # the sky is half of the picture and moves by 4% of the width with each; the ground stays
    sky = np.random.default_rng(4).integers(0, 255, (12, 60)).astype(np.uint8)
    sky = cv2.resize(sky, (HEIGHT * 6, HEIGHT // 2), interpolation=cv2.INTER_CUBIC)
    turns = Turns()
    for n in range(30):
        one = picture(n)
        one[: HEIGHT // 2] = sky[:, 10 * n : 10 * n + WIDTH]
        assert not turns.see(one)


def test_a_blurred_or_plain_picture_is_unknown():
    turns = known()
    assert not told(turns, (cv2.GaussianBlur(picture(n, 0.06), (0, 0), 40) for n in range(LONG)))
    assert not told(turns, (np.full((HEIGHT, WIDTH), 90, np.uint8) for _ in range(LONG)))
    assert not turns.see(picture(0))
    assert turns.view == 0


def test_what_is_unknown_between_does_not_break_a_row():
    turns = known()
    plain = np.full((HEIGHT, WIDTH), 90, np.uint8)
    pictures = [one for n in range(PICTURES) for one in (plain, picture(n, 0.06))]
    assert told(turns, pictures) == [2 * PICTURES]


def test_a_banner_that_stays_does_not_hold_a_view_and_one_that_changes_makes_none():
    turns = Turns()
    for n in range(3 * LONG):
        one = picture(n, 0.06 if n >= 2 * LONG else 0.0)
        cv2.putText(one, f"CAM 7 {n * 7919:08}", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
        assert turns.see(one) == (n == 2 * LONG + PICTURES - 1)


def test_banners_along_the_edges_are_not_looked_at():
    plain, marked = picture(0), picture(0)
    for top in (2, HEIGHT - 18):
        marked[top : top + 16] = np.random.default_rng(0).integers(0, 255, (16, WIDTH))
    np.testing.assert_allclose(edges_of(plain), edges_of(marked), atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (9, 16), (64, 64), (600, 90)])
def test_pictures_of_any_size_are_looked_at(size):
    turns = Turns()
    rng = np.random.default_rng(0)
    assert not told(turns, (rng.integers(0, 255, size).astype(np.uint8) for _ in range(LONG)))
    assert edges_of(rng.integers(0, 255, size).astype(np.uint8)).shape == (*SIZE_PX, 2)


@given(st.integers(-30, 30), st.integers(-20, 20))
@settings(deadline=None, max_examples=20)
def test_edges_are_laid_by_their_shift(right, down):
    edges = edges_of(picture(0))
    match = lay(np.roll(edges, (down, right), (0, 1)), edges)
    if np.hypot(right, down) < SHIFT * SIZE_PX[1]:
        assert match.same
        assert match.near == pytest.approx(1, abs=1e-4)
    else:
        assert not match.same
        assert match.shift == (right, down)
        assert match.far == pytest.approx(1, abs=1e-4)


def test_a_start_without_any_edge_hides_no_later_turn():
    rng = np.random.default_rng(3)
    flat = (180 + rng.normal(0, 0.5, (HEIGHT, WIDTH))).clip(0, 255).astype(np.uint8)
    turns = Turns()
    assert not told(turns, [flat, *(picture(number) for number in range(LONG))])
    assert told(turns, (picture(LONG + n, seed=5) for n in range(LONG))) == [PICTURES]


def lamps(number: int) -> np.ndarray:
    """A night whose lamps light other edges than the day's: dark ground, bright spots with a glow."""
    rng = np.random.default_rng(8)
    dark = np.full((HEIGHT, WIDTH), 20.0)
    for x, y in zip(rng.uniform(4, WIDTH - 4, 90), rng.uniform(HEIGHT / 3, HEIGHT - 4, 90), strict=True):
        cv2.circle(dark, (int(x), int(y)), int(rng.integers(2, 6)), float(rng.uniform(120, 250)), -1)
    noise = np.random.default_rng(number).normal(0, 2, dark.shape)
    return (cv2.GaussianBlur(dark, (0, 0), 1.0) + noise).clip(0, 255).astype(np.uint8)


def test_lamps_at_night_are_no_other_view():
    turns = known()
    assert not told(turns, map(lamps, range(LONG)))
    assert not told(turns, (picture(LONG + n) for n in range(LONG)))
    assert turns.view == 0
