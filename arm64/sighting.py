"""What a daemon saw in a clip, from the store that it left; and whether two daemons saw the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.alert.database import Database
from edge.alert.event import Event
from edge.alert.store import Store


@dataclass(frozen=True, slots=True)
class Sighting:
    """One event, and the picture of its opening.

    Attributes:
        event: its newest revision.
        picture: (H, W, 3) uint8, decoded from the JPEG; None where there is none.
    """

    event: Event
    picture: NDArray[np.uint8] | None

    def facts(self) -> dict[str, Any]:
        """Return what two machines must agree in, though a grey level here and there may differ."""
        event = self.event
        return {
            "label": event.label,
            "severity": event.severity,
            "opened_s": event.opened.model_s,
            "updated_s": event.updated.model_s,
            "sightings": event.sightings,
            "box_px": list(event.box_px),
        }


def read(store: Path) -> list[Sighting]:
    """Return what a store holds, oldest event first; nothing where there is no store."""
    if not store.exists():
        return []
    with Database(store) as database:
        opened = Store(database)
        return [Sighting(event, _decoded(opened.evidence(event.id, 1))) for event in opened.events()[::-1]]


def compare(here: list[Sighting], there: list[Sighting]) -> dict[str, Any]:
    """Return how far two daemons agree.

    Returns:
        `same_events`, by `Sighting.facts`; `same_pixels`, of how many events the opening frame is equal to the bit (its
        digest is in the event's id); `picture_difference_max` and `_mean`, of the openings' JPEGs in grey levels, None
        where they cannot be laid upon each other.
    """
    pairs = list(zip(here, there, strict=False))
    differences = [_difference(one.picture, other.picture) for one, other in pairs]
    known = [one for one in differences if one is not None]
    comparable = bool(known) and len(known) == len(differences)
    return {
        "events": [{**one.facts(), "peak": one.event.peak, "revision": one.event.revision} for one in there],
        "same_events": [one.facts() for one in here] == [one.facts() for one in there],
        "same_pixels": sum(one.event.id == other.event.id for one, other in pairs),
        "picture_difference_max": max(float(one.max()) for one in known) if comparable else None,
        "picture_difference_mean": float(np.mean([one.mean() for one in known])) if comparable else None,
    }


def _decoded(jpeg: bytes | None) -> NDArray[np.uint8] | None:
    if jpeg is None:
        return None
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.asarray(picture, np.uint8)


def _difference(one: NDArray[np.uint8] | None, other: NDArray[np.uint8] | None) -> NDArray[np.int16] | None:
    if one is None or other is None or one.shape != other.shape:
        return None
    return np.abs(one.astype(np.int16) - other.astype(np.int16))
