"""Secrets come from files that nobody else can read."""

from __future__ import annotations

import stat
from pathlib import Path

from edge.errors import SettingsError

_OTHERS = 0o077


def read_secret(path: Path, key: str) -> str:
    """Return the only line of a file that none but its owner may read.

    Args:
        path: of the file.
        key: of the configuration, for messages.

    Raises:
        SettingsError: unreadable, open to others, or not one line; never holds the secret.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(f"{key}: cannot read {path}: {reason}") from None
    if mode & _OTHERS:
        raise SettingsError(f"{key}: {path} has mode {mode:04o}, others may use it; chmod 600 {path}")
    if not secret or len(secret.splitlines()) != 1:
        raise SettingsError(f"{key}: {path} must hold the secret as its only line")
    return secret
