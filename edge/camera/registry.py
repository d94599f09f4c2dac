"""The kinds of cameras there are. A new one is added to this list, and named nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.camera.csi import CSI
from edge.camera.file import FILE, local_path
from edge.camera.folder import FOLDER
from edge.camera.kind import Kind
from edge.camera.network import HTTP, RTSP
from edge.camera.option import Options
from edge.camera.scene import SCENE
from edge.camera.v4l2 import V4L2

KINDS: tuple[Kind[Any], ...] = (FILE, FOLDER, RTSP, HTTP, CSI, V4L2, SCENE)

_BY_SCHEME = {scheme: kind for kind in KINDS for scheme in kind.schemes}
_BY_OPTIONS = {kind.options: kind for kind in KINDS}
KNOWN = ", ".join(kind.written for kind in KINDS)  # for messages


def kind_of(uri: str, folder: Path = Path()) -> Kind[Any] | None:
    """Return the kind of camera that an address names; None if none does.

    Args:
        uri: the address. One of a file that is a folder is a folder's.
        folder: what its relative path is relative to.
    """
    scheme, colon, rest = uri.partition(":")
    kind = _BY_SCHEME.get(scheme) if colon else None
    if kind is FILE and _is_folder(local_path(rest), folder):
        return FOLDER
    return kind


def kind_with(options: Options) -> Kind[Any]:
    """Return the kind whose options these are."""
    return _BY_OPTIONS[type(options)]


def kinds_that_know(key: str) -> tuple[Kind[Any], ...]:
    """Return the kinds that have a key of this name in the configuration."""
    return tuple(kind for kind in KINDS if key in kind.keys)


def _is_folder(path: Path, folder: Path) -> bool:
    try:
        return (folder / path.expanduser()).is_dir()
    except (OSError, ValueError, RuntimeError):  # too long, with a NUL, or of an unknown user
        return False
