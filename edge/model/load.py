"""From an opened bundle to a loaded model."""

from __future__ import annotations

from edge.errors import UnknownBackendError
from edge.model.bundle import Bundle
from edge.model.interface import check_interface
from edge.model.preprocess import Preprocess
from edge.model.probe import probe
from edge.model.registry import BACKENDS
from edge.model.runtime import Runtime


def load_runtime(
    bundle: Bundle, backend: str | None = None, threads: int = 1, *, probed: bool = False
) -> Runtime:
    """Load a bundle's model through its verified bytes.

    Args:
        bundle: opened.
        backend: by name; None: the first of the registry that the bundle has a file for.
        threads: within one inference.
        probed: whether these bytes have already survived a look in a child process. Without it every bundle
            but the one that ships with this package gets that look first, which takes about a second.
    Raises:
        BundleError: no file for that backend, a file is not what the manifest says, or it crashes its loader.
        MissingExtraError: the backend is not installed.
        RuntimeModelError: the backend refuses the file.
        UnknownBackendError: the file is for a backend of another version.
    """
    file, spec = bundle.model_file(backend)
    shown = f"{bundle.path}: {file}"
    record = BACKENDS.get(spec.backend or "")
    if record is None:
        raise UnknownBackendError(
            f"{shown} is for the backend '{spec.backend}', which this firetower does not know; "
            f"it knows {', '.join(BACKENDS)}"
        )
    model = bundle.read(file)
    if not (probed or bundle.bundled):
        check_interface(shown, spec, probe(model, shown, record, spec.input_shapes()).actual)
    return record.open(model, shown, spec, threads)


def load_preprocess(bundle: Bundle, backend: str | None = None) -> Preprocess:
    """Return the preprocessing for the file that `load_runtime` takes with the same arguments.

    Raises:
        BundleError: no file for that backend.
    """
    _, spec = bundle.model_file(backend)
    return Preprocess(bundle.manifest, spec.one("frame"))
