"""`python -m training.cifar10.convolution_time FILE`: oneDNN's convolutions against the products of `convolution.py`.

Both take turns in one process, bf16 and channels last; the first of each is thrown away and every other value kept.
"""

from __future__ import annotations

import argparse
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


def measure(say: Callable[[str], None], images: int | None = None) -> list[dict[str, Any]]:
    """Return a record per case: raw ms of every round.

    Args:
        say: told each result as it comes.
        images: in a batch, for a trial; those of each case if absent.
    """
    records = []
    for usual, ins, outs, side, kernel in CASES:
        batch = usual if images is None else images
        shape = f"{kernel}x{kernel}, {ins} -> {outs}, {side} px, batch {batch}"
        x = torch.randn(batch, ins, side, side).bfloat16().to(memory_format=torch.channels_last)
        kinds: dict[str, type[Conv2d]] = {"onednn": _Never, "product": _Always}
        convs = {
            name: laid_out(kind(ins, outs, kernel).bfloat16(), torch.channels_last)
            for name, kind in kinds.items()
        }
        gradient = torch.randn(batch, outs, side, side).bfloat16().to(memory_format=torch.channels_last)
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


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(prog="python -m training.cifar10.convolution_time", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="the result, as JSON")
    parser.add_argument("--images", type=int, help="in a batch, for a trial (default: those of each case)")
    options = parser.parse_args()
    result = {
        "schema": "firetower.convolution-time/1",
        "commit": commit(),
        "machine": machine(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "rounds": ROUNDS,
        "records": measure(lambda line: print(line, file=sys.stderr), options.images),
    }
    options.file.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
