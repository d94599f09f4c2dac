"""The daemon: a tower in threads, one per camera, one for inference, one that records, one that announces.

A main loop feeds the watchdog.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from edge.alert.announcer import Announce, Announcer
from edge.alert.tower_store import TowerStore
from edge.clock import Clock
from edge.counter.counters import Counters
from edge.device.notify import Notify, status_message
from edge.device.watchdog import Heartbeats, Watchdog
from edge.errors import EdgeError
from edge.governor.governor import Governor
from edge.model.loaded import Model
from edge.model.runtime import Runtime
from edge.settings import Settings
from edge.tower import CAMERA, Tower
from edge.uplink.uplink import Uplink

logger = logging.getLogger(__name__)

INFERENCE = "inference"  # its loop that beats
LIVE_S = 30.0  # a loop that is silent for longer stands still
TICK_S = 1.0
TAKE_S = 0.5
LAST_FRAME_S = 0.5  # what the model has at the end; then the recorder has its own time
ANNOUNCE_S = 0.3  # then what is still to be announced


class Daemon(Tower):
    """Runs one tower until it is told to stop, or until every camera is a recording that has ended.

    Args:
        settings: the checked configuration.
        model: loaded and self-tested.
        store: where the recorder commits events before it announces them; it need not be open yet.
        counters: latency, memory, energy and frames.
        clock: the machine's.
        notify: tells the service manager.
        watchdog_s: the service manager's timeout, None where it has none.
        announce: called once per revision, in a thread of its own; it may block.
        uplink: carries what is seen to the sinks; None where there are none.
        governor: decides what is spared; None where nothing ever is.
        lean: loads the model with one thread; None where it has no more.
        stopping: set from outside to end it; one of its own if absent.
        root: where proc/ is.
    """

    def __init__(  # noqa: PLR0913 — every part is handed in
        self,
        settings: Settings,
        model: Model,
        store: TowerStore,
        counters: Counters,
        clock: Clock,
        *,
        notify: Notify,
        watchdog_s: float | None,
        announce: Announce,
        uplink: Uplink | None = None,
        governor: Governor | None = None,
        lean: Callable[[], Runtime] | None = None,
        stopping: threading.Event | None = None,
        root: Path = Path("/"),
    ) -> None:
        self._notify = notify
        self._stopping = threading.Event() if stopping is None else stopping
        self._heartbeats = Heartbeats(clock)
        self._watchdog = Watchdog(clock, self._heartbeats, notify, watchdog_s)
        self._announcer = Announcer(announce)
        super().__init__(
            settings,
            model,
            store,
            counters,
            clock,
            announce=self._announcer.put,
            beat=self._heartbeats.beat,
            uplink=uplink,
            governor=governor,
            lean=lean,
            root=root,
        )
        self._inference = threading.Thread(target=self._infer, name="inference", daemon=True)

    def stop(self) -> None:
        """Ask `run` to end; safe in a signal handler."""
        self._stopping.set()

    def run(self, on_tick: Callable[[], None] = lambda: None) -> None:
        """Run until stopped or finished; returns within about two seconds of `stop`.

        Raises:
            EdgeError: the inference thread died, so that a service manager starts the daemon anew.
        """
        self._heartbeats.beat("recorder")
        self._announcer.start()
        self._recorder.start()
        for name, reader in self.readers.items():
            self._heartbeats.beat(f"{CAMERA}{name}")
            reader.start()
        self._heartbeats.beat(INFERENCE)
        self._inference.start()
        if self._uplink is not None:
            self._uplink.start(self, lambda allowance_s: self._heartbeats.beat("courier", allowance_s))
        self._notify("READY=1")
        logger.info("ready: %d cameras", len(self.readers))
        try:
            while not self._clock.wait(self._stopping, TICK_S):
                self._turn()
                on_tick()
                if not self._inference.is_alive():
                    raise EdgeError("the inference thread has died; see the log above")
                if self.finished:
                    break
        finally:
            self._end()

    def _turn(self) -> None:
        self.tick()
        for name, reader in self.readers.items():
            if reader.finished:
                self._heartbeats.forget(f"{CAMERA}{name}")
        self._watchdog.tick()
        self._notify(status_message("; ".join(self.health().reasons) or "all cameras ok"))

    def _end(self) -> None:
        self._notify("STOPPING=1")
        self._stopping.set()
        for reader in self.readers.values():
            reader.stop(0.0)
        self._slots.close()
        self._inference.join(LAST_FRAME_S)
        if not self._inference.is_alive():
            self.finish()
        self._recorder.stop()
        if self._uplink is not None:
            self._uplink.stop()
        self._announcer.stop(ANNOUNCE_S)
        self._counters.sample()

    def _infer(self) -> None:
        """Score the camera that has waited longest, for ever."""
        while not self._stopping.is_set():
            self._heartbeats.beat(INFERENCE)
            self.look(TAKE_S)

    @property
    def untold(self) -> int:
        """How many announcements nobody took."""
        return self._announcer.untold

    def live(self) -> bool:
        """Say whether inference and every camera's loop turn, whatever cameras show and disks do."""
        return self._inference.is_alive() and not any(
            name == INFERENCE or name.startswith(CAMERA) for name in self._heartbeats.stalled(LIVE_S)
        )
