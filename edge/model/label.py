"""Labels as people have them: one a line, with indices, as CSV or JSON, or within a TFLite file.

What may be read in two ways is refused, with what to do: labels in a wrong order would alert for the wrong thing.
"""

from __future__ import annotations

import csv
import errno
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge.document import read_text
from edge.errors import BundleError, SettingsError
from edge.model.archive import opened

_BYTES_MAX = 1 << 20
_LABELS_MAX = 100_000
_SHOWN_MAX = 8
_DIGITS_MAX = 6
_EXPECTED = (
    "expected one label a line in the order of the classes, an index and a label a line, CSV with an index and "
    "a label, or JSON: a list of labels, or an object of index and label"
)
_TABLES = {".csv", ".tsv"}
_UNREAD = {".pbtxt", ".yaml", ".yml", ".xml", ".npy", ".pkl"}
# an index before a label, or behind it: past a sign, or only past a blank, as a number of the label's own may be
_BEFORE = re.compile(r"[\[(]?(\d{1,6})\s*(?:[:;,=|\t]\s*|[\])]\s*|[.-]\s+|\s)\s*(\S.*)", re.ASCII)
_BEHIND = re.compile(r"(\S.*?)\s*[:;,=|\t]\s*(\d{1,6})", re.ASCII)
_BEHIND_BLANK = re.compile(r"(\S.*?)\s+(\d{1,6})", re.ASCII)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)", re.ASCII)
_QUOTED = re.compile(r"""(["'])(\S|\S.*\S)\1,?""")
_WORDNET = re.compile(r"n\d{8}[\s:,]+(\S.*)", re.ASCII)  # as in ImageNet's synset_words.txt
_NAME_HEADS = (
    "label",
    "labels",
    "display_name",
    "class_name",
    "label_name",
    "name",
    "names",
    "class",
    "category",
)
_INDEX_HEADS = {"index", "idx", "id", "class_id", "class_index", "label_id", "class_idx", "number"}


def read_labels(text: str) -> tuple[str, ...]:
    """Take labels from a file, or, where there is none of that name, from the text itself, between commas.

    Raises:
        SettingsError: no such file and no commas, or as `parse_labels`.
    """
    path = Path(text)
    try:
        return parse_labels(read_text(path, _BYTES_MAX), path.suffix)
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}:
            raise SettingsError(f"--labels: cannot read {path}: {error.strerror}") from error
    if "," not in text:
        raise SettingsError(
            f"--labels: no file {text!r}; expected one, or labels with commas: clear,smoke (a lone one: smoke,)"
        )
    return parse_labels(text.replace(",", "\n"))


def parse_labels(text: str, suffix: str = "") -> tuple[str, ...]:
    """Read labels; of labels that occur twice (ImageNet has some) the later get a number.

    Args:
        text: what the file holds.
        suffix: of its name, such as `.csv`; lines and JSON are known by the text itself.
    Raises:
        SettingsError: none, an empty one, an index that is missing or there twice, or another kind of file.
    """
    suffix, text = suffix.lower(), text.rstrip()
    if suffix in _UNREAD:
        raise SettingsError(f"--labels: {suffix} files are not read; {_EXPECTED}")
    if suffix == ".json" or text[:1] + text[-1:] in {"[]", "{}"}:
        found = _of_json(text)
    elif suffix in _TABLES or _begins_a_table(text):
        found = _of_table(text)
    else:
        found = _of_lines(text)
    if not found:
        raise SettingsError(f"--labels: no label in it; {_EXPECTED}")
    if len(found) > _LABELS_MAX:
        raise SettingsError(f"--labels: {len(found)} labels; expected {_LABELS_MAX} or fewer")
    return _numbered(found)


def labels_within(model: bytes, file: str) -> tuple[str, ...] | None:
    """Return the labels that TFLite metadata brings, in a .zip at the model's end; None: it brings none.

    Raises:
        SettingsError: as `parse_labels`.
    """
    packed = io.BytesIO(model)
    if not zipfile.is_zipfile(packed):
        return None
    try:
        with opened(packed, file) as archive:
            names = [name for name in archive.namelist() if name.endswith(".txt") and "label" in name.lower()]
            if not names:
                return None
            with archive.open(min(names, key=len)) as entry:  # labels.txt before labels_de.txt
                data = entry.read(_BYTES_MAX)
    except BundleError:
        return None  # nothing that brings labels; the user will be asked
    return parse_labels(data.decode("utf-8-sig", errors="replace"))


