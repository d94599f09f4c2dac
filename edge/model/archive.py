"""A bundle's .zip: written the same each time, and unpacked without traversal, links, bombs or surprises.

Source: the checks follow the zip format's traps as listed for CWE-22, CWE-59 and CWE-409.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge.document import open_plain
from edge.errors import BundleError

FILES_MAX = 16
FILE_BYTES_MAX = 256 << 20
TOTAL_BYTES_MAX = 512 << 20
_CHUNK = 1 << 16
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_ENCRYPTED = 0x1
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_END, _END_64 = b"PK\5\6", b"PK\6\7"
_END_BYTES, _END_64_BYTES, _COMMENT_BYTES_MAX = 22, 20, 1 << 16
_DIRECTORY_BYTES_MAX = 1 << 16
# What reading a damaged or hostile archive raises. NotImplementedError is zipfile's own, for a compression or a version
# that it does not know; RuntimeError is for a cipher.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError),
    *(LookupError, OverflowError, AttributeError, MemoryError),
)


def compress(contents: Mapping[str, bytes], archive: Path) -> None:
    """Write files into a new .zip: fixed times, modes and order, so that the same files give the same bytes.

    Raises:
        BundleError: the archive exists or cannot be written.
    """
    try:
        with zipfile.ZipFile(archive, "x", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
            for name, data in contents.items():
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.create_system = 3  # Unix
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                target.writestr(entry, data)
    except FileExistsError as error:
        raise BundleError(f"{archive}: already there; choose another name or remove it") from error
    except OSError as error:
        raise BundleError(f"{archive}: cannot be written: {error.strerror}") from error


def extract(archive: Path, folder: Path) -> None:
    """Unpack a .zip of plain files into an empty folder, counting the bytes that really come out.

    Raises:
        BundleError: not a .zip, damaged, or has what no bundle has (folders, links, odd names, bombs).
    """
    try:
        with open_plain(archive) as file, opened(file, str(archive)) as source:
            left = TOTAL_BYTES_MAX
            for entry in source.infolist():
                left -= _extract_one(archive, source, entry, folder, min(left, FILE_BYTES_MAX))
    except OSError as error:
        raise BundleError(f"{archive}: cannot be unpacked: {error.strerror or error}") from error


@contextmanager
def opened(file: BinaryIO, shown: str) -> Iterator[zipfile.ZipFile]:
    """Open a .zip of a few plain files; what its reading raises in the body of `with` becomes a BundleError, too.

    Args:
        file: its bytes.
        shown: its name, for messages.

    Raises:
        BundleError: not a .zip, damaged, or has what no bundle has (folders, links, odd names, a crowd of files).
    """
    try:
        _check_end(file, shown)
        with zipfile.ZipFile(file) as archive:
            _check_entries(shown, archive.infolist())
            yield archive
    except _DAMAGE as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{shown}: not a usable .zip: {str(error) or type(error).__name__}") from error


def _check_end(file: BinaryIO, shown: str) -> None:
    """See that the list of files at its end is short, before zipfile reads all of it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _COMMENT_BYTES_MAX - _END_BYTES - _END_64_BYTES))
    tail = file.read()
    at = tail.find(_END)
    while 0 <= at <= len(tail) - _END_BYTES:  # zipfile takes one of them
        count, length = struct.unpack_from("<HI", tail, at + 10)
        if count > FILES_MAX:
            raise BundleError(f"{shown}: {count} entries, a bundle has at most {FILES_MAX}")
        if length > _DIRECTORY_BYTES_MAX or tail[max(0, at - _END_64_BYTES) :].startswith(_END_64):
            raise BundleError(f"{shown}: the list of its files is longer than {_DIRECTORY_BYTES_MAX} bytes")
        at = tail.find(_END, at + 1)


def _check_entries(archive: str, entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > FILES_MAX:
        raise BundleError(f"{archive}: {len(entries)} entries, a bundle has at most {FILES_MAX}")
    seen: set[str] = set()
    for entry in entries:
        name, kind = entry.orig_filename, stat.S_IFMT(entry.external_attr >> 16)
        if not _PLAIN_NAME.fullmatch(name) or name != entry.filename:
            raise BundleError(f"{archive}: {name!r} is not a plain file name; a bundle has no folders")
        if name.casefold() in seen:
            raise BundleError(f"{archive}: {name} is in it twice")
        seen.add(name.casefold())
        if kind not in {0, stat.S_IFREG}:
            raise BundleError(f"{archive}: {name} must be a plain file, not a link or a device")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise BundleError(f"{archive}: {name} must be stored or deflated, and not encrypted")


def _extract_one(
    archive: Path, source: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, limit: int
) -> int:
    """Unpack one entry; return how many bytes came out."""
    written = 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with (
        source.open(entry) as packed,
        open(os.open(folder / entry.filename, flags, 0o644), "wb") as target,  # noqa: PTH123 — an open descriptor
    ):
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > limit:
                raise BundleError(f"{archive}: {entry.filename} unpacks to more than {limit} bytes")
            target.write(chunk)
    return written
