"""The steps that train: a head on cached features, and a teacher's soft labels for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import msgspec
import torch
from torch import Tensor

from training.distill import soft
from training.distill.setting import Distillation
from training.smoke.head import Example, train
from training.smoke.network import FEATURES, Head
from training.smoke.recipe import Recipe
from training.step.step import Step, digests, write_whole
from training.step.workshop import Workshop

# Raise a number when that kind of step would give something else from the same inputs.
METHODS = {"features": 2, "soft": 2, "head": 2, "export": 2, "fold": 2, "prune": 1, "frozen": 1}
HEAD, CHECKPOINT = "head.pt", "checkpoint.pt"


def train_head(
    shop: Workshop,
    name: str,
    examples: Sequence[Example],
    recipe: Recipe,
    method: Distillation | None = None,
) -> Step:
    """Train a head, or find it trained.

    Args:
        shop: where the step goes.
        name: of the step, for people.
        examples: with a teacher's logits (`teach`) where there is a method.
        recipe: how.
        method: how a teacher's logits are used; None learns from boxes alone.

    Raises:
        ValueError: as `head.train`.
    """
    inputs = {
        "recipe": asdict(recipe),
        "examples": [example.sha256 for example in examples],
        "taught": None if method is None else msgspec.to_builtins(method),
    }
    step = shop.step("head", name, inputs)
    shop.once(step, lambda: _train(step, examples, recipe, method))
    (step.folder / CHECKPOINT).unlink(missing_ok=True)
    return step


def _train(
    step: Step, examples: Sequence[Example], recipe: Recipe, method: Distillation | None
) -> dict[str, Any]:
    with _one_thread():
        head = train(examples, recipe, step.folder / CHECKPOINT, method)
    write_whole(step.folder / HEAD, lambda path: torch.save(head.state_dict(), path))
    return {
        "files": digests(step.folder, HEAD),
        "channels": recipe.channels,
        "width": recipe.width,
        "made_of": sorted(frozenset().union(*(example.made_of for example in examples))),
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    """A second one costs more than it brings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def load_head(step: Step) -> Head:
    """Return a trained head, in evaluation mode.

    Raises:
        ValueError: its file is damaged.
    """
    record = step.read()
    head = Head(torch.ones(FEATURES), record["channels"], record["width"])
    head.load_state_dict(torch.load(step.file(HEAD), weights_only=True))
    return head.eval().requires_grad_(requires_grad=False)


def teach(shop: Workshop, teachers: Sequence[Step], examples: Sequence[Example]) -> list[Example]:
    """Give every example the mean of the teachers' logits of its frames, extracted once.

    Args:
        shop: where the step goes.
        teachers: of `train_head`.
        examples: in an order of which the step is one more thing that it depends on.
    """
    inputs = {
        "teachers": [teacher.key for teacher in teachers],
        "examples": [example.sha256 for example in examples],
    }
    step = shop.step("soft", "soft", inputs)
    heads = [load_head(teacher) for teacher in teachers]

    def of_part(number: int) -> Tensor:
        example = examples[number]
        with torch.inference_mode():
            features, change = example.features.float(), example.change.float()
            return torch.stack([head(features, change)[:, 0] for head in heads]).mean(dim=0).half()

    made_of = frozenset().union(
        *(teacher.read()["made_of"] for teacher in teachers), *(example.made_of for example in examples)
    )

    def describe(_: Tensor) -> dict[str, Any]:
        return {"teachers": [teacher.name for teacher in teachers], "made_of": sorted(made_of)}

    soft.extract(shop, step, len(examples), of_part, describe)
    logits = torch.split(soft.load(step), [len(example.features) for example in examples])
    return [
        replace(
            example,
            soft=part,
            sha256=hashlib.sha256(f"{example.sha256} {step.key}".encode()).hexdigest(),
            made_of=frozenset(step.read()["made_of"]),
        )
        for example, part in zip(examples, logits, strict=True)
    ]
