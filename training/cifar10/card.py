"""The card of a CIFAR-10 bundle."""

from __future__ import annotations


def render(name: str, recipe: str) -> str:
    """Write the card of one row of the experiment."""
    return f"""# {name}

A classifier of 32 × 32 RGB pictures in ten classes (CIFAR-10), made by `python -m training cifar10 --recipe {recipe}`
to say what distillation and quantization each cost and bring. Its accuracy, size and time stand in that command's
report, beside those of its siblings. It watches no forest: pictures from a camera belong to the smoke bundle.

Trained and calibrated on CIFAR-10's training images alone (Krizhevsky 2009, "Learning multiple layers of features from
tiny images"); the data set has no licence of its own: for research and tests.
"""
