"""The keeper: takes memories of the hour to the disk and back, in the recorder's thread, when nothing else is due."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from edge.text import plain

_log = logging.getLogger(__name__)


class HourStore(Protocol):
    """Where memories are kept."""

    def hours(self) -> dict[str, bytes]:
        """Return them, by camera."""
        ...

    def keep_hour(self, camera: str, data: bytes) -> None:
        """Keep one."""
        ...


class Keeper:
    """Keeps memories of the hour. `offer` is for any thread, `step` for the one that owns the store.

    A memory that the disk refuses is logged once, and tried again with the next one: events matter more.

    Args:
        store: open whenever `step` is called.
        recall: told what was kept of a camera, once, before anything is written.
    """

    def __init__(self, store: HourStore, recall: Callable[[str, bytes], None]) -> None:
        self._store = store
        self._recall = recall
        self._lock = threading.Lock()
        self._offered: dict[str, bytes] = {}
        self._read = self._failing = False

    def offer(self, camera: str, data: bytes) -> None:
        """Hand over what a camera's memory holds now; never waits for the disk."""
        with self._lock:
            self._offered[camera] = data

    def step(self) -> bool:
        """Read what was kept, else write one; return whether there may be more to do."""
        with self._lock:
            camera = next(iter(self._offered), None)
            data = None if camera is None else self._offered.pop(camera)
        if self._read and (camera is None or data is None):
            return False
        try:
            if not self._read:
                for name, known in self._store.hours().items():
                    self._recall(name, known)
                self._read = True
            if camera is not None and data is not None:
                self._store.keep_hour(camera, data)
        except Exception as error:  # noqa: BLE001 — logged; the next one is tried again
            if not self._failing:
                _log.error("memory of the hour: not on disk: %s", plain(str(error)))
            self._failing = True
            return False
        self._failing = False
        return True
