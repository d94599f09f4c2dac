"""An event, a tower and a time for the tests of this folder."""

from typing import Any

import msgspec

from edge.alert.event import Event, Stamp
from edge.alert.route import Image, Review
from edge.detect.bearing import View
from edge.uplink.facts import CameraFacts, TowerFacts
from edge.uplink.moment import Now
from edge.uplink.payload import Place
from edge.zone import zone_of

S = 1_000_000_000
BOOT = "7d6e0f4a-1111-2222-3333-444444444444"
OPENED_S = 1_795_991_520  # 2026-11-29T22:32:00Z, 14:32 in Los Angeles
NOW = Now(mono_ns=1360 * S, boot_id=BOOT, wall_ns=(OPENED_S + 360) * S, wall_trusted=True)  # 6 minutes later
VIEW = View(heading_deg=200.0, fov_deg=60.0, error_deg=2.0)


def stamp(after_s: float = 0.0, **changes: Any) -> Stamp:
    """A moment so long after the opening."""
    utc = f"2026-11-29T22:{32 + int(after_s) // 60:02}:{int(after_s) % 60:02}+00:00"
    made = Stamp(
        model_s=1000.0 + after_s, mono_ns=round((1000 + after_s) * S), utc=utc, utc_trusted=True, boot_id=BOOT
    )
    return msgspec.structs.replace(made, **changes)


def revision(**changes: Any) -> Event:
    """A revision of an alert that grew two minutes after its opening."""
    made = Event(
        id="5f1e", revision=3, phase="updated", camera="north", label="smoke", bundle="smoke@1.0#abc",
        opened=stamp(), updated=stamp(120), closed=None, peak=2.0, box_px=(1120, 400, 1200, 480),
        opening_box_px=(1140, 440, 1180, 470), sightings=4, frame_px=(1080, 1920), probability=0.88,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def tower(**changes: Any) -> TowerFacts:
    """A tower in the hills above Santa Cruz."""
    cameras = {"north": CameraFacts("live", VIEW), "south": CameraFacts(), "clip": CameraFacts("recording"),
               "scene": CameraFacts("simulated")}  # fmt: skip
    made = {
        "id": "tower-7", "name": "Loma Prieta", "cameras": cameras, "zone": zone_of("America/Los_Angeles"),
        "place": Place(latitude=37.11, longitude=-121.84, elevation_m=1155.0),
    }  # fmt: skip
    return TowerFacts(**{**made, **changes})


def review(word: str = "confirmed", reason: str = "") -> Review:
    """What Ann said five minutes after the opening."""
    return Review(id="3f2a9c01", word=word, by="ann", at=stamp(300), reason=reason)


def image(role: str = "crop") -> Image:
    """A picture without its bytes."""
    return Image(role=role, sha256="ab" * 32, bytes=17_000, size_px=(480, 640), captured=stamp(120))
