"""A landscape from nothing: any moment in any order, light by the sun, fires with exact truth."""

import numpy as np
import pytest

from edge.camera.condition import is_dark
from edge.image import RgbImage
from firmware_sim.scene.blaze import Blaze
from firmware_sim.scene.compose import ALPHA_MIN
from firmware_sim.scene.day import Air, drawn_air
from firmware_sim.scene.errors import SceneError
from firmware_sim.scene.landscape import Landscape, Scenery
from firmware_sim.scene.outlook import Outlook, field_noise
from firmware_sim.scene.sun import Sun

START_S = 1_782_000_000.0  # 2026-06-21 00:00 UTC
VIEW = Scenery(seed=3, width=320, height=240, heading_deg=200)
NOON = Sun(55.0, 150.0)


def still(cover=0.0, fog=0.0, visibility_km=45.0):
    return lambda _: Air(cover, fog, visibility_km)


def view(sun=NOON, air=None, blazes=(), scenery=VIEW):
    return Landscape(scenery, blazes, START_S, sun_at=lambda _: sun, air_at=air or still())


@pytest.fixture(scope="module")
def living():
    """With its own sun and weather, and one fire in the afternoon."""
    return Landscape(VIEW, [Blaze(fire="ridge", at_s=15 * 3600, distance_km=4, bearing_deg=5)], START_S)


def test_a_moment_is_the_same_whatever_was_asked_before(living):
    moments = [START_S + hour * 3600 for hour in (3, 15.5, 12, 30, 22)]
    ahead = [living.at(moment).picture for moment in moments]
    again = Landscape(VIEW, [Blaze(fire="ridge", at_s=15 * 3600, distance_km=4, bearing_deg=5)], START_S)
    for moment, picture in reversed(list(zip(moments, ahead, strict=True))):
        assert np.array_equal(again.at(moment).picture, picture)
    assert ahead[0].shape == (240, 320, 3)
    assert ahead[0].dtype == np.uint8


def test_another_seed_is_another_place(living):
    other = Landscape(Scenery(seed=4, width=320, height=240), (), START_S)
    assert not np.array_equal(other.terrain.ridges[0].line, living.terrain.ridges[0].line)


