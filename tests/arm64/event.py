"""An event for the tests of what a board has stored."""

from typing import Any

import msgspec

from edge.alert.event import Event, Stamp


def an_event(**changes: Any) -> Event:
    stamp = Stamp(model_s=60.0)
    event = Event(
        id="a",
        revision=1,
        phase="opened",
        camera="clip",
        label="smoke",
        bundle="b@1#2",
        opened=stamp,
        updated=stamp,
        closed=None,
        peak=1.5,
        box_px=(0, 0, 64, 64),
        opening_box_px=(0, 0, 64, 64),
        sightings=3,
    )
    return msgspec.structs.replace(event, **changes)
