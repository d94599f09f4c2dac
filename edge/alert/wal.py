"""What is lost behind a damaged place of SQLite's write-ahead log, which SQLite itself passes over in silence.

SQLite takes the log up to the last commit before the first frame whose checksum is wrong. A power cut leaves such a
frame in the last transaction, since each is synced before the next one begins: that is no damage, nobody was told of
it. Where an unbroken chain of checksums behind it shows two commits, the first of them had been synced.

Source: sqlite.org/fileformat2.html#walformat.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES = 32
_FRAME_BYTES = 24
_MAGIC = 0x377F0682  # its last bit says in which byte order the checksums are
_VERSION = 3007000
_PAGE_BYTES = tuple(1 << n for n in range(9, 17))
_MOD = 1 << 32

Sum: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a log.

    Attributes:
        frame: the first one that is wrong, from 1; 0 for the log's header.
        commits: how many it still shows from there on; None where nothing can be read.
    """

    frame: int
    commits: int | None

    def __str__(self) -> str:
        """Say it to people."""
        where = f"frame {self.frame}" if self.frame else "its header"
        return f"{where} is damaged, commits behind it: {'unknown' if self.commits is None else self.commits}"


@dataclass(frozen=True, slots=True)
class _Frame:
    """One page in the log: whether it ends a transaction, belongs to this log, goes on from the frame before it."""

    commit: bool
    current: bool
    linked: bool
    valid: bool


def damage(log: Path, page_bytes: int | None) -> Damage | None:
    """Return what is damaged in a log; None where all is whole, up to a torn last transaction.

    Args:
        log: the file; one that is not there is whole.
        page_bytes: of the database, for a log whose own header is damaged.
    Raises:
        OSError: it cannot be read.
    """
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return None
    if size < _HEADER_BYTES + _FRAME_BYTES + _PAGE_BYTES[0]:  # no commit was ever synced in it
        return None
    with log.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    magic, version, page, _, salt, salt2, *_ = _words(header)
    sound = magic in (_MAGIC, _MAGIC | 1) and version == _VERSION and page in _PAGE_BYTES
    if sound and _sums(header[:24], (0, 0), magic & 1) == _stored(header, 24):
        return _behind(_frames(log, header, page, magic & 1, (salt, salt2)))
    sizes = {*_PAGE_BYTES} & {page, page_bytes}
    shown = [_commits(list(_frames(log, header, s, big, None))) for s in sizes for big in (0, 1)]
    if most := max(shown, default=0):
        return Damage(0, most)
    return None if _is_blank(log) else Damage(0, None)


def _frames(log: Path, header: bytes, page_bytes: int, big: int, salts: Sum | None) -> Iterator[_Frame]:
    """Read the frames one by one; without salts those of the first frame, which are always the log's own."""
    links = [_stored(header, 24), _sums(header[:24], (0, 0), big)]
    valid = salts is not None
    with log.open("rb") as file:
        file.seek(_HEADER_BYTES)
        while len(raw := file.read(_FRAME_BYTES + page_bytes)) == _FRAME_BYTES + page_bytes:
            _, size, salt, salt2, *_ = _words(raw[:_FRAME_BYTES])
            salts = (salt, salt2) if salts is None else salts
            stored = _stored(raw, 16)
            computed = [_sums(raw[_FRAME_BYTES:], _sums(raw[:8], link, big), big) for link in links]
            linked, current = stored in computed, (salt, salt2) == salts
            valid = valid and linked and current
            yield _Frame(size != 0, current, linked, valid)
            # damage is in a frame's checksum or in what that is of: the next one goes on from either
            links = [stored] if linked else [stored, computed[0]]


def _behind(frames: Iterator[_Frame]) -> Damage | None:
    number = 0
    rest: list[_Frame] = []
    for frame in frames:
        if not rest and frame.valid:
            number += 1
        else:
            rest.append(frame)
    chains = _chains(rest)
    return Damage(number + 1, sum(chains)) if max(chains, default=0) > 1 else None


def _commits(frames: list[_Frame]) -> int:
    """Count the commits of a log without a header to go by: only a chain of frames is one."""
    return sum(_chains(frames)) if any(frame.linked for frame in frames) else 0


def _chains(frames: list[_Frame]) -> list[int]:
    """Return the commits of each unbroken chain of frames of this log; older logs lie behind it."""
    chains: list[list[_Frame]] = []
    for frame in frames:
        if frame.linked and chains:
            chains[-1].append(frame)
        else:
            chains.append([frame])
    return [sum(f.commit for f in chain) for chain in chains if any(f.current for f in chain)]


def _words(raw: bytes) -> list[int]:
    return [int.from_bytes(raw[at : at + 4], "big") for at in range(0, len(raw), 4)]


def _stored(raw: bytes, at: int) -> Sum:
    return int.from_bytes(raw[at : at + 4], "big"), int.from_bytes(raw[at + 4 : at + 8], "big")


def _sums(raw: bytes, before: Sum, big: int) -> Sum:
    """Return SQLite's checksum: s0 += x0 + s1, then s1 += x1 + s0 for each pair of words, modulo 2^32."""
    words = np.frombuffer(raw, ">u4" if big else "<u4").astype(np.uint32)
    weights = _weights(len(words) // 2)
    s0, s1 = (weights @ np.concatenate([np.array(before, np.uint32), words])).tolist()
    return s0, s1


@functools.cache
def _weights(pairs: int) -> NDArray[np.uint32]:
    """Return what the sum before and each word count for in the two sums: (2, 2 + 2 * pairs), for it is linear."""
    columns: list[Sum] = []
    a, b, c, d = 1, 0, 0, 1  # what one more pair makes of the sums, to the power of the pairs that follow
    for _ in range(pairs):
        columns += [(b, d), ((a + b) % _MOD, (c + d) % _MOD)]
        a, b, c, d = (a + b) % _MOD, (a + 2 * b) % _MOD, (c + d) % _MOD, (c + 2 * d) % _MOD
    return np.array([(a, c), (b, d), *reversed(columns)], np.uint32).T.copy()


def _is_blank(log: Path) -> bool:
    """Say whether nothing but zeros is there, as where a file grew and the power went before it was filled."""
    with log.open("rb") as file:
        return not any(any(part) for part in iter(lambda: file.read(1 << 16), b""))
