"""The writer: makes the parcels of one tower, as they are when they are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from edge.alert.event import Event, Stamp
from edge.alert.evidence import Picture
from edge.alert.route import Message
from edge.uplink.discovery import discovery
from edge.uplink.document import (
    CONTENT_TYPE,
    JPEG_TYPE,
    attributes,
    image_attributes,
    render,
    shown_attributes,
)
from edge.uplink.facts import TowerFacts
from edge.uplink.heartbeat import Vitals, render_health
from edge.uplink.moment import Now, moment
from edge.uplink.payload import EventDocument
from edge.uplink.transport import Parcel

LASTS = 3  # heartbeats, after which a heartbeat and a state say nothing any more


class Writer:
    """Makes the parcels of one tower.

    Args:
        facts: of the tower.
        heartbeat_s: between two heartbeats.
        version: of firetower.
        now: returns the time by all clocks.
        vitals: returns what a heartbeat is made of, by its sequence and the seconds until the next one.
        smoke: returns `ON`, `OFF` or `unknown` of each camera, as a sink is told.
        fire_risk: returns it as people named it; None where nobody did.
        sight: returns the newest sight of an open event, told or not; None where that is not known.
    """

    def __init__(
        self,
        facts: TowerFacts,
        heartbeat_s: float,
        version: str,
        *,
        now: Callable[[], Now],
        vitals: Callable[[int, float], Vitals],
        smoke: Callable[[str], Mapping[str, str]],
        fire_risk: Callable[[], str | None],
        sight: Callable[[Event], Stamp | None] = lambda _: None,
    ) -> None:
        self._facts = facts
        self._lasts_s = LASTS * heartbeat_s
        self._discovery = Parcel(
            "discovery", "discovery", discovery(facts, version, self._lasts_s), CONTENT_TYPE
        )
        self._now = now
        self._vitals = vitals
        self._smoke = smoke
        self._fire_risk = fire_risk
        self._sight = sight

    def message(self, message: Message) -> Parcel:
        """Return a message of the outbox as it goes now."""
        sight = None if message.letter is None else self._sight(message.letter.event)
        document = render(message, self._facts, self._now(), self._fire_risk(), sight)
        if message.jpeg is not None and isinstance(document, EventDocument):
            return Parcel(
                message.key,
                "image",
                message.jpeg,
                JPEG_TYPE,
                image_attributes(document, message.role),
                camera=document.camera,
            )
        return Parcel(
            message.key,
            "event",
            msgspec.json.encode(document),
            CONTENT_TYPE,
            attributes(document),
            camera=document.camera,
        )

    def heartbeat(self, sequence: int, next_s: float) -> Parcel:
        """Return the health of the tower."""
        health = render_health(self._vitals(sequence, next_s), self._facts, self._now())
        body = msgspec.json.encode(health)
        told = {
            "specversion": "1.0",
            "source": f"/firetower/{self._facts.id}",
            "type": "firetower.health",
        }  # the rest is in the body, and heartbeats are most of what a quiet tower sends
        return Parcel(f"health.{sequence}", "health", body, CONTENT_TYPE, told, expires_s=self._lasts_s)

    def states(self, sink: str) -> Sequence[Parcel]:
        """Return what Home Assistant is told, and whether each camera sees smoke, as a sink is told."""
        smoke = self._smoke(sink).items()
        return [
            self._discovery,
            *(
                Parcel(
                    f"smoke.{name}",
                    "smoke",
                    word.encode(),
                    "text/plain",
                    camera=name,
                    expires_s=self._lasts_s,
                )
                for name, word in smoke
            ),
        ]

    def shown(self, camera: str, key: str, picture: Picture) -> Parcel:
        """Return a picture of no event, which somebody asked for."""
        live = self._facts.cameras[camera].origin == "live"
        at = moment(picture.captured, self._now(), live=live)
        told = shown_attributes(self._facts.id, camera, picture, key, at)
        return Parcel(key, "image", picture.jpeg, JPEG_TYPE, told, camera=camera)
