"""What `python -m training pool` does: list, draw, say what is there."""

from __future__ import annotations

import argparse
from collections import Counter

import msgspec

from training.gate.stream import parts_of
from training.smoke.data.read import read
from training.smoke.pool.picture import draw_all
from training.smoke.pool.variant import METHODS, variants
from training.step.workshop import Workshop


def handle(options: argparse.Namespace) -> int:
    """Make the pool, print a line of JSON about it; return the exit code.

    Raises:
        ValueError, OSError: the data or the arguments are unfit; one line each.
    """
    shop = Workshop(options.work, METHODS)
    if not shop.leave():
        return 0
    some = variants(parts_of([read(folder) for folder in options.data]), options.seed)
    steps = draw_all(shop, some, options.processes)
    shown = {
        "variants": Counter("real" if one.real else one.weather for one in some),
        "fires": sum(one.fire is not None for one in some),
        "pictures": sum(step.read()["frames"] for step in steps),
    }
    print(msgspec.json.encode(shown).decode())
    return 0
