"""Secrets come from files that nobody else can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from edge.document import open_plain, text_of
from edge.errors import SettingsError

_OTHERS = 0o077
_BYTES_MAX = 4096
_MARK = "\ufeff"


def read_private(path: Path, key: str, limit_bytes: int = _BYTES_MAX) -> bytes:
    """Return a file that none but its owner may read, one byte more than `limit_bytes` of it at most.

    Args:
        path: of the file.
        key: of the configuration, for messages.
        limit_bytes: of what is expected in it.

    Raises:
        SettingsError: unreadable, no plain file, or open to others.
    """
    try:
        with open_plain(path) as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise SettingsError(f"{key}: cannot read {path}: {error.strerror}") from None
    if mode & _OTHERS:
        raise SettingsError(f"{key}: {path} has mode {mode:04o}, others may use it; chmod 600 {path}")
    return data


def read_secret(path: Path, key: str) -> str:
    """Return the only line of a file that none but its owner may read.

    Args:
        path: of the file.
        key: of the configuration, for messages.

    Raises:
        SettingsError: unreadable, no plain file, too long, open to others, or not one line; never holds the secret.
    """
    data = read_private(path, key)
    if len(data) > _BYTES_MAX:
        raise SettingsError(f"{key}: cannot read {path}: it is longer than {_BYTES_MAX} bytes")
    try:
        secret = text_of(data).strip()
    except ValueError as error:
        raise SettingsError(f"{key}: cannot read {path}: {error}") from None
    if not secret or len(secret.splitlines()) != 1 or "\0" in secret:
        raise SettingsError(f"{key}: {path} must hold the secret as its only line")
    if _MARK in secret:
        raise SettingsError(
            f"{key}: {path} holds a byte order mark in its middle, which nobody sees: write it anew"
        )
    return secret
