"""What a configuration may say about a camera: the keys that all kinds have, and those of families of kinds.

The class of each kind stands in the kind's own module and inherits from one of these.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

PositiveSeconds = Annotated[float, Meta(gt=0, le=86_400 * 7)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Pixels = Annotated[int, Meta(ge=64, le=16_384, multiple_of=2)]
Degrees = Annotated[float, Meta(ge=0, lt=360)]
Polygon = list[tuple[Fraction, Fraction]]
Pace: TypeAlias = Literal["clip", "fast"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """One camera: the keys that every kind has.

    Attributes:
        uri: its address; the part before the colon names the kind.
        cadence_s: seconds between scored frames; the model's default if absent.
        timeout_s: after which a silent source is given up and reopened.
        masks: polygons in fractions (x, y) of the frame, in which nothing is looked for.
        privacy: polygons, as masks, that are blank in every picture that people get.
        heading_deg: where the middle of the picture looks, clockwise from true north.
        fov_deg: horizontal angle from the left edge of the picture to the right one.
        heading_error_deg: how far off `heading_deg` may be, to either side.
        night_alerts: whether score, growth and persistence make alerts under conditions that hold them back, too.
    """

    uri: Annotated[str, Meta(min_length=1)]
    cadence_s: PositiveSeconds | None = None
    timeout_s: Annotated[float, Meta(ge=1, le=300)] = 10.0
    masks: list[Annotated[Polygon, Meta(min_length=3)]] = []
    privacy: list[Annotated[Polygon, Meta(min_length=3)]] = []
    heading_deg: Degrees | None = None
    fov_deg: Annotated[float, Meta(ge=1, le=170)] | None = None
    heading_error_deg: Annotated[float, Meta(ge=0, le=90)] = 2.0
    night_alerts: bool = False

    @property
    def drawn(self) -> tuple[str, ...]:
        """The keys that hold polygons, which were drawn on its pictures."""
        return tuple(key for key in ("masks", "privacy") if getattr(self, key))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.uri.partition(':')[0]}:…)"  # the rest may hold a password

    def check(self) -> None:
        """See to what no type can say, and to options that did not come from a configuration.

        Raises:
            ValueError: what is wrong; starts with the key.
        """
        for key in self.__struct_fields__:
            value = getattr(self, key)
            if key.endswith("_s") and value is not None and not 0 < value < math.inf:
                raise ValueError(f"{key} is {value}; expected a number of seconds above 0")
        if (self.heading_deg is None) != (self.fov_deg is None):
            missing = "heading_deg" if self.heading_deg is None else "fov_deg"
            raise ValueError(f"{missing}: missing; give both heading_deg and fov_deg, or neither")


class RecordingOptions(Options, frozen=True, kw_only=True):
    """A recording of any kind.

    Attributes:
        loop: start it again at its end.
        pace: play it in its own time (clip), or as fast as the model can (fast).
    """

    loop: bool = False
    pace: Pace = "clip"


class NetworkOptions(Options, frozen=True, kw_only=True):
    """A camera behind an address with a host.

    Attributes:
        user, password_file: credentials; the file must not be readable by others.
    """

    user: str | None = None
    password_file: Path | None = None


class SizedOptions(Options, frozen=True, kw_only=True):
    """A camera that is asked for a size.

    Attributes:
        width_px, height_px: both, or neither for its own.
    """

    width_px: Pixels | None = None
    height_px: Pixels | None = None

    @property
    def size_px(self) -> tuple[int, int] | None:
        """(height, width); None where nothing is asked for."""
        if self.height_px is None or self.width_px is None:
            return None
        return self.height_px, self.width_px

    def check(self) -> None:
        """See that a size is whole."""
        super().check()
        if (self.width_px is None) != (self.height_px is None):
            missing = "width_px" if self.width_px is None else "height_px"
            raise ValueError(f"{missing}: missing; give both width_px and height_px, or neither")
