"""Short trainings on made-up maps: they learn, to the bit the same when interrupted, from labels or a teacher."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.smoke.lesson import made
from training.distill.loop import Stopped, follow
from training.distill.setting import Distillation
from training.smoke.lesson import train as training
from training.smoke.lesson.setting import Setting
from training.smoke.lesson.train import train_float, train_quantized
from training.smoke.student.score import score

SETTING = Setting(
    steps=24,
    quantized_share=0,
    batch=6,
    projected=8,
    width=16,
    depth=1,
    learning_rate=2e-2,
    conditions_weight=1.0,
)


def contrast(head, unseen) -> float:
    maps = score(head, unseen.features, unseen.changes[1], unseen.inside).maps()
    return float(maps[8:, 5:9, 5:9].mean() - maps[8:, 15:, 15:].mean())


def test_a_head_learns_cells_and_conditions(tmp_path) -> None:
    head = train_float(made.pool(tmp_path), SETTING, tmp_path)
    assert contrast(head, made.example(tmp_path, "unseen", "dull")) > 0.5
    bright, dull = (made.example(tmp_path, f"new {group}", group) for group in ("bright", "dull"))
    scenes = [score(head, e.features, e.changes[1], e.inside).scene[:, 0].mean() for e in (bright, dull)]
    assert scenes[0] > scenes[1] + 0.2


def test_an_interrupted_training_goes_on_to_the_bit(tmp_path, monkeypatch) -> None:
    pool, short = made.pool(tmp_path), replace(SETTING, steps=8)
    whole = train_float(pool, short, tmp_path / "whole").state_dict()
    monkeypatch.setattr(training, "follow", lambda *parts: follow(*parts, stop_after_steps=5))
    with pytest.raises(Stopped):
        train_float(pool, short, tmp_path / "parts")
    monkeypatch.setattr(training, "follow", follow)
    torch.rand(9)  # chance goes on meanwhile
    resumed = train_float(pool, short, tmp_path / "parts").state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_teacher_is_believed_against_the_labels(tmp_path) -> None:
    """The boxes lie where nothing changes; the teacher knows better."""
    pool = []
    for example in made.pool(tmp_path):
        soft = {k: 8 * example.positive[::k].astype("float16") - 4 for k in (1, 3)}
        wrong = np.roll(example.positive, 15, axis=(1, 2))
        pool.append(replace(example, soft=soft, positive=wrong, negative=~wrong))
    unseen = made.example(tmp_path, "unseen", "dull")
    method = Distillation(temperature=2.0, alpha=1.0)
    taught = contrast(train_float(pool, SETTING, tmp_path / "taught", method), unseen)
    alone = contrast(train_float(pool, SETTING, tmp_path / "alone"), unseen)
    assert taught > 0.3
    assert alone < taught - 0.1


def test_another_seed_is_another_head(tmp_path) -> None:
    pool, short = made.pool(tmp_path), replace(SETTING, steps=2)
    a, b = (train_float(pool, replace(short, seed=seed), tmp_path / str(seed)) for seed in (1, 2))
    assert not torch.equal(a.project.weight, b.project.weight)


def test_the_quantized_part_goes_on_from_what_was_learned(tmp_path) -> None:
    setting = replace(SETTING, steps=32, quantized_share=0.25)
    pool = made.pool(tmp_path)
    head = train_float(pool, setting, tmp_path)
    before = [value.clone() for value in head.state_dict().values()]
    quantized = train_quantized(head, pool, setting, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(before, head.state_dict().values(), strict=True))
    assert all(point.mode == "fixed" for point in quantized.points().values())
    unseen = made.example(tmp_path, "unseen", "dull")
    assert contrast(quantized, unseen) > 0.5
    again = train_quantized(head, pool, setting, tmp_path)  # from its finished checkpoint
    assert all(
        torch.equal(a, b)
        for a, b in zip(quantized.state_dict().values(), again.state_dict().values(), strict=True)
    )
