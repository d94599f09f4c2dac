"""Reading what somebody named or wrote: plain files of a bounded length, documents of a bounded depth.

A pipe, a socket, a device or a folder in a file's place is refused at once, and nobody waits for it.
"""

from __future__ import annotations

import codecs
import errno
import os
import stat
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias

_Table: TypeAlias = "dict[Any, Any] | list[Any]"

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link",
}

_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before that of UTF-16, which it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def open_plain(path: Path, *, follow: bool = True) -> BufferedReader:
    """Open a file for reading.

    Args:
        path: of the file.
        follow: whether it may be a link to one.

    Raises:
        OSError: it cannot be opened, or is no plain file; `strerror` says why.
    """
    link = 0 if follow else os.O_NOFOLLOW
    try:
        _require_plain(path, path.stat(follow_symlinks=follow).st_mode)  # some devices act when opened
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | link)
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have this name", str(path)) from error
    try:
        _require_plain(path, os.fstat(descriptor).st_mode)
    except OSError:
        os.close(descriptor)
        raise
    return open(descriptor, "rb")  # noqa: PTH123 — an open descriptor, the caller's to close


def read_plain(path: Path, limit: int, *, follow: bool = True) -> bytes:
    """Read a whole file.

    Args:
        path: of the file.
        limit: bytes that it may have.
        follow: whether it may be a link to one.

    Raises:
        OSError: as `open_plain`, or it is longer; of a long one no more than `limit` bytes are read.
    """
    with open_plain(path, follow=follow) as file:
        data = file.read(limit + 1) if os.fstat(file.fileno()).st_size <= limit else None
    if data is None or len(data) > limit:
        raise OSError(errno.EFBIG, f"it is longer than {limit} bytes", str(path))
    return data


def read_text(path: Path, limit: int) -> str:
    """Read a whole file of text.

    Args:
        path: of the file.
        limit: bytes that it may have.

    Raises:
        OSError: as `read_plain`, or it is not UTF-8.
    """
    data = read_plain(path, limit)
    try:
        return text_of(data)
    except ValueError as error:
        raise OSError(errno.EILSEQ, str(error), str(path)) from error


def text_of(data: bytes) -> str:
    """Decode what somebody wrote: UTF-8, with a byte order mark at its begin or without.

    Raises:
        ValueError: it is of another encoding; says what to do, and holds nothing of it.
    """
    other = next((f"but {name}" for mark, name in _MARKS.items() if data.startswith(mark)), None)
    if other is None and data.count(0) * 3 >= len(data) > 0:
        other = "but NUL bytes, as UTF-16 has them and what a power cut damaged"
    if other is not None:
        raise ValueError(f"it is not UTF-8 text {other}; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text; save it as UTF-8") from None


def is_deeper(value: object, limit: int) -> bool:
    """Say whether tables and lists lie in each other deeper than `limit`; a plain value has the depth 0."""
    level = _tables([value])
    for _ in range(limit):
        level = _tables(inner for outer in level for inner in _inside(outer))
    return bool(level)


def _tables(values: Iterable[object]) -> list[_Table]:
    return [value for value in values if isinstance(value, dict | list)]


def _inside(table: _Table) -> Iterable[object]:
    return table.values() if isinstance(table, dict) else table


def _require_plain(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise OSError(
            errno.EINVAL, f"it is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file", str(path)
        )