def some(labels: Sequence[str]) -> str:
    """Return the first labels, and how many more there are, for people."""
    shown = ", ".join(labels[:_SHOWN_MAX])
    return shown if len(labels) <= _SHOWN_MAX else f"{shown} and {len(labels) - _SHOWN_MAX} more"


def _of_lines(text: str) -> list[str]:
    lines = _bare([line.strip() for line in text.splitlines()], _WORDNET)
    lines = _in_order(pairs) if (pairs := _pairs([line for line in lines if line])) else lines
    if "" in lines:
        raise SettingsError(
            f"--labels: line {lines.index('') + 1} is empty, which would shift all that follow; "
            "expected one label a line"
        )
    return _bare(_bare(lines, _QUOTED), _WORDNET)


def _pairs(lines: Sequence[str]) -> list[tuple[int, str]]:
    """Return the index and the label of each line; none where the lines are labels alone.

    Raises:
        SettingsError: most lines have an index, and not all; or one reads as a number with its thousands apart.
    """
    before = [_BEFORE.fullmatch(line) for line in lines]
    if _all_or_none(before, lines):
        split = next((line for line in lines if _THOUSANDS.match(line)), None)
        if split is not None:
            raise SettingsError(
                f"--labels: {split[:40]!r} may be an index and a label, or a label that begins with a number; "
                "put an index and a blank before each line: '0 1,000 m'"
            )
        return [(int(found[1]), found[2].strip()) for found in before if found]
    behind = [_BEHIND.fullmatch(line) for line in lines]
    if _all_or_none(behind, lines):
        return [(int(found[2]), found[1]) for found in behind if found]
    blank = [_BEHIND_BLANK.fullmatch(line) for line in lines]
    labels = [found[1] for found in blank if found]
    if len(lines) > 1 and len({*labels}) == len(labels) and _all_or_none(blank, lines):
        return [(int(found[2]), found[1]) for found in blank if found]
    return []  # zone 1, zone 2


def _all_or_none(found: Sequence[object | None], lines: Sequence[str]) -> bool:
    """Say whether all lines have an index.

    Raises:
        SettingsError: most have, and not all.
    """
    missing = found.count(None)
    if 0 < missing < len(lines) / 2:
        odd = lines[found.index(None)]
        raise SettingsError(
            f"--labels: {len(lines) - missing} lines have an index, {odd[:40]!r} has none; give all of them one, or "
            "none; if these numbers belong to the labels, put an index before each line: '0 20 km/h'"
        )
    return bool(lines) and not missing


def _bare(lines: list[str], form: re.Pattern[str]) -> list[str]:
    """Return what the last group of a form is in each line; the lines themselves where not all have it."""
    found = [form.fullmatch(line) for line in lines]
    return [one[form.groups] for one in found if one] if all(found) else lines


def _of_json(text: str) -> list[str]:
    try:
        document: Any = msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SettingsError(f"--labels: it is not JSON: {error}; {_EXPECTED}") from error
    if isinstance(document, dict):
        document = document.get("id2label", document)  # the configuration of a Hugging Face model
    if isinstance(document, list):
        return [_label(item) for item in document]
    if not isinstance(document, dict) or not document:
        raise SettingsError(f"--labels: {_EXPECTED}")
    if all(type(value) is int for value in document.values()):
        return _in_order([(index, _label(label)) for label, index in document.items()])
    strange = next((key for key in document if not _number(key)), None)
    if strange is not None:
        raise SettingsError(f"--labels: {strange[:40]!r} is no index; {_EXPECTED}")
    return _in_order([(int(key), _label(value)) for key, value in document.items()])


def _label(value: object) -> str:
    if isinstance(value, list) and value:
        value = value[-1]  # Keras's imagenet_class_index.json: the synset's number, then the name
    if isinstance(value, str) and value.strip():
        return value.strip()
    shown = f"{value!r:.40}" if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
    raise SettingsError(f"--labels: {shown} is no label; {_EXPECTED}")


