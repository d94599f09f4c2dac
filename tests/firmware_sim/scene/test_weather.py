"""Each weather changes pictures in its own way, over time, and the same seed gives the same."""

import cv2
import numpy as np
import pytest

from firmware_sim.scene.air import CloudShadow, Fog, Rain
from firmware_sim.scene.camera import ExposureJump, Infrared, Night, Noise, Shake, Turn, WhiteBalanceJump
from firmware_sim.scene.errors import SceneError
from firmware_sim.scene.fire import CONDITIONS
from firmware_sim.scene.layer import Pictures, Weather, lay, moved, stage_of, through
from firmware_sim.scene.lens import Dirt, Drops, Glare, Headlights
from firmware_sim.scene.night import InfraredNight, LitNight
from tests.firmware_sim.scene.conftest import drawn, far_line

KINDS: tuple[type[Weather], ...] = (
    CloudShadow, Fog, Rain, Glare, Drops, Dirt, Headlights, ExposureJump, WhiteBalanceJump, Infrared, Night, Noise,
    Shake, Turn, LitNight, InfraredNight,
)  # fmt: skip
CHANGING = [kind for kind in KINDS if kind is not Night]  # night falls once and for all


def rng(seed=3):
    return np.random.default_rng(seed)


def stack(pictures):
    return np.stack(pictures.pixels).astype(np.float32)


def short(pictures, count=4):
    return Pictures(pictures.pixels[:count], pictures.times_s[:count])


