"""The files under a folder and the pictures among them: their sizes from their headers, and what was passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edge.camera.exif import exif_orientation
from edge.camera.folder import SUFFIXES, natural_key
from edge.camera.header import PNG, size_px
from edge.camera.limit import Limits
from edge.camera.segment import END, EOI, SCAN, SOI, segments
from edge.document import open_plain
from edge.errors import FrameError
from scoring.truth import TruthError

FILES_MAX = 1_000_000
_HEAD_BYTES, _TAIL_BYTES = 1 << 20, 1 << 12
_SHOWN = 3  # names in a message
_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a picture as it is shown, in pixels."""

    width: int
    height: int


class Passed:
    """What a reader passed over, or had to bend: counted by cause, with a few names."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, cause: str, name: str) -> None:
        """Count one file under a cause, which reads on after its number: `pictures without a label file`."""
        self._names.setdefault(cause, []).append(name)

    def counts(self) -> dict[str, int]:
        """Return how many there are of each cause."""
        return {cause: len(names) for cause, names in self._names.items()}

    def lines(self) -> tuple[str, ...]:
        """Return one line a cause."""
        return tuple(f"{len(names)} {cause}: {some(names)}" for cause, names in self._names.items())


def some(names: list[str]) -> str:
    """Return the first few names as one text."""
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


class Tree:
    """What lies under a folder, links that lead out of it and hidden files left out.

    Args:
        folder: itself may be a link.
        passed: is told of links and of names that are no text.

    Attributes:
        folder: that all names are relative to.
        files: names with `/`, in natural order.
        names: the same as a set.

    Raises:
        TruthError: no such folder, it cannot be read, or there is no end to its files.
    """

    def __init__(self, folder: Path, passed: Passed) -> None:
        self.folder, self.passed = folder, passed
        try:
            self._real = folder.resolve(strict=True)
            found = sorted(self._walk(), key=natural_key)
        except (OSError, RuntimeError) as error:
            raise TruthError(f"cannot read folder '{folder}': {getattr(error, 'strerror', error)}") from error
        self.files = tuple(found)
        self.names = frozenset(found)

    def pictures(self) -> tuple[str, ...]:
        """Return those files whose names end as pictures' do."""
        return tuple(file for file in self.files if PurePosixPath(file).suffix.lower() in SUFFIXES)

    def size(self, file: str) -> Size | None:
        """Return the size of a picture by its header; None, and told, where it is damaged or too large."""
        try:
            return size_of(self.folder, file)
        except TruthError:
            self.passed.add("damaged pictures passed over", file)
            return None

    def _walk(self) -> Iterator[str]:
        def refuse(error: OSError) -> None:
            raise error

        count = 0
        for at, folders, files in os.walk(self.folder, onerror=refuse):
            here = Path(at)
            linked = [name for name in folders if (here / name).is_symlink()]
            for name in linked:
                self.passed.add(
                    "folders passed over, since they are links", name.encode(errors="replace").decode()
                )
            folders[:] = sorted(name for name in folders if name not in linked and not name.startswith("."))
            for name in files:
                if name.startswith("."):  # a Mac lays one beside each file that it copies
                    continue
                count += 1
                if count > FILES_MAX:
                    raise TruthError(
                        f"folder '{self.folder}' holds more than {FILES_MAX} files; name a part of it"
                    )
                if self._fit(here / name):
                    yield (here / name).relative_to(self.folder).as_posix()

    def _fit(self, path: Path) -> bool:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            self.passed.add("files passed over, since their names are not UTF-8", repr(path.name))
            return False
        if path.is_symlink() and not inside(self._real, path):
            self.passed.add("links passed over, since they lead out of the folder or nowhere", path.name)
            return False
        return True


def inside(folder: Path, path: Path) -> bool:
    """Say whether a path leads to something under a folder, links followed.

    Args:
        folder: resolved.
        path: of anything.
    """
    try:
        return path.resolve(strict=True).is_relative_to(folder)
    except (OSError, RuntimeError, ValueError):
        return False


def size_of(folder: Path, file: str) -> Size:
    """Return the size of a picture as it is shown, by its header; at most 1 MiB is read.

    Args:
        folder: that the file is relative to.
        file: name with `/`.

    Raises:
        TruthError: it cannot be read, is no picture, is cut off or larger than a camera's may be.
    """
    path = folder / file
    try:
        with open_plain(path) as opened:
            head = opened.read(_HEAD_BYTES)
            length = os.fstat(opened.fileno()).st_size
            opened.seek(max(0, length - _TAIL_BYTES))
            tail = opened.read(_TAIL_BYTES)
    except OSError as error:
        raise TruthError(f"{path}: {error.strerror}; put it back, or take it out of the data") from error
    stored = size_px(head)
    if stored is None:
        raise TruthError(
            f"{path}: expected JPEG, PNG, BMP, TIFF or WebP, got {length} bytes of something else"
        )
    if not _ended(head, tail, length):
        raise TruthError(f"{path}: the picture is cut off; replace it, or take it out of the data")
    try:
        _LIMITS.check_picture(stored)
    except FrameError as error:
        raise TruthError(f"{path}: {error}") from error
    turned = exif_orientation(head) if head.startswith(SOI) else None
    height, width = stored if turned is None else turned.shown(stored)
    if min(height, width) < 1:
        raise TruthError(f"{path}: a picture of {width}x{height} px")
    return Size(width, height)


def _ended(head: bytes, tail: bytes, length: int) -> bool:
    """Say whether a JPEG or a PNG has its end; of other kinds nobody knows without decoding."""
    if head.startswith(PNG):
        return b"IEND" in tail
    if not head.startswith(SOI):
        return True
    if length > len(head):
        return EOI in tail
    scan = next((segment.at for segment in segments(head) if segment.marker in {SCAN, END}), None)
    return scan is not None and head.find(EOI, scan) >= 0
