"""Every write of an emulated disk in order, and the disk as it was after any of them, as a power cut leaves it.

Source: QEMU's blklogwrites driver, whose format is that of Linux' dm-log-writes
(Documentation/admin-guide/device-mapper/log-writes.rst; struct log_write_super and log_write_entry).
"""

from __future__ import annotations

import random
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

_MAGIC = 0x6A736677736872
_SUPER = struct.Struct("<QQQI")  # magic, version, entries, sector size
_ENTRY = struct.Struct("<QQQQ")  # sector, sectors, flags, length of a mark
_FLUSH, _FUA, _DISCARD = 1, 2, 4


class WriteLogError(ValueError):
    """The file is no write log, or ends too early."""


@dataclass(frozen=True, slots=True)
class Write:
    """One entry of the log.

    Attributes:
        at: byte offset on the disk.
        length: in bytes; 0 for a flush alone.
        flags: of dm-log-writes.
        data: offset of its bytes in the log.
        end: offset behind the entry in the log.
    """

    at: int
    length: int
    flags: int
    data: int
    end: int

    @property
    def flush(self) -> bool:
        """Whether all before it is on the medium when it is."""
        return bool(self.flags & (_FLUSH | _FUA))

    @property
    def discard(self) -> bool:
        """Whether it only says that a range is not needed any more."""
        return bool(self.flags & _DISCARD)


def read(log: Path) -> list[Write]:
    """Read the entries that are whole; a log that was cut off ends with the last of them.

    Raises:
        WriteLogError: it is something else.
    """
    size = log.stat().st_size
    with log.open("rb") as file:
        head = file.read(_SUPER.size)
        if len(head) < _SUPER.size:
            raise WriteLogError(f"{log}: {size} bytes; expected a write log")
        magic, version, entries, sector = _SUPER.unpack(head)
        if (magic, version) != (_MAGIC, 1) or sector not in {512, 4096}:
            raise WriteLogError(
                f"{log}: magic {magic:#x}, version {version}, sector {sector}; expected a write log"
            )
        found, offset = [], sector
        for _ in range(entries):
            file.seek(offset)
            packed = file.read(_ENTRY.size)
            if len(packed) < _ENTRY.size:
                break
            first, count, flags, _ = _ENTRY.unpack(packed)
            data = offset + sector
            offset = data + (0 if flags & _DISCARD else count * sector)
            if offset > size:
                break
            found.append(Write(first * sector, count * sector, flags, data, offset))
    return found


def rebuild(
    base: Path, log: Path, writes: list[Write], image: Path, lose: random.Random | None = None
) -> int:
    """Write the disk as it is after these writes.

    Args:
        base: the disk before the first of them.
        log: holds their bytes.
        writes: a first part of `read`'s list.
        image: the result.
        lose: drop each write behind the last flush with probability 1/2: a card that loses, or reorders, what
            it had not been told to keep.

    Returns:
        How many writes were lost.
    """
    subprocess.run(["cp", "--sparse=always", str(base), str(image)], check=True)
    kept = max((number for number, write in enumerate(writes) if write.flush), default=-1)
    lost = 0
    with log.open("rb") as source, image.open("r+b") as target:
        for number, write in enumerate(writes):
            if write.discard or not write.length:
                continue
            if lose is not None and number > kept and lose.random() < 0.5:
                lost += 1
                continue
            source.seek(write.data)
            target.seek(write.at)
            target.write(source.read(write.length))
    return lost
