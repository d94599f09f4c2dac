"""Parcels as an MQTT broker gets them, and what its answers mean for them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from edge.uplink.topic import RETAINED, topic
from edge.uplink.transport import Channel, Parcel, Word

NO, TOO_LARGE, NOT_ALLOWED = 0x80, 0x95, 0x87
_NOBODY_LISTENS = 0x10
_NEVER = {0x90, TOO_LARGE, 0x99}  # topic, size, format: of this very packet


@dataclass(frozen=True, slots=True)
class Letter:
    """What is published, with QoS 1.

    Attributes:
        topic: where to.
        body: as it goes out.
        retained: whether the broker keeps it for those who come later.
        content_type: of the body; None: unsaid.
        attributes: user properties.
        expires_s: after which the broker throws it away; None: never.
        correlation: of an answer.
    """

    topic: str
    body: bytes
    retained: bool = False
    content_type: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    expires_s: int | None = None
    correlation: bytes | None = None


def letter_of(parcel: Parcel, tower: str, *, retains: bool) -> Letter:
    """Return a parcel as it is published.

    Args:
        parcel: what is to be carried.
        tower: its id.
        retains: whether the broker keeps messages at all.

    Raises:
        ValueError: it has no topic.
    """
    place, correlation = parcel.answers or (topic(tower, parcel.channel, parcel.camera), None)
    return Letter(
        place,
        parcel.body,
        retained=retains and parcel.channel in RETAINED,
        content_type=parcel.content_type,
        attributes={"id": parcel.key, **parcel.attributes},
        expires_s=None if parcel.expires_s is None else max(1, math.ceil(parcel.expires_s)),
        correlation=correlation,
    )


def no_to(parcel: Parcel, code: int | None) -> Word:
    """Return what becomes of a parcel that the broker did not take.

    Args:
        parcel: that was in its hands.
        code: the reason code of its answer, or of its goodbye; None where it gave none.
    """
    if code == TOO_LARGE and parcel.channel == "image":
        return "shed"
    return "refused" if code in _NEVER else "failed"


class Hearing:
    """What the broker said of who listens: what became of parcels, by its answers.

    Args:
        enough: channels whose listeners are enough for events.
    """

    def __init__(self, enough: Collection[Channel]) -> None:
        self._enough = enough
        self._heard: dict[tuple[Channel, str | None], bool] = {}

    def word(self, parcel: Parcel, code: int) -> Word:
        """Return what a reason code means for a parcel.

        Source: MQTT 5, 3.4.2.1. A retained message is there for whoever comes, so nobody has to listen just now.
        """
        if code < NO:
            self._heard[parcel.channel, parcel.camera] = code != _NOBODY_LISTENS
        if code == _NOBODY_LISTENS and parcel.channel not in RETAINED and not self._is_heard(parcel):
            return "unheard"
        if code < NO:
            return "delivered"
        return no_to(parcel, code)

    def _is_heard(self, parcel: Parcel) -> bool:
        """Whether somebody listens where that is enough, as far as the broker said so last."""
        return parcel.channel == "event" and any(
            heard
            for (channel, camera), heard in self._heard.items()
            if channel in self._enough and (camera == parcel.camera or None in {camera, parcel.camera})
        )
