"""Where cameras stand, to within a few degrees: enough to say which frames were taken at night."""

from __future__ import annotations

from typing import TypeAlias

from scoring.sun import NIGHT_DEG, elevation_deg
from scoring.truth import TruthFrame, TruthSequence

Place: TypeAlias = "tuple[float, float]"
"""Latitude and longitude in degrees, north and east positive."""

# Begin of a camera's name → place. One degree of longitude moves dusk by four minutes.
_PLACES: dict[str, Place] = {
    "hpwren:": (33.2, -116.8),  # San Diego county
    "vegas_oxblue": (36.2, -115.1),  # Las Vegas
    "highway_fog_cn": (
        33.0,
        112.0,
    ),  # somewhere in central China; its pictures are of mornings, well after sunrise
}


def place_of(sequence: TruthSequence) -> Place | None:
    """Return where a sequence was taken, by its own fields or its camera's name; None where nobody says."""
    if sequence.latitude_deg is not None and sequence.longitude_deg is not None:
        return sequence.latitude_deg, sequence.longitude_deg
    return next((place for begin, place in _PLACES.items() if sequence.camera.startswith(begin)), None)


def is_night(sequence: TruthSequence, frame: TruthFrame) -> bool | None:
    """Say whether a frame was taken at night, the sun more than 6 degrees below the horizon; None where unknown.

    The time is `real_epoch`, where there is one. How bright a picture is tells nothing: a lit desert site by night is
    as bright as a road in fog by day.
    """
    place, epoch = place_of(sequence), frame.epoch if frame.real_epoch is None else frame.real_epoch
    return None if place is None or epoch is None else elevation_deg(epoch, *place) < NIGHT_DEG
