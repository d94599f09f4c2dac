"""A folder of images as a camera: their times come from their names, a CSV, or a set cadence."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.camera.file import local_path
from edge.camera.kind import Kind
from edge.camera.loop import play
from edge.camera.name import times_in
from edge.camera.option import PositiveSeconds, RecordingOptions
from edge.camera.schedule import NS_PER_S
from edge.camera.source import Picture, Session, Source
from edge.camera.still import decode_still
from edge.camera.timetable import read_times
from edge.clock import utc_text
from edge.errors import CameraError, FrameError
from edge.text import whole
from edge.zone import zone_of

logger = logging.getLogger(__name__)

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
DEFAULT_CADENCE_S = 60.0  # one a minute, as HPWREN and FIgLib archive their cameras
_LISTED = 5  # names in a message


class FolderOptions(RecordingOptions, frozen=True, kw_only=True):
    """A folder of images.

    Attributes:
        folder_cadence_s: seconds between the images, instead of the times in their names.
        times_csv: `file,epoch` a line: the time of each image, instead of its name.
        times_zone: of the dates in the names that do not state theirs: `UTC`, an offset, or a place of the IANA
            database.
    """

    folder_cadence_s: PositiveSeconds | None = None
    times_csv: Path | None = None
    times_zone: str = "UTC"

    def check(self) -> None:
        """See that there is such a zone."""
        super().check()
        try:
            zone_of(self.times_zone)
        except ValueError as error:
            raise ValueError(f"times_zone: {error}") from None


def open_folder(options: FolderOptions, session: Session) -> Source:
    """Open a folder of images.

    Raises:
        CameraError: no such folder, no image in it, or the CSV is wrong.
    """
    tell = _teller()
    return play(lambda: FolderSource(options, session, tell), session, loop=options.loop)


def _teller() -> Callable[[str], None]:
    """Return what logs a text that is not the one before it: every lap of a loop has the same to tell."""
    told = ""

    def tell(text: str) -> None:
        nonlocal told
        if text != told:
            told = text
            logger.info("%s", text)

    return tell


@dataclass(frozen=True, slots=True)
class _Image:
    path: Path
    source_ns: int
    wall_ns: int | None


@dataclass(frozen=True, slots=True)
class _Found:
    """What lies in a folder.

    Attributes:
        paths: of the images, in natural order.
        passed: for people, how many other things there are, such as `hidden files (5)`.
    """

    paths: list[Path]
    passed: list[str]


@dataclass(frozen=True, slots=True)
class _Times:
    """When images were taken.

    Attributes:
        times_ns: of each image; None where it is passed over, since it has none.
        dated: whether they are since 1970 UTC, or since an unknown moment.
        told: for people, whence they are.
    """

    times_ns: Sequence[int | None]
    dated: bool
    told: str


class FolderSource:
    """The images of one folder in the order of their times.

    Times are, by the first rule that applies: those of `times_csv`; `folder_cadence_s`; those that at least nine in
    ten names hold (`edge.camera.name`), without the images that have none; the schedule's cadence; one a minute.

    Args:
        options: the folder, not searched recursively, and its times.
        session: its clock, schedule and beat.
        tell: told in one line what the folder holds, whence the times are and what is passed over; logs it if absent.

    Raises:
        CameraError: no such folder, no image in it, or the CSV is wrong.
    """

    live = False

    def __init__(
        self, options: FolderOptions, session: Session, tell: Callable[[str], None] | None = None
    ) -> None:
        folder = local_path(options.uri.partition(":")[2])
        found = _find(folder)
        times = _times(found.paths, options, session.schedule.cadence_s)
        self._images = _ordered(found.paths, times)
        (tell or _teller())(f"folder '{folder}': {_summary(found, times, self._images)}")
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
        name = whole(image.path.name)
        return Picture(size_px, image.source_ns, image.wall_ns, decode_ns, lambda: RgbImage(bgr, "BGR"), name)


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key by which `2.jpg` comes before `10.jpg`."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name))


def _find(folder: Path) -> _Found:
    names: list[str] = []
    hidden = folders = others = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):  # a Mac lays one beside each file that it copies
                    hidden += 1
                elif _is_folder(entry):
                    folders += 1
                elif Path(entry.name).suffix.lower() in SUFFIXES:
                    names.append(entry.name)
                else:
                    others += 1
    except OSError as error:
        raise CameraError(f"cannot read folder '{folder}': {error.strerror}") from error
    counts = {"hidden files": hidden, "folders": folders, "files of other kinds": others}
    passed = [f"{what} ({count})" for what, count in counts.items() if count]
    if not names:
        only = f", only {', '.join(passed)}" if passed else ""
        raise CameraError(
            f"folder '{folder}' holds no image{only}; expected files {', '.join(sorted(SUFFIXES))}"
        )
    return _Found([folder / name for name in sorted(names, key=natural_key)], passed)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):  # of a link that leads nowhere the error is told when its picture is due
        return entry.is_dir()
    return False


def _times(paths: Sequence[Path], options: FolderOptions, cadence_s: float) -> _Times:
    if options.times_csv is not None:
        times_ns = read_times(options.times_csv, [whole(path.name) for path in paths])
        return _Times(times_ns, dated=True, told=f"times of '{options.times_csv}'")
    why = "as was said"
    if options.folder_cadence_s is None:
        named = times_in([path.stem for path in paths], zone_of(options.times_zone))
        if named is not None and named.met:
            zone = f" ({options.times_zone})" if named.rule.zoned else ""
            return _Times(named.times_ns, named.rule.dated, f"times: {named.rule.shown} in their names{zone}")
        why = "since their names hold no times"
        if named is not None:
            some = f"{named.known} of {len(paths)} names hold {named.rule.shown}"
            why = f"since {some} ({named.different} different)"
    step_s = options.folder_cadence_s or cadence_s or DEFAULT_CADENCE_S
    times_ns = [round(index * step_s * NS_PER_S) for index in range(len(paths))]
    return _Times(times_ns, dated=False, told=f"taken as {step_s:g} s apart, {why}")


def _ordered(paths: Sequence[Path], times: _Times) -> list[_Image]:
    known = sorted(
        ((time_ns, path) for path, time_ns in zip(paths, times.times_ns, strict=True) if time_ns is not None),
        key=lambda pair: pair[0],  # those of one time stay in their natural order
    )
    if times.dated:
        return [_Image(path, time_ns, time_ns) for time_ns, path in known]
    return [_Image(path, time_ns - known[0][0], None) for time_ns, path in known]


def _summary(found: _Found, times: _Times, images: Sequence[_Image]) -> str:
    first = images[0]
    example = "" if first.wall_ns is None else f", '{first.path.name}' is {utc_text(first.wall_ns)}"
    alike = len(images) - len({image.source_ns for image in images})
    shared = f", {alike} have the time of another" if alike else ""
    strays = [path.name for path, time_ns in zip(found.paths, times.times_ns, strict=True) if time_ns is None]
    passed = list(found.passed)
    if strays:
        more = f" and {len(strays) - _LISTED} more" if len(strays) > _LISTED else ""
        passed.append(f"images without such a time ({len(strays)}): {', '.join(strays[:_LISTED])}{more}")
    over = f"; passed over: {', '.join(passed)}" if passed else ""
    count = f"{len(images)} image{'s' * (len(images) != 1)}"
    return f"{count}, {times.told}{example}{shared}{over}"


FOLDER = Kind(("folder",), "folder:PATH", FolderOptions, open_folder, live=False, address="path")
