"""Conditions of a frame as labels, and how each was made: by the sun, by colour, or by the weather that was laid."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.layer import Picture
from scoring.sun import NIGHT_DEG, elevation_deg
from scoring.truth import TruthFrame, TruthSequence
from training.smoke.data.place import place_of

# mean of a picture between its pixels' strongest and weakest colour, in grey levels
GREY_BELOW = 1.5  # infrared, or a monochrome camera
FADED_BELOW = 4.5  # in fog, on cameras of _GREY_IS_FOG
COLOURED_FROM = 20.0  # in sunshine on these
HIGH_SUN_DEG = 25.0  # above it no lens is blinded
SURE, FAINT = 8.0, 2.0  # mean change of a picture by weather, in grey levels: it shows; nobody would see it
_GREY_IS_FOG = ("highway_fog_cn",)  # begins of cameras' names that lose their colour in fog by day

HOW = {
    "night": f"real: the sun is more than {-NIGHT_DEG:g} degrees below the horizon, and not night once it is up; "
    "unknown between, and where nobody says where the camera stands. Rendered nights: all frames",
    "low_sun": f"real: false by night and with the sun above {HIGH_SUN_DEG:g} degrees, else unknown. Rendered glare",
    "fog": "real: false by day, but on cameras that lose their colour in fog true below "
    f"{FADED_BELOW:g} levels of colour, false from {COLOURED_FROM:g}, unknown between; unknown by night. Rendered fog",
    "infrared": "real: false where there is colour, or fog took it; else unknown. Rendered: where the picture lost its "
    "colour",
    "dirty": "real: false by day unless fog hides it, else unknown. Rendered dirt and drops",
    "clear": "none of the others; unknown where one of them is",
    "rendered": f"true from a mean change of {SURE:g} grey levels by the weather, unknown from {FAINT:g}, as the real "
    "frame below",
}
# by the names of `scene.fire.CONDITIONS`: what weather shows, if it is strong enough
_SHOWS = {"fog": "fog", "glare": "low_sun", "rain": "dirty", "dirt": "dirty"}
_NIGHTS = frozenset({"night", "headlights", "lit_night", "infrared_night"})


class Condition(msgspec.Struct, frozen=True):
    """What a frame was taken in; several may hold, None is unknown.

    Attributes:
        clear: none of the others.
        fog: or haze, or cloud on the ground.
        low_sun: in the lens.
        night: whatever is lit.
        infrared: no colour, bright leaves.
        dirty: or wet glass.
    """

    clear: bool | None = None
    fog: bool | None = None
    low_sun: bool | None = None
    night: bool | None = None
    infrared: bool | None = None
    dirty: bool | None = None


NAMES: tuple[str, ...] = Condition.__struct_fields__


def numbers(conditions: Sequence[Condition]) -> NDArray[np.float32]:
    """Return (frames, len(NAMES)) float32: 1 where a condition holds, 0 where not, NaN where nobody knows."""
    rows = [[getattr(one, name) for name in NAMES] for one in conditions]
    return np.array([[np.nan if v is None else float(v) for v in row] for row in rows], np.float32)


def colour(picture: Picture) -> float:
    """Return the mean distance between a pixel's strongest and weakest colour, of (H, W, 3) uint8."""
    some = picture[::4, ::4].astype(np.int16)
    return float((some.max(2) - some.min(2)).mean())


def real(sequence: TruthSequence, frame: TruthFrame, picture: Picture) -> Condition:
    """Label a frame as it was taken, by HOW."""
    sun_deg = _sun_deg(sequence, frame)
    night = None if sun_deg is None or NIGHT_DEG <= sun_deg < 0 else sun_deg < NIGHT_DEG
    low_sun = False if night or (sun_deg is not None and sun_deg > HIGH_SUN_DEG) else None
    fogs, tint = sequence.camera.startswith(_GREY_IS_FOG), colour(picture)
    fog: bool | None = None
    if night is False:
        fog = False if not fogs or tint >= COLOURED_FROM else True if tint < FADED_BELOW else None
    infrared = False if tint >= GREY_BELOW or fog else None
    dirty = False if night is False and fog is False else None
    return _cleared(Condition(None, fog, low_sun, night, infrared, dirty))


def laid(below: Condition, weather: str, before: Picture, after: Picture) -> Condition:
    """Label a frame on which weather was laid.

    Args:
        below: of the real frame.
        weather: a name of `scene.fire.CONDITIONS`.
        before: (H, W, 3) uint8 RGB, the real frame.
        after: the same with the weather, without a fire.
    """
    step = after[::4, ::4].astype(np.int16) - before[::4, ::4]
    change = float(np.abs(step).mean())
    known = {name: getattr(below, name) for name in NAMES}
    if weather in _NIGHTS:
        known |= {"night": True, "low_sun": False}
    if weather in {"infrared", "infrared_night"} and change >= FAINT:
        known["infrared"] = True if colour(after) < GREY_BELOW else None
    shown = _SHOWS.get(weather)
    if shown is not None and change >= FAINT and not known[shown]:
        known[shown] = True if change >= SURE and not (shown == "low_sun" and below.night) else None
    if weather == "rain" and change >= FAINT and not known["fog"]:
        known["fog"] = None  # rain takes the view as fog does
    return _cleared(Condition(**known))


def _cleared(one: Condition) -> Condition:
    others = (one.fog, one.low_sun, one.night, one.infrared, one.dirty)
    clear = False if any(others) else None if None in others else True
    return msgspec.structs.replace(one, clear=clear)


def _sun_deg(sequence: TruthSequence, frame: TruthFrame) -> float | None:
    place, epoch = place_of(sequence), frame.epoch if frame.real_epoch is None else frame.real_epoch
    return None if place is None or epoch is None else elevation_deg(epoch, *place)