def test_every_weather_is_in_a_condition():
    assert {kind for sides in CONDITIONS.values() for side in sides for kind in side} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_it_changes_pictures_and_leaves_the_given_ones(kind, pictures):
    before = stack(pictures)
    after = stack(kind(0.8).apply(pictures, rng()))
    assert np.array_equal(before, stack(pictures))
    assert np.abs(after - before).mean(axis=(1, 2, 3)).max() > 0.3
    assert after.shape == before.shape


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_alone_decides(kind, pictures):
    some = short(pictures)
    first, again, other = (stack(kind(0.8).apply(pictures, rng(s))) for s in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(some.pixels) == 4


@pytest.mark.parametrize("kind", CHANGING)
def test_it_changes_in_time(kind, pictures):
    still = Pictures([pictures.pixels[0]] * 12, pictures.times_s)
    after = stack(kind(0.8).apply(still, rng()))
    assert np.abs(np.diff(after, axis=0)).max() > 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_higher_severity_changes_more(kind, pictures):
    before = stack(pictures)
    mild, hard = (np.abs(stack(kind(s).apply(pictures, rng())) - before).mean() for s in (0.1, 0.9))
    assert mild < hard


@pytest.mark.parametrize("severity", [-0.1, 1.1, float("nan")])
def test_an_impossible_severity_is_refused(severity):
    with pytest.raises(SceneError, match="expected 0 to 1"):
        Fog(severity)


def test_frames_do_not_depend_on_the_order_in_which_they_are_made(pictures):
    stage = stage_of(pictures)
    for kind in KINDS:
        forward, backward = (kind(0.7).begin(stage, rng()) for _ in range(2))
        frame = lambda effect, i: through([effect], i, pictures.pixels[i].astype(np.float32))  # noqa: E731
        a = [frame(forward, i) for i in (0, 9)]
        b = [frame(backward, i) for i in (9, 0)]
        assert np.array_equal(a[0], b[1]), kind
        assert np.array_equal(a[1], b[0]), kind


def test_shadows_lie_on_the_land_alone(pictures):
    change = stack(CloudShadow(1.0).apply(pictures, rng())) - stack(pictures)
    sky = int(far_line().min()) - 8
    assert np.abs(change[:, :sky]).max() <= 1
    assert change[:, 140:].min() < -15
    assert change[:, 140:].max() <= 1


def test_fog_takes_contrast_from_the_land(pictures):
    before, after = stack(pictures), stack(Fog(1.0).apply(pictures, rng()))
    assert after[:, 85:150].std(axis=(1, 2)).mean() < 0.85 * before[:, 85:150].std(axis=(1, 2)).mean()


def test_infrared_comes_and_goes(pictures):
    colour = np.ptp(stack(Infrared(0.5).apply(pictures, rng())), axis=3).mean(axis=(1, 2)) > 5
    assert colour[0]
    assert colour[-1]
    assert not colour[6]


def test_white_balance_keeps_brightness_and_turns_colour(pictures):
    luma = np.array((0.299, 0.587, 0.114))
    before, after = stack(pictures), stack(WhiteBalanceJump(1.0).apply(pictures, rng()))
    assert np.abs((after - before) @ luma).mean() < 6
    ratio = after[..., 0].mean(axis=(1, 2)) / after[..., 2].mean(axis=(1, 2))
    assert np.ptp(ratio) > 0.1


def test_exposure_brightens_or_darkens_everything_alike(pictures):
    before, after = stack(pictures), stack(ExposureJump(1.0).apply(pictures, rng()))
    land = (after / np.maximum(before, 1))[:, 150:].mean(axis=(1, 2, 3))
    assert np.ptp(land) > 0.2


def test_night_is_dark_and_noisy(pictures):
    after = stack(Night(0.9).apply(pictures, rng()))
    assert after.mean() < 0.4 * stack(pictures).mean()
    assert np.diff(after[:, :40], axis=0).std() > 4


def test_a_lit_night_is_dark_above_and_keeps_the_texture_of_lit_ground():
    ground, dark = (slice(130, None), slice(None)), 0
    day = stack(made()).mean(0)
    for seed in range(6):
        night = stack(LitNight(0.5).apply(made(), rng(seed))).mean(0)
        assert night[:40].mean() < 0.3 * day[:40].mean()
        grey = night[ground].mean(2)
        lit = grey > 60
        assert lit.mean() > 0.1
        assert np.corrcoef(_fine(grey)[lit], _fine(day[ground].mean(2))[lit])[0, 1] > 0.8
        assert night[ground][lit, 0].mean() > night[ground][lit, 2].mean()  # warm
        dark += np.percentile(cv2.GaussianBlur(grey, (0, 0), 4), 5) < 0.4 * day[ground].mean()
    assert dark >= 3  # floodlights reach everywhere at times


def test_an_infrared_night_is_grey_with_a_dark_sky_and_dark_corners():
    night = stack(InfraredNight(0.5).apply(made(), rng())).mean(0)
    assert np.ptp(night, axis=2).max() == 0
    assert night[:60].mean() < 0.3 * night[150:].mean()
    assert night[190:, :40].mean() < 0.8 * night[190:, 140:180].mean()


def made():
    """Land of one brightness with a texture, so that what is brighter is lit."""
    picture = drawn()
    picture[130:] = 90 + 20 * np.random.default_rng(5).standard_normal((110, 320, 1))
    return Pictures([picture] * 4, tuple(60.0 * i for i in range(4)))


def _fine(grey):
    return grey - cv2.GaussianBlur(grey, (0, 0), 4)


def test_headlights_shine_below_the_skyline(pictures):
    change = stack(Headlights(1.0).apply(pictures, rng())) - stack(pictures)
    assert change.max() > 100
    assert change[:, :60].max() < 0.4 * change.max()


def test_a_dirty_lens_stays_dirty(pictures):
    change = np.abs(stack(Dirt(1.0).apply(pictures, rng())) - stack(pictures)).mean(axis=(1, 2, 3))
    came = int(np.argmax(change > 1))
    assert 0 < came < 9
    assert (change[:came] < 0.1).all()
    assert (change[came + 1 :] > 1).all()


def test_what_lies_in_the_picture_moves_with_it(pictures):
    dotted = [p.copy() for p in pictures.pixels]
    alpha = np.zeros(pictures.size_px, np.float32)
    alpha[58:63, 158:163] = 1
    for p in dotted:
        p[58:63, 158:163] = 255
    marked = Pictures(dotted, pictures.times_s)
    for kind, far in ((Turn, 10), (Shake, 1)):
        effect = kind(0.8).begin(stage_of(pictures), rng())
        after = through([effect], 11, marked.pixels[11].astype(np.float32)).min(2)
        there = moved([effect], 11, alpha)
        assert np.abs(np.argwhere(after > 225).mean(0) - np.argwhere(there > 0.5).mean(0)).max() < 1
        assert np.abs(np.argwhere(there > 0.5).mean(0) - (60, 160)).max() > far
    assert moved([Fog().begin(stage_of(pictures), rng())], 11, alpha) is alpha


def test_layers_are_laid_in_their_order(pictures):
    few = short(pictures)
    fog_at_night = stack(lay(few, (Fog(0.9), Night(0.9)), rng()))
    night_in_fog = stack(lay(few, (Night(0.9), Fog(0.9)), rng()))
    assert not np.array_equal(fog_at_night, night_in_fog)
    assert fog_at_night.mean() < 0.5 * stack(few).mean()


@pytest.mark.parametrize(
    ("pixels", "times", "message"),
    [
        ([], (), "0 pictures"),
        ([np.zeros((64, 64, 3), np.uint8)], (0.0, 1.0), "2 times"),
        ([np.zeros((64, 64), np.uint8)], (0.0,), r"\(H, W, 3\)"),
        ([np.zeros((64, 64, 3), np.float32)], (0.0,), "uint8"),
        ([np.zeros((64, 64, 3), np.uint8), np.zeros((64, 48, 3), np.uint8)], (0.0, 1.0), "differ"),
        ([np.zeros((64, 64, 3), np.uint8)] * 2, (1.0, 1.0), "ascend"),
        ([np.zeros((64, 64, 3), np.uint8)] * 2, (0.0, float("nan")), "ascend"),
    ],
)
def test_unfit_pictures_are_refused(pixels, times, message):
    with pytest.raises(SceneError, match=message):
        Pictures(pixels, times)
