"""The backends: this list, and each one's record in its own module.

Settings, command lines, documentation, importer, self-test, benchmarks and deployment are made from it. Nothing here
imports an inference library.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge.model import litert, onnx
from edge.model.backend import Backend

_PREFERRED_FIRST = (litert.BACKEND, onnx.BACKEND)
BACKENDS: Mapping[str, Backend] = {backend.name: backend for backend in _PREFERRED_FIRST}


def suffixes() -> tuple[str, ...]:
    """Return the suffix of each kind of model file, once."""
    return tuple(dict.fromkeys(backend.suffix for backend in BACKENDS.values()))
