"""The steps that train a head, and that teach one by a cached teacher."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.smoke.test_head import made_up
from training.distill.loop import Stopped, follow
from training.distill.setting import Distillation
from training.smoke import head as heads
from training.smoke.head import score_maps, train
from training.smoke.recipe import Recipe
from training.smoke.train import METHODS, load_head, teach, train_head
from training.step.workshop import Workshop

TEACHER = Recipe(steps=30, batch=8, learning_rate=1e-2, channels=12, width=16, seed=1)
STUDENT = Recipe(steps=30, batch=8, learning_rate=1e-2, channels=8, width=8, seed=2)
SOFT = Distillation(temperature=2.0, alpha=1.0)


@pytest.fixture(autouse=True)
def one_thread():
    """Flushing denormals holds for the calling thread alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path, METHODS)


EXAMPLES = [made_up("a", "1"), made_up("bb", "2")]


def contrary(example):
    """The same frames, where all but the boxes would be smoke."""
    positive = ~example.positive
    positive[:3] = False
    return replace(example, positive=positive, negative=~positive, sha256=f"not {example.sha256}")


def contrast(step) -> float:
    """How far the cells that change stand above the others in a sequence that was never learned from."""
    unseen = made_up("ccc", "3")
    maps = score_maps(load_head(step), unseen.features, unseen.change)
    return float(maps[5, 5:9, 5:9].mean() - maps[5, 15:, 15:].mean())


def test_a_head_learns_from_a_cached_teacher_what_no_box_says(shop, monkeypatch):
    teacher = train_head(shop, "teacher", [contrary(example) for example in EXAMPLES], TEACHER)
    taught = teach(shop, [teacher], EXAMPLES)
    assert [example.soft.shape for example in taught] == [(6, 30, 40)] * 2
    student = train_head(shop, "student", taught, STUDENT, SOFT)
    alone = train_head(shop, "alone", EXAMPLES, STUDENT)
    assert len({teacher.key, student.key, alone.key}) == 3
    assert contrast(teacher) < -0.2
    assert contrast(student) < -0.1
    assert contrast(alone) > 0.1

    def forbidden(*_, **__):
        raise AssertionError("a finished step ran again")

    monkeypatch.setattr("training.smoke.train.train", forbidden)
    monkeypatch.setattr("training.distill.soft._extract", forbidden)
    again = teach(shop, [teacher], EXAMPLES)
    assert train_head(shop, "student", again, STUDENT, SOFT).read()["files"]


def test_a_teacher_of_which_nothing_is_taken_changes_nothing(shop, tmp_path):
    taught = [replace(example, soft=torch.randn(6, 30, 40).half()) for example in EXAMPLES]
    none = train(taught, STUDENT, tmp_path / "a.pt", Distillation(alpha=0.0))
    plain = train(EXAMPLES, STUDENT, tmp_path / "b.pt")
    for a, b in zip(none.state_dict().values(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_a_mirrored_frame_has_its_own_mirrored_logits():
    """Logits that name the frame's features come back beside those features, mirrored or not."""
    named = [replace(example, soft=example.features[:, 0]) for example in EXAMPLES]
    for batch in heads._batches(named, replace(STUDENT, steps=3), 0):
        assert torch.equal(batch.targets[2], batch.inputs[0][:, 0])


def test_another_teacher_or_another_temperature_is_another_step(shop):
    teachers = [train_head(shop, "t", EXAMPLES, replace(TEACHER, steps=2, seed=seed)) for seed in (1, 2)]
    taught = [teach(shop, [teacher], EXAMPLES) for teacher in teachers]
    keys = {
        train_head(shop, "s", examples, replace(STUDENT, steps=1), method).key
        for examples in taught
        for method in (SOFT, Distillation(temperature=3.0, alpha=1.0))
    }
    assert len(keys) == 4


def test_an_interrupted_training_goes_on_to_the_bit(tmp_path, monkeypatch):
    whole = train(EXAMPLES, STUDENT, tmp_path / "whole.pt").state_dict()
    monkeypatch.setattr(heads, "follow", lambda *parts: follow(*parts, stop_after_steps=17))
    with pytest.raises(Stopped):
        train(EXAMPLES, STUDENT, tmp_path / "parts.pt")
    monkeypatch.setattr(heads, "follow", follow)
    torch.rand(9)  # chance goes on meanwhile
    resumed = train(EXAMPLES, STUDENT, tmp_path / "parts.pt").state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_damaged_head_is_refused(shop):
    step = train_head(shop, "h", EXAMPLES, replace(STUDENT, steps=1))
    (step.folder / "head.pt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"head\.pt: damaged or gone"):
        load_head(step)
