"""The drill of a tower, one at a time: begun by a command, over when each sink has it, or late, or for a real event."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from edge.alert.drill import begun, id_of
from edge.alert.event import Event, Origin, Stamp
from edge.alert.evidence import DRILL_PREFIX, is_drill
from edge.alert.post import Post
from edge.errors import CommandError
from edge.uplink.command import OfDrill
from edge.uplink.gate import Given

_log = logging.getLogger(__name__)

LAST_S = 600.0  # after which it is over, delivered or not


class Watcher(Protocol):
    """The tower, as a drill asks it."""

    def begin_drill(self, event_id: str, camera: str, at: Stamp) -> Event:
        """Let a drill begin on the way of a real event, with pictures; return its opening."""
        ...

    def end_drill(self, event: Event, at: Stamp) -> None:
        """Let a drill end on the same way."""
        ...


class Drill:
    """The drill of one tower. What an earlier process left of one is ended with the opening of the store.

    Args:
        cameras: origin of the frames of each.
        post: what waits for the sinks.
        stamp: returns this moment by every clock.
    """

    def __init__(self, cameras: Mapping[str, Origin], post: Post, stamp: Callable[[], Stamp]) -> None:
        self._cameras = cameras
        self._post = post
        self._stamp = stamp
        self._lock = threading.Lock()
        self._event: Event | None = None
        self._begun_ns = 0
        self._id = ""
        self._is_committed = False
        self._first = ""  # the event that goes first

    def begin(self, given: Given, watcher: Watcher, open_alerts: Mapping[str, str]) -> str:
        """Do the command `drill`.

        Args:
            given: the command.
            watcher: the tower.
            open_alerts: camera of each real one.
        Raises:
            CommandError: there is no such camera, a drill goes on, an alert is open, or no sink would get it.
        """
        assert isinstance(given.arguments, OfDrill)
        camera = given.arguments.camera or next(
            filter(self._takers, self._cameras), next(iter(self._cameras))
        )
        if camera not in self._cameras:
            raise CommandError("unfit", f"there is no camera {camera}; there are {', '.join(self._cameras)}")
        alert = next((one for one, of in open_alerts.items() if self._is_live(of)), None)
        if alert is not None:
            raise CommandError("unfit", f"alert {alert} of camera {open_alerts[alert]} is open: no drill now")
        takers = self._takers(camera)
        if not takers:
            why = (
                f"its origin is {self._cameras[camera]}; see severities, origins and escalation of [sinks.…]"
            )
            raise CommandError("unfit", f"no sink gets alerts of camera {camera} at once: {why}")
        with self._lock:
            if self._event is not None:
                raise CommandError("unfit", f"{self._event.id} goes on; a tower has one drill at a time")
            self._id, self._first, self._is_committed = id_of(given.order.id), "", False
            self._begun_ns = given.mono_ns
            event = self._event = watcher.begin_drill(self._id, camera, self._stamp())
        _log.info("%s of camera '%s' is begun by %s", event.id, camera, given.by.name)
        return f"{event.id} of camera {camera} is begun, for {', '.join(takers)}"

    def told(self, event: Event) -> None:
        """Take note of a revision that is on disk, or in memory; from any thread, and it waits for none."""
        if event.id == self._id:
            self._is_committed = True
        elif not is_drill(event) and self._is_live(event.camera):
            self._first = event.id

    def tick(self, watcher: Watcher, now_ns: int) -> None:
        """End the drill where that is due; call it each second or so."""
        with self._lock:
            event = self._event
            if event is None:
                return
            late = now_ns - self._begun_ns >= LAST_S * 1e9
            if self._first or late:
                why = (
                    f"event {self._first} goes first" if self._first else f"it took longer than {LAST_S:g} s"
                )
                self._post.end_drills(why)
                _log.warning("%s is ended: %s", event.id, why)
            elif not self._is_committed or self._post.waits(event.id) is not False:
                return
            watcher.end_drill(event, self._stamp())
            self._event = None

    def _takers(self, camera: str) -> list[str]:
        """Return the sinks that get a drill of a camera."""
        one, origin = begun(DRILL_PREFIX, camera, (1, 1), "", self._stamp()), self._cameras[camera]
        return [route.name for route in self._post.rules.routes if route.takes(one, origin)]

    def _is_live(self, camera: str) -> bool:
        return self._cameras.get(camera, "live") == "live"
