"""The recorder: from what the pipeline has to tell to what is on disk and announced, off the inference thread.

A revision is announced once, after those of the same event that came before it: when it is on disk, or as not stored
when the disk has kept it waiting for too long. What the store has already is a repeat, and not announced.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence

import msgspec

from edge.alert.announcer import Announce
from edge.alert.event import Announcement, Event, Phase
from edge.alert.evidence import CROP, Picture, is_drill
from edge.alert.tower_store import EventStore
from edge.alert.waiting import Kind, Revision, Waiting
from edge.clock import Clock
from edge.errors import DiskError
from edge.text import plain

logger = logging.getLogger(__name__)

RETRY_S = 1.0  # between two tries of what the disk has refused
TELL_S = 5.0  # what the disk refuses is announced without it after so long
DRAIN_RETRY_S = 0.1  # the same while the daemon ends
SLOW_S = 30.0  # what takes longer to be on disk is a matter of health, and announced without it
DRAIN_S = 1.5
MAX_FURTHER = 64  # pictures of series that wait, of 8 kB at most


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the revisions so far; drills are not counted.

    Attributes:
        opened, updated, closed: on disk, and announced.
        alerted: those of them with which an event became an alert.
        repeated: the store had them already; not announced.
        unstored: announced as not stored.
        unsaved: events of which something is not on disk.
        dropped: pictures, updates, openings and closings that were lost because the disk did not keep up.
    """

    opened: int
    updated: int
    closed: int
    alerted: int
    repeated: int
    unstored: int
    unsaved: int
    dropped: dict[Kind, int]


