"""Targets, loss and one short training on made-up features."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scoring.truth import TruthFrame, TruthSequence
from training.smoke.data.split import choose_groups, folds, split
from training.smoke.dataset import targets
from training.smoke.head import Example, box_cells, dilate, loss, score_maps, train
from training.smoke.recipe import Recipe


def sequence(name: str, group: str, frames: int = 6, boxes: tuple = ()) -> TruthSequence:
    labelled = tuple(
        TruthFrame(
            file=f"{name}/{i:03}.jpg",
            label="smoke" if boxes and i >= frames // 2 else "no_smoke",
            epoch=1000.0 + 60 * i,
            boxes=boxes if i >= frames // 2 else (),
        )
        for i in range(frames)
    )
    return TruthSequence(
        id=name,
        camera=group,
        fire=group,
        group=group,
        width=640,
        height=480,
        frames=labelled,
        ignition_epoch=1180.0,
    )


@given(st.floats(0, 600), st.floats(0, 440), st.floats(1, 200), st.floats(1, 200))
def test_every_box_in_the_picture_has_a_cell(x: float, y: float, width: float, height: float) -> None:
    cells = box_cells([(x, y, min(x + width, 640), min(y + height, 480))])
    assert cells.any()
    rows, cols = np.nonzero(cells)
    assert (cols * 16 < x + width).all()
    assert ((cols + 1) * 16 > x).all()
    assert (rows * 16 < y + height).all()
    assert ((rows + 1) * 16 > y).all()


def test_targets_leave_the_surroundings_of_boxes_out() -> None:
    positive, negative = targets(sequence("a", "g", boxes=((160, 160, 192, 192),)))
    assert positive[5].sum() == 4
    assert not positive[0].any()
    assert negative[0].all()
    assert not (positive & negative).any()
    assert not negative[5, 8:14, 8:14].any()
    assert negative[5, 0, 0]


def test_dilation_grows_in_every_direction() -> None:
    cells = np.zeros((30, 40), bool)
    cells[10, 10] = True
    assert dilate(cells, 2).sum() == 25


def test_loss_falls_when_the_logits_are_right() -> None:
    positive = torch.zeros(1, 30, 40, dtype=torch.bool)
    positive[0, 3, 3] = True
    negative = ~positive
    right = torch.where(positive, 4.0, -4.0)
    assert loss(right, positive, negative) < loss(torch.zeros(1, 30, 40), positive, negative)
    assert loss(torch.zeros(1, 30, 40), positive, negative) < loss(-right, positive, negative)


def made_up(name: str, group: str) -> Example:
    generator = torch.Generator().manual_seed(len(name) + ord(name[-1]))
    features = torch.randn(6, 112, 30, 40, generator=generator).half()
    change = torch.randn(6, 112, 30, 40, generator=generator).half() * 0.1
    positive = torch.zeros(6, 30, 40, dtype=torch.bool)
    positive[3:, 5:9, 5:9] = True
    change[3:, :8, 5:9, 5:9] += 2.0
    return Example(name, group, features, change, positive, ~positive, sha256=name)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Flushing denormals holds for the calling thread alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_training_learns_a_change_and_is_repeatable(tmp_path: Path) -> None:
    examples = [made_up("a", "1"), made_up("bb", "2")]
    recipe = Recipe(steps=30, batch=8, channels=8, width=8, seed=4)
    head, again = (train(examples, recipe, tmp_path / name) for name in ("a.pt", "b.pt"))
    for a, b in zip(head.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    unseen = made_up("ccc", "3")
    maps = score_maps(head, unseen.features, unseen.change)
    assert maps.shape == (6, 30, 40, 1)
    assert maps[5, 5:9, 5:9].mean() > maps[5, 15:, 15:].mean() + 0.5
    assert maps[2, 5:9, 5:9].mean() < maps[5, 5:9, 5:9].mean()


def test_training_needs_smoke_and_quiet(tmp_path: Path) -> None:
    quiet = made_up("a", "1")
    none = replace(quiet, positive=torch.zeros_like(quiet.positive))
    with pytest.raises(ValueError, match="boxes"):
        train([none], Recipe(steps=1), tmp_path / "c.pt")


def test_groups_never_span_the_split() -> None:
    sequences = [sequence(f"s{i}", f"g{i % 5}") for i in range(11)]
    training, validation = split(sequences, ["g1", "g3"])
    assert {s.group for s in training} == {"g0", "g2", "g4"}
    assert {s.group for s in validation} == {"g1", "g3"}
    with pytest.raises(ValueError, match="g9"):
        split(sequences, ["g9"])
    with pytest.raises(ValueError, match="empty"):
        split(sequences, ["g0", "g1", "g2", "g3", "g4"])
    chosen = choose_groups(sequences)
    assert 0 < len(chosen) < 5
    dealt = folds([s.group for s in sequences], 3)
    assert sorted(g for fold in dealt for g in fold) == ["g0", "g1", "g2", "g3", "g4"]
