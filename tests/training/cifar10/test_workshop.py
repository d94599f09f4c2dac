"""What every step of the experiment depends on."""

import msgspec
import pytest

from training.cifar10.data import load
from training.cifar10.recipe import read
from training.cifar10.workshop import Workshop


@pytest.fixture
def cifar10(strips, tmp_path):
    return load(strips, 100, tmp_path)


def test_images_and_views_are_among_the_inputs_of_every_step(cifar10, tmp_path):
    tiny = read("tiny")
    shop = Workshop(cifar10, tiny, tmp_path)
    other = Workshop(cifar10, msgspec.structs.replace(tiny, view_seed=5), tmp_path)
    keys = {one.step("ptq", "a", {}, split).key for one in (shop, other) for split in ("training", "all")}
    assert len(keys) == 4


def test_nothing_is_held_out_of_all_images(cifar10, tmp_path):
    shop = Workshop(cifar10, read("tiny"), tmp_path)
    assert [len(shop.images(split)) for split in ("training", "all")] == [668, 768]
    assert [len(shop.held_out(split)) for split in ("training", "all")] == [100, 0]