def _of_table(text: str) -> list[str]:
    rows = _rows(text)
    heading = [cell.casefold() for cell in rows[0]] if rows else []
    if _is_heading(heading, rows[1:]):
        rows = rows[1:]
    if not rows:
        return []
    columns = list(zip(*rows, strict=True))
    index = _index_column(columns, heading)
    rest = [place for place in range(len(columns)) if place != index]
    named = [place for name in _NAME_HEADS for place in rest if heading[place] == name]
    if not named and len(rest) != 1:
        raise SettingsError(
            f"--labels: which of the {len(heading)} columns has the labels? leave an index and a label"
        )
    labels = columns[(named or rest)[0]]
    if "" in labels:
        raise SettingsError(f"--labels: the label in row {labels.index('') + 1} is empty")
    return (
        list(labels) if index is None else _in_order(list(zip(map(int, columns[index]), labels, strict=True)))
    )


def _rows(text: str) -> list[list[str]]:
    """Read a table; all rows have as many cells."""
    try:
        rows = [
            [cell.strip() for cell in row]
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
            if any(map(str.strip, row))
        ]
    except csv.Error as error:
        raise SettingsError(f"--labels: it is not CSV: {error}; {_EXPECTED}") from error
    uneven = next((number for number, row in enumerate(rows, 1) if len(row) != len(rows[0])), None)
    if uneven is not None:
        raise SettingsError(
            f"--labels: row {uneven} has {len(rows[uneven - 1])} columns, the first has {len(rows[0])}; "
            "put labels with commas between quotes"
        )
    return rows


def _is_heading(cells: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether cells are known words, or words over numbers."""
    if any(cell in _INDEX_HEADS or cell in _NAME_HEADS for cell in cells):
        return True
    return not any(map(_number, cells)) and any(map(_numbers, zip(*below, strict=True)))


def _begins_a_table(text: str) -> bool:
    """Whether the first line of a text is a heading for an index and a label."""
    first = text.partition("\n")[0]
    cells = {cell.strip(' "\r').casefold() for cell in first.split(_delimiter(text))}
    return not cells.isdisjoint(_INDEX_HEADS) and not cells.isdisjoint(_NAME_HEADS)


def _delimiter(text: str) -> str:
    return max(",;\t", key=text.partition("\n")[0].count)


def _index_column(columns: Sequence[Sequence[str]], heading: Sequence[str]) -> int | None:
    """Return which column counts the labels; None: none, they are in order."""
    numbers = [place for place, column in enumerate(columns) if _numbers(column)]
    counts = [place for place in numbers if _counts(list(map(int, columns[place])))]
    named = [place for place in numbers if heading[place] in _INDEX_HEADS]
    sole = numbers if len(columns) == 2 else []
    return next(iter([*counts, *named, *sole]), None) if len(columns) > 1 else None


def _numbers(column: Sequence[str]) -> bool:
    return all(map(_number, column))


def _number(cell: str) -> bool:
    return cell.isascii() and cell.isdigit() and len(cell) <= _DIGITS_MAX


def _counts(indices: Sequence[int]) -> bool:
    """Whether numbers count from 0 or 1, each once, in any order."""
    low, count = min(indices, default=0), len(indices)
    return low in {0, 1} and sorted(indices) == list(range(low, low + count))


def _in_order(pairs: Sequence[tuple[int, str]]) -> list[str]:
    """Sort labels by their indices."""
    indices = [index for index, _ in pairs]
    if not _counts(indices):
        raise SettingsError(
            f"--labels: the indices {some([str(index) for index in indices])} do not count from 0 or 1, each once; "
            "if these numbers belong to the labels, put an index before them: '0 20 km/h'"
        )
    return [label for _, label in sorted(pairs)]


def _numbered(lines: Sequence[str]) -> tuple[str, ...]:
    labels: dict[str, None] = {}
    counts: dict[str, int] = {}
    for line in lines:
        label = line
        while label in labels:
            counts[line] = counts.get(line, 1) + 1
            label = f"{line} ({counts[line]})"
        labels[label] = None
    return tuple(labels)
