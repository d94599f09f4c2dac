"""Secrets come from files that nobody else can read."""

from __future__ import annotations

from pathlib import Path

from edge.errors import SettingsError

_OTHERS = 0o077


def read_secret(path: Path) -> str:
    """Return the first line of a file that only its owner may read.

    Raises:
        SettingsError: unreadable, empty, or open to others; never holds the secret.
    """
    try:
        mode = path.stat().st_mode & 0o777
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot read the secret: {type(error).__name__}") from error
    if mode & _OTHERS:
        raise SettingsError(f"{path}: mode {mode:04o} lets others read the secret; chmod 600 {path}")
    if not lines or not lines[0].strip():
        raise SettingsError(f"{path}: the first line is empty; it must hold the secret")
    return lines[0].strip()
