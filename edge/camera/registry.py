"""The kinds of cameras there are. A new one is added to this list, and named nowhere else."""

from __future__ import annotations

import re
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
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.DOTALL | re.IGNORECASE)
_BY_OPTIONS = {kind.options: kind for kind in KINDS}
KNOWN = ", ".join(kind.written for kind in KINDS)  # for messages


def split(address: str) -> tuple[str | None, str]:
    """Return the scheme of an address in small letters, and what stands behind its colon, without blanks around.

    Args:
        address: as somebody wrote it. What has no scheme, such as a bare path, comes back as it is, behind None.
    """
    match = _SCHEME.fullmatch(address.strip())
    return (None, address) if match is None else (match[1].lower(), match[2])


def tidy(address: str) -> str:
    """Return an address that names a kind of camera without blanks around it, its scheme in small letters."""
    scheme, rest = split(address)
    return f"{scheme}:{rest}" if scheme in _BY_SCHEME else address


def kind_of(uri: str, folder: Path = Path()) -> Kind[Any] | None:
    """Return the kind of camera that an address names; None if none does.

    Args:
        uri: the address, tidy or not. One of a file that is a folder is a folder's.
        folder: what its relative path is relative to.
    """
    scheme, rest = split(uri)
    kind = None if scheme is None else _BY_SCHEME.get(scheme)
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
