"""The witness: makes the pictures of what a frame gave, so that people can judge for themselves.

One thread owns it. A picture that cannot be made is logged and counted: an event without one is better than none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np
from msgspec import UNSET

from edge.alert.caption import caption_of
from edge.alert.drill import begun
from edge.alert.event import Event, Stamp
from edge.alert.evidence import CROP, FULL, MAX_BYTES, NOW, THUMBNAIL, Picture, is_drill, picture
from edge.alert.jpeg import fit
from edge.alert.picture import around, draw
from edge.alert.privacy import Privacy, Shown
from edge.alert.series import SMALL_PX, Series
from edge.detect.mask import Polygon
from edge.frame import Box, Frame
from edge.image import RgbImage
from edge.model.manifest import Manifest, Threshold
from edge.pipeline import Scored

logger = logging.getLogger(__name__)

THUMBNAIL_PX, CROP_PX, FULL_PX = 320, 640, 1920  # the longer side
MARGIN, LEAST_PX = 0.5, 240  # of the surroundings in a crop
BEFORE_MOST = 6  # frames before an opening
SERIES_BYTES = 2_000_000  # of frames that are kept for openings to come, of all cameras
CAMERA_BYTES = 240_000

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Testimony:
    """Pictures of one event.

    Attributes:
        event: the revision that they belong to.
        pictures: in the order in which people want them.
        told: whether the revision is new; else it is an opening, which gets more pictures of its series.
    """

    event: Event
    pictures: tuple[Picture, ...]
    told: bool = True


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What was made so far.

    Attributes:
        pictures: of events.
        failed: those that could not be made, and frames that could not be kept.
        kept_bytes: of frames that are kept for openings to come.
        kept_most_bytes: what those may be.
    """

    pictures: int
    failed: int
    kept_bytes: int
    kept_most_bytes: int