class Recorder:
    """Commits and announces revisions. Thread-safe; `start` runs `step` in a thread, a simulation calls it itself.

    Args:
        store: where they are committed.
        announce: called once per revision; it must not block, nor call the recorder.
        clock: monotonic time, and waiting.
        record: told the stage "event": the time in ns from a revision's offer until it is on disk.
        beat: told that the loop turns, and for how many seconds it may now be silent.
        waiting: the queue; one of the usual size if absent.
        urgent: called in its thread before each revision, while the store is open; returns whether there may be more.
            It raises nothing.
        idle: called in its thread while the store is open and no revision and no picture is due; returns whether there
            is more to do. It raises nothing.
    """

    def __init__(
        self,
        store: EventStore,
        announce: Announce,
        clock: Clock,
        *,
        record: Callable[[str, int], None],
        beat: Callable[[float], None],
        waiting: Waiting | None = None,
        urgent: Callable[[], bool] = lambda: False,
        idle: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._announce = announce
        self._clock = clock
        self._record = record
        self._beat = beat
        self._urgent, self._idle = urgent, idle
        self._lock = threading.Lock()
        self._waiting = Waiting() if waiting is None else waiting
        self._open: set[str] = set()  # events of this process that are not closed
        self._saved: Counter[Phase] = Counter()
        self._alerted = self._repeated = self._unstored = 0
        self._error = ""
        self._shut: str | None = None  # why the store cannot be opened
        self._shut_ns: int | None = None
        self._full_ns: int | None = (
            None  # when the disk last refused what anybody would write; None while it takes
        )
        self._further: deque[tuple[Event, tuple[Picture, ...]]] = deque()
        self._further_ns: int | None = None  # when the store last refused one of them
        self._turned_ns = 0
        self._news = threading.Event()
        self._draining = self._over = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def offer(self, event: Event, pictures: Sequence[Picture] = ()) -> None:
        """Hand over a revision with its pictures; never takes as long as the disk.

        Args:
            event: revisions of one event come in their order.
            pictures: for the sinks; the store keeps the crop, too, but for that of a drill.
        """
        jpeg = next((one.jpeg for one in pictures if one.role == CROP and not is_drill(event)), None)
        self._add(Revision(event, jpeg, self._clock.mono_ns(), pictures=tuple(pictures)))
        self._news.set()

    def attach(self, event: Event, pictures: Sequence[Picture]) -> None:
        """Hand over further pictures of a revision that was offered before; the oldest go where too many wait."""
        with self._lock:
            self._further.append((event, tuple(pictures)))
            while len(self._further) > MAX_FURTHER:
                self._waiting.lose_picture(self._further.popleft()[0])
        self._news.set()

    def step(self, now_ns: int) -> bool:
        """Try to commit one revision, and announce it; return whether there was one to try. Else one's pictures.

        Whatever keeps it from the disk, it stays, and is tried again after a while; other events go on meanwhile. While
        the store cannot be opened, or its disk takes nothing, nothing else is tried: all goes to disk in its order.
        """
        self._turn(now_ns)
        self.tell_overdue(now_ns)
        try:
            self._beat(math.inf)  # a disk may take its time: that is a matter of health
            return self._is_open(now_ns) and (
                self._urgent() or self._commit_one(now_ns) or self._add_one(now_ns) or self._idle()
            )
        finally:
            self._beat(0.0)

    def tell_overdue(self, now_ns: int) -> None:
        """Announce what the disk refuses or delays for too long; from any thread, since a commit may hang."""
        with self._lock:
            refused = self._refused()
            for revision in self._waiting:
                late_s = SLOW_S if self._shut is None and revision.event.id not in refused else TELL_S
                if now_ns - revision.offered_ns >= late_s * 1e9:
                    self._tell_unstored(revision)

    def start(self) -> None:
        """Begin to record in a thread."""
        self._thread.start()

    def stop(self, drain_s: float = DRAIN_S) -> None:
        """Record what waits for so long at most; then announce, count and log what is not on disk."""
        self._draining = True
        self._news.set()
        if self._thread.ident is not None:  # else `step` alone has driven it
            self._thread.join(drain_s)
        with self._lock:
            self._over = True
            left = [f"{revision.event.id} ({revision.event.phase})" for revision in self._waiting]
            for revision in self._waiting:
                self._tell_unstored(revision)
            for event, _ in self._further:
                self._waiting.lose_picture(event)
        if left:
            logger.error("%d revisions are not on disk at the end: %s", len(left), ", ".join(left))

    def trouble(self, now_ns: int) -> str | None:
        """Return why events are not on disk: the disk refuses them, or takes too long; None when all is well."""
        with self._lock:
            refused = self._refused()
            waited_s = max(((now_ns - r.offered_ns) / 1e9 for r in self._waiting), default=0.0)
            unsaved, error, shut = len(self._waiting.events()), self._error, self._shut
        if shut is not None:
            return f"store: {unsaved} events are not on disk: {shut}" if unsaved else f"store: {shut}"
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
                alerted=self._alerted,
                repeated=self._repeated,
                unstored=self._unstored,
                unsaved=len(self._waiting.events()),
                dropped=self._waiting.dropped,
            )

    @property
    def good(self) -> bool:
        """Whether the store is open, nothing waits and no opening or closing was lost."""
        recorded = self.recorded
        lost = recorded.dropped["opened"] or recorded.dropped["closed"]
        return self._shut is None and not (recorded.unsaved or lost)

    def _add(self, revision: Revision) -> None:
        event = revision.event
        with self._lock:
            (self._open.discard if event.phase == "closed" else self._open.add)(event.id)
            gone = self._waiting.add(revision)
            if gone is not None:
                for waiting in self._waiting:
                    if waiting.event.id == gone.event.id and waiting.event.revision < gone.event.revision:
                        self._tell_unstored(waiting)
                self._tell_unstored(gone)

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

    def _is_open(self, now_ns: int) -> bool:
        """See that the store is open, and announce what is closed in it that an earlier process left open."""
        if self._shut is not None and self._is_early(self._shut_ns, now_ns):
            return False
        with self._lock:
            mine = self._open | self._waiting.events()
        try:
            for event in self._store.open(mine):
                with self._lock:
                    self._tell(event, stored=True)
        except Exception as error:  # noqa: BLE001 — logged, and tried again
            with self._lock:
                before, self._shut, self._shut_ns = self._shut, plain(str(error)), self._clock.mono_ns()
            if before != self._shut:
                _complain(
                    error, "the store cannot be opened, events are kept in memory and it is tried again"
                )
            return False
        if self._shut is not None:
            logger.info("the store is open")
            self._shut = None
        return True

    def _commit_one(self, now_ns: int) -> bool:
        if self._is_early(self._full_ns, now_ns):
            return False
        with self._lock:
            due = (r for r in self._waiting.heads() if not self._is_early(r.failed_ns, now_ns))
            revision = min(due, key=_since_ns, default=None)
            if revision is None:
                return False
            revision.busy = True
        try:
            new = self._store.commit(revision.event, revision.jpeg, revision.pictures)
        except Exception as error:  # noqa: BLE001 — logged, and tried again
            if self._is_news(revision, error):
                _complain(
                    error, f"event {revision.event.id}, revision {revision.event.revision}: not on disk"
                )
            return True
        finally:
            revision.busy = False
        with self._lock:
            self._waiting.remove(revision)
            if self._over:  # too late: it was counted as lost, and the last word has been said
                return True
            if not new and not revision.refused:  # what was refused may be there all the same
                self._repeated += 1
                return True
            if not is_drill(revision.event):
                self._saved[revision.event.phase] += 1
                self._alerted += revision.event.is_new_alert
            self._full_ns = None
            for other in self._waiting:  # the disk takes again: all the others, in their order
                other.failed_ns = None
            if not revision.told:
                self._tell(revision.event, stored=True)
        self._record("event", self._clock.mono_ns() - revision.offered_ns)
        return True

    def _add_one(self, now_ns: int) -> bool:
        """Try to store further pictures of a revision that is on disk; return whether there was one to try."""
        if self._is_early(self._full_ns, now_ns) or self._is_early(self._further_ns, now_ns):
            return False
        with self._lock:
            waiting = self._waiting.events()
            one = next((one for one in self._further if one[0].id not in waiting), None)
        if one is None:
            return False
        try:
            self._store.add(*one)
        except Exception as error:  # noqa: BLE001 — logged, and tried again
            if self._further_ns is None:
                _complain(error, f"event {one[0].id}: its later pictures are not on disk")
            self._further_ns = self._clock.mono_ns()
            return True
        self._further_ns = None
        with self._lock:
            if one in self._further:
                self._further.remove(one)
        return True

    def _is_early(self, failed_ns: int | None, now_ns: int) -> bool:
        """Say whether it is too early for another try."""
        return failed_ns is not None and now_ns - failed_ns < self._retry_s * 1e9

    def _turn(self, now_ns: int) -> None:
        """Forget when tries failed if the clock went back, for nothing would be tried again until then."""
        with self._lock:
            if now_ns < self._turned_ns:
                self._shut_ns = self._full_ns = self._further_ns = None
                for revision in self._waiting:
                    revision.failed_ns = None
            self._turned_ns = now_ns

    @property
    def _retry_s(self) -> float:
        return DRAIN_RETRY_S if self._draining else RETRY_S

    def _is_news(self, revision: Revision, error: Exception) -> bool:
        """Note that the disk refuses a revision; return whether it is the first time."""
        failed_ns = self._clock.mono_ns()
        with self._lock:
            first, revision.refused = not revision.refused, True
            if isinstance(error, DiskError):
                self._full_ns = failed_ns
            else:
                self._full_ns, revision.failed_ns = None, failed_ns
            self._error = plain(str(error))
        return first

    def _refused(self) -> set[str]:
        """Return the events that the disk refuses."""
        if self._full_ns is not None:
            return self._waiting.events()
        return {revision.event.id for revision in self._waiting if revision.refused}

    def _tell_unstored(self, revision: Revision) -> None:
        if not revision.told:
            revision.told = True
            self._unstored += not is_drill(revision.event)
            self._keep(revision)
            self._tell(revision.event, stored=False)

    def _keep(self, revision: Revision) -> None:
        """Let the sinks have what is not on disk."""
        try:
            self._store.keep(revision.event, revision.pictures)
        except Exception:  # one message's trouble is its own
            event = revision.event
            logger.exception("event %s, revision %d: not kept for the sinks", event.id, event.revision)

    def _tell(self, event: Event, *, stored: bool) -> None:
        try:
            self._announce(Announcement(event=event, stored=stored))
        except OSError:
            logger.exception("event %s, revision %d: not announced", event.id, event.revision)


def _complain(error: Exception, what: str) -> None:
    """Log in one line what a disk does; what else it may be is a bug, to be traced."""
    logger.log(logging.ERROR, "%s: %s", what, error, exc_info=not isinstance(error, OSError))


def _since_ns(revision: Revision) -> int:
    """Return since when it waits for a try: the oldest comes first, so that no event keeps others from theirs."""
    return revision.offered_ns if revision.failed_ns is None else revision.failed_ns
