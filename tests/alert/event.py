"""Events for the tests of this folder."""

from edge.alert.event import Alerted, Event, Stamp


def event(name="a", revision=1, phase="opened", seconds=1.5, severity="alert", alerted=None):
    """Make a revision; `alerted` is the first revision of one that a rule made an alert."""
    alert = None
    if alerted is not None:
        alert = Alerted(at=Stamp(model_s=seconds), by="growth", revision=alerted, box_px=(1, 2, 3, 4))
    return Event(
        id=name, revision=revision, phase=phase, camera="north", label="smoke", bundle="m@1#0",
        opened=Stamp(model_s=1.0), updated=Stamp(model_s=seconds, utc="2024-01-01T00:00:00Z"),
        closed=Stamp(model_s=seconds) if phase == "closed" else None, peak=0.1 + 0.2,
        box_px=(1, 2, 3, 4), opening_box_px=(1, 2, 3, 4), sightings=revision,
        severity=severity, alerted=alert,
    )  # fmt: skip
