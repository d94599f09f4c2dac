"""A folder of images as a camera: their times come from their names, a CSV, or a set cadence."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from edge.camera.file import local_path
from edge.camera.kind import Kind
from edge.camera.loop import play
from edge.camera.option import PositiveSeconds, RecordingOptions
from edge.camera.schedule import NS_PER_S
from edge.camera.source import Picture, Session, Source
from edge.camera.still import decode_still
from edge.document import read_text
from edge.errors import CameraError, FrameError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_CSV_BYTES_MAX = 64 << 20
_EPOCH_S_END = 253_402_300_800  # the year 10000
DEFAULT_CADENCE_S = 60.0  # one a minute, as HPWREN and FIgLib archive their cameras

_OFFSET = re.compile(r"_([+-]\d{1,9})$")  # FIgLib: 000_-02400 or 1528987200_+00060, seconds from ignition
_EPOCH = re.compile(r"(?<!\d)(1\d{9})(\d{3})?(?!\d)")  # seconds or milliseconds, 2001 to 2033


class FolderOptions(RecordingOptions, frozen=True, kw_only=True):
    """A folder of images.

    Attributes:
        folder_cadence_s: seconds between the images, instead of the times in their names.
        times_csv: `file,epoch` a line: the time of each image, instead of its name.
    """

    folder_cadence_s: PositiveSeconds | None = None
    times_csv: Path | None = None


def open_folder(options: FolderOptions, session: Session) -> Source:
    """Open a folder of images.

    Raises:
        CameraError: no such folder, no image in it, or the CSV is wrong.
    """
    return play(lambda: FolderSource(options, session), loop=options.loop)


@dataclass(frozen=True, slots=True)
class _Image:
    path: Path
    source_ns: int
    wall_ns: int | None


class FolderSource:
    """The images of one folder in the order of their times.

    Times are, by the first rule that applies: those of `times_csv`; `folder_cadence_s`; epochs in the names of
    all; offsets in the names of all, from the first image on; the schedule's cadence; one a minute.

    Args:
        options: the folder, not searched recursively, and its times.
        session: its clock, schedule and beat.

    Raises:
        CameraError: no such folder, no image in it, or the CSV is wrong.
    """

    live = False

    def __init__(self, options: FolderOptions, session: Session) -> None:
        folder = local_path(options.uri.partition(":")[2])
        self._images = _timed(_images(folder), options, session.schedule.cadence_s)
        self._grid = session.schedule.skipping()
        self._clock = session.clock
        self._beat = session.beat
        self._limits = session.limits
        self._at = 0

    def read(self) -> Picture | None:
        """Return the next picture that is due, or None after the last.

        Raises:
            FrameError: an image is corrupt or too large; the message names its file.
        """
        while self._at < len(self._images):
            image = self._images[self._at]
            self._at += 1
            self._beat()
            if self._grid.due(image.source_ns):
                self._grid.take(image.source_ns)
                try:
                    return self._picture(image)
                except FrameError:
                    self._grid.give_back()
                    raise
        return None

    def close(self) -> None:
        """Free it; never raises, may be called twice."""
        self._at = len(self._images)

    def _picture(self, image: _Image) -> Picture:
        from edge.image import RgbImage  # noqa: PLC0415 — cv2

        started_ns = self._clock.mono_ns()
        bgr = decode_still(image.path, self._limits)
        decode_ns = self._clock.mono_ns() - started_ns
        size_px = (bgr.shape[0], bgr.shape[1])
        return Picture(
            size_px, image.source_ns, image.wall_ns, decode_ns, lambda: RgbImage(bgr, "BGR"), image.path.name
        )


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key by which `2.jpg` comes before `10.jpg`."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name))


def _images(folder: Path) -> list[Path]:
    try:
        paths = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    except OSError as error:
        raise CameraError(f"cannot read folder '{folder}': {error.strerror}") from error
    if not paths:
        raise CameraError(f"folder '{folder}' holds no image; expected files {', '.join(sorted(SUFFIXES))}")
    return sorted(paths, key=lambda path: natural_key(path.name))


def _timed(paths: list[Path], options: FolderOptions, cadence_s: float) -> list[_Image]:
    names = [path.stem for path in paths]
    if options.times_csv is not None:
        return _dated(paths, _csv_epochs_ns(options.times_csv, paths))
    if options.folder_cadence_s is None:
        epochs_ns = [_epoch_ns(name) for name in names]
        if known := [epoch for epoch in epochs_ns if epoch is not None]:
            if len(known) == len(paths):
                return _dated(paths, known)
        elif all(offsets := [_OFFSET.search(name) for name in names]):
            return _offset(paths, [int(offset[1]) for offset in offsets if offset])
    step_s = options.folder_cadence_s or cadence_s or DEFAULT_CADENCE_S
    return [_Image(path, round(index * step_s * NS_PER_S), None) for index, path in enumerate(paths)]


def _dated(paths: list[Path], epochs_ns: list[int]) -> list[_Image]:
    order = sorted(range(len(paths)), key=epochs_ns.__getitem__)
    return [_Image(paths[index], epochs_ns[index], epochs_ns[index]) for index in order]


def _offset(paths: list[Path], offsets_s: list[int]) -> list[_Image]:
    order = sorted(range(len(paths)), key=offsets_s.__getitem__)
    return [_Image(paths[i], (offsets_s[i] - offsets_s[order[0]]) * NS_PER_S, None) for i in order]


def _epoch_ns(name: str) -> int | None:
    found = _EPOCH.search(name)
    return None if found is None else int(found[1]) * NS_PER_S + int(found[2] or 0) * 1_000_000


def _csv_epochs_ns(csv_path: Path, paths: list[Path]) -> list[int]:
    """Read `file,epoch` lines (a header is passed by); every image needs one, in seconds since 1970 UTC."""
    epochs_ns: dict[str, int] = {}
    number, row = 1, [""]
    try:
        text = read_text(csv_path, _CSV_BYTES_MAX)
    except OSError as error:
        raise CameraError(f"cannot read the times '{csv_path}': {error.strerror}") from error
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline="")), start=1):
            if not row or (number == 1 and [cell.strip() for cell in row] == ["file", "epoch"]):
                continue
            epochs_ns[row[0].strip()] = _parse_epoch_ns(row[1])
    except (ArithmeticError, ValueError, IndexError, csv.Error) as error:
        raise CameraError(f"'{csv_path}', line {number}: expected `file,epoch`, got {row}") from error
    missing = [path.name for path in paths if path.name not in epochs_ns]
    if missing:
        raise CameraError(
            f"'{csv_path}' has no time for '{missing[0]}' ({len(missing)} such); add a line for each"
        )
    return [epochs_ns[path.name] for path in paths]


def _parse_epoch_ns(text: str) -> int:
    epoch_s = Decimal(text.strip())
    if not 0 <= epoch_s < _EPOCH_S_END:
        raise ValueError(text)
    return round(epoch_s * NS_PER_S)


FOLDER = Kind(("folder",), "folder:PATH", FolderOptions, open_folder, live=False, address="path")
