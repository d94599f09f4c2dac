"""The scene's output: what is known of a condition is told after the fit, what is not leaves it alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.smoke.lesson import made
from training.smoke.lesson import scene
from training.smoke.lesson.example import Example, statistics
from training.smoke.student.head import Head, Shape
from training.smoke.student.quantized import QuantizedHead
from training.smoke.student.score import score


@pytest.fixture
def examples(tmp_path) -> list[Example]:
    return made.pool(tmp_path)


def head(examples: list[Example], conditions: int = 2) -> QuantizedHead:
    torch.manual_seed(0)
    shape = Shape(made.CHANNELS, projected=8, width=12, depth=1, conditions=conditions)
    return QuantizedHead(Head(shape, statistics(examples)).eval())


def logits(fitted: QuantizedHead, example: Example) -> np.ndarray:
    return score(fitted, example.features, example.changes[1], example.inside).scene


def test_a_condition_is_told_from_what_all_cells_show(examples) -> None:
    fitted = head(examples)
    scene.fit(fitted, examples)
    for example in examples:
        assert ((logits(fitted, example)[:, 0] > 0) == (example.group == "bright")).all()


def test_a_condition_that_never_holds_keeps_its_weights(examples) -> None:
    fitted = head(examples)
    before = fitted.scene.weight[1].clone(), fitted.scene.bias[1].clone()
    scene.fit(fitted, examples)
    assert torch.equal(fitted.scene.weight[1], before[0])
    assert torch.equal(fitted.scene.bias[1], before[1])


def test_frames_of_which_nobody_knows_decide_nothing(examples) -> None:
    fitted = head(examples)
    unknown = np.array(examples[0].conditions)
    unknown[::2] = np.nan
    scene.fit(fitted, [replace(examples[0], conditions=unknown), *examples[1:]])
    assert torch.isfinite(fitted.scene.weight).all()
    assert (logits(fitted, examples[0])[:, 0] < 0).all()


def test_the_many_do_not_outvote_the_few(examples) -> None:
    bright, *_ = [one for one in examples if one.group == "bright"]
    many = [replace(one) for one in examples if one.group == "dull"] * 10
    fitted = head(examples)
    scene.fit(fitted, [*many, bright])
    assert (logits(fitted, bright)[:, 0] > 0).all()


def test_without_conditions_there_is_nothing_to_fit(examples) -> None:
    plain = head(examples, conditions=0)
    scene.fit(plain, examples)
    assert plain.scene is None
