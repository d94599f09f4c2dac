"""The tower in its lowest band, before any camera is opened and any model is loaded.

A board whose battery was cut off starts again with the first sun. What it does first must not empty the battery again:
it waits here, says so once, and goes on when the battery has recovered.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from edge.alert.event import Event, Stamp
from edge.alert.evidence import Picture
from edge.clock import Clock
from edge.counter.counters import Counters
from edge.counter.governed import governor_exposition
from edge.counter.prometheus import exposition
from edge.device.notify import Notify, status_message
from edge.device.watchdog import Heartbeats, Watchdog
from edge.errors import CommandError
from edge.governor.governor import Governor
from edge.health import CameraHealth, Health
from edge.settings import Settings
from edge.uplink.heartbeat import Power, power_of
from edge.uplink.uplink import Uplink

_log = logging.getLogger(__name__)

BEAT_S = 6 * 3600.0  # between two heartbeats; the configured interval where that is longer
_EARLY_S = 60.0  # so that the next one comes in its time
_TICK_S = 1.0


class Refuge:
    """Waits until a governor's lowest band is over; to the uplink and the page it is a tower that is asleep.

    Args:
        settings: the checked configuration.
        governor: that has begun.
        counters: memory, energy and the board.
        clock: the machine's.
        notify: tells the service manager.
        watchdog_s: the service manager's timeout; None where it has none.
        uplink: makes an uplink of settings; None where there are no sinks.
    """

    def __init__(
        self,
        settings: Settings,
        governor: Governor,
        counters: Counters,
        clock: Clock,
        *,
        notify: Notify,
        watchdog_s: float | None,
        uplink: Callable[[Settings], Uplink] | None = None,
    ) -> None:
        self._settings = settings
        self._governor, self._counters, self._clock, self._notify = governor, counters, clock, notify
        self._heartbeats = Heartbeats(clock)
        self._watchdog = Watchdog(clock, self._heartbeats, notify, watchdog_s)
        self._make = uplink
        self._uplink: Uplink | None = None
        self._beat_s = max(BEAT_S, settings.uplink.heartbeat_s)
        self._beat_ns: int | None = None  # when the last heartbeat was to go

    def run(self, stopping: threading.Event) -> bool:
        """Wait; return whether the band is over, and not only the daemon.

        Raises:
            StallError: a loop stands still, and there is no service manager to act.
        """
        self.enter()
        try:
            while self._governor.ruling.cut_off:
                self.tell()
                if self._clock.wait(stopping, _TICK_S):
                    return False
                self.look()
        finally:
            self.leave()
        _log.info("governor: the battery has recovered")
        return True

    def enter(self) -> None:
        """Say that it waits; then `tell` and `look` by turns while the band is in force, and `leave`."""
        _log.warning("governor: nothing is opened: %s", "; ".join(self._governor.notices()))
        self._notify("READY=1")

    def tell(self) -> None:
        """Say that it turns, and send the heartbeat that is due."""
        self._heartbeats.beat("refuge")
        self._carry()
        self._watchdog.tick()
        self._notify(status_message("; ".join(self.health().reasons)))

    def look(self) -> None:
        """Let the governor decide anew."""
        self._counters.sample()
        self._governor.step("neutral", open_event=False, begun=False)

    def _carry(self) -> None:
        """Send one heartbeat, and let go of the links when it has arrived."""
        if self._make is None:
            return
        now_ns = self._clock.mono_ns()
        if self._uplink is None:
            if self._beat_ns is None or now_ns - self._beat_ns >= (self._beat_s - _EARLY_S) * 1e9:
                uplink = msgspec.structs.replace(self._settings.uplink, heartbeat_s=self._beat_s)
                self._uplink = self._make(msgspec.structs.replace(self._settings, uplink=uplink))
                self._uplink.start(self, lambda allowance_s: self._heartbeats.beat("courier", allowance_s))
                self._beat_ns = now_ns
        elif self._uplink.heard:
            self.leave()

    def leave(self) -> None:
        """Let go of the links."""
        uplink, self._uplink = self._uplink, None
        if uplink is not None:
            uplink.stop()
            self._heartbeats.forget("courier")

    def health(self) -> Health:
        """Judge the tower: all is as it should be."""
        due_s = self._governor.due_s()
        camera = CameraHealth(state="governed", age_s=None, reason="not opened by the governor", due_s=due_s)
        return Health(
            healthy=True,
            reasons=self._governor.notices(),
            cameras=dict.fromkeys(self._settings.cameras, camera),
            governor=self._governor.report(),
        )

    def status(self) -> dict[str, Any]:
        """Return what is counted, as plain tables."""
        document: dict[str, Any] = msgspec.to_builtins(self._counters.snapshot())
        return {
            **document,
            "tower": self._settings.tower.name,
            "health": msgspec.to_builtins(self.health()),
        }

    def metrics(self) -> bytes:
        """Return the Prometheus exposition."""
        cameras = self.health().cameras
        governed = governor_exposition(self._governor.report(), cameras)
        return exposition(self._counters.snapshot(), cameras, {}, {}) + governed

    def live(self) -> bool:
        """Say that the loop turns: who asks is answered."""
        return True

    def page_off(self) -> str | None:
        """Return why the page is not shown."""
        return "the battery is nearly empty"

    def trouble(self) -> str | None:
        """Return nothing: there are no events."""
        return None

    def power(self) -> Power | None:
        """Return what is known of power and heat."""
        return power_of(self._counters.snapshot(), self._governor.report())

    def picture(self, camera: str) -> Picture | None:  # noqa: ARG002 — as `Reports` has it
        """Return nothing: no camera is open."""
        return None

    def sight(self, event: Event) -> Stamp | None:  # noqa: ARG002 — as `Reports` has it
        """Return nothing: no event is open."""
        return None

    def confirmed(self, event: Event) -> None:
        """Pass over it: no memory is there to learn."""

    def due_s(self) -> Mapping[str, float | None]:
        """Return the seconds until cameras are opened at the earliest."""
        return dict.fromkeys(self._settings.cameras, self._governor.due_s())

    def begin_drill(self, event_id: str, camera: str, at: Stamp) -> Event:  # noqa: ARG002 — as `Watcher` has it
        """Refuse it.

        Raises:
            CommandError: always.
        """
        raise CommandError("unfit", "the battery is nearly empty: no camera is open, and no drill now")

    def end_drill(self, event: Event, at: Stamp) -> None:
        """Pass over it: none has begun."""
