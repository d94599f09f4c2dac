"""Plumes start small, grow, lean with the wind, thin out, and are the same at the same age."""

import numpy as np
import pytest

from firmware_sim.scene.plume import DrawnPlume, Shape


def plume(colour="white", seed=1, **shape):
    return DrawnPlume(np.random.default_rng(seed), Shape(**shape), colour)


def sides(smoke):
    rows, cols = np.nonzero(smoke.alpha.mean(2) > 0.08)
    return int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1


def centre_x(smoke, rows):
    weight = smoke.alpha.mean(2)[rows].sum(0)
    return float((weight * np.arange(len(weight))).sum() / weight.sum()) + smoke.left


def test_nothing_burns_before_ignition():
    assert plume().smoke(0.0) is None
    assert plume().smoke(-60.0) is None


@pytest.mark.parametrize("seed", range(6))
def test_it_starts_small_and_grows(seed):
    one = plume(seed=seed, first_px=12.0, full_px=100.0)
    areas = [float(one.smoke(age).alpha.sum()) for age in (60.0, 300.0, 1200.0)]
    assert max(sides(one.smoke(60.0))) < 20
    assert areas[0] < areas[1] < areas[2]
    assert max(sides(one.smoke(1200.0))) > 50


@pytest.mark.parametrize("lean", [-1.2, 1.2])
def test_it_leans_with_the_wind(lean):
    smoke = plume(lean=lean, full_px=100.0).smoke(1500.0)
    foot, head = slice(-smoke.top - 8, -smoke.top), slice(0, -smoke.top // 2)
    assert (centre_x(smoke, head) - centre_x(smoke, foot)) * np.sign(lean) > 20
    assert abs(centre_x(smoke, foot)) < 15  # it stands on the fire


def test_it_thins_out():
    means = []
    for seed in range(5):
        smoke = plume(seed=seed, lean=0.0, full_px=100.0, density=0.5).smoke(1500.0)
        alpha = smoke.alpha.mean(2)
        rows = -smoke.top - np.array((15, 88))
        means.append([alpha[r - 4 : r + 4].max() for r in rows])
    low, high = np.mean(means, axis=0)
    assert high < 0.8 * low


def test_the_same_age_is_the_same_picture_in_any_order():
    one, other = plume(), plume()
    first = one.smoke(600.0)
    one.smoke(60.0)
    for again in (one.smoke(600.0), other.smoke(600.0)):
        assert np.array_equal(first.alpha, again.alpha)
        assert np.array_equal(first.shade, again.shade)
    assert not np.array_equal(first.alpha, plume(seed=2).smoke(600.0).alpha[: first.alpha.shape[0]])


def test_it_moves_little_in_a_second_and_much_in_a_minute():
    one = plume(full_px=100.0)
    now, second, minute = (one.smoke(age).alpha.mean(2) for age in (900.0, 901.0, 960.0))
    rows, cols = (min(a.shape[i] for a in (now, second, minute)) for i in (0, 1))
    now, second, minute = (a[-rows:, :cols] for a in (now, second, minute))
    assert np.abs(second - now).mean() < 0.3 * np.abs(minute - now).mean()


def test_density_thickens_it():
    thin, thick = (plume().smoke(900.0, density).alpha.mean() for density in (0.3, 2.0))
    assert thick > 1.5 * thin


def test_colours_are_those_of_their_names():
    thick = {c: plume(c, density=6.0).smoke(900.0) for c in ("white", "grey", "brown")}
    shade = {c: s.shade[s.alpha.mean(2) > 0.9].mean(0) for c, s in thick.items()}
    assert shade["white"].min() > shade["grey"].max() + 0.1
    assert np.ptp(shade["grey"]) < 0.04
    assert shade["brown"][0] > shade["brown"][2] + 0.1


def test_it_is_lit_from_the_side_of_the_sun():
    shade = []
    for x in (-1.0, 1.0):
        smoke = DrawnPlume(np.random.default_rng(3), Shape(lean=0.0, density=4.0), "white", (x, 0.0)).smoke(
            1500.0
        )
        middle = -smoke.left
        body = np.where(smoke.alpha.mean(2) > 0.5, smoke.shade.mean(2), np.nan)
        shade.append(np.nanmean(body[:, :middle]) - np.nanmean(body[:, middle:]))
    assert shade[0] > shade[1] + 0.05
