"""A plume that was laid over made pictures is cut out of them again."""

import numpy as np
import pytest

from firmware_sim.scene.compose import Place, behind, lay_smoke
from firmware_sim.scene.cut import Boxed, CutPlume, cut_fire
from firmware_sim.scene.errors import SceneError
from firmware_sim.scene.light import read_light
from firmware_sim.scene.plume import DrawnPlume, Shape
from tests.firmware_sim.scene.conftest import drawn

BASE = (150, 160)


def burning(age_s, gain=1.0, density=2.0):
    """A frame with smoke before dark land, its coverage and box."""
    bare = drawn()
    plume = DrawnPlume(
        np.random.default_rng(4), Shape(first_px=16, full_px=30, lean=1.5, density=density), "white"
    )
    rng = np.random.default_rng(int(age_s))
    pixels = bare.astype(np.float32)
    where = Place(BASE, 3.0, behind(np.full(320, 400.0, np.float32), 240))
    alpha = lay_smoke(pixels, plume.smoke(age_s), where, read_light(bare), rng)
    rows, cols = np.nonzero(alpha > 0.05)
    pixels = gain * pixels + rng.normal(0, 1, pixels.shape)
    box = (float(cols.min()), float(rows.min()), float(cols.max() + 1), float(rows.max() + 1))
    return np.clip(pixels, 0, 255).astype(np.uint8), alpha, box


@pytest.fixture(scope="module")
def before():
    rng = np.random.default_rng(11)
    return [np.clip(drawn() + rng.normal(0, 1, (240, 320, 3)), 0, 255).astype(np.uint8) for _ in range(5)]


@pytest.fixture(scope="module")
def fire(before):
    frames = [burning(age, gain) for age, gain in ((300.0, 1.0), (600.0, 0.9), (1200.0, 1.1))]
    boxed = [Boxed(picture, 300.0 * i, box) for i, (picture, _, box) in enumerate(frames)]
    return cut_fire(before, boxed, "made", "g99")


def test_coverage_and_colour_are_those_that_were_laid(fire):
    assert [t.age_s for t in fire.textures] == [0.0, 300.0, 600.0]  # also where exposure had changed
    for texture, age in zip(fire.textures, (300.0, 600.0, 1200.0), strict=True):
        _, alpha, _ = burning(age)
        h, w = texture.alpha.shape
        truth = alpha[texture.top : texture.top + h, texture.left : texture.left + w]
        assert np.corrcoef(truth.ravel(), texture.alpha.ravel())[0, 1] > 0.9
        assert texture.alpha[0].max() < 0.01  # nothing stands out of the box
        thick = texture.alpha > 0.6
        assert 0.6 < texture.shade[thick].mean() < 1.15


def test_it_says_what_it_is_made_of(fire, before):
    picture, _, box = burning(300.0)
    other = cut_fire(before, [Boxed(picture, 0.0, box)], "made", "g99")
    assert len(fire.digest) == 64
    assert other.digest != fire.digest
    sources = fire.sources("judge")
    assert (sources.groups, sources.names, sources.digests) == ({"g99"}, {"made"}, {fire.digest})


def test_it_burns_again_with_its_own_ages(fire):
    plume = CutPlume(fire, 1.0, mirrored=False, first_s=60.0)
    assert plume.smoke(59.0) is None
    young, old, oldest = (plume.smoke(age) for age in (61.0, 400.0, 5000.0))
    assert young.alpha.sum() < old.alpha.sum() < oldest.alpha.sum()
    assert plume.last_s == 660.0
    assert young.alpha[: -young.top + 3].sum() > 0.9 * young.alpha.sum()  # it stands on the fire


def test_it_can_be_mirrored_scaled_and_thinned(fire):
    plain, mirror = (CutPlume(fire, 1.0, mirrored=m, first_s=60.0).smoke(900.0) for m in (False, True))
    assert np.array_equal(plain.alpha[:, ::-1], mirror.alpha)
    assert plain.left + mirror.left == pytest.approx(-plain.alpha.shape[1], abs=2)
    half = CutPlume(fire, 0.5, mirrored=False, first_s=60.0).smoke(900.0)
    assert half.alpha.shape[0] == pytest.approx(plain.alpha.shape[0] / 2, abs=1)
    thin = CutPlume(fire, 1.0, mirrored=False, first_s=60.0).smoke(900.0, 0.3)
    assert thin.alpha.mean() < 0.6 * plain.alpha.mean()


def test_where_nothing_burns_nothing_is_cut(before):
    with pytest.raises(SceneError, match="'made': no frame has smoke"):
        cut_fire(before, [Boxed(before[0], 0.0, (140, 120, 180, 150))], "made", "g99")


@pytest.mark.parametrize("box", [(10.0, 60.0, 300.0, 150.0), (150.0, 140.0, 153.0, 160.0)])
def test_boxes_that_are_too_large_or_too_small_are_left_out(before, box):
    picture, _, _ = burning(600.0)
    with pytest.raises(SceneError, match="no frame has smoke"):
        cut_fire(before, [Boxed(picture, 0.0, box)], "made", "g99")


def test_a_sky_that_changed_all_around_is_no_plume(before):
    picture = before[0].copy()
    picture[30:80:2] = np.clip(picture[30:80:2].astype(int) + 45, 0, 255).astype(np.uint8)
    with pytest.raises(SceneError, match="no frame has smoke"):
        cut_fire(before, [Boxed(picture, 0.0, (140, 40, 200, 75))], "made", "g99")


def test_too_few_frames_or_other_sizes_are_refused(before):
    picture, _, box = burning(300.0)
    with pytest.raises(SceneError, match="2 frames before and 1 with boxes"):
        cut_fire(before[:2], [Boxed(picture, 0.0, box)], "made", "g99")
    with pytest.raises(SceneError, match="differ in size"):
        cut_fire(before, [Boxed(picture[:200], 0.0, box)], "made", "g99")
