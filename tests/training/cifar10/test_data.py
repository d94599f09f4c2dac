import numpy as np
import pytest
import torch

from tests.training.conftest import pictures, write_strips
from training.cifar10 import data
from training.distill.images import check_apart


def test_the_split_does_not_depend_on_the_order_of_the_source(tmp_path, strips):
    pixels, labels = pictures(768, 1)
    order = np.random.default_rng(9).permutation(len(labels))
    write_strips(tmp_path, "train", pixels[order], labels[order])
    write_strips(tmp_path, "test", *pictures(300, 2))
    ours, theirs = (data.load(folder, 100, tmp_path) for folder in (strips, tmp_path))
    assert ours.training.sha256 == theirs.training.sha256
    assert torch.equal(ours.validation.pixels, theirs.validation.pixels)
    assert torch.equal(ours.validation.labels, theirs.validation.labels)


def test_splits_are_whole_and_apart(strips, tmp_path):
    cifar10 = data.load(strips, 100, tmp_path)
    assert [len(split) for split in (cifar10.training, cifar10.validation, cifar10.test)] == [668, 100, 300]
    check_apart(cifar10.training, cifar10.validation)
    check_apart(cifar10.training, cifar10.test)
    with pytest.raises(ValueError, match="668 images are in both"):
        check_apart(cifar10.training, cifar10.training)


def test_all_are_both_splits(strips, tmp_path):
    cifar10 = data.load(strips, 100, tmp_path)
    together = cifar10.all
    assert len(together) == 768
    assert torch.equal(together.labels[:100], cifar10.validation.labels)
    assert torch.equal(together.pixels[100:], cifar10.training.pixels)
    assert together.sha256 not in {cifar10.training.sha256, cifar10.validation.sha256}


def test_images_keep_their_labels(strips, tmp_path):
    cifar10 = data.load(strips, 0, tmp_path)
    assert len(cifar10.training) == 768
    assert len(cifar10.validation) == 0
    for picture, label in zip(cifar10.training.pixels, cifar10.training.labels, strict=True):
        row, col = divmod(int(label), 4)
        assert int(picture[int(label) % 3, row * 10, col * 8]) == 250


def test_the_real_thing(shared_dir, tmp_path):
    cifar10 = data.load(shared_dir / "data/cifar10", 5000, tmp_path)
    assert [len(split) for split in (cifar10.training, cifar10.validation, cifar10.test)] == [
        45000,
        5000,
        10000,
    ]
    assert torch.bincount(cifar10.test.labels).tolist() == [1000] * 10
    for split in (cifar10.training, cifar10.validation):
        check_apart(split, cifar10.test)


def test_torchvisions_download_gives_the_same_split(monkeypatch, strips, tmp_path):
    class Downloaded:
        def __init__(self, _root, *, train, download):
            pixels, labels = pictures(768, 1) if train else pictures(300, 2)
            self.data, self.targets = pixels, labels.tolist()

    monkeypatch.setattr(data._torchvision_datasets(), "CIFAR10", Downloaded)
    ours, theirs = data.load(strips, 100, tmp_path), data.load(None, 100, tmp_path / "download")
    for name in ("training", "validation", "test"):
        assert getattr(ours, name).sha256 == getattr(theirs, name).sha256


def test_a_folder_with_neither_layout_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="leave --data out"):
        data.load(tmp_path, 10, tmp_path)


def test_torchvisions_own_layout_is_checked_by_torchvision(tmp_path):
    (tmp_path / data.ARCHIVE_FOLDER).mkdir()
    with pytest.raises(ValueError, match="not found or corrupted"):
        data.load(tmp_path, 10, tmp_path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda folder: (folder / "train_001.png").write_bytes(b"nothing"),
            "train_001.png: expected a readable",
        ),
        (lambda folder: (folder / "train_001.png").unlink(), "50 images in train strips and labels of shape"),
        (lambda folder: (folder / "train_001.png").rename(folder / "train_2.png"), "without a gap"),
        (lambda folder: (folder / "train_001.png").rename(folder / "train_001.jpg"), "lossy"),
        (lambda folder: (folder / "train_001.png.part").write_bytes(b""), "train_001.png.part is no strip"),
        (lambda folder: (folder / "train_labels.npy").write_bytes(b""), "train_labels.npy: cannot be read"),
        (lambda folder: (folder / "test_labels.npy").unlink(), "test_labels.npy: cannot be read"),
        (
            lambda folder: np.save(folder / "train_labels.npy", np.full(100, 10, np.uint8)),
            "uint8 labels below 10",
        ),
        (lambda folder: np.save(folder / "train_labels.npy", np.zeros(100)), "uint8 labels"),
        (lambda folder: np.save(folder / "train_labels.npy", np.zeros((100, 1), np.uint8)), "of shape"),
    ],
)
def test_damage_is_named(tmp_path, damage, said):
    write_strips(tmp_path, "train", *pictures(100, 1))
    write_strips(tmp_path, "test", *pictures(50, 2))
    damage(tmp_path)
    with pytest.raises(ValueError, match=said):
        data.load(tmp_path, 10, tmp_path)


def test_nothing_left_to_train_on(strips, tmp_path):
    with pytest.raises(ValueError, match="none left"):
        data.load(strips, 768, tmp_path)


def test_strips_are_in_the_order_of_their_numbers(tmp_path):
    """Not of their names, by which train_10 stands before train_2."""
    pixels, labels = pictures(600, 1)
    write_strips(tmp_path, "train", pixels, labels)
    write_strips(tmp_path, "test", *pictures(50, 2))
    padded = data.load(tmp_path, 0, tmp_path)
    for path in tmp_path.glob("train_0*.png"):
        path.rename(tmp_path / f"train_{int(path.stem[6:])}.png")
    assert data.load(tmp_path, 0, tmp_path).training.sha256 == padded.training.sha256


def test_a_torchvision_that_cannot_be_imported_says_what_to_do(monkeypatch, tmp_path):
    def broken(name):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(data, "import_module", broken)
    with pytest.raises(ValueError, match=r"torchvision::nms does not exist\): install .* or give --data"):
        data.load(None, 10, tmp_path)
