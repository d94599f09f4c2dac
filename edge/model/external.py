"""ONNX weights that lie beside the model, as torch exports them: put into it, so that one digest covers all.

Of the format only the places that may hold a tensor are known here; everything else is copied as it is.
Source: onnx.proto (`TensorProto.external_data`) and protobuf's wire format.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from edge.document import open_plain
from edge.errors import BundleError

_Bytes: TypeAlias = "bytes | memoryview"

# Of each kind of message the fields that are, or lead to, tensors.
_INSIDE = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
}
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14  # of a tensor
_EXTERNAL = 1
_LOCATION = b"location"  # a key that every tensor with weights elsewhere has
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_VARINT_BYTES_MAX = 10
_DEPTH_MAX = 100  # protobuf's own
_FIELDS_MAX = 1_000_000  # some seconds of reading; a classifier of 20,000 nodes has a tenth
_ENTRY_BYTES_MAX = 4096
_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a message: its number, its value, and where it starts and ends."""

    number: int
    value: int | memoryview
    start: int
    end: int


def inline(model: bytes, path: Path, limit: int) -> bytes:
    """Return an ONNX model with the weights in it that lie in files of its folder.

    Args:
        model: the bytes of its `.onnx` file.
        path: of that file.
        limit: bytes that the result may have.
    Returns:
        `model` itself if it has no such weights.
    Raises:
        BundleError: weights are missing, cut off, a link, outside of the folder or too large, or the model is
            damaged; names the file.
    """
    if _LOCATION not in model:
        return model
    parts = _Inliner(path, limit - len(model)).message(memoryview(model), "model", 0)
    return model if parts is None else b"".join(parts)


class _Inliner:
    """One walk through a model; counts what it reads."""

    def __init__(self, path: Path, bytes_left: int) -> None:
        self._path = path
        self._bytes_left = bytes_left
        self._fields_left = _FIELDS_MAX

    def message(self, data: memoryview, kind: str, depth: int) -> list[_Bytes] | None:
        """Return the parts of a message with all weights in it, None if it stays as it is."""
        if kind == "tensor":
            return self._tensor(data)
        if depth > _DEPTH_MAX:
            raise self._damaged()
        parts: list[_Bytes] = []
        copied = 0
        for field in self._fields(data):
            inner = _INSIDE[kind].get(field.number)
            if inner is None or isinstance(field.value, int):
                continue
            changed = self.message(field.value, inner, depth + 1)
            if changed is not None:
                parts += [data[copied : field.start], _head(field.number, changed), *changed]
                copied = field.end
        return [*parts, data[copied:]] if parts else None

    def _tensor(self, data: memoryview) -> list[_Bytes] | None:
        external, entries, kept = False, dict[str, str](), list[_Bytes]()
        for field in self._fields(data):
            if field.number == _DATA_LOCATION:
                external = field.value == _EXTERNAL
            elif field.number == _EXTERNAL_DATA:
                entries |= self._entry(field.value)
            else:
                kept.append(data[field.start : field.end])
        if not external:
            return None
        weights = self._weights(entries)
        return [*kept, _head(_RAW_DATA, [weights]), weights]

    def _entry(self, data: int | memoryview) -> dict[str, str]:
        """Read one pair of key and value."""
        if isinstance(data, int) or len(data) > _ENTRY_BYTES_MAX:
            raise self._damaged()
        pair = {
            field.number: bytes(field.value).decode(errors="surrogateescape")
            for field in self._fields(data)
            if not isinstance(field.value, int)
        }
        return {pair.get(1, ""): pair.get(2, "")}

    def _weights(self, entries: dict[str, str]) -> bytes:
        """Read the bytes of one tensor."""
        location = entries.get("location", "")
        shown = f"{self._path}: its weights in {location[:100]!r}"
        place = self._place(location, shown)
        offset, stated = (self._number(entries.get(key), shown) for key in ("offset", "length"))
        start = offset or 0
        try:
            with open_plain(place, follow=False) as file:
                size = os.fstat(file.fileno()).st_size
                length = max(0, size - start) if stated is None else stated
                if start + length > size:
                    raise BundleError(
                        f"{shown} reach to byte {start + length}, but that file has {size}: "
                        "it is cut off or belongs to another model; copy it again"
                    )
                if length > self._bytes_left:
                    raise BundleError(f"{shown} are too large: no classifier for a small board")
                self._bytes_left -= length
                file.seek(start)
                return file.read(length)
        except FileNotFoundError as error:
            raise BundleError(
                f"{shown} are missing; the exporter wrote that file beside the model: copy it there, "
                "under the name that it had"
            ) from error
        except OSError as error:
            raise BundleError(f"{shown} cannot be read: {error.strerror}") from error

    def _place(self, location: str, shown: str) -> Path:
        """Return where a tensor's bytes are: a file of the model's folder, reached through no link."""
        inside = PurePosixPath(location)
        if not inside.parts:
            raise BundleError(f"{self._path}: it has weights elsewhere and does not say in which file")
        if inside.is_absolute() or ".." in inside.parts:
            raise BundleError(f"{shown} are outside of its folder; refused")
        place = self._path.parent / inside
        try:
            linked = any(one.is_symlink() for one in (place, *place.parents[: len(inside.parts) - 1]))
        except OSError as error:
            raise BundleError(f"{shown} cannot be read: {error.strerror}") from error
        if linked:
            raise BundleError(f"{shown} are behind a link; copy the file itself beside the model (cp -L)")
        return place

    def _number(self, text: str | None, shown: str) -> int | None:
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
            raise BundleError(f"{shown}: expected a number of bytes, got {text[:40]!r}")
        return int(text)

    def _fields(self, data: memoryview) -> Iterator[_Field]:
        at = 0
        while at < len(data):
            self._fields_left -= 1
            if self._fields_left < 0:
                raise BundleError(f"{self._path}: more than {_FIELDS_MAX} parts; no classifier")
            start = at
            tag, at = self._varint(data, at)
            kind = tag & 7
            value: int | memoryview = 0
            if kind == _VARINT:
                value, at = self._varint(data, at)
            elif kind == _LENGTH:
                length, at = self._varint(data, at)
                value, at = data[at : at + length], at + length
            elif kind in {_EIGHT_BYTES, _FOUR_BYTES}:
                at += 8 if kind == _EIGHT_BYTES else 4
            else:
                raise self._damaged()
            if at > len(data):
                raise self._damaged()
            yield _Field(tag >> 3, value, start, at)

    def _varint(self, data: memoryview, at: int) -> tuple[int, int]:
        """Return the number that starts at a byte, and where it ends."""
        value = 0
        for index, byte in enumerate(data[at : at + _VARINT_BYTES_MAX]):
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return value, at + index + 1
        raise self._damaged()

    def _damaged(self) -> BundleError:
        return BundleError(f"{self._path}: damaged, or not an ONNX model")


def _head(number: int, value: list[_Bytes]) -> bytes:
    """Return what stands before a value of bytes: the field's number and the length."""
    return _varint(number << 3 | _LENGTH) + _varint(sum(map(len, value)))


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
