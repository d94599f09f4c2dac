"""`python -m training.cifar10.convolution_time FILE`: oneDNN's convolutions against the products of `convolution.py`.

Both take turns in one process, bf16 and channels last; the first of each is thrown away and every other value kept.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.network.convolution import Conv2d
from training.network.memory import laid_out
from training.step.provenance import commit, machine

ROUNDS = 7
# images, channels in and out, side in px, kernel
CASES = (
    (256, 512, 512, 2, 3),
    (256, 512, 512, 4, 3),
    (256, 256, 256, 8, 3),
    (256, 128, 128, 16, 3),
    (128, 1024, 256, 4, 1),
)


class _Always(Conv2d):
    """Multiplies whatever the size of the map."""

    def _is_small(self, side_px: int) -> bool:  # noqa: ARG002
        return True


class _Never(Conv2d):
    """Convolves whatever the size of the map."""

    def _is_small(self, side_px: int) -> bool:  # noqa: ARG002
        return False


def _step(conv: Conv2d, x: Tensor, gradient: Tensor) -> tuple[float, float]:
    """Return ms of the forward pass, and of both gradients together."""
    x = x.detach().requires_grad_()
    started = time.perf_counter()
    y = conv(x)
    middle = time.perf_counter()
    y.backward(gradient)
    ended = time.perf_counter()
    conv.zero_grad()
    return (middle - started) * 1e3, (ended - middle) * 1e3


def measure(say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return a record a case: raw ms of every round."""
    records = []
    for images, ins, outs, side, kernel in CASES:
        shape = f"{kernel}x{kernel}, {ins} -> {outs}, {side} px, batch {images}"
        x = torch.randn(images, ins, side, side).bfloat16().to(memory_format=torch.channels_last)
        kinds: dict[str, type[Conv2d]] = {"onednn": _Never, "product": _Always}
        convs = {
            name: laid_out(kind(ins, outs, kernel).bfloat16(), torch.channels_last)
            for name, kind in kinds.items()
        }
        gradient = torch.randn(images, outs, side, side).bfloat16().to(memory_format=torch.channels_last)
        rounds = [
            {name: _step(conv, x, gradient) for name, conv in convs.items()} for _ in range(ROUNDS + 1)
        ][1:]
        record: dict[str, Any] = {"case": shape}
        for name in convs:
            record[name] = {
                "forward_ms": [taken[name][0] for taken in rounds],
                "backward_ms": [taken[name][1] for taken in rounds],
            }
        records.append(record)
        say(
            f"{shape}: "
            + ", ".join(
                f"{n} {_middle(record[n]['forward_ms']):.1f} + {_middle(record[n]['backward_ms']):.1f} ms"
                for n in convs
            )
        )
    return records


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    result = {
        "schema": "firetower.convolution-time/1",
        "commit": commit(),
        "machine": machine(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "rounds": ROUNDS,
        "records": measure(lambda line: print(line, file=sys.stderr)),
    }
    Path(sys.argv[1]).write_text(json.dumps(result) + "\n")
