"""The first look at a model file, in a child process: a malformed one may crash its loader, not the caller.

A digest says that a file is the one that its manifest names, not that it is well-formed. So every bundle
but the one that ships with this package is loaded, allocated and run in a child before the daemon loads it
(load.py), and so is what `firetower bundle import` and `verify` are given. The child gets the checked bytes
on its stdin.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec
import numpy as np

from edge.errors import BundleError, EdgeError, MissingExtraError, RuntimeModelError
from edge.model.backend import Backend, Shapes
from edge.model.interface import FileTensor, Interface
from edge.model.registry import BACKENDS
from edge.model.runtime import Tensor
from edge.text import whole

TIMEOUT_S = 120.0
MEMORY_BYTES = 4 << 30  # address space of the child; a bundled model needs a tenth of it
_ROOT = str(Path(__file__).parents[2])
_MISSING, _REFUSED = 3, 4  # exit codes of the child
_SAMPLES_MAX = 1 << 16
_FED = {"float32", "int8", "uint8"}
_AS_DECLARED: Shapes = MappingProxyType({})


class Request(msgspec.Struct, frozen=True):
    """What the child is asked: `shapes` fixes inputs by name, an open batch of others becomes 1."""

    backend: str
    file: str
    shapes: dict[str, tuple[int, ...]]


class Answer(msgspec.Struct, frozen=True):
    """What the child saw.

    Attributes:
        declared: as the file declares itself.
        actual: with the shapes that it really had in a run; as declared if there was none, because a size is open or
            an input takes what no bundle feeds.
        samples: real values of the first output for zeros and for noise; empty where it is large or there was no run.
    """

    declared: Interface
    actual: Interface
    samples: tuple[tuple[float, ...], ...]


def probe(
    model: bytes,
    file: str,
    backend: Backend,
    shapes: Shapes = _AS_DECLARED,
    *,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Load a model file and run it twice, in a child process.

    Args:
        model: the file's bytes.
        file: its name, for messages.
        backend: of the registry.
        shapes: for inputs whose shape the file leaves open.
        timeout_s: for loading and both runs.
    Raises:
        BundleError: the file is refused, crashes its loader or keeps it busy for too long; names the file.
        MissingExtraError: the backend is not installed.
    """
    request = msgspec.json.encode(Request(backend.name, whole(file), dict(shapes)))
    paths = [_ROOT, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "edge.model.probe", request.decode()],
            input=model,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(
            f"{file}: {backend.name} was still loading it after {timeout_s:g} s; refused"
        ) from error
    said = child.stderr.decode(errors="replace").strip().splitlines()
    if child.returncode == 0:
        return msgspec.json.decode(child.stdout, type=Answer)
    if child.returncode == _MISSING:
        raise backend.missing()
    if child.returncode == _REFUSED:
        raise BundleError(said[-1] if said else f"{file}: refused")
    how = signal.Signals(-child.returncode).name if child.returncode < 0 else f"exit {child.returncode}"
    raise BundleError(f"{file}: the file crashes {backend.name} ({how}); it is damaged or not meant for it")


def _look(model: bytes, request: Request) -> Answer:
    backend = BACKENDS[request.backend]
    declared = backend.describe(model, request.file)
    shapes = {tensor.name: _closed(tensor, request.shapes) for tensor in declared.inputs}
    fed = all(tensor.dtype in _FED for tensor in declared.inputs)
    if not fed or any(not shape or min(shape) < 0 for shape in shapes.values()):
        return Answer(declared, declared, ())
    run = backend.probe(model, request.file, shapes)

    def made(fill: Callable[[str, tuple[int, ...]], Tensor]) -> Sequence[Tensor]:
        return run({tensor.name: fill(tensor.dtype, shapes[tensor.name]) for tensor in declared.inputs})

    runs = [made(lambda dtype, shape: np.zeros(shape, dtype)), made(_noise)]
    actual = Interface(
        tuple(_sized(tensor, shapes[tensor.name]) for tensor in declared.inputs),
        tuple(_sized(tensor, got.shape) for tensor, got in zip(declared.outputs, runs[0], strict=True)),
    )
    return Answer(declared, actual, tuple(_real(declared.outputs[0], results[0]) for results in runs))


def _closed(tensor: FileTensor, shapes: Shapes) -> tuple[int, ...]:
    batch = tuple(1 if size < 0 else size for size in tensor.shape[:1])
    return shapes.get(tensor.name, batch + tensor.shape[1:])


def _noise(dtype: str, shape: tuple[int, ...]) -> Tensor:
    rng = np.random.default_rng(0)
    if np.issubdtype(np.dtype(dtype), np.integer):
        limit = np.iinfo(dtype)
        return rng.integers(limit.min, limit.max, shape, dtype, endpoint=True)
    return rng.random(shape).astype(dtype)


def _sized(tensor: FileTensor, shape: Sequence[int]) -> FileTensor:
    return msgspec.structs.replace(tensor, shape=tuple(map(int, shape)), rank_told=True)


def _real(tensor: FileTensor, stored: Tensor) -> tuple[float, ...]:
    if stored.size > _SAMPLES_MAX:
        return ()
    real = stored.astype(np.float64).ravel()
    if tensor.scale is not None:
        real = (real - (tensor.zero_point or 0)) * tensor.scale
    return tuple(map(float, np.nan_to_num(real)))


def main() -> int:
    """Answer one request: JSON on stdout, or the reason on stderr and an exit code."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    request = msgspec.json.decode(sys.argv[1].encode(), type=Request)
    try:
        answer = _look(sys.stdin.buffer.read(), request)
    except MissingExtraError:
        return _MISSING
    except RuntimeModelError as error:
        return _refuse(error)
    except (EdgeError, ValueError, RuntimeError, MemoryError, TypeError, IndexError, KeyError) as error:
        return _refuse(RuntimeModelError(f"{request.file}: {request.backend} cannot run it: {error}"))
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return 0


def _refuse(error: EdgeError) -> int:
    print(" ".join(str(error).split()), file=sys.stderr)
    return _REFUSED


if __name__ == "__main__":
    sys.exit(main())
