"""A model that is ready to score: a verified bundle, one of its files, and the backend that has loaded it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.model.bundle import Bundle, bundled_path
from edge.model.load import load_runtime
from edge.model.manifest import SELFTEST_NAME, FileSpec
from edge.model.runtime import Runtime
from edge.model.selftest import selftest


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle, what its manifest says of the loaded file, and the runtime of that file."""

    bundle: Bundle
    file: FileSpec
    runtime: Runtime

    @property
    def name(self) -> str:
        """Name, version and digest of the bundle, as `name@version#sha256[:12]`."""
        manifest = self.bundle.manifest
        return f"{manifest.name}@{manifest.version}#{self.bundle.digest[:12]}"

    def selftest(self) -> None:
        """Score the self-test's frames again; of a bundle without one, its loading was the test.

        Raises:
            BundleError: the scores are not those that the bundle was shipped with.
        """
        if SELFTEST_NAME in self.bundle.manifest.files:
            selftest(self.bundle, self.runtime)


def load_model(path: Path | None, backend: str | None = None, threads: int = 1) -> Model:
    """Open a bundle and load one of its files.

    Args:
        path: folder or .zip; None for the bundle that ships with firetower.
        backend: by name; None takes the first of the registry that the bundle has a file for.
        threads: of one inference.

    Raises:
        BundleError: unfit, damaged, or without a file for that backend.
        MissingExtraError: the backend is not installed.
        RuntimeModelError: the backend refuses the file.
    """
    bundle = Bundle.open(bundled_path() if path is None else path)
    _, file = bundle.model_file(backend)
    return Model(bundle, file, load_runtime(bundle, backend, threads))
