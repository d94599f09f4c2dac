"""The times of a folder's images as a CSV of lines `file,epoch` states them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from edge.camera.schedule import NS_PER_S
from edge.document import read_text
from edge.errors import CameraError

_BYTES_MAX = 64 << 20
_EPOCH_S_END = 253_402_300_800  # the year 10000


def read_times(path: Path, names: Sequence[str]) -> list[int]:
    """Read when images were taken.

    Args:
        path: of the CSV, which may have a heading; lines of other images are passed over.
        names: of the images; each needs a line.

    Returns:
        ns since 1970 UTC of each name.

    Raises:
        CameraError: it cannot be read, a line is wrong, or one is missing; names the file.
    """
    try:
        text = read_text(path, _BYTES_MAX)
    except OSError as error:
        raise CameraError(f"cannot read the times '{path}': {error.strerror}") from error
    epochs_ns: dict[str, int] = {}
    number, row = 1, [""]
    try:
        for number, row in enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)), 1
        ):
            if not row or (number == 1 and [cell.strip().lower() for cell in row] == ["file", "epoch"]):
                continue
            epochs_ns[row[0].strip()] = _epoch_ns(row[1])
    except (ArithmeticError, ValueError, IndexError, csv.Error) as error:
        raise CameraError(f"'{path}', line {number}: expected `file,epoch`, got {row}") from error
    missing = [name for name in names if name not in epochs_ns]
    if missing:
        raise CameraError(
            f"'{path}' has no time for '{missing[0]}' ({len(missing)} such); add a line for each"
        )
    return [epochs_ns[name] for name in names]


def _delimiter(text: str) -> str:
    """Return a semicolon where a spreadsheet wrote such, as it does where decimals have commas."""
    first = text.partition("\n")[0]
    return ";" if ";" in first and "," not in first else ","


def _epoch_ns(text: str) -> int:
    epoch_s = Decimal(text.strip())
    if not 0 <= epoch_s < _EPOCH_S_END:
        raise ValueError(text)
    return round(epoch_s * NS_PER_S)
