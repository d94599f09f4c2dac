import pytest
import torch

from training.cifar10.recipe import Training
from training.cifar10.run import NETWORK, Run, Trained
from training.network.resnet import build
from training.step.step import digests, find_step


@pytest.fixture
def one(tmp_path):
    step = find_step(tmp_path, "train", "some", {})
    step.folder.mkdir()
    torch.save(build("resnet10-narrow", "strided", 10).state_dict(), step.folder / NETWORK)
    step.finish({"files": digests(step.folder, NETWORK)})
    return Trained(Run("some", "resnet10-narrow", "strided", Training(epochs=1), 0), step)


def test_a_trained_network_is_loaded(one):
    saved = torch.load(one.step.folder / NETWORK, weights_only=True)
    loaded = one.load()
    assert not loaded.training
    assert all(torch.equal(saved[name], value) for name, value in loaded.state_dict().items())


@pytest.mark.parametrize("harm", [lambda data: data[:-9], lambda data: data[:-1] + b"?", None])
def test_a_damaged_network_says_what_to_do(one, harm):
    file = one.step.folder / NETWORK
    if harm is None:
        file.unlink()
    else:
        file.write_bytes(harm(file.read_bytes()))
    with pytest.raises(ValueError, match=r"network\.pt: damaged or gone; put it back, or remove .*some-"):
        one.load()
