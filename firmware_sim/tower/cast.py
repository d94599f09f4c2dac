"""What the cameras of a scenario show, as its file says it: clips, folders, real sequences, landscapes and fires."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from firmware_sim.footage import fault
from firmware_sim.scene.plume import Colour
from firmware_sim.tower.duration import Duration, Since
from firmware_sim.tower.table import Degrees, Positive, Span, Strict

Side = Annotated[int, Meta(ge=64, le=4096)]


class Fault(Span, frozen=True, kw_only=True):
    """One fault of a camera; see `firmware_sim.footage.fault`.

    Attributes:
        kind: of the picture or of the stream.
        strength: above 0, up to 1.
    """

    kind: fault.Kind
    strength: Annotated[float, Meta(gt=0, le=1)] = 1.0


class Scene(Strict, frozen=True, kw_only=True):
    """A rendered landscape; see `firmware_sim.scene.landscape`.

    Attributes:
        seed: of land and clouds; the scenario's seed adds to it.
        heading_deg: of the camera, from north over east.
        field_deg: of its lens, from left to right.
        width_px, height_px: of its pictures.
    """

    seed: Annotated[int, Meta(ge=0, lt=1 << 20)] = 1
    heading_deg: Degrees = 0.0
    field_deg: Annotated[float, Meta(ge=10, le=120)] = 60.0
    width_px: Side = 640
    height_px: Side = 480

    def off_deg(self, bearing_deg: float) -> float:
        """Return how far to the right of its heading a bearing is, −180 to 180."""
        return (bearing_deg - self.heading_deg + 180) % 360 - 180

    def sees(self, bearing_deg: float) -> bool:
        """Say whether it looks towards a bearing."""
        return abs(self.off_deg(bearing_deg)) < self.field_deg / 2


class Camera(Strict, frozen=True, kw_only=True):
    """What one camera shows: one of `clip`, `folder`, `sequence` and `scene`.

    Attributes:
        clip: a video file; played in a loop, or held at its end where its ignition is known.
        folder: of pictures; shown in a loop.
        sequence: id of a real one in the folder that `--data` names.
        scene: a rendered landscape.
        ignition: of a clip, from the clip's begin; of a sequence, when in the scenario its fire begins.
        faults: of its picture and its stream.
    """

    clip: str | None = None
    folder: str | None = None
    sequence: str | None = None
    scene: Scene | None = None
    ignition: Duration | None = None
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        kinds = ("clip", "folder", "sequence", "scene")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(
                f"got {' and '.join(given) or 'nothing to show'}; expected one of {', '.join(kinds)}"
            )
        if self.ignition is not None and given[0] not in {"clip", "sequence"}:
            raise ValueError(f"ignition: belongs to clips and sequences, this one is a {given[0]}")


class Sequences(Strict, frozen=True, kw_only=True):
    """Each real sequence of the folder that `--data` names, whose ignition is known, as a camera of its own.

    Attributes:
        ignition: when their fires begin.
        most: how many of them, in the order of their names.
    """

    ignition: Duration
    most: Annotated[int, Meta(ge=1, le=100)] = 100


class Fire(Strict, frozen=True, kw_only=True):
    """One fire, in each rendered camera that looks there; see `firmware_sim.scene.blaze`.

    Attributes:
        name: of the fire.
        at: when it begins to smoke; below 0: it burns already.
        bearing_deg: where it burns, from north over east.
        distance_km: how far off; chosen by name and seed if absent.
        full_px: height to which it grows, in pixels of a picture 640 px wide.
        colour: of its smoke.
        density: of its smoke; 1 is thick.
        lasts: how long it smokes.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z")]
    at: Since
    bearing_deg: Degrees
    distance_km: Positive | None = None
    full_px: Annotated[float, Meta(ge=16, le=400)] = 90.0
    colour: Colour = "grey"
    density: Annotated[float, Meta(gt=0, le=3)] = 1.0
    lasts: Duration = Duration(7200)
