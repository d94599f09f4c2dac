"""What changes everywhere at once leaves nothing, a plume stays; the background is slow, young and late."""

import numpy as np
import pytest
import torch

from scoring.truth import TruthFrame, TruthSequence
from training.smoke.features import difference
from training.smoke.pool.change import CHANGES, blind, changes, make, step_of
from training.smoke.pool.variant import METHODS
from training.smoke.side import MADE_OF
from training.step.step import Step, digests
from training.step.workshop import Workshop

ROWS, COLS = 30, 40
INSIDE = np.ones((ROWS, COLS), bool)
BARRED = INSIDE.copy()
BARRED[:2] = BARRED[-3:] = False


def tensor(inside):
    return torch.from_numpy(inside.astype(np.float32))[None, None]


def scene(channels=5, seed=0):
    """A background with land and sky: (1, channels, ROWS, COLS)."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 1, ROWS)[:, None]
    lots = rng.normal(0, 1, (channels, 3, 1, 1))
    picture = (
        2 + lots[:, 0] * rows + lots[:, 1] * (rows > 0.4) + 0.3 * rng.normal(0, 1, (channels, ROWS, COLS))
    )
    return torch.from_numpy(picture[None].astype(np.float32))


@pytest.mark.parametrize("inside", [INSIDE, BARRED])
def test_gain_and_offset_of_a_whole_picture_leave_little(inside):
    background, there = scene(), tensor(inside)
    noise = 0.02 * torch.randn(background.shape, generator=torch.Generator().manual_seed(1))
    frame = 1.2 * background + 0.4 + noise
    frame = torch.where(there > 0, frame, 7.0)  # what lies on the bars must not matter
    plain = ((frame - background) * there).abs().mean()
    left = blind(frame, background, there).abs().mean()
    assert left <= 0.2 * plain
    assert (blind(frame, background, there)[:, :, inside == 0] == 0).all()


@pytest.mark.parametrize("at", [(4, 5), (18, 30)])
def test_a_plume_of_four_by_six_cells_stays(at):
    background, there = scene(), tensor(INSIDE)
    plume = torch.zeros_like(background)
    rows, cols = slice(at[0], at[0] + 4), slice(at[1], at[1] + 6)
    plume[:, :, rows, cols] = 1.5
    change = blind(background + plume, background, there)
    kept = change[:, :, rows, cols].mean(dim=(2, 3)) / 1.5
    assert (kept >= 0.9).all()
    assert change[:, :, 10:16].abs().mean() < 0.1


def test_a_plume_shows_while_the_light_changes():
    background, there = scene(), tensor(INSIDE)
    plume = torch.zeros_like(background)
    plume[:, :, 4:8, 5:11] = 1.5
    change = blind(1.2 * (background + plume) + 0.4, background, there)
    assert (change[:, :, 4:8, 5:11].mean(dim=(2, 3)) > 0.9 * 1.5).all()


def test_gains_beyond_any_light_are_not_fitted():
    background, there = scene(), tensor(INSIDE)
    assert blind(5 * background, background, there).abs().mean() > 0.3 * background.std()
    assert blind(-background, background, there).abs().mean() > 0.3 * background.std()


def test_a_flat_background_makes_no_nonsense():
    flat, there = torch.full((1, 2, ROWS, COLS), 0.5), tensor(INSIDE)
    frame = flat + 0.1 * scene(2)
    change = blind(frame, flat, there)
    assert torch.isfinite(change).all()
    assert change.abs().max() < 1


def test_both_layouts_give_the_same():
    background, there = scene(), tensor(BARRED)
    frame = 1.1 * background + scene(seed=3) * 0.1
    nhwc = blind(*(t.permute(0, 2, 3, 1) for t in (frame, background, there)), cells=(1, 2))
    assert torch.allclose(nhwc.permute(0, 3, 1, 2), blind(frame, background, there), atol=1e-5)


def sequence(frames=24):
    rng = np.random.default_rng(2)
    quiet = np.repeat(scene().numpy(), frames, axis=0) + 0.05 * rng.normal(0, 1, (frames, 5, ROWS, COLS))
    quiet[12:, :, 4:8, 5:11] += 1.5
    return quiet.astype(np.float16)


def test_it_lags_and_fades_in_as_the_plain_difference():
    features = sequence()
    ours = np.stack(list(changes(features, INSIDE)))
    plain = difference(torch.from_numpy(features)).numpy()
    assert (ours[:2] == 0).all()
    assert (plain[:2] == 0).all()
    spread = ours[2:12].std(axis=(1, 2, 3)) / plain[2:12].std(axis=(1, 2, 3))
    assert np.abs(spread - 1).max() < 0.05
    at = (slice(None), slice(4, 8), slice(5, 11))
    assert np.allclose(ours[12][at].mean(), plain[12][at].mean(), rtol=0.1)
    assert np.allclose(ours[13][at].mean(), ours[12][at].mean(), rtol=0.03)
    assert ours[14][at].mean() < 0.95 * ours[12][at].mean()  # the plume is in the background two frames late


def test_a_slower_background_keeps_a_plume_longer():
    features = np.concatenate([sequence(), np.repeat(sequence()[-1:], 20, axis=0)])
    at = (slice(None), slice(4, 8), slice(5, 11))
    fast, slow = (list(changes(features, INSIDE, rate))[-1][at].mean() for rate in (1 / 15, 1 / 30))
    assert slow > 1.15 * fast


def test_a_slower_cadence_scores_every_third_frame():
    features = sequence()
    every = list(changes(features, INSIDE, every=3))
    assert len(every) == 8
    alone = list(changes(features[::3], INSIDE))
    assert all(np.array_equal(a, b) for a, b in zip(every, alone, strict=True))


def test_the_step_says_what_it_was_made_of(tmp_path):
    source = Step("map", tmp_path / "map", "k")
    source.folder.mkdir()
    np.save(source.folder / "features.npy", sequence())
    source.finish({"files": digests(source.folder, "features.npy"), MADE_OF: ["d1"]})
    truth = TruthSequence("a", "c", "f", "g", 640, 427, (TruthFrame("a", "no_smoke"),))
    step = step_of(Workshop(tmp_path, METHODS), "a", source, every=3)
    make(step, source, "features.npy", truth, 1 / 15, 3)
    stored = np.load(step.file(CHANGES), mmap_mode="r")
    assert stored.dtype == np.float16
    assert stored.shape == (8, 5, ROWS, COLS)
    assert (stored[:, :, 0] == 0).all()  # a bar of the letterbox
    assert step.read()[MADE_OF] == ["d1"]
