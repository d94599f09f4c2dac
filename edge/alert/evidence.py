"""The record of a picture that people get of an event, and how large each may be. Made by `edge.alert.witness`."""

from __future__ import annotations

import hashlib

import msgspec

from edge.alert.event import Event, Stamp

THUMBNAIL, CROP, FULL, SERIES, NOW = "thumbnail", "crop", "full", "series", "now"
MAX_BYTES = {THUMBNAIL: 6_000, CROP: 20_000, SERIES: 8_000, FULL: 300_000, NOW: 20_000}
DRILL_PREFIX = "drill."  # of the id of an event that nothing is real of


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One JPEG; its key is that of its revision and its role.

    Attributes:
        role: `thumbnail` (the whole frame with the score map), `crop` (the box with its surroundings), `series.1`,
            `series.2` … (the same place before, at and after the opening, in the order of time), or `full`, which is
            sent only when somebody asks for it. `now` is of no event: the newest frame, for who asks.
        jpeg: the file, with its capture time burnt in and in its comment.
        sha256: hex, of `jpeg`.
        size_px: (height, width).
        captured: moment of the frame that it shows.
    """

    role: str
    jpeg: bytes
    sha256: str
    size_px: tuple[int, int]
    captured: Stamp


def picture(role: str, jpeg: bytes, size_px: tuple[int, int], captured: Stamp) -> Picture:
    """Return the record of a JPEG."""
    digest = hashlib.sha256(jpeg).hexdigest()
    return Picture(role=role, jpeg=jpeg, sha256=digest, size_px=size_px, captured=captured)


def kind(role: str) -> str:
    """Return what a role is of, a key of MAX_BYTES: `series` of `series.3`."""
    return role.partition(".")[0]


def is_drill(event: Event) -> bool:
    """Say whether an event is a drill, by its id."""
    return event.id.startswith(DRILL_PREFIX)