class Witness:
    """Makes the evidence of any number of cameras.

    Args:
        tower: its id or name, for captions.
        privacy: polygons in fractions of the frame, by camera; all cameras are in it.
        manifest: says what scores mean, and in how many frames an event is confirmed: so many are kept from before it.
        stamp: makes the moment of a frame.
    Raises:
        ValueError: a polygon that is none.
    """

    def __init__(
        self,
        tower: str,
        privacy: Mapping[str, Sequence[Polygon]],
        manifest: Manifest,
        stamp: Callable[[Frame], Stamp],
    ) -> None:
        self._tower = tower
        self._privacy = {camera: Privacy(polygons) for camera, polygons in privacy.items()}
        self._manifest = manifest
        self._stamp = stamp
        self._before = min(manifest.confirmation.window, BEFORE_MOST)
        self._most_bytes = min(CAMERA_BYTES, SERIES_BYTES // max(1, len(privacy)))
        self._series = {camera: Series(tower, camera, self._before, self._most_bytes) for camera in privacy}
        self._pictures = self._failed = 0
        self._sparing = False

    def spare(self, sparing: bool) -> None:  # noqa: FBT001 — small or all
        """Make only the thumbnail and the crop of an event, to save energy, or all again; from any thread."""
        self._sparing = sparing

    @property
    def made(self) -> Made:
        """What was made so far; from any thread."""
        return Made(
            pictures=self._pictures,
            failed=self._failed,
            kept_bytes=sum(series.bytes for series in self._series.values()),
            kept_most_bytes=self._most_bytes * len(self._series),
        )

    def see(self, scored: Scored) -> list[Testimony]:
        """Return the evidence of a scored frame: of each new revision, in their order, and of series that go on."""
        where = f"camera '{scored.camera}', frame {scored.frame.sequence}"
        found = self._try(where, lambda: self._see(scored, where))
        return [Testimony(event, ()) for event in scored.events] if found is None else found

    def _see(self, scored: Scored, where: str) -> list[Testimony]:
        camera, frame = scored.camera, scored.frame
        series, captured = self._series[camera], self._stamp(frame)
        if scored.restarted or self._sparing:
            series.forget()
        for event in scored.events:
            if event.phase == "closed":
                series.closed(event.id)
        small = None
        if not self._sparing:
            small = self._try(where, lambda: self._privacy[camera].whole(frame.image, SMALL_PX))
        later: list[tuple[Event, Picture]] = []
        if small is not None:
            later = self._try(where, lambda: series.follow(small, captured)) or []
        found = [Testimony(event, tuple(self._of(event, scored, captured, small))) for event in scored.events]
        if small is not None:
            self._try(where, lambda: series.keep(small, captured))
        found += [Testimony(event, (one,), told=False) for event, one in later]
        self._pictures += sum(len(one.pictures) for one in found)
        return found

    def full(self, camera: str, frame: Frame, *, drill: bool = False) -> Picture:
        """Return the whole of a frame, without anything drawn on it; from any thread.

        Raises:
            FrameError: it cannot be made.
        """
        shown = self._privacy[camera].whole(frame.image, FULL_PX)
        return self._fit(FULL, camera, shown, self._stamp(frame), FULL_PX, drill=drill)

    def now(self, camera: str, frame: Frame, *, drill: bool = False) -> Picture:
        """Return a frame of no event, small enough for a thin link; from any thread.

        Raises:
            FrameError: it cannot be made.
        """
        shown = self._privacy[camera].whole(frame.image, CROP_PX)
        return self._fit(NOW, camera, shown, self._stamp(frame), CROP_PX, drill=drill)

    def drill(self, event_id: str, camera: str, frame: Frame | None, model: str, at: Stamp) -> Testimony:
        """Return the opening of a drill with its pictures, of what a camera showed last; from any thread.

        Args:
            event_id: by `edge.alert.drill.id_of`.
            camera: its name.
            frame: None: an empty one is made up.
            model: bundle that would have seen it.
            at: now.
        """
        image = RgbImage(np.full((360, 640, 3), 96, np.uint8)) if frame is None else frame.image
        captured = at if frame is None else self._stamp(frame)
        event, privacy = begun(event_id, camera, image.size_px, model, at), self._privacy[camera]

        def thumbnail() -> Picture:
            return self._fit(
                THUMBNAIL, camera, privacy.whole(image, THUMBNAIL_PX), captured, THUMBNAIL_PX, drill=True
            )

        def crop() -> Picture:
            box_px = around(image.size_px, event.box_px, margin=MARGIN, min_side_px=LEAST_PX)
            return self._fit(CROP, camera, privacy.part(image, box_px), captured, CROP_PX, drill=True)

        made = (self._try(f"event {event_id}", maker) for maker in (thumbnail, crop))
        return Testimony(event, tuple(picture for picture in made if picture is not None))

    def _of(self, event: Event, scored: Scored, captured: Stamp, small: Shown | None) -> list[Picture]:
        """Return what can be made of a revision; nothing of a closing."""
        camera, frame, drill = scored.camera, scored.frame, is_drill(event)
        series, size_px = self._series[camera], frame.image.size_px
        if event.phase == "closed":
            return []

        def thumbnail() -> list[Picture]:
            drawn = self._map(event, scored, self._privacy[camera].whole(frame.image, THUMBNAIL_PX))
            return [self._fit(THUMBNAIL, camera, drawn, captured, THUMBNAIL_PX, drill=drill)]

        def crop() -> list[Picture]:
            box_px = around(size_px, event.box_px, margin=MARGIN, min_side_px=LEAST_PX)
            shown = self._privacy[camera].part(frame.image, box_px)
            return [self._fit(CROP, camera, shown, captured, CROP_PX, drill=drill)]

        makers: list[Callable[[], list[Picture]]] = [thumbnail, crop]
        if event.phase == "opened" and small is not None:
            makers.append(lambda: series.opened(event, small, size_px, captured))
        if (event.phase == "opened" or event.is_new_alert) and not self._sparing:
            makers.append(lambda: [self.full(camera, frame, drill=drill)])
        made: list[Picture] = []
        for maker in makers:
            made += self._try(f"event {event.id}, revision {event.revision}", maker) or []
        return made

    def _map(self, event: Event, scored: Scored, shown: Shown) -> Shown:
        """Lay the scores of an event's label and its box over a frame; a classifier's one cell says nothing."""
        down, across = (
            small / full for small, full in zip(shown.size_px, scored.frame.image.size_px, strict=True)
        )

        def scaled(box_px: Box) -> Box:
            x0, y0, x1, y1 = box_px
            return round(x0 * across), round(y0 * down), round(x1 * across), round(y1 * down)

        cells = self._manifest.task == "cells"
        return draw(
            shown,
            scores=scored.scores[:, :, self._manifest.labels.index(event.label)] if cells else None,
            kind=self._manifest.kind,
            threshold=self._threshold(event),
            area_px=scaled(scored.map_px),
            boxes_px=[scaled(event.box_px)],
        )

    def _threshold(self, event: Event) -> Threshold | None:
        """Return the threshold of an event's label, as far down as it stood at the opening."""
        full = self._manifest.thresholds.get(event.label)
        if full is None or event.threshold is UNSET:
            return full
        return Threshold(open=event.threshold, keep=full.keep - (full.open - event.threshold))

    def _fit(
        self, role: str, camera: str, shown: Shown, captured: Stamp, side_px: int, *, drill: bool
    ) -> Picture:
        caption = caption_of(self._tower, camera, captured, drill=drill)
        jpeg = fit(shown, caption, max_side_px=side_px, max_bytes=MAX_BYTES[role])
        return picture(role, jpeg.data, jpeg.size_px, captured)

    def _try(self, what: str, make: Callable[[], _Made]) -> _Made | None:
        """Make a picture; where it fails, whatever it is, an event without one is better than none."""
        try:
            return make()
        except Exception:
            self._failed += 1
            logger.exception("%s: a picture cannot be made", what)
            return None
