"""The exported graph against what was trained: pooled features, blind changes, smoothing, bars of the letterbox."""

import numpy as np
import pytest
import torch

from training.network.lite0 import imagenet_backbone
from training.smoke.network import GRID, POOL
from training.smoke.pool.change import changes
from training.smoke.student.graph import Graph, Inside, state_shapes, zero_state
from training.smoke.student.head import Head, Shape, Statistics
from training.smoke.student.quantized import QuantizedHead, plain
from training.smoke.student.score import score

FEATURES = 112


@pytest.fixture(scope="module")
def head() -> QuantizedHead:
    torch.manual_seed(3)
    eye = torch.eye(FEATURES)
    statistics = Statistics(
        torch.randn(FEATURES) * 0.3, torch.rand(FEATURES) + 1, torch.rand(FEATURES) + 0.3, eye * 0.5, eye
    )
    made = Head(Shape(FEATURES, projected=8, width=12, conditions=3), statistics).eval()
    with torch.no_grad():
        made.out.weight.mul_(100)
    return plain(QuantizedHead(made))


@pytest.fixture(scope="module")
def graph(head) -> Graph:
    return Graph(imagenet_backbone(), POOL, head)


def letterboxed(count: int) -> torch.Tensor:
    """Frames of 480 × 640 with bars of 32 rows, ever brighter."""
    torch.manual_seed(0)
    small = torch.rand(count, 3, 26, 40)
    frames = torch.nn.functional.interpolate(small, size=(416, 640), mode="bilinear").permute(0, 2, 3, 1)
    frames = frames * torch.linspace(0.5, 1, count).view(count, 1, 1, 1)
    whole = torch.full((count, 480, 640, 3), 128 / 255)
    whole[:, 32:448] = frames
    return whole


def test_exported_graph_equals_what_was_trained(graph: Graph, head: QuantizedHead) -> None:
    frames = letterboxed(5)
    inside = np.zeros(GRID, bool)
    inside[2:28] = True
    with torch.inference_mode():
        pooled = [
            torch.cat(
                [
                    torch.nn.functional.avg_pool2d(f, k)
                    for f, k in zip(graph.backbone(frame[None].permute(0, 3, 1, 2)), POOL, strict=True)
                ],
                dim=1,
            )[0]
            for frame in frames
        ]
        features = torch.stack(pooled).numpy()
        moved = np.stack(list(changes(features, inside)))
        expected = score(head, features, moved, inside)
        state, scores, scenes = zero_state(FEATURES), [], []
        for frame in frames:
            found, scene, *state = graph(frame[None], *state)
            scores.append(found[0].numpy())
            scenes.append(scene[0].numpy())
    np.testing.assert_allclose(np.stack(scores), expected.maps(), atol=0.01)
    np.testing.assert_allclose(np.stack(scenes), expected.scene, atol=0.01)
    assert np.abs(np.diff(expected.maps(), axis=0)).max() > 0.1


def test_state_keeps_its_shapes_and_begins_empty(graph: Graph) -> None:
    with torch.inference_mode():
        _, _, *after = graph(letterboxed(1), *zero_state(FEATURES))
    assert [tuple(t.shape) for t in after] == list(state_shapes(FEATURES).values())
    background, _, weight, _, score_weight = after
    assert float(weight) == 0
    assert float(background.abs().max()) == 0
    assert float(score_weight) == 0.5


@pytest.mark.parametrize(
    ("rows", "cols"), [((0, 480), (0, 640)), ((27, 453), (0, 640)), ((0, 480), (80, 560))]
)
def test_bars_are_found_in_the_picture_by_the_centres_of_cells(rows, cols) -> None:
    frame = torch.full((1, 3, 480, 640), 128 / 255)
    frame[:, :, slice(*rows), slice(*cols)] = torch.rand(1, 3, rows[1] - rows[0], cols[1] - cols[0])
    y, x = (torch.arange(count) * 16 + 8 for count in GRID)
    expected = ((y >= rows[0]) & (y < rows[1]))[:, None] & ((x >= cols[0]) & (x < cols[1]))[None]
    for border in ((0, 0, 0, 0), (0, 1, 0, 1)):
        assert torch.equal(Inside(border)(frame)[0, :, :, 0], expected.float())


def test_a_picture_as_grey_as_padding_leaves_the_state_whole(graph: Graph) -> None:
    grey, state = torch.full((1, 480, 640, 3), 128 / 255), zero_state(FEATURES)
    with torch.inference_mode():
        for _ in range(4):
            scores, scene, *state = graph(grey, *state)
    assert all(torch.isfinite(tensor).all() for tensor in (scores, scene, *state))


def test_light_that_changes_everywhere_leaves_nothing(graph: Graph, head: QuantizedHead) -> None:
    """The background's gain and offset are fitted to the frame before it is subtracted."""
    frame, state = letterboxed(1), zero_state(FEATURES)
    seen = []
    head.moved.mode = "observe"
    head.moved._given = False
    with torch.inference_mode():
        for _ in range(4):
            _, _, *state = graph(frame, *state)
        background, recent, weight, score, score_weight = state
        head.moved.set(0.0, 0.0)
        graph(frame, background * 1.3 + 0.2 * weight, recent, weight, score, score_weight)
        seen.append(max(float(head.moved.high), -float(head.moved.low)))
        head.moved.set(0.0, 0.0)
        block = background.clone()
        block[:, 10:14, 10:14] += weight * 2
        graph(frame, block, recent, weight, score, score_weight)
        seen.append(max(float(head.moved.high), -float(head.moved.low)))
    head.moved.mode = "off"
    assert seen[0] < 0.05 * seen[1]
