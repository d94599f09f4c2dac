"""The series of one camera: the place of an event in the frames before and after its opening.

The frames before are kept small and as JPEGs, within a bound of bytes that is set at the start; those after it are cut
when they come.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edge.alert.caption import caption_of
from edge.alert.event import Event, Stamp
from edge.alert.evidence import MAX_BYTES, SERIES, Picture, is_drill, picture
from edge.alert.jpeg import decode, fit
from edge.alert.picture import around, cut, resize
from edge.alert.privacy import Shown
from edge.frame import Box

AFTER = 3  # frames after the opening
FOLLOWED = 4  # events of a camera whose frames after the opening are still to come
SMALL_PX = 960  # the longer side of the frames that a series is cut from
CUT_PX = 480
_KEPT_QUALITIES = (60, 42, 28)  # of frames of which most are never looked at
MARGIN, LEAST_PX = 1.0, 240  # of the surroundings of a box


@dataclass(frozen=True, slots=True)
class _Kept:
    """A small frame: when it was taken, its (height, width), and a JPEG of it, which may be smaller still."""

    captured: Stamp
    size_px: tuple[int, int]
    jpeg: bytes


@dataclass(slots=True)
class _Followed:
    """An event whose later frames are still to come: where it is in a small frame, and how many there were."""

    opening: Event
    box_px: Box
    size_px: tuple[int, int]
    count: int
    left: int = AFTER


class Series:
    """What is kept of one camera.

    Args:
        tower, camera: their names, for captions.
        before: how many frames before an opening are kept.
        max_bytes: of all of them.
    """

    def __init__(self, tower: str, camera: str, before: int, max_bytes: int) -> None:
        self._tower = tower
        self._camera = camera
        self._each_bytes = max_bytes // max(1, before)
        self._kept: deque[_Kept] = deque(maxlen=before)
        self._followed: dict[str, _Followed] = {}

    @property
    def bytes(self) -> int:
        """Of the frames that are kept."""
        return sum(len(kept.jpeg) for kept in self._kept)

    def forget(self) -> None:
        """Forget the frames that are kept, after a gap or another resolution; later ones go on with what follows."""
        self._kept.clear()

    def keep(self, small: Shown, captured: Stamp) -> None:
        """Keep a frame for openings to come; the oldest goes.

        Raises:
            FrameError: it does not fit into its share of the bytes.
        """
        jpeg = fit(small, None, max_side_px=SMALL_PX, max_bytes=self._each_bytes, qualities=_KEPT_QUALITIES)
        self._kept.append(_Kept(captured, small.size_px, jpeg.data))

    def opened(
        self, opening: Event, small: Shown, size_px: tuple[int, int], captured: Stamp
    ) -> list[Picture]:
        """Return the pictures up to the opening of an event, and follow it.

        Args:
            opening: its first revision.
            small: the frame of it.
            size_px: (height, width) of the whole frame, whose pixels the box of the event is in.
            captured: the moment of it.
        Raises:
            FrameError: the box does not lie within the frame.
        """
        box_px = around(
            small.size_px,
            _scaled(opening.box_px, size_px, small.size_px),
            margin=MARGIN,
            min_side_px=LEAST_PX,
        )
        frames = [
            (resize(decode(kept.jpeg, like=small), small.size_px), kept.captured)
            for kept in self._kept
            if kept.size_px == small.size_px
        ]
        frames.append((small, captured))
        if len(self._followed) < FOLLOWED:
            self._followed[opening.id] = _Followed(opening, box_px, small.size_px, len(frames))
        return [
            self._picture(number, cut(shown, box_px), moment, opening)
            for number, (shown, moment) in enumerate(frames, 1)
        ]

    def follow(self, small: Shown, captured: Stamp) -> list[tuple[Event, Picture]]:
        """Return a picture of this frame for each event that is followed, with its opening revision."""
        found = []
        for one in list(self._followed.values()):
            one.left -= 1
            if one.left == 0:
                del self._followed[one.opening.id]
            if one.size_px == small.size_px:
                one.count += 1
                found.append(
                    (one.opening, self._picture(one.count, cut(small, one.box_px), captured, one.opening))
                )
        return found

    def closed(self, event_id: str) -> None:
        """Follow an event no more."""
        self._followed.pop(event_id, None)

    def _picture(self, number: int, shown: Shown, captured: Stamp, of: Event) -> Picture:
        caption = caption_of(self._tower, self._camera, captured, drill=is_drill(of))
        jpeg = fit(shown, caption, max_side_px=CUT_PX, max_bytes=MAX_BYTES[SERIES])
        return picture(f"{SERIES}.{number}", jpeg.data, jpeg.size_px, captured)


def _scaled(box_px: Box, of_px: tuple[int, int], to_px: tuple[int, int]) -> Box:
    """Return a box of one size of a frame in another one, at least a pixel wide and high."""
    down, across = to_px[0] / of_px[0], to_px[1] / of_px[1]
    x0, y0 = int(box_px[0] * across), int(box_px[1] * down)
    return x0, y0, max(x0 + 1, round(box_px[2] * across)), max(y0 + 1, round(box_px[3] * down))
