"""Matplotlib's pyplot, which keeps nothing in the user's folders."""

from __future__ import annotations

import os
from types import ModuleType

from edge.scratch import temporary_folder


def load(backend: str) -> ModuleType:
    """Import pyplot; it takes a second.

    Its list of fonts and its settings lie in MPLCONFIGDIR where that is set; else the list is made anew and the
    settings are its own.

    Args:
        backend: what draws, as `svg` or `agg`.
    """
    with temporary_folder("pyplot-") as made:
        folder = str(made)
        os.environ.setdefault("MPLCONFIGDIR", folder)
        try:
            import matplotlib as mpl  # noqa: PLC0415 — now that it is told where to write

            mpl.use(backend)
            from matplotlib import pyplot as plt  # noqa: PLC0415
        finally:
            if os.environ["MPLCONFIGDIR"] == folder:
                del os.environ["MPLCONFIGDIR"]
    return plt
