"""The announcer: tells whoever listens, in a thread of its own, so that one who does not listen stops nobody.

A sink such as standard output may block for ever or be closed. What it does not take is counted, and forgotten.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from edge.alert.event import Announcement

logger = logging.getLogger(__name__)

MAX_WAITING = 256

Announce = Callable[[Announcement], None]


class Announcer:
    """Hands announcements on in their order. Thread-safe.

    Args:
        sink: told each of them, in the announcer's thread; may block, and may raise.
        max_waiting: how many wait for it; those that come then are lost.
    """

    def __init__(self, sink: Announce, max_waiting: int = MAX_WAITING) -> None:
        self._sink = sink
        self._max_waiting = max_waiting
        self._waiting: deque[Announcement] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._untold = self._row = 0
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    @property
    def untold(self) -> int:
        """How many announcements nobody took."""
        return self._untold

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def put(self, announcement: Announcement) -> None:
        """Let an announcement wait to be told; never blocks."""
        with self._changed:
            if len(self._waiting) < self._max_waiting:
                self._waiting.append(announcement)
                self._changed.notify()
                return
            self._lose(announcement, f"nobody reads: {self._max_waiting} wait")

    def stop(self, drain_s: float) -> None:
        """Tell what waits for so long at most; count the rest."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(drain_s)
        with self._changed:
            left = len(self._waiting) + self._thread.is_alive()
            self._waiting.clear()
            self._untold += left
            if self._untold:
                logger.warning("%d announcements were not told: nobody read them", self._untold)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._stopping:
                    self._changed.wait()
                if not self._waiting:
                    return
                announcement = self._waiting.popleft()
            try:
                self._sink(announcement)
            except Exception as error:  # noqa: BLE001 — whatever it is, it is logged, and the next one may be heard
                with self._changed:
                    self._lose(announcement, repr(error))
            else:
                self._resume()

    def _lose(self, announcement: Announcement, why: str) -> None:
        """Count a loss; of losses in a row the first is logged."""
        self._untold += 1
        self._row += 1
        if self._row == 1:
            event = announcement.event
            logger.error("event %s, revision %d: not told: %s", event.id, event.revision, why)

    def _resume(self) -> None:
        with self._changed:
            if self._row:
                logger.info("announcements are read again; %d were not told", self._row)
            self._row = 0
