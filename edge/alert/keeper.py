"""The keeper: takes memories of the hour to the disk and back, in the recorder's thread.

What a memory forgot is written before anything else, all other memories when nothing else is due.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from edge.alert.hour import Hour
from edge.text import plain

_log = logging.getLogger(__name__)


class HourStore(Protocol):
    """Where memories are kept."""

    def hours(self) -> dict[str, Hour]:
        """Return them, by camera."""
        ...

    def keep_hour(self, camera: str, data: bytes) -> None:
        """Keep one."""
        ...


class Keeper:
    """Keeps memories of the hour. `offer` is for any thread, `hurry` and `step` for the one that owns the store.

    A memory that the disk refuses is logged once, and tried again with the next one: events matter more. One that is
    urgent is tried until it is on disk, after the events as long as the disk refuses it.

    Args:
        store: open whenever `step` is called.
        recall: told what was kept of a camera, once, before anything is written.
    """

    def __init__(self, store: HourStore, recall: Callable[[str, Hour], None]) -> None:
        self._store = store
        self._recall = recall
        self._lock = threading.Lock()
        self._offered: dict[str, bytes] = {}
        self._urgent: set[str] = set()
        self._read = self._failing = False

    def offer(self, camera: str, data: bytes, *, urgent: bool = False) -> None:
        """Hand over what a camera's memory holds now; never waits for the disk.

        Args:
            camera: its name.
            data: instead of what was handed over before.
            urgent: what is on disk holds something that was forgotten.
        """
        with self._lock:
            self._offered[camera] = data
            if urgent:
                self._urgent.add(camera)

    def hurry(self) -> bool:
        """Write one memory that is urgent, if the disk took the last one; return whether there may be more."""
        with self._lock:
            camera = next(iter(self._urgent), None)
        return camera is not None and not self._failing and self._try(camera)

    def step(self) -> bool:
        """Read what was kept, else write one; return whether there may be more to do."""
        with self._lock:
            camera = next(iter(self._urgent), next(iter(self._offered), None))
        return (camera is not None or not self._read) and self._try(camera)

    def _try(self, camera: str | None) -> bool:
        """Read what was kept, if that was not done, and write the memory of a camera; return whether it is done."""
        with self._lock:
            data = None if camera is None else self._offered[camera]
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
            with self._lock:
                if camera is not None and camera not in self._urgent:
                    self._offered.pop(camera)
            return False
        self._failing = False
        with self._lock:
            if camera is not None and self._offered.get(camera) is data:
                self._offered.pop(camera)
                self._urgent.discard(camera)
        return True
