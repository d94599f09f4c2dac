"""The desk: does what people command that is of messages, and keeps what stands until it expires."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from edge.alert import fact
from edge.alert.event import Event, Stamp
from edge.alert.outbox import Outbox
from edge.alert.post import Post
from edge.alert.route import Note, Review, Said
from edge.alert.storm import LISTED
from edge.errors import CommandError
from edge.uplink.command import OfEvent
from edge.uplink.gate import Given, Handler
from edge.uplink.standing import Ended, FireRisk, Kept, Snooze, Standing

_NAME = "standing"


class Desk:
    """Does commands, and keeps on disk what they leave.

    Args:
        boot: the identity of this boot.
        cameras: names of those that there are.
        stamp: returns this moment by every clock.
        confirmed: told the newest revision of an event that a person confirmed.
    """

    def __init__(
        self,
        boot: str,
        cameras: Collection[str],
        stamp: Callable[[], Stamp],
        confirmed: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self._stamp = stamp
        self._confirmed = confirmed
        self._standing = Standing(boot, cameras)
        self._kept: str | None = None  # what stands, as it is on disk; None: not read yet

    def handlers(
        self, post: Post, largest: Callable[[str], int | None] = lambda _: None
    ) -> dict[str, Handler]:
        """Return what does the commands, by their names.

        Args:
            post: what waits for the sinks.
            largest: returns the bytes that a sink takes at once; None where that is not known.
        """
        return {
            "acknowledge": lambda given: self._review(post, given, "acknowledged"),
            "confirm": lambda given: self._review(post, given, "confirmed"),
            "dismiss": lambda given: self._review(post, given, "dismissed"),
            "frame": lambda given: _send_frame(post, given, largest),
            "fire_risk": self._set_fire_risk,
            "snooze": self._set_snooze,
        }

    def holds(self, event: Event, now_ns: int) -> bool:
        """Say whether a revision is held back since its camera is silenced."""
        return self._standing.holds(event, now_ns)

    def fire_risk(self, now_ns: int) -> FireRisk:
        """Return the risk that people named."""
        return self._standing.fire_risk(now_ns)

    def snoozes(self, now_ns: int) -> tuple[Snooze, ...]:
        """Return the cameras that are silenced."""
        return self._standing.snoozes(now_ns)

    def resume(self, outbox: Outbox) -> None:
        """Go on with what stood before this process; from any thread.

        Args:
            outbox: on disk, before anything is put into it: what is silenced shall hold back already what comes first.
        Raises:
            StoreError: it cannot be read.
        """
        before = outbox.recall(_NAME)
        stood = None if self._kept is not None else fact.read(_NAME, before, Kept)
        if stood is not None:
            self._standing.resume(stood)
        self._kept = before

    def tick(self, post: Post, now_ns: int) -> None:
        """Tell what ended, and keep what changed as soon as the disk takes it."""
        for ended in self._standing.ended(now_ns):
            post.note(self._note(post, ended))
            self._standing.tell(ended)
        text = msgspec.json.encode(self._standing.kept()).decode()
        if self._kept is not None and text != self._kept and post.remember(_NAME, text):
            self._kept = text

    def _set_fire_risk(self, given: Given) -> str:
        return self._standing.set_fire_risk(given)

    def _set_snooze(self, given: Given) -> str:
        return self._standing.set_snooze(given)

    def _review(self, post: Post, given: Given, word: Said) -> str:
        assert isinstance(given.arguments, OfEvent)
        event_id = given.arguments.event
        said = Review(
            id=given.order.id, word=word, by=given.by.name, at=self._stamp(), reason=given.arguments.note
        )
        if not post.review(event_id, said):
            raise CommandError("unfit", f"there is no event {event_id}, or that was said of it before")
        if word == "confirmed":
            for event in post.events([event_id]):
                self._confirmed(event)
        return f"event {event_id} is {word}"

    def _note(self, post: Post, ended: Ended) -> Note:
        """Return the one message about a snooze that is over."""
        snooze = ended.snooze
        held = snooze.silent
        return Note(
            subject="snooze",
            state=ended.why,
            text=f"camera {snooze.camera} is no longer silenced ({ended.why}); events held back: {len(held)}",
            at=self._stamp(),
            camera=snooze.camera,
            events=tuple(post.events(held)[-LISTED:]),
            count=len(held),
        )


def _send_frame(post: Post, given: Given, largest: Callable[[str], int | None]) -> str:
    """Send the frame the way that the command came, else to all sinks that have the event and take so much."""
    assert isinstance(given.arguments, OfEvent)
    event_id = given.arguments.event
    takers = [route.name for route in post.rules.routes if route.pictures]
    asked = [sink for sink in takers if sink == given.sink]
    others = [sink for sink in takers if sink != given.sink]
    for sinks in (asked, others):
        found = [post.request(event_id, sink, largest(sink)) for sink in sinks]
        if any(found):
            break
    else:
        raise CommandError(
            "unfit", f"there is no frame of event {event_id} for a sink that has the event and takes so much"
        )
    return f"the frame of event {event_id} is on its way"
