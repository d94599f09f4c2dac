"""A fresh process of this package: a request as JSON in, an answer as JSON out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from edge.errors import BundleError

_ROOT = str(Path(__file__).parents[1])
_TIMEOUT_S = 1800
Answer = TypeVar("Answer")


class Request(Protocol):
    """What every request says of itself."""

    @property
    def bundle(self) -> str:
        """The bundle's path."""
        ...

    @property
    def backend(self) -> str:
        """The backend."""
        ...


def run(module: str, request: Request, answer: type[Answer]) -> Answer:
    """Run `python -m module REQUEST` and read what it answers.

    Args:
        module: of this package; another package of its name in the working folder is not taken.
        request: a msgspec.Struct.
        answer: the type of the answer, likewise.

    Raises:
        BundleError: it failed (the message is its last line) or took longer than half an hour; a path is not UTF-8.
    """
    paths = [_ROOT, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    try:
        asked = msgspec.json.encode(request).decode()
    except UnicodeEncodeError:
        raise BundleError(f"{request.bundle}: its path is not UTF-8; measure a copy elsewhere") from None
    command = [sys.executable, "-P", "-m", module, asked]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    try:
        child = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False, env=environment)
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"{request.bundle}: {request.backend} took longer than {_TIMEOUT_S} s") from error
    if child.returncode != 0:
        said = child.stderr.decode(errors="replace").strip().splitlines() or [f"exit {child.returncode}"]
        raise BundleError(f"{request.bundle}: measuring {request.backend} failed: {said[-1]}")
    return msgspec.json.decode(child.stdout, type=answer)
