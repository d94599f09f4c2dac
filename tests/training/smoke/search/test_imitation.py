"""A ResNet-18 that learns features: from which frames, what it says of itself, that it learns and resumes."""

import cv2
import numpy as np
import pytest
import torch

from tests.training.smoke.lesson import made as examples
from tests.training.smoke.search import made
from training.network import file
from training.smoke.search import imitation
from training.smoke.search.imitation import BACKBONE, HELD, Imitating, imitated
from training.smoke.side import MADE_OF
from training.smoke.student.calibration import Framed

SETTING = Imitating(steps=2, batch=2)


@pytest.fixture(scope="module")
def framed(tmp_path_factory):
    """Three sequences of 12 pictures of noise, small and enlarged on their way in."""
    folder, found = tmp_path_factory.mktemp("pictures"), []
    for name in "abc":
        example = examples.example(folder, name, "dull")
        rng, paths = np.random.default_rng(ord(name)), []
        for index in range(examples.FRAMES):
            paths.append(folder / f"{name}-{index}.png")
            cv2.imwrite(str(paths[-1]), rng.integers(0, 255, (24, 32, 3), np.uint8))
        found.append(Framed(example, tuple(paths)))
    return found


@pytest.fixture(scope="module")
def step(framed, tmp_path_factory):
    return imitated(made.side(tmp_path_factory.mktemp("work")).shop, framed, SETTING)


def test_the_step_says_what_it_learned_from(step) -> None:
    record = step.read()
    assert record["frames"] == {"learned": 35, "held": 1}
    assert record["sequences"] == 3
    assert set(record[MADE_OF]) == {f"picture of {name}" for name in "abc"}
    assert record["error"] > 0
    assert not (step.folder / imitation.CHECKPOINT).exists()


def test_its_backbone_is_folded_and_ready_to_be_exported(step) -> None:
    backbone = file.read(step.file(BACKBONE))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in backbone.modules())
    assert all(value.is_contiguous() for value in backbone.state_dict().values())


def test_it_is_found_again_and_another_length_is_another_one(step, framed, monkeypatch) -> None:
    shop = made.side(step.folder.parents[1]).shop
    monkeypatch.setattr(imitation, "_make", None)
    assert imitated(shop, framed, SETTING).key == step.key
    with pytest.raises(TypeError):
        imitated(shop, framed, Imitating(steps=3, batch=2))


def test_each_frame_has_its_turn_in_each_lap() -> None:
    turns = [imitation._turn(place, 7, 0) for place in range(14)]
    assert sorted(turns[:7]) == sorted(turns[7:]) == list(range(7))
    assert turns[:7] != turns[7:]


def test_frames_are_spread_over_all_sequences(framed, tmp_path, monkeypatch) -> None:
    seen = {}
    monkeypatch.setattr(imitation, "follow", lambda *_: None)
    monkeypatch.setattr(imitation, "_error", lambda _, held, *__: seen.update(held=held) or 0.5)
    monkeypatch.setattr(imitation, "_course", lambda learned, *_: seen.update(learned=learned))
    monkeypatch.setattr(imitation, "CHECKPOINT", "checkpoint")
    (tmp_path / "checkpoint").touch()
    imitation._make(tmp_path, framed, Imitating(steps=2, frames=18))
    assert len(seen["learned"]) + len(seen["held"]) == 18
    assert {one.of.example.name for one in seen["learned"]} == set("abc")
    assert not {(one.of.example.name, one.index) for one in seen["held"]} & {
        (one.of.example.name, one.index) for one in seen["learned"]
    }


def test_too_few_frames_are_refused(framed, tmp_path) -> None:
    with pytest.raises(ValueError, match=f"wants {HELD} frames or more"):
        imitated(made.side(tmp_path).shop, framed[:1], Imitating(steps=1))


def test_the_loss_falls(framed) -> None:
    torch.manual_seed(0)
    network = imitation.Imitator(examples.CHANNELS)
    mean, spread = torch.zeros(examples.CHANNELS, 1, 1), torch.ones(examples.CHANNELS, 1, 1)
    shown = [imitation._Shown(framed[0], 0)]
    course = imitation._course(shown, Imitating(steps=6, batch=1, learning_rate=1e-2), mean, spread)
    optimizers, losses = course.optimizers(network), []
    for number, batch in enumerate(course.batches(0, 0)):
        course.rates(optimizers, number)
        loss = course.loss(network(*batch.inputs), *batch.targets)
        losses.append(float(loss.detach()))
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
    assert losses[-1] < losses[0]
