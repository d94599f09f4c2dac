"""What there is to know of an inference library: one record, made in the module that wraps the library."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from edge.errors import MissingExtraError
from edge.model.interface import Interface
from edge.model.manifest import FileSpec
from edge.model.runtime import Runtime, Tensor

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
Run: TypeAlias = Callable[[Mapping[str, Tensor]], Sequence[Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """An inference library. Its module imports the library only inside of the three functions.

    Attributes:
        name: in manifests, in the configuration and on the command line.
        title: for people.
        suffix: of the model files that it reads; two backends may read the same.
        library: the package that is imported.
        distribution: the package that is installed.
        extra: of firetower, which brings it; None: every installation has it.
        open: (model, file, spec, threads) → what runs it. `file` is its name, for messages.
            Raises BundleError, MissingExtraError, RuntimeModelError.
        describe: (model, file) → inputs and outputs as the file declares them. Raises the last two.
        probe: (model, file, shape of each input by name) → what maps inputs by name to the outputs in turn.
            Raises the last two; in a run whatever the library raises, as a RuntimeError or ValueError.
        whole: (model, path, limit) → the model with what lies in other files beside it put in, `limit` bytes at most.
            Raises BundleError. None: such a file is always whole.
    """

    name: str
    title: str
    suffix: str
    library: str
    distribution: str
    extra: str | None
    open: Callable[[bytes, str, FileSpec, int], Runtime]
    describe: Callable[[bytes, str], Interface]
    probe: Callable[[bytes, str, Shapes], Run]
    whole: Callable[[bytes, Path, int], bytes] | None = None

    @property
    def installed(self) -> bool:
        """Whether the library is there; it is not imported for this."""
        return self.extra is None or importlib.util.find_spec(self.library) is not None

    def missing(self, what: str | None = None) -> MissingExtraError:
        """Return the error that says how to install it.

        Args:
            what: needs it; the backend itself if absent.
        """
        return MissingExtraError(what or f"the {self.title} backend", self.extra)
