"""What messages say of the tower and its cameras, by the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.alert.event import Origin
from edge.camera.registry import kind_with
from edge.detect.bearing import View
from edge.settings import Settings
from edge.uplink.payload import Place
from edge.zone import Zone, zone_of


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What messages say of a camera.

    Attributes:
        origin: of its frames.
        view: where it looks; None where that is not configured.
    """

    origin: Origin = "live"
    view: View | None = None


@dataclass(frozen=True, slots=True)
class TowerFacts:
    """What messages say of the tower.

    Attributes:
        id: of the tower.
        name: for people.
        cameras: by their names.
        zone: of times in texts.
        place: where it stands; None where that is not configured.
        acknowledge_s: after which an alert escalates.
    """

    id: str
    name: str
    cameras: Mapping[str, CameraFacts]
    zone: Zone
    place: Place | None = None
    acknowledge_s: float = 600.0


def tower_facts(settings: Settings) -> TowerFacts:
    """Return what messages say of a tower; its id is empty where it has none, and no sink."""
    tower, cameras = settings.tower, settings.cameras
    place = None
    if tower.latitude is not None and tower.longitude is not None:
        place = Place(latitude=tower.latitude, longitude=tower.longitude, elevation_m=tower.elevation_m)
    facts = {}
    for name, camera in cameras.items():
        view = None
        if camera.heading_deg is not None and camera.fov_deg is not None:
            view = View(camera.heading_deg, camera.fov_deg, camera.heading_error_deg)
        facts[name] = CameraFacts(kind_with(camera).origin, view)
    return TowerFacts(
        tower.id or "", tower.name, facts, zone_of(tower.timezone), place, settings.uplink.acknowledge_s
    )
