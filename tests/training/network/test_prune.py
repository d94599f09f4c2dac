"""Pruning cuts to the asked shape, fits what is left, and leaves the whole network alone."""

import argparse

import pytest
import torch

from training.network.lite0 import (
    SHAPES,
    Backbone,
    BackboneShape,
    BlockShape,
    imagenet_backbone,
    weights_sha256,
)
from training.network.prune import PRESETS, prune
from training.smoke import command
from training.smoke.pool.frozen import NAMES


def shape(stem: int, first: int, inside: tuple[int, ...], skipped: int = 1) -> BackboneShape:
    blocks = (
        BlockShape(None, stem, first, 3, 1),
        BlockShape(inside[0], first, 6, 3, 2),
        BlockShape(inside[1], 6, 6, 3, 1),
        BlockShape(inside[2], 6, 8, 5, 2),
    )
    return BackboneShape(stem, blocks, skipped)


WHOLE = shape(8, 6, (12, 16, 16), 0)


@pytest.fixture
def frames() -> list[torch.Tensor]:
    torch.manual_seed(0)
    coarse = torch.rand(6, 3, 16, 16)
    smooth = torch.nn.functional.interpolate(coarse, (64, 96), mode="bilinear")
    return list(smooth + 0.5 * torch.rand(6, 3, 64, 96))


@pytest.fixture
def whole() -> Backbone:
    torch.manual_seed(1)
    backbone = Backbone(WHOLE).eval()
    with torch.no_grad():
        for weight in backbone.parameters():
            weight.mul_(3)  # so that ReLU6 bends at both ends
    return backbone


def apart(made, whole: Backbone, frame: torch.Tensor) -> list[float]:
    """Squared error over variance of each feature."""
    with torch.no_grad():
        features, own = whole(frame[None]), made.backbone(frame[None])
    return [
        float((mine - features[index][:, kept]).square().mean() / features[index][:, kept].var())
        for mine, index, kept in zip(own, made.whole, made.kept, strict=True)
    ]


def test_nothing_cut_changes_nothing(whole, frames) -> None:
    made = prune(whole, shape(8, 6, (12, 16, 16)), frames)
    assert made.whole == (1, 2, 3)
    assert max(apart(made, whole, frames[0])) < 1e-3


def test_the_shape_is_the_asked_one(whole, frames) -> None:
    before = weights_sha256(whole)
    target = shape(5, 4, (6, 8, 8), 0)
    made = prune(whole, target, frames)
    assert made.backbone.shape == target
    assert [len(kept) for kept in made.kept] == [5, 4, 6, 8]
    assert weights_sha256(whole) == before
    assert [tuple(f.shape[1:]) for f in made.backbone(frames[0][None])] == [
        (5, 32, 48),
        (4, 32, 48),
        (6, 16, 24),
        (8, 8, 12),
    ]
    assert not made.backbone.training


def test_what_is_kept_stays_alike(whole, frames) -> None:
    """The stem's kept channels are the same numbers; the rest is fitted, far better than a network of that shape."""
    target = shape(6, 5, (10, 12, 12), 0)
    made = prune(whole, target, frames[:5])
    errors = apart(made, whole, frames[5])
    assert errors[0] < 1e-9
    assert max(errors) < 0.5
    torch.manual_seed(5)
    made.backbone.load_state_dict(Backbone(target).state_dict())
    assert max(apart(made, whole, frames[5])[1:]) > 1


def test_a_layer_makes_up_for_those_before_it(whole, frames) -> None:
    """The last block is not cut; it is fitted to what the whole network gives, not to its own old weights."""
    made = prune(whole, shape(5, 6, (12, 16, 16)), frames)
    old = whole.blocks[3].project.conv.weight
    assert made.backbone.blocks[3].project.conv.weight.shape == old.shape
    fitted = apart(made, whole, frames[0])[2]
    made.backbone.blocks[3].project.load_state_dict(whole.blocks[3].project.state_dict())
    assert fitted < apart(made, whole, frames[0])[2]


@pytest.mark.parametrize(
    "target",
    [
        shape(9, 6, (12, 16, 16)),
        shape(8, 6, (13, 16, 16)),
        shape(8, 7, (12, 16, 16)),
        BackboneShape(8, WHOLE.blocks[:3]),
        BackboneShape(8, (*WHOLE.blocks[:3], BlockShape(16, 6, 7, 5, 2))),
        BackboneShape(8, (*WHOLE.blocks[:3], BlockShape(16, 6, 8, 3, 2))),
    ],
)
def test_a_shape_that_is_no_part_is_refused(whole, frames, target) -> None:
    with pytest.raises(ValueError, match="is no part of"):
        prune(whole, target, frames)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_presets_are_parts_of_lite0_without_the_stems_feature(preset, frames) -> None:
    made = prune(imagenet_backbone(), PRESETS[preset], frames[:2])
    assert made.whole == ((2, 3) if preset == "coarse" else (1, 2, 3))
    assert made.backbone.shape.strides == ((4, 8) if preset == "coarse" else (2, 4, 8))
    pairs = zip(PRESETS[preset].blocks[1:], SHAPES["lite0"].blocks[1:], strict=True)
    assert all(3 * new.inside <= old.inside for new, old in pairs)


def test_the_command_and_the_pool_name_every_preset() -> None:
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    for preset in PRESETS:
        words = ["prune", "--preset", preset, "--pictures", "a", "--work", "b"]
        assert parser.parse_args(words).preset == preset
    assert {f"lite0-{preset}" for preset in PRESETS} < set(NAMES)
