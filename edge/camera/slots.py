"""One latest frame a camera: reading never waits for inference, and inference takes whoever waits longest."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from edge.counter.drops import Account
from edge.frame import Frame


class Slots:
    """The frames that wait for the model, at most one a camera. Thread-safe.

    Args:
        accounts: of every camera by name; frames that are never taken are dropped there.
    """

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts
        self._changed = threading.Condition()
        self._waiting: dict[str, Frame] = {}  # in the order of who waits longest
        self._closed = False

    def offer(self, camera: str, frame: Frame) -> None:
        """Put a frame in; an older one that still waits is dropped, and its place in the queue is kept."""
        with self._changed:
            if self._closed:
                self._accounts[camera].drop("stopped")
                return
            if camera in self._waiting:
                self._accounts[camera].drop("overwritten")
            self._waiting[camera] = frame
            self._changed.notify_all()

    def wait_empty(self, camera: str, timeout_s: float) -> bool:
        """Wait until no frame of this camera waits; return whether that is so (True once closed)."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or camera not in self._waiting, timeout_s)

    def take_oldest(self, timeout_s: float) -> tuple[str, Frame] | None:
        """Return the camera that has waited longest and its frame; None after the timeout, or once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._waiting), timeout_s)
            if not self._waiting:
                return None
            camera = next(iter(self._waiting))
            frame = self._waiting.pop(camera)
            self._changed.notify_all()
            return camera, frame

    def close(self) -> None:
        """Drop what waits and whatever is offered later; wake all who wait."""
        with self._changed:
            self._closed = True
            for camera in self._waiting:
                self._accounts[camera].drop("stopped")
            self._waiting.clear()
            self._changed.notify_all()
