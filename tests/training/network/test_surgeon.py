"""What a cut keeps, and that the rest is the best fit there is."""

import itertools

import torch

from training.network.surgeon import cut


def test_what_the_others_can_say_goes_first() -> None:
    """The third input has the largest weight and says nothing that the first two do not."""
    torch.manual_seed(0)
    first, second, own = torch.randn(3, 4000)
    inputs = torch.stack([first, second, first + second, own], dim=1)
    wanted = (0.1 * first + 5 * (first + second) + 0.5 * own)[:, None] + 3
    found = cut(inputs, wanted, 3)
    assert len(found.kept) == 3
    assert 3 in found.kept
    assert found.error < 1e-3
    made = inputs[:, found.kept] @ found.weight.T + found.bias
    torch.testing.assert_close(made, wanted, atol=0.05, rtol=0.01)


def test_the_rest_is_the_least_squares_fit() -> None:
    torch.manual_seed(1)
    inputs = torch.randn(3000, 6) @ torch.randn(6, 6) + torch.randn(6)
    wanted = inputs @ torch.randn(6, 4) + torch.randn(4) + torch.randn(3000, 4)
    found = cut(inputs, wanted, 3)
    assert found.kept.tolist() == sorted(found.kept.tolist())
    one = torch.cat([inputs[:, found.kept], torch.ones(3000, 1)], dim=1)
    best = torch.linalg.lstsq(one, wanted).solution
    torch.testing.assert_close(found.weight, best[:-1].T, atol=5e-3, rtol=5e-3)
    torch.testing.assert_close(found.bias, best[-1], atol=2e-2, rtol=2e-2)


def test_the_choice_is_near_the_best_of_all() -> None:
    torch.manual_seed(2)
    inputs = torch.randn(2000, 7) @ torch.randn(7, 7)
    wanted = inputs @ torch.randn(7, 3)
    error = {
        kept: cut(inputs[:, list(kept)], wanted, 3).error for kept in itertools.combinations(range(7), 3)
    }
    found = cut(inputs, wanted, 3)
    ranked = sorted(error, key=error.get)
    assert tuple(found.kept.tolist()) in ranked[:3]


def test_every_output_counts_alike() -> None:
    torch.manual_seed(3)
    inputs = torch.randn(2000, 2)
    loud = 100 * (
        inputs[:, 0] + 0.3 * inputs[:, 1]
    )  # both outputs want the second input, one of them quietly
    quiet = 0.01 * inputs[:, 1]
    assert cut(inputs, torch.stack([loud, quiet], dim=1), 1).kept.tolist() == [1]
