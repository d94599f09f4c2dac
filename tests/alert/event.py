"""Events for the tests of this folder."""

from edge.alert.event import Event, Stamp


def event(name="a", revision=1, phase="opened", seconds=1.5):
    return Event(
        id=name, revision=revision, phase=phase, camera="north", label="smoke", bundle="m@1#0",
        opened=Stamp(model_s=1.0), updated=Stamp(model_s=seconds, utc="2024-01-01T00:00:00Z"),
        closed=Stamp(model_s=seconds) if phase == "closed" else None, peak=0.1 + 0.2,
        box_px=(1, 2, 3, 4), opening_box_px=(1, 2, 3, 4), sightings=revision,
    )  # fmt: skip
