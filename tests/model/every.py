"""What suites over every backend share: the registry's backends, and the fixtures that each can load."""

import msgspec
import pytest

from edge.model.bundle import Bundle, write_bundle
from edge.model.registry import BACKENDS


def need(name):
    """Return a backend's name; skip the test where its extra is not installed."""
    backend = BACKENDS[name]
    if not backend.installed:
        pytest.skip(f"pip install 'firetower[{backend.extra}]'")
    return name


def readers(*cases):
    """Return each case, whose first item is a file, with each backend that reads such a file before it."""
    return [(b.name, *case) for case in cases for b in BACKENDS.values() if case[0].endswith(b.suffix)]


def cells_for(name, fixtures, scratch):
    """Return the bundle `cells`; where it names no file for the backend, one of its files is said to be for it."""
    bundle = Bundle.open(fixtures / "cells")
    if name in [backend.name for backend in bundle.backends()]:
        return bundle
    file = f"model{BACKENDS[name].suffix}"
    said = msgspec.structs.replace(bundle.manifest.files[file], backend=name)
    manifest = msgspec.structs.replace(bundle.manifest, files={**bundle.manifest.files, file: said})
    return write_bundle(
        scratch / f"cells-{name}", manifest, {one: bundle.read(one) for one in manifest.files}
    )
