"""From an opened bundle to a loaded model."""

from __future__ import annotations

from edge.model.bundle import Bundle
from edge.model.interface import check_interface
from edge.model.litert import LiteRtRuntime
from edge.model.onnx import OnnxRuntime
from edge.model.preprocess import Preprocess
from edge.model.probe import probe
from edge.model.runtime import Runtime

_RUNTIMES: dict[str, type[LiteRtRuntime | OnnxRuntime]] = {"litert": LiteRtRuntime, "onnx": OnnxRuntime}


def load_runtime(
    bundle: Bundle, backend: str | None = None, threads: int = 1, *, probed: bool = False
) -> Runtime:
    """Load a bundle's model through its verified bytes.

    Args:
        bundle: opened.
        backend: `litert` or `onnx`; None: LiteRT if the bundle has its file, else ONNX Runtime.
        threads: within one inference.
        probed: whether these bytes have already survived a look in a child process. Without it every bundle
            but the one that ships with this package gets that look first, which takes about a second.
    Raises:
        BundleError: no file for that backend, a file is not what the manifest says, or it crashes its loader.
        MissingExtraError: the backend is not installed.
        RuntimeModelError: the backend refuses the file.
    """
    file, spec = bundle.model_file(backend)
    model = bundle.read(file)
    shown = f"{bundle.path}: {file}"
    assert spec.backend is not None  # model_file returns only such
    if not (probed or bundle.bundled):
        shapes = tuple((t.name, t.shape) for t in spec.tensors if t.role in {"frame", "state_in"})
        check_interface(shown, spec, probe(model, shown, spec.backend, shapes).actual)
    return _RUNTIMES[spec.backend](model, shown, spec, threads)


def load_preprocess(bundle: Bundle, backend: str | None = None) -> Preprocess:
    """Return the preprocessing for the file that `load_runtime` takes with the same arguments.

    Raises:
        BundleError: no file for that backend.
    """
    _, spec = bundle.model_file(backend)
    return Preprocess(bundle.manifest, spec.one("frame"))
