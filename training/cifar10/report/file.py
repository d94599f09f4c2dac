"""Reading and writing the result file; what older versions wrote is turned into today's records.

A file is judged by what stands in it: the steps that it was made from are not needed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from edge.document import text_of
from training.cifar10.report.record import SCHEMA, Result
from training.step.step import write_json

_SCHEMA = re.compile(r"firetower\.cifar10/(\d{1,6})(?:\.\d{1,6})?", re.ASCII)
_MAJOR = 2
_BYTES_MAX = 1 << 28

Tree = dict[str, Any]
"""A JSON object that is not yet typed."""


class Header(msgspec.Struct):
    """What says which kind of file it is."""

    schema: str


def write(path: Path, result: Result) -> None:
    """Write the file, whole or not at all."""
    write_json(path, result)


def read(path: Path) -> Result:
    """Read and check one file of `python -m training cifar10 --result`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none, is of an unknown version, malformed, or cut off.
    """
    with path.open("rb") as file:
        content = file.read(_BYTES_MAX + 1)
    if len(content) > _BYTES_MAX:
        raise ValueError(f"{path}: longer than {_BYTES_MAX} bytes; no result of `python -m training cifar10`")
    try:
        text = text_of(content)
    except ValueError as error:
        raise ValueError(f"{path}: no whole result of `python -m training cifar10`: {error}") from None
    try:
        major = _major(path, msgspec.json.decode(text, type=Header).schema)
        tree = msgspec.json.decode(text, type=Tree)
        return msgspec.convert(_from_1(tree) if major == 1 else tree, Result)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(
            f"{path}: no whole result of `python -m training cifar10`: {error}; make it again with --result"
        ) from error


def _major(path: Path, schema: str) -> int:
    """Return the major version of a file that can be read."""
    match = _SCHEMA.fullmatch(schema)
    if match is None:
        raise ValueError(f"{path}: schema {schema[:80]!r}; expected {SCHEMA}, or an older one")
    if not 1 <= int(match[1]) <= _MAJOR:
        raise ValueError(
            f"{path}: schema {schema[:80]!r} is of another version than 1 to {_MAJOR}; update firetower"
        )
    return int(match[1])


def _from_1(tree: Tree) -> Tree:
    """Return a tree of version 1 as one of version 2, which states what was a constant of the code then.

    Raises:
        msgspec.ValidationError: it is malformed.
    """
    try:
        ensemble, sensitivity = tree["ensemble"], tree["sensitivity"].items()
        digest = {"files": {"logits.pt": ensemble["sha256"]}} if "sha256" in ensemble else {}
        return tree | {
            "schema": SCHEMA,
            "ensemble": ensemble | digest,
            "sensitivity": {pair: one | {"loss_budget": 0.02} for pair, one in sensitivity},
            "aims": {
                "loss_max_points": {"int8-ptq": 0.7, "int8-qat": 0.3},
                "size_max_bytes": 11_500_000,
                "agreement_min": 0.995,
            },
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise msgspec.ValidationError(f"version 1: {type(error).__name__} {error}") from error