def test_a_larger_picture_shows_the_same_hills():
    small, large = (Landscape(Scenery(seed=3, width=w, height=w * 3 // 4)) for w in (320, 640))
    for one, two in zip(small.terrain.ridges, large.terrain.ridges, strict=True):
        assert np.abs(2 * one.line - two.line[::2]).max() < 12
        assert one.distance_km == two.distance_km


def test_light_follows_the_sun():
    levels = [view(Sun(height, 150.0)).at(START_S).picture.mean() for height in (-20, -8, -4, 0, 10, 50)]
    assert levels == sorted(levels)
    assert is_dark(RgbImage(view(Sun(-20, 0)).at(START_S).picture))
    assert not is_dark(RgbImage(view(Sun(0, 0)).at(START_S).picture))


def test_a_low_sun_shines_into_the_camera_or_from_behind():
    ahead, behind = (view(Sun(6, azimuth)).at(START_S).picture.astype(float) for azimuth in (200, 20))
    assert ahead[:60].mean() > behind[:60].mean() + 5  # the sky glows
    assert ahead[160:].mean() < behind[160:].mean() - 5  # the land lies in its own shade


def test_haze_and_fog_take_contrast():
    clear, hazy = (view(air=still(visibility_km=km)).at(START_S).picture for km in (80, 8))
    middle = np.s_[115:160]
    assert hazy[middle].std() < 0.6 * clear[middle].std()
    foggy = view(air=still(fog=1.0)).at(START_S).picture
    assert foggy[middle].mean() > clear[middle].mean() + 10  # white valleys
    assert not np.array_equal(foggy, view(air=still(fog=1.0)).at(START_S + 300).picture)


def test_clouds_drift_and_shade_the_land():
    def sky(at_s, cover):
        return view(air=still(cover)).at(START_S + at_s).picture[:70].astype(float)

    assert np.abs(sky(0, 0.5) - sky(600, 0.5)).mean() > 3 * np.abs(sky(0, 0.0) - sky(600, 0.0)).mean()
    bare, shaded = (view(air=still(cover)).at(START_S).picture[130:].astype(float) for cover in (0.0, 0.5))
    part = (shaded - bare).mean(2)
    assert np.percentile(part, 5) < -15  # under a cloud
    assert np.percentile(part, 95) > -12  # and beside it


def test_stars_turn_and_clouds_hide_them():
    def shining(at_s, cover=0.0):
        above = view(Sun(-30, 0), still(cover)).at(START_S + at_s).picture[:80].max(2)
        return set(map(tuple, np.argwhere(above > 45)))

    first = shining(0)
    assert len(first) > 5
    assert len(first & shining(1800)) < len(first) / 2
    assert len(shining(0, 1.0)) < len(first) / 3


def test_smoke_is_where_the_truth_says_and_nowhere_else():
    blazes = [
        Blaze(fire="left", at_s=0, bearing_deg=-15, distance_km=4, full_px=110),
        Blaze(fire="right", at_s=600, bearing_deg=15, distance_km=9, colour="white"),
    ]
    with_fire, without = view(blazes=blazes), view()
    assert with_fire.at(START_S).smoke == {}
    assert set(with_fire.at(START_S + 300).smoke) == {"left"}
    moment, bare = with_fire.at(START_S + 1800), without.at(START_S + 1800)
    assert set(moment.smoke) == {"left", "right"}
    change = np.abs(moment.picture.astype(int) - bare.picture).max(2)
    shown = np.max(list(moment.smoke.values()), axis=0)
    assert change[shown == 0].max() == 0
    assert change[shown >= 0.5].mean() > 5
    middles = {fire: np.argwhere(alpha >= ALPHA_MIN).mean(0)[1] for fire, alpha in moment.smoke.items()}
    assert middles["left"] < 160 < middles["right"]


def test_smoke_thins_out_and_ends():
    short = view(blazes=[Blaze(fire="a", at_s=0, lasts_s=600, distance_km=4, bearing_deg=0)])
    sums = [short.at(START_S + at).smoke["a"].sum() for at in (1200, 1350, 1490)]
    assert sums == sorted(sums, reverse=True)
    assert short.at(START_S + 1501).smoke == {}


def test_a_fire_glows_at_night():
    fire = [Blaze(fire="a", at_s=0, distance_km=4, bearing_deg=0)]
    dark, lit = (view(Sun(-20, 0), blazes=blazes).at(START_S + 900).picture for blazes in ([], fire))
    change = lit.astype(int) - dark
    assert change[..., 0].max() > 60
    assert change[..., 0].max() > 1.5 * change[..., 2].max()


def test_weather_is_of_the_moment_and_fog_of_the_morning():
    morning, evening = drawn_air(5, lambda _: Sun(4.0, 90)), drawn_air(5, lambda _: Sun(4.0, 270))
    days = [START_S + 86400 * day for day in range(60)]
    foggy = [morning(day).fog for day in days]
    assert 10 < sum(fog > 0.05 for fog in foggy) < 45
    assert not any(evening(day).fog for day in days)
    assert [morning(day) for day in reversed(days)] == [morning(day) for day in days][::-1]
    covers = [morning(START_S + 3600 * hour).cover for hour in range(500)]
    assert min(covers) < 0.1
    assert max(covers) > 0.8
    assert np.abs(np.diff([morning(START_S + 60 * minute).cover for minute in range(600)])).max() < 0.03


@pytest.mark.parametrize("wrong", [{"field_deg": 5}, {"width": 32}, {"seed": -1}])
def test_a_view_out_of_range_is_refused(wrong):
    with pytest.raises(SceneError, match="expected"):
        Landscape(Scenery(**wrong))


@pytest.mark.parametrize("wrong", [{"fire": ""}, {"first_px": 0}, {"lasts_s": 0}, {"full_px": 9000}])
def test_a_fire_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        Blaze(**{"fire": "a", "at_s": 0.0, **wrong})


def test_noise_is_of_the_seed_and_within_0_and_1():
    one, two = (field_noise(np.random.default_rng(1), (60, 80), (3, 4), 4) for _ in range(2))
    assert np.array_equal(one, two)
    assert (one.min(), one.max()) == (0, 1)
    assert Outlook((480, 640), 0, 60).column(30) == pytest.approx(640)
