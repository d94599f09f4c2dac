"""What waits for the sinks, whether the disk takes it or not: the outbox on disk, and its twin in memory.

What the disk refuses or delays for too long goes to the twin, and from there to the sinks; what the disk takes at last
is taken over from the twin as it stands there. No caller waits longer than WAIT_S for a disk, and for one that hangs
only once.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar, cast

from edge.alert.booking import Holds, nothing_held
from edge.alert.database import MEMORY, MIN_BYTES, Database
from edge.alert.delivery import Found
from edge.alert.escalation import Elsewhere
from edge.alert.event import Event
from edge.alert.evidence import Picture
from edge.alert.fate import Word
from edge.alert.outbox import Outbox
from edge.alert.route import Line, Message, Note, Queue, Review, Rules
from edge.alert.shedding import owed, pictures, texts
from edge.alert.store import Store
from edge.alert.storm import Storms
from edge.clock import Clock
from edge.errors import StoreError
from edge.text import plain

_log = logging.getLogger(__name__)

WAIT_S = 5.0  # for one thing of the disk
MEMORY_BYTES = 16_000_000  # most that the twin may have

_Got = TypeVar("_Got")


class _Answer:
    """What a call gave, or the error that it ended with."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._got: SimpleQueue[tuple[object, BaseException | None]] = SimpleQueue()

    def work(self) -> None:
        try:
            self._got.put((self._call(), None))
        except BaseException as error:  # noqa: BLE001 — raised where it was asked for
            self._got.put((None, error))

    def get(self, wait_s: float) -> object:
        got, error = self._got.get(timeout=wait_s)
        if error is not None:
            raise error
        return got


class Calls(Protocol):
    """What does things of the disk."""

    def call(self, call: Callable[[], _Got]) -> _Got:
        """Do one and return what it gives. Raises StoreError: it fails, or takes too long."""
        ...


class Clerk:
    """Does what the disk may keep waiting, in a thread of its own, which may hang for ever. Thread-safe.

    Args:
        wait_s: how long to wait for one thing.
    """

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._asked: SimpleQueue[_Answer] = SimpleQueue()
        self._lock = threading.Lock()
        self._late: _Answer | None = None
        threading.Thread(target=self._run, name="outbox", daemon=True).start()

    def call(self, call: Callable[[], _Got]) -> _Got:
        """Do it and return what it gives.

        Raises:
            StoreError: the disk takes too long with it or with what came before; it is done all the same, some time.
        """
        with self._lock:
            if self._late is not None:
                try:
                    self._late.get(1e-9)
                except Empty:
                    raise StoreError("event store: it hangs") from None
                except Exception as error:  # noqa: BLE001 — of what nobody waits for any more
                    _log.warning("the outbox: %s", plain(str(error)))
                self._late = None
            answer = _Answer(call)
            self._asked.put(answer)
            try:
                return cast("_Got", answer.get(self._wait_s))
            except Empty:
                self._late = answer
                raise StoreError(f"event store: it takes longer than {self._wait_s:g} s") from None

    def _run(self) -> None:
        while True:
            self._asked.get().work()


