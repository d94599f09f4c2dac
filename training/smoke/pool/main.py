"""What `python -m training pool` does: list, draw, map, say what is there."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import get_args

import msgspec

from training.gate.stream import parts_of
from training.smoke import prune, train
from training.smoke.data.read import read
from training.smoke.pool.frozen import Frozen, Name, frozen
from training.smoke.pool.map import change_all, map_all
from training.smoke.pool.picture import draw_all
from training.smoke.pool.variant import METHODS, Variant, variants
from training.step.step import Step
from training.step.workshop import Workshop


def handle(options: argparse.Namespace) -> int:
    """Make the pool, print a line of JSON about it; return the exit code.

    Raises:
        ValueError, OSError: the data or the arguments are unfit; one line each.
    """
    shop = Workshop(options.work, train.METHODS | METHODS)
    if not shop.leave():
        return 0
    networks = options.network or ["lite0"]
    if unknown := sorted(set(networks) - set(get_args(Name))):
        raise ValueError(f"--network {unknown[0]}: expected one of {', '.join(get_args(Name))}")
    if options.only != "pictures" and not options.calibration:
        raise ValueError("--calibration: name a folder of pictures, or make --only pictures")
    some = variants(parts_of([read(folder) for folder in options.data]), options.seed)
    steps = draw_all(shop, some, options.processes)
    shown = {
        "variants": Counter("real" if one.real else one.weather for one in some),
        "fires": sum(one.fire is not None for one in some),
        "pictures": sum(step.read()["frames"] for step in steps),
    }
    if options.only != "pictures":
        pictures = [path for folder in options.calibration for path in prune.pictures_in(folder)]
        for name in networks:
            _map(shop, frozen(shop, name, pictures), some, steps, options)
        shown["networks"] = networks
    print(msgspec.json.encode(shown).decode())
    return 0


def _map(
    shop: Workshop,
    network: Frozen,
    some: Sequence[Variant],
    pictures: Sequence[Step],
    options: argparse.Namespace,
) -> None:
    maps = map_all(shop, some, pictures, network, options.processes)
    for frames in () if options.only == "maps" else options.background:
        for every in options.every:
            change_all(shop, some, pictures, maps, 1 / frames, every, options.processes)
