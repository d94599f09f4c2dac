"""Paths of a configuration: made absolute, and seen to name what is there."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TypeVar

import msgspec

from edge.errors import SettingsError

_Section = TypeVar("_Section", bound=msgspec.Struct)


def absolute(path: Path | None, folder: Path, key: str) -> Path | None:
    """Return a path from the root on.

    Args:
        path: as it is written; None stays None.
        folder: what it is relative to.
        key: of the configuration, for messages.

    Raises:
        SettingsError: it is of a user whom nobody knows.
    """
    try:
        return None if path is None else (folder / path.expanduser()).absolute()
    except RuntimeError as error:
        raise SettingsError(f"{key}: {path}: no such user") from error


def existing(path: Path | None, folder: Path, key: str, *, folders: bool = False) -> Path | None:
    """Return an absolute path of what is there.

    Args:
        path: as it is written; None stays None.
        folder: what it is relative to.
        key: of the configuration, for messages.
        folders: whether it may be a folder, too.

    Raises:
        SettingsError: there is nothing, or nothing of that sort.
    """
    resolved = absolute(path, folder, key)
    if resolved is None:
        return None
    try:
        mode = resolved.stat().st_mode
    except FileNotFoundError as error:
        raise SettingsError(f"{key}: {resolved} does not exist") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f"{key}: cannot look at {str(resolved)!r}: {reason}") from error
    if not (stat.S_ISREG(mode) or (folders and stat.S_ISDIR(mode))):
        expected = "a file or a folder" if folders else "a file"
        raise SettingsError(f"{key}: {resolved} is not {expected}")
    return resolved


def with_files(section: _Section, folder: Path, prefix: str) -> _Section:
    """Return a section whose paths are absolute, and those of files.

    Args:
        section: its fields may be paths.
        folder: what they are relative to.
        prefix: of its keys, for messages.

    Raises:
        SettingsError: as `existing`.
    """
    changes = {
        key: existing(value, folder, f"{prefix}{key}")
        for key in section.__struct_fields__
        if isinstance(value := getattr(section, key), Path)
    }
    return msgspec.structs.replace(section, **changes)
