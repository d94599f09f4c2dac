"""Pictures of events as data of the page: checked, small enough, and as many as fit."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.limit import Limits
from edge.camera.still import by_opencv, checked
from edge.document import read_plain
from edge.errors import FrameError
from edge.image import resize
from firmware_sim.tower.run import Seen

PICTURE_BYTES_MAX = 60_000
_SIDE_PX = 800
_QUALITIES = (82, 70, 55, 40)
_LIMITS = Limits()
_SOI = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture.

    Attributes:
        event: whose.
        uri: `data:image/jpeg;base64,…`
        size_px: (height, width).
    """

    event: str
    uri: str
    size_px: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Those that fit.

    Attributes:
        shown: by event.
        left_out: for which there was no room.
        missing: that the folder does not have, or that are no pictures.
    """

    shown: dict[str, Picture]
    left_out: int
    missing: int


def choose(events: Sequence[Seen], folder: Path, room_bytes: int, each_bytes: int = 0) -> Pictures:
    """Take as many pictures as there is room for: alerts and candidates, true and false, in turn, each by time.

    Args:
        events: of a run.
        folder: of the run, in which the pictures lie.
        room_bytes: of the page.
        each_bytes: that a picture takes besides its data.
    """
    shown: dict[str, Picture] = {}
    left_out = missing = 0
    full = False
    for event in _in_turn(events):
        if full:
            left_out += 1
            continue
        picture = read(event, folder)
        if picture is None:
            missing += 1
        elif len(picture.uri) + each_bytes > room_bytes:
            full = True
            left_out += 1
        else:
            room_bytes -= len(picture.uri) + each_bytes
            shown[event.id] = picture
    return Pictures(shown, left_out, missing)


def read(event: Seen, folder: Path) -> Picture | None:
    """Read one picture, and make it smaller where it is too large; None where it is not there, or no picture."""
    name = event.picture
    if not name or "/" in name or name in {".", ".."}:
        return None
    try:
        data = read_plain(folder / name, _LIMITS.picture_bytes, follow=False)
        checked(data, name, _LIMITS)
        pixels = by_opencv(data, name)
    except (OSError, FrameError):
        return None
    if not data.startswith(_SOI) or len(data) > PICTURE_BYTES_MAX:
        pixels, data = _smaller(pixels)
    height, width = pixels.shape[:2]
    return Picture(event.id, f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", (height, width))


def _in_turn(events: Sequence[Seen]) -> list[Seen]:
    """Return those with pictures, the first of each sort before the second of any."""
    seen: dict[tuple[bool, bool], int] = {}
    ranked = []
    for event in events:
        if event.picture is not None:
            sort = (event.alerted_s is None, not event.fires)
            seen[sort] = seen.get(sort, 0) + 1
            ranked.append((seen[sort], sort, event))
    return [event for _, _, event in sorted(ranked, key=lambda one: one[:2])]


def _smaller(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], bytes]:
    side_px = min(_SIDE_PX, max(pixels.shape[:2]))
    while True:
        scale = side_px / max(pixels.shape[:2])
        height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
        small = resize(pixels, (height, width))
        for quality in _QUALITIES:
            _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if encoded.nbytes <= PICTURE_BYTES_MAX:
                return small, encoded.tobytes()
        side_px = side_px * 3 // 4
