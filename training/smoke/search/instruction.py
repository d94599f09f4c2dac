"""Instructions of an inference on emulated CPUs, as `python -m arm64 instructions` counted them, by file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge.document import read_text

SCHEMA = "firetower.instructions/1"
CPUS = ("cortex-a72", "cortex-a76")
_BYTES_MAX = 1 << 26


class Instructions(msgspec.Struct, frozen=True, kw_only=True):
    """Of one inference on one thread, the median.

    Attributes:
        a72: on a Cortex-A72.
        a76: on a Cortex-A76.
    """

    a72: int
    a76: int


class _Total(msgspec.Struct):
    total: int


class _Counts(msgspec.Struct):
    median: _Total


class _File(msgspec.Struct):
    sha256: str
    counts: dict[str, _Counts]


class _Document(msgspec.Struct):
    schema: str
    files: list[_File] = msgspec.field(default_factory=list)


def read(path: Path) -> dict[str, Instructions]:
    """Return the instructions of each file, by its sha256.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such result, or a file lacks a CPU.
    """
    try:
        document = msgspec.json.decode(read_text(path, _BYTES_MAX), type=_Document)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: no result of `python -m arm64 instructions FILE …`: {error}") from error
    if document.schema != SCHEMA:
        raise ValueError(f"{path}: schema {document.schema[:80]!r}, expected {SCHEMA}")
    return {one.sha256: _instructions(path, one) for one in document.files}


def _instructions(path: Path, one: _File) -> Instructions:
    if missing := [cpu for cpu in CPUS if cpu not in one.counts]:
        raise ValueError(f"{path}: file {one.sha256[:12]} lacks {', '.join(missing)}; count it again")
    a72, a76 = (one.counts[cpu].median.total for cpu in CPUS)
    return Instructions(a72=a72, a76=a76)
