"""Contact sheets: sampled frames in a grid, with their boxes, labels and times."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.limit import Limits
from edge.camera.still import decode_still
from edge.errors import FrameError
from scoring.truth import TruthError, TruthFrame, TruthSequence
from training.step.step import write_whole

TILE_PX = 160
STRIPS_MAX = 60  # a sheet; more make another one
_CAPTION_PX, _TITLE_PX, _GAP_PX = 14, 18, 3
_COLOURS = {  # BGR
    "no_smoke": (80, 160, 60),
    "smoke": (40, 40, 220),
    "uncertain": (0, 170, 230),
    "unlabelled": (150, 150, 150),
}
_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Strip:
    """Frames under one title.

    Attributes:
        title: a sequence, or the group of stills.
        frames: each with its sequence.
    """

    title: str
    frames: tuple[tuple[TruthSequence, TruthFrame], ...]


def strips(sequences: Sequence[TruthSequence], count: int) -> list[Strip]:
    """Sample frames evenly: a strip a sequence, and one for all stills of a group.

    Args:
        sequences: to show.
        count: of frames in a strip, at most.
    """
    found: dict[tuple[str, str], list[tuple[TruthSequence, TruthFrame]]] = {}
    for sequence in sequences:
        title = sequence.id if len(sequence.frames) > 1 else "stills"
        found.setdefault((sequence.group, title), []).extend((sequence, frame) for frame in sequence.frames)
    return [
        Strip(f"{group}: {title}, {len(frames)} frames", tuple(frames[i] for i in _even(len(frames), count)))
        for (group, title), frames in found.items()
    ]


def draw(folder: Path, shown: Sequence[Strip], columns: int) -> NDArray[np.uint8]:
    """Draw strips below each other; a picture that cannot be decoded is a crossed tile.

    Args:
        folder: that the frames' files are relative to.
        shown: one or more.
        columns: tiles beside each other.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    width = columns * (TILE_PX + _GAP_PX)
    rows: list[NDArray[np.uint8]] = []
    for strip in shown:
        rows.append(_text(width, _TITLE_PX, strip.title, (255, 255, 255)))
        tiles = [_tile(folder, sequence, frame) for sequence, frame in strip.frames]
        starts = range(0, len(tiles), columns)
        rows.extend(_row(tiles[first : first + columns], width) for first in starts)
    return np.concatenate(rows)


def write(path: Path, folder: Path, shown: Sequence[Strip], columns: int) -> list[Path]:
    """Write one sheet, or several where there are too many strips for one.

    Args:
        path: ends in .jpg or .png; further ones get a number before that.
        folder: that the frames' files are relative to.
        shown: one or more.
        columns: tiles beside each other.

    Returns:
        What was written.

    Raises:
        TruthError: as `check_private`, or no picture of this kind can be written.
    """
    check_private(path)
    written = []
    for number, first in enumerate(range(0, len(shown), STRIPS_MAX), 1):
        target = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        picture = draw(folder, shown[first : first + STRIPS_MAX], columns)
        good, data = (
            cv2.imencode(target.suffix, picture) if target.suffix in {".jpg", ".png"} else (False, None)
        )
        if not good or data is None:
            raise TruthError(f"{target}: a sheet is a .jpg or a .png")
        encoded: bytes = data.tobytes()
        write_whole(target, partial(Path.write_bytes, data=encoded))
        written.append(target)
    return written


def check_private(path: Path) -> None:
    """See that a file may hold real pictures: outside of every git checkout, or ignored by it.

    Raises:
        TruthError: git would take it up.
    """
    target = path.absolute()
    root = next((parent for parent in target.parents if (parent / ".git").exists()), None)
    if root is None:
        return
    try:
        asked = ["git", "-C", str(root), "check-ignore", "--quiet", str(target)]
        ignored = subprocess.run(asked, capture_output=True, check=False).returncode == 0
    except OSError:
        ignored = False
    if not ignored:
        raise TruthError(
            f"{path}: lies in the git checkout '{root}', which does not ignore it, and real pictures are not "
            "committed; write below .work, or elsewhere"
        )


def damaged(folder: Path, sequences: Sequence[TruthSequence]) -> Iterator[str]:
    """Decode every frame and yield what is wrong with those that fail."""
    for sequence in sequences:
        for frame in sequence.frames:
            try:
                decode_still(folder / frame.file, _LIMITS)
            except FrameError as error:
                yield str(error)


def _even(available: int, count: int) -> list[int]:
    if available <= count:
        return list(range(available))
    return [round(at) for at in np.linspace(0, available - 1, count)]


def _tile(folder: Path, sequence: TruthSequence, frame: TruthFrame) -> NDArray[np.uint8]:
    colour = _COLOURS[frame.label]
    height = max(1, round(TILE_PX * sequence.height / sequence.width))
    try:
        pixels = decode_still(folder / frame.file, _LIMITS)
        small = np.asarray(cv2.resize(pixels, (TILE_PX, height), interpolation=cv2.INTER_AREA), np.uint8)
    except FrameError:
        small = np.full((height, TILE_PX, 3), 60, np.uint8)
        cv2.line(small, (0, 0), (TILE_PX, height), (0, 0, 255), 2)
        cv2.line(small, (0, height), (TILE_PX, 0), (0, 0, 255), 2)
    scale = TILE_PX / sequence.width
    for x0, y0, x1, y1 in frame.boxes:
        corners = [(round(x * scale), round(y * scale)) for x, y in ((x0, y0), (x1, y1))]
        cv2.rectangle(small, corners[0], corners[1], (0, 255, 255), 1)
    cv2.rectangle(small, (0, 0), (TILE_PX - 1, height - 1), colour, 1)
    said = f"{_when(sequence, frame)} {frame.label}"
    return np.concatenate([small, _text(TILE_PX, _CAPTION_PX, said, colour)])


def _when(sequence: TruthSequence, frame: TruthFrame) -> str:
    if frame.epoch is None:
        return frame.name[:14]
    if sequence.ignition_epoch is None:
        taken = dt.datetime.fromtimestamp(frame.real_epoch or frame.epoch, dt.UTC)
        return f"{taken:%m-%d %H:%M}Z"
    return f"{(frame.epoch - sequence.ignition_epoch) / 60:+.0f} min"


def _row(tiles: Sequence[NDArray[np.uint8]], width: int) -> NDArray[np.uint8]:
    row = np.zeros((max(len(tile) for tile in tiles) + _GAP_PX, width, 3), np.uint8)
    for number, tile in enumerate(tiles):
        left = number * (TILE_PX + _GAP_PX)
        row[: len(tile), left : left + TILE_PX] = tile
    return row


def _text(width: int, height: int, text: str, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    line = np.zeros((height, width, 3), np.uint8)
    plain = text.encode("ascii", errors="replace").decode()
    cv2.putText(line, plain, (2, height - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.36, colour, 1, cv2.LINE_AA)
    return line
