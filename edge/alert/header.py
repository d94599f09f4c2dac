"""Whose file it is, by the first bytes of it: ours, damaged, or another program's, which nobody here may touch.

Source: sqlite.org/fileformat2.html#the_database_header.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

APPLICATION_ID = 0x46495245  # "FIRE": whose file it is
HEADER_BYTES = 100
LEAST_BYTES = 512  # the smallest page; SQLite takes a shorter file for empty
MAGIC = b"SQLite format 3\0"
_MAGIC_FLIPS = 8  # bits that may be wrong in what is still SQLite's; text differs from it in 40 and more
_OWNER_FLIPS = 2

Verdict: TypeAlias = Literal["new", "ours", "unknown", "damaged", "foreign", "not SQLite"]


def judge(head: bytes, size: int) -> Verdict:
    """Say whose file it is.

    Args:
        head: the first HEADER_BYTES of the file, or all of a shorter one.
        size: of the file, in bytes.
    Returns:
        "unknown" of a file of SQLite that names no owner: its tables tell.
    """
    if size == 0:
        return "new"
    if len(set(head)) == 1 and head[0] in (0x00, 0xFF):  # what an erased block reads
        return "damaged"
    magic = head[: len(MAGIC)]
    whole = len(magic) == len(MAGIC)
    if _flips(magic, MAGIC[: len(magic)]) > (_MAGIC_FLIPS if whole else 0):
        return "not SQLite"
    if size < LEAST_BYTES or len(set(head[len(MAGIC) :])) == 1:
        return "damaged"
    return owner(int.from_bytes(head[68:72], "big"))


def owner(application_id: int) -> Verdict:
    """Say whose file has this application id."""
    if application_id == APPLICATION_ID:
        return "ours"
    if (application_id ^ APPLICATION_ID).bit_count() <= _OWNER_FLIPS:
        return "damaged"
    return "foreign" if application_id else "unknown"


def is_impossible(head: bytes) -> bool:
    """Say whether SQLite cannot have written these versions of the format; it takes the file for a newer one's."""
    return not (head[18] in (1, 2) and head[19] in (1, 2) and int.from_bytes(head[44:48], "big") <= 4)


def page_bytes(head: bytes) -> int | None:
    """Return the size of a page; None where the field is damaged."""
    size = int.from_bytes(head[16:18], "big")
    size = 65536 if size == 1 else size
    return size if size >= LEAST_BYTES and size.bit_count() == 1 else None


def _flips(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()
