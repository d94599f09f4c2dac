"""Kinds of arguments: each reads a word or says what was expected."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.place import parse_place

if TYPE_CHECKING:  # what add_subparsers gives
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 — it has no other


def port(text: str) -> int:
    """Read a port, 0 for a free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"got '{text}'; expected a port from 0 to 65535")
    return int(text)


def positive(text: str) -> float:
    """Read a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.001 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"got '{text}'; expected a number above 0")
    return value


def whole(text: str) -> int:
    """Read a whole number from 0."""
    if not text.isdecimal() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"got '{text}'; expected a whole number from 0")
    return int(text)


def size(text: str) -> tuple[int, int]:
    """Read WIDTHxHEIGHT; return (height, width)."""
    width, _, height = text.partition("x")
    if not (
        width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 8192 and 16 <= int(height) <= 8192
    ):
        raise argparse.ArgumentTypeError(
            f"got '{text}'; expected WIDTHxHEIGHT in px from 16 to 8192, as 640x480"
        )
    return int(height), int(width)


def place(text: str) -> str:
    """Read a place; return it as it was written."""
    try:
        parse_place(text)
    except PhysicsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def camera(text: str) -> tuple[str, Path]:
    """Read NAME=PATH."""
    name, sign, path = text.partition("=")
    if not (name and sign and path):
        raise argparse.ArgumentTypeError(f"got '{text}'; expected NAME=CLIP_OR_FOLDER, as north=clip.mp4")
    return name, Path(path)


def several(kind: Callable[[str], float]) -> Callable[[str], tuple[float, ...]]:
    """Return what reads numbers with commas between them, each of a kind."""

    def read(text: str) -> tuple[float, ...]:
        return tuple(kind(word) for word in text.split(","))

    return read
