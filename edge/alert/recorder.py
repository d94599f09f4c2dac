"""The recorder: from what the pipeline has to tell to what is on disk and announced, off the inference thread.

A revision is announced once it is on disk, exactly once, and after those of the same event that came before it.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Event
from edge.alert.picture import crop_jpeg
from edge.alert.waiting import Kind, Revision, Waiting
from edge.clock import Clock

logger = logging.getLogger(__name__)

RETRY_S = 1.0  # between two tries of what the disk has refused
DRAIN_RETRY_S = 0.1  # the same while the daemon ends
SLOW_S = 30.0  # what takes longer to be on disk is a matter of health
DRAIN_S = 1.5

Phase = Literal["opened", "updated", "closed"]


class EventStore(Protocol):
    """Where revisions are kept."""

    def commit(self, event: Event, evidence: bytes | None = None) -> bool:
        """Store a revision with its picture; it is on disk on return."""
        ...


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the revisions so far.

    Attributes:
        opened, updated, closed: on disk, and announced.
        unsaved: events of which something is not on disk.
        dropped: pictures, updates, openings and closings that were lost because the disk did not keep up.
    """

    opened: int
    updated: int
    closed: int
    unsaved: int
    dropped: dict[Kind, int]


class Recorder:
    """Commits and announces revisions. Thread-safe; `start` runs `step` in a thread, a simulation calls it itself.

    Args:
        store: where they are committed.
        announce: called once per committed revision.
        clock: monotonic time, and waiting.
        record: told the stage "event": the time in ns from a revision's offer until it is on disk.
        beat: told that the loop turns, and for how many seconds it may now be silent.
        waiting: the queue; one of the usual size if absent.
    """

    def __init__(
        self,
        store: EventStore,
        announce: Callable[[Event], None],
        clock: Clock,
        *,
        record: Callable[[str, int], None],
        beat: Callable[[float], None],
        waiting: Waiting | None = None,
    ) -> None:
        self._store = store
        self._announce = announce
        self._clock = clock
        self._record = record
        self._beat = beat
        self._lock = threading.Lock()
        self._waiting = Waiting() if waiting is None else waiting
        self._saved: Counter[Phase] = Counter()
        self._error = ""
        self._news = threading.Event()
        self._draining = self._over = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def offer(self, event: Event, pixels: NDArray[np.uint8]) -> None:
        """Hand over a revision with the frame that it is of; takes as long as its JPEG, never as long as the disk.

        Args:
            event: revisions of one event come in their order.
            pixels: (H, W, 3) uint8 RGB; a closing has no picture.
        """
        offered_ns = self._clock.mono_ns()
        jpeg = None if event.phase == "closed" else _picture(event, pixels)
        with self._lock:
            self._waiting.add(Revision(event, jpeg, offered_ns))
        self._news.set()

    def step(self, now_ns: int) -> bool:
        """Try to commit one revision, and announce it; return whether there was one to try.

        Whatever keeps it from the disk, it stays, and is tried again after a while; other events go on meanwhile.
        """
        with self._lock:
            due = (r for r in self._waiting.heads() if self._is_due(r, now_ns))
            revision = min(due, key=_since_ns, default=None)
            if revision is None:
                return False
            revision.busy = True
        try:
            self._beat(math.inf)  # a disk may take its time: that is a matter of health
            self._store.commit(revision.event, revision.jpeg)
        except Exception as error:
            if self._is_news(revision, error):
                event = revision.event
                logger.exception(
                    "event %s, revision %d: not on disk, not announced", event.id, event.revision
                )
            return True
        finally:
            self._beat(0.0)
        with self._lock:
            self._waiting.remove(revision)
            if self._over:  # too late: it was counted as lost, and the last word has been said
                return True
            self._saved[revision.event.phase] += 1
        self._record("event", self._clock.mono_ns() - revision.offered_ns)
        self._tell(revision.event)
        return True

    def start(self) -> None:
        """Begin to record in a thread."""
        self._thread.start()

    def stop(self, drain_s: float = DRAIN_S) -> None:
        """Record what waits for so long at most; then count and log what is not on disk."""
        self._draining = True
        self._news.set()
        if self._thread.ident is not None:  # else `step` alone has driven it
            self._thread.join(drain_s)
        with self._lock:
            self._over = True
            left = [f"{revision.event.id} ({revision.event.phase})" for revision in self._waiting]
        if left:
            logger.error("%d revisions are not on disk at the end: %s", len(left), ", ".join(left))

    def trouble(self, now_ns: int) -> str | None:
        """Return why events are not on disk: the disk refuses them, or takes too long; None when all is well."""
        with self._lock:
            refused = {r.event.id for r in self._waiting if r.failed_ns is not None}
            waited_s = max(((now_ns - r.offered_ns) / 1e9 for r in self._waiting), default=0.0)
            unsaved, error = len(self._waiting.events()), self._error
        if refused:
            return f"store: {len(refused)} events are not on disk: {error}"
        if waited_s > SLOW_S:
            return f"store: {unsaved} events are not on disk: waiting for {waited_s:.0f} s (limit {SLOW_S:.0f} s)"
        return None

    @property
    def recorded(self) -> Recorded:
        """What became of the revisions so far."""
        with self._lock:
            return Recorded(
                opened=self._saved["opened"],
                updated=self._saved["updated"],
                closed=self._saved["closed"],
                unsaved=len(self._waiting.events()),
                dropped=self._waiting.dropped,
            )

    @property
    def good(self) -> bool:
        """Whether nothing waits and no opening or closing was lost."""
        recorded = self.recorded
        return not (recorded.unsaved or recorded.dropped["opened"] or recorded.dropped["closed"])

    def _run(self) -> None:
        """Record for ever; when draining, until nothing waits any more."""
        while not self._over:
            self._beat(0.0)
            self._news.clear()
            if self.step(self._clock.mono_ns()):
                continue
            if self._draining and not len(self._waiting):
                return
            self._clock.wait(self._news, self._retry_s)

    def _is_due(self, revision: Revision, now_ns: int) -> bool:
        """Say whether it is time to try; a clock that went back makes it time, too."""
        if revision.failed_ns is None:
            return True
        return not 0 <= now_ns - revision.failed_ns < self._retry_s * 1e9

    @property
    def _retry_s(self) -> float:
        return DRAIN_RETRY_S if self._draining else RETRY_S

    def _is_news(self, revision: Revision, error: Exception) -> bool:
        """Note that the disk refuses a revision; return whether it is the first time."""
        failed_ns = self._clock.mono_ns()
        with self._lock:
            first, revision.failed_ns = revision.failed_ns is None, failed_ns
            revision.busy = False
            self._error = str(error)
        return first

    def _tell(self, event: Event) -> None:
        try:
            self._announce(event)
        except OSError:
            logger.exception("event %s, revision %d: on disk, not announced", event.id, event.revision)


def _since_ns(revision: Revision) -> int:
    """Return since when it waits for a try: the oldest comes first, so that no event keeps others from theirs."""
    return revision.offered_ns if revision.failed_ns is None else revision.failed_ns


def _picture(event: Event, pixels: NDArray[np.uint8]) -> bytes | None:
    """Return the JPEG of an event; an event without one is better than none."""
    try:
        return crop_jpeg(pixels, event.box_px)
    except Exception:
        logger.exception("event %s, revision %d: no picture of it", event.id, event.revision)
        return None