class Post:
    """All that waits for the sinks of one tower. Thread-safe.

    Args:
        rules: of the outboxes.
        clock: monotonic time.
        clerk: does what the disk may keep waiting; one of its own if absent.
        holds: as for `Outbox`.
        opened: called with an outbox on disk when it is open, before anything goes into it.
    """

    def __init__(
        self,
        rules: Rules,
        clock: Clock,
        clerk: Calls | None = None,
        holds: Holds = nothing_held,
        opened: Callable[[Outbox], None] = lambda _: None,
    ) -> None:
        self.rules = rules
        self._clock = clock
        self._clerk: Calls = Clerk() if clerk is None else clerk
        self._storms = Storms(rules.storm_alerts)
        self._gone: set[str] = set()
        self._holds = holds
        self._opened = opened
        self._lock = threading.Lock()
        self._disk: Outbox | None = None
        self._twin: Outbox | None = None
        self._twin_store: Store | None = None
        self._kept: set[tuple[str, int]] = set()  # what the twin had and the disk may yet take
        self._trouble = ""

    def open(self, database: Database) -> Outbox:
        """Make the outbox of a database, and take over what an earlier process left in it.

        Raises:
            StoreError: it takes nothing.
        """
        outbox = Outbox(database, self.rules, self._clock, self._storms, self._gone, self._holds)
        outbox.adopt()
        self._opened(outbox)
        self._disk = outbox
        return outbox

    def close(self) -> None:
        """Do without the disk."""
        self._disk = None

    def keep(self, event: Event, images: Sequence[Picture] = ()) -> None:
        """Let the sinks have a revision that is not on disk; never waits for one."""
        disk = self._disk
        known = None if disk is None else disk.elsewhere(event.id).subject
        with self._lock:
            self._kept.add((event.id, event.revision))
            store, _ = self._in_memory()
            store.commit(event, None, images, Elsewhere(known))

    def elsewhere(self, event: Event) -> Elsewhere | None:
        """Return what the twin knows of a revision that it had; None where it had not."""
        twin = self._twin
        had = twin is not None and (event.id, event.revision) in self._kept
        return twin.elsewhere(event.id) if twin is not None and had else None

    def taken(self, event: Event) -> None:
        """Note that the disk has a revision; the twin leaves it to the outbox there."""
        with self._lock:
            if (event.id, event.revision) in self._kept and self._twin is not None:
                self._kept.discard((event.id, event.revision))
                self._twin.forget(f"{event.id}.{event.revision}")

    def note(self, note: Note) -> None:
        """Owe a message about the tower to the sinks; in memory where the disk does not take it."""
        disk = self._disk
        if disk is not None:
            try:
                self._clerk.call(lambda: disk.note(note))
            except StoreError as error:
                self._complain(error)
            else:
                return
        with self._lock:
            self._in_memory()[1].note(note)

    def take(
        self, sink: str, admit: Callable[[Line], bool], skip: Collection[str] = (), *, unheard: bool = False
    ) -> Message | None:
        """Return what goes to a sink next, noted as handed over; None where nothing does.

        Args:
            sink: its name.
            admit: whether the link has room for a message.
            skip: keys that have to wait.
            unheard: whether what nobody heard may go, too.
        """
        offers = []
        for outbox in self._outboxes():
            found = self._try(outbox, lambda box: box.best(sink, admit, skip, unheard=unheard, wait_s=WAIT_S))
            if found is not None:
                offers.append((found, outbox))
        for found, outbox in sorted(offers, key=lambda offer: offer[0].rank):  # of equals the twin's
            message = self._try(outbox, partial(_hand_over, found=found, sink=sink))
            if message is not None:
                return message
        return None

    def settle(self, message: Message, word: Word, why: str = "") -> None:
        """Note what became of a message; where the disk does not take that, later."""
        for outbox in self._outboxes():
            if outbox is self._disk or not message.stored:  # the disk may have it from the twin meanwhile
                outbox.settle(message.key, message.sink, word, why)
                self._try(outbox, lambda box: box.save(WAIT_S))

    def leave(self, sink: str, why: str) -> None:
        """Let go of a sink that wants nothing any more, for as long as this process runs."""
        self._gone.add(sink)
        for outbox in self._outboxes():
            self._try(outbox, lambda box: box.leave(sink, why, WAIT_S))

    def tick(self) -> list[str]:
        """Do what is due, as `Outbox.tick`; call it each second or so."""
        told = [line for box in self._outboxes() for line in self._try(box, lambda it: it.tick(WAIT_S)) or ()]
        with self._lock:
            if self._twin is not None and not self._kept and self._twin.is_empty():
                self._twin = self._twin_store = None
        return told

    def review(self, event_id: str, said: Review) -> bool:
        """Note what a person said of an event; return whether it was known and this is news.

        Raises:
            StoreError: the disk does not take it.
        """
        disk, twin = self._disk, self._twin
        news = twin is not None and twin.review(event_id, said)
        if disk is not None:
            return self._clerk.call(lambda: disk.review(event_id, said)) or news
        return news

    def request(self, event_id: str, sink: str, largest_bytes: int | None = None) -> bool:
        """Owe the newest full frame of an event to a sink, as `Outbox.request`; return whether there is one for it.

        Raises:
            StoreError: the disk does not take it.
        """
        disk, twin = self._disk, self._twin
        if twin is not None and twin.request(event_id, sink, largest_bytes):
            return True
        return disk is not None and self._clerk.call(lambda: disk.request(event_id, sink, largest_bytes))

    def reaches(self, event: Event, sink: str) -> bool:
        """Say whether an event goes to a sink now; by escalation as far as that is known."""
        origin = self.rules.origins.get(event.camera, "live")
        routes = [route for route in self.rules.routes if route.name == sink and route.takes(event, origin)]
        if all(route.escalation is None for route in routes):
            return bool(routes)
        steps = [self._try(box, lambda it: it.step(event.id)) or 0 for box in self._outboxes()]
        return any(route.reaches(event, origin, max(steps, default=0)) for route in routes)

    def events(self, ids: Collection[str]) -> list[Event]:
        """Return the newest revisions of events, as far as they can be read, in the order of opening."""
        found: dict[str, Event] = {}
        for box in reversed(self._outboxes()):  # what is in memory came after what is on disk
            for event in self._try(box, lambda it: it.events(ids)) or ():
                if event.id not in found or event.revision > found[event.id].revision:
                    found[event.id] = event
        return list(found.values())

    def waits(self, event_id: str) -> bool | None:
        """Say whether a message of an event waits for a sink; None where that is not known."""
        known = [self._try(box, lambda it: it.waits(event_id)) for box in self._outboxes()]
        return None if None in known else any(known)

    def end_drills(self, why: str) -> None:
        """Give up what was never handed over of a drill, where the disk takes it."""
        for box in self._outboxes():
            self._try(box, lambda it: it.end_drills(why))

    def remember(self, name: str, value: str) -> bool:
        """Keep a fact for the next process; return whether the disk took it."""

        def keep(box: Outbox) -> bool:
            box.remember(name, value)
            return True

        return self._disk is not None and self._try(self._disk, keep) is True

    def recall(self, name: str) -> str | None:
        """Return a fact that an earlier process kept, empty where it kept none; None where the disk is not open."""
        return None if self._disk is None else self._try(self._disk, lambda box: box.recall(name))

    def queue(self) -> Queue | None:
        """Count what waits; None where that is not known, for the disk is not open or cannot be read."""
        if self._disk is None:
            return None
        queues = [self._try(outbox, lambda box: box.queue(WAIT_S)) for outbox in self._outboxes()]
        known = [each for each in queues if each is not None]
        return merge(known) if len(known) == len(queues) else None

    @property
    def in_memory(self) -> bool:
        """Whether anything waits that is not on disk."""
        return self._twin is not None

    def _outboxes(self) -> list[Outbox]:
        return [outbox for outbox in (self._twin, self._disk) if outbox is not None]

    def _try(self, outbox: Outbox, call: Callable[[Outbox], _Got]) -> _Got | None:
        """Do something with an outbox; None where its disk does not let it."""
        if outbox is not self._disk:
            return call(outbox)
        try:
            got = self._clerk.call(lambda: call(outbox))
        except StoreError as error:
            self._complain(error)
            return None
        self._trouble = ""
        return got

    def _complain(self, error: StoreError) -> None:
        """Log a trouble when it begins."""
        text = plain(str(error))
        if text != self._trouble:
            _log.warning("%s", text)
        self._trouble = text

    def _in_memory(self) -> tuple[Store, Outbox]:
        """Return the twin; makes it where there is none."""
        if self._twin is None or self._twin_store is None:
            most = min(self.rules.queue_bytes, MEMORY_BYTES)
            database = Database(
                MEMORY, max(4 * most, MIN_BYTES), owed=owed, pictures=pictures, texts=texts
            )  # the bound is that of the outbox in it
            rules = replace(self.rules, queue_bytes=most)
            self._twin = Outbox(database, rules, self._clock, self._storms, self._gone, self._holds)
            self._twin_store = Store(database, self._twin)
        return self._twin_store, self._twin


def _hand_over(outbox: Outbox, found: Found, sink: str) -> Message | None:
    return outbox.take(found, sink, WAIT_S)


def merge(queues: Sequence[Queue]) -> Queue:
    """Return how several outboxes stand together."""
    words = Counter[str]()
    for queue in queues:
        words.update(queue.words)
    return Queue(
        unsent=sum(queue.unsent for queue in queues),
        oldest_s=_oldest_s([q.oldest_s for q in queues if q.unsent]),
        unheard=sum(queue.unheard for queue in queues),
        candidates=sum(queue.candidates for queue in queues),
        candidate_s=_oldest_s([q.candidate_s for q in queues if q.candidates]),
        bytes=sum(queue.bytes for queue in queues),
        words=dict(words),
    )


def _oldest_s(ages_s: Sequence[float | None]) -> float | None:
    """Return the largest; None where there is none, or one is not known."""
    known = [age_s for age_s in ages_s if age_s is not None]
    return max(known, default=None) if len(known) == len(ages_s) else None
