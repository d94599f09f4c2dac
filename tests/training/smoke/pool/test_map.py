"""Maps of a drawn variant by a frozen network: the device's frames, the means of cells, nothing forgotten."""

import numpy as np
import pytest
import torch

from edge.model.manifest import Threshold
from tests.training.smoke.pool import made
from training.smoke.bundle import manifest_of
from training.smoke.features import read_frames
from training.smoke.network import GRID
from training.smoke.pool.change import CHANGES
from training.smoke.pool.frozen import frozen
from training.smoke.pool.map import FEATURES, Extractor, change_all, features, map_all
from training.smoke.pool.picture import draw_all, paths
from training.smoke.pool.variant import METHODS, Variant
from training.smoke.side import made_of_step
from training.smoke.train import METHODS as ALL
from training.step.step import picture_digest
from training.step.workshop import Workshop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("work"), ALL | METHODS)


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    return made.part(tmp_path_factory.mktemp("data"), "a", quiet=5)


@pytest.fixture(scope="module")
def network(shop, tmp_path_factory):
    other = made.part(tmp_path_factory.mktemp("other"), "calibration", quiet=2)
    return frozen(shop, "lite0", other.paths)


def test_a_map_is_the_backbones_features_in_cells(shop, part, network):
    variant = Variant("a-real", part, range(5), "clear", 0.0, 0)  # ranges were set on such pictures
    drawn = draw_all(shop, [variant], 1)
    (step,) = map_all(shop, [variant], drawn, network, 1)
    stored = np.load(step.file(FEATURES), mmap_mode="r")
    assert stored.dtype == np.float16
    assert stored.shape == (5, sum(network.channels), *GRID)
    frames = read_frames(paths(drawn[0], variant), manifest_of(Threshold(open=0.0, keep=0.0)))
    batch = torch.from_numpy(next(iter(frames)))[None].permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        found = network.backbone()(batch)
    cells = [torch.nn.functional.avg_pool2d(f, p) for f, p in zip(found, network.pools, strict=True)]
    expected = torch.cat(cells, dim=1)[0].numpy()
    assert _alike(expected.mean((1, 2)), stored[0].mean((1, 2), dtype=np.float32)) > 0.97
    assert _alike(_centred(expected), _centred(stored[0].astype(np.float32))) > 0.95
    assert np.abs(expected - stored[0]).mean() < 0.2 * expected.std()  # of INT8


def _alike(one, other):
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def _centred(maps):
    return maps - maps.mean((1, 2), keepdims=True)


def test_a_map_is_made_of_the_networks_pictures_too(shop, part, network):
    variant = Variant("a-real", part, range(3), "clear", 0.0, 0)
    (step,) = map_all(shop, [variant], draw_all(shop, [variant], 1), network, 1)
    assert made_of_step(step) == made_of_step(network.step) | set(map(picture_digest, part.paths[:3]))


def test_maps_and_changes_are_made_once(shop, part, network):
    variant = Variant("a-real", part, range(5), "clear", 0.0, 0)
    drawn = draw_all(shop, [variant], 1)
    maps = map_all(shop, [variant], drawn, network, 1)
    changed = change_all(shop, [variant], drawn, maps, 1 / 15, 2, 1)
    before = maps[0].read(), changed[0].read()
    assert np.load(changed[0].file(CHANGES)).shape == (3, sum(network.channels), *GRID)
    again = map_all(shop, [variant], drawn, network, 1)
    assert (again[0].read(), change_all(shop, [variant], drawn, maps, 1 / 15, 2, 1)[0].read()) == before


def test_a_network_of_other_tensors_is_refused(part, network):
    wrong = Extractor(network.tflite, network.channels[::-1], network.pools)
    with pytest.raises(ValueError, match=r"its features are .*; expected"):
        next(features(wrong, part.paths))
