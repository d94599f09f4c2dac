"""States of calibration inputs: those that the graph itself would have, without running it."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.training.smoke.lesson import made
from training.smoke.pool.change import changes
from training.smoke.student.calibration import SEQUENCES, Framed, chosen, some, state_at
from training.smoke.student.graph import Graph, zero_state
from training.smoke.student.head import Head, Shape, Statistics
from training.smoke.student.quantized import QuantizedHead, plain


class Given(torch.nn.Module):
    """A backbone that gives stored features of one frame after the other."""

    def __init__(self, features) -> None:
        super().__init__()
        self.features, self.index = features, -1
        self.shape = SimpleNamespace(channels=(made.CHANNELS,))
        self.border = (0, 1, 0, 1)

    def forward(self, frame):
        self.index += 1
        return (torch.from_numpy(np.asarray(self.features[self.index], np.float32))[None],)


@pytest.mark.parametrize("index", [0, 1, 2, 7])
def test_a_state_is_what_the_graph_would_have(tmp_path, index) -> None:
    example = made.example(tmp_path, "a", "dull")
    example = replace(example, changes={1: np.stack(list(changes(example.features, example.inside)))})
    torch.manual_seed(0)
    count, eye = made.CHANNELS, torch.eye(made.CHANNELS)
    mean, spread, scale = torch.randn(count) * 0.2, torch.rand(count) + 0.5, torch.rand(count) + 0.5
    head = plain(
        QuantizedHead(Head(Shape(made.CHANNELS, 4, 8, 1), Statistics(mean, spread, scale, eye, eye)).eval())
    )
    graph, state = Graph(Given(example.features), (1,), head), zero_state(made.CHANNELS)
    with torch.inference_mode():
        for _ in range(index):
            _, *state = graph(torch.rand(1, 480, 640, 3), *state)
    for got, expected in zip(state_at(head, example, index, graph.rate), state, strict=True):
        torch.testing.assert_close(got, expected, rtol=2e-3, atol=2e-3)


def test_frames_with_boxes_are_among_the_chosen(tmp_path) -> None:
    boxed = chosen(made.example(tmp_path, "a", "dull", smoky_from=8))
    assert boxed == [3, 7, 10, 11]
    assert chosen(made.example(tmp_path, "b", "dull", smoky_from=None)) == [3, 7]


def test_half_of_the_sequences_have_boxes_where_there_are_so_many(tmp_path) -> None:
    smoky = Framed(made.example(tmp_path, "a", "dull"), (Path("a"),))
    free = Framed(made.example(tmp_path, "b", "dull", smoky_from=None), (Path("b"),))
    taken = list(some([smoky] * 20 + [free] * 20))
    assert (taken.count(smoky), taken.count(free)) == (SEQUENCES // 2, SEQUENCES // 2)
    assert list(some([smoky, smoky, free])) == [smoky, smoky, free]
    assert list(some([smoky] * 20)).count(smoky) == SEQUENCES
