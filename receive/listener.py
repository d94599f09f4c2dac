"""One watch: takes what the broker has, tells who is silent, and says every few minutes that it listens itself."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from edge.clock import Clock, utc_text, wall_synchronised
from edge.text import plain
from edge.uplink import topic
from receive.broker import Broker
from receive.errors import BrokerError, FolderError, MessageError
from receive.inbox import WATCH, Inbox
from receive.message import (
    Heard,
    Heartbeat,
    Message,
    WatchDocument,
    beat_of,
    check_listed,
    event_of,
    image_of,
)
from receive.notice import key_of, render
from receive.program import Program
from receive.session import SESSION_S, Delivered, Session
from receive.silence import Beat, Notice, Silence

logger = logging.getLogger(__name__)

ROOT = "firetower-watch"  # where watches say that they listen
_TURN_S = 0.5
_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 60.0
_HEARTBEATS = 3
HEARTBEAT_S = 300.0  # of a tower that was never heard


@dataclass(frozen=True, slots=True)
class Options:
    """What a watch does.

    Attributes:
        name: of its own.
        towers: to hear; none: all.
        heartbeat_s: between two of its own.
        grace_s: after a heartbeat was due, until a tower is silent.
    """

    name: str
    towers: Sequence[str]
    heartbeat_s: float
    grace_s: float


class Listener:
    """One watch.

    Args:
        broker: where.
        options: what to do.
        inbox: keeps messages.
        program: is run for them; None: none is.
        clock: monotonic for intervals, wall clock for people.
        tell: is told each new message.
    """

    def __init__(
        self,
        broker: Broker,
        options: Options,
        inbox: Inbox,
        program: Program | None,
        clock: Clock,
        tell: Callable[[dict[str, object]], None],
    ) -> None:
        self._broker = broker
        self._options = options
        self._inbox = inbox
        self._program = program
        self._clock = clock
        self._tell = tell
        self._counts: Counter[str] = Counter(new=0, repeated=0, refused=0, unfit=0, notices=0)
        self._notices: list[Notice] = []
        self._sequence = 0
        self._run = secrets.token_hex(4)
        self._silence = Silence(f"{WATCH}{options.name}", options.grace_s, clock.mono_ns())
        self._expect()

    @property
    def counts(self) -> dict[str, int]:
        """What was done so far."""
        program = self._program
        run = (
            {}
            if program is None
            else {"run": program.done, "due": program.waiting, "given_up": program.given_up}
        )
        return {**self._counts, **run}

    @property
    def listening(self) -> bool:
        """Whether the broker sends us what comes."""
        return self._silence.has_link

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop` is set; a lost connection is made again."""
        pause_s = _FIRST_PAUSE_S
        while not stop.is_set():
            try:
                self._listen(stop)
            except BrokerError as error:
                logger.warning("%s", error)
            except FolderError as error:
                logger.warning("%s; the broker keeps what comes", error)
            if self.listening:
                pause_s = _FIRST_PAUSE_S
            self._silence.link(self._clock.mono_ns(), up=False)
            self._wait(stop, pause_s)
            pause_s = min(_LAST_PAUSE_S, 2 * pause_s)

    def _listen(self, stop: threading.Event) -> None:
        """Hold one connection.

        Raises:
            BrokerError: it is lost, or was not made.
            FolderError: the disk takes nothing: what was not kept comes again with the next connection.
        """
        where = f"{ROOT}/{self._options.name}"
        session = Session(
            self._broker,
            f"{WATCH}{self._options.name}",
            self._clock,
            SESSION_S,
            (f"{where}/available", topic.OFFLINE),
        )
        try:
            session.subscribe(self._topics())
            session.publish(f"{where}/available", topic.ONLINE, retained=True)
            logger.info("listening at %s", self._broker.shown)
            self._notice(self._silence.link(self._clock.mono_ns(), up=True))
            beat_ns, beat = self._clock.mono_ns(), 0
            while not stop.is_set():
                if self._clock.mono_ns() >= beat_ns:
                    beat = self._beat(session, f"{where}/health")
                    beat_ns += round(self._options.heartbeat_s * 1e9)
                for delivered in session.turn(_TURN_S):
                    self._take(delivered)
                    session.acknowledge(delivered)
                if why := session.outcome(beat):
                    logger.warning("nobody hears that we listen: the broker refuses it: %s", why)
                self._notice(self._silence.step(self._clock.mono_ns()))
            session.publish(f"{where}/available", topic.OFFLINE, retained=True)
        finally:
            session.close()

    def _topics(self) -> list[str]:
        towers = self._options.towers or ("+",)
        kinds = ("event", "health", "camera/+/image")
        own = f"{ROOT}/+/health"
        return [*(f"{topic.ROOT}/{tower}/{kind}" for tower in towers for kind in kinds), own]

    def _take(self, delivered: Delivered) -> None:
        """Keep what came; it is on the disk then.

        Raises:
            FolderError: the disk does not take it.
        """
        try:
            self._sort(delivered)
        except MessageError as error:
            self._refuse(delivered, str(error))
        except FolderError:
            raise
        except Exception as error:  # whatever somebody publishes, the next message is heard
            logger.exception("a message that we have a fault with; please report it")
            self._refuse(delivered, f"{type(error).__name__}: {error}")

    def _refuse(self, delivered: Delivered, why: str) -> None:
        self._counts["refused"] += 1
        told = plain(f"{delivered.topic}: {why}")
        logger.warning("refused: %s", told)
        self._inbox.refuse(self._clock.wall_ns(), delivered.body, told)

    def _sort(self, delivered: Delivered) -> None:
        """Do with a message what its topic says; an empty one was taken back by its sender.

        Raises:
            MessageError: it is not what it says.
            FolderError: the disk does not take it.
        """
        if delivered.fault is not None:
            raise MessageError(f"it cannot be read: {delivered.fault}")
        match delivered.topic.split("/"):
            case [topic.ROOT, tower, "event"]:
                self._keep(tower, event_of(tower, delivered), due=self._program is not None)
            case [topic.ROOT, tower, "camera", camera, "image"]:
                if delivered.body:
                    self._keep_picture(tower, image_of(camera, delivered))
            case [root, name, "health"] if (root, name) != (ROOT, self._options.name):
                if delivered.body:
                    self._hear(name, name if root == topic.ROOT else f"{WATCH}{name}", delivered)

    def _keep_picture(self, tower: str, picture: Message) -> None:
        if picture.of is not None:
            event = self._inbox.read(tower, picture.of)
            if event is not None:
                check_listed(picture, event)
        self._keep(tower, picture, due=False)

    def _keep(self, tower: str, message: Message, *, due: bool) -> None:
        if not self._inbox.put(tower, message.key, message.body, message.suffix, due=due):
            self._counts["repeated"] += 1
            return
        self._counts["new"] += 1
        path = self._inbox.path(tower, message.key, message.suffix)
        logger.info("%s: %s", tower, message.text)
        if message.fault is not None:
            self._counts["unfit"] += 1
            logger.warning("%s %s: %s", tower, message.key, message.fault)
        self._tell({"tower": tower, "key": message.key, "file": str(path), "text": message.text})

    def _hear(self, name: str, called: str, delivered: Delivered) -> None:
        """Take a heartbeat.

        Raises:
            MessageError: nobody can be called so, or it is not of the schema: then nobody is expected.
            FolderError: the disk does not take it.
        """
        self._inbox.path(called, "health")
        beat, age_s = beat_of(name, delivered)
        self._notice(self._silence.hear(called, beat, age_s, self._clock.mono_ns()))
        self._inbox.put_health(called, delivered.body)

    def _expect(self) -> None:
        """Expect the towers that were heard before, and those that were named."""
        now_ns = self._clock.mono_ns()
        for name, body in self._inbox.healths():
            if self._options.towers and name not in self._options.towers and not name.startswith(WATCH):
                continue
            try:
                health = msgspec.json.decode(body, type=Heartbeat)
            except (msgspec.DecodeError, UnicodeError):
                continue  # the disk was damaged; it will be heard anew
            beat = Beat(health.boot_id, health.sequence, health.next_due_s)
            silent = Notice("silent", name, beat, 0.0)
            told = self._inbox.path(name, key_of(silent, self._run)).exists()
            self._silence.expect(name, beat.due_s, now_ns, beat, silent=told)
        for name in self._options.towers:
            told = self._inbox.path(name, "silent.never.0").exists()
            self._silence.expect(name, HEARTBEAT_S, now_ns, silent=told)

    def _notice(self, notices: Sequence[Notice]) -> None:
        """Keep notices as messages.

        Raises:
            FolderError: the disk does not take them; they are kept with the next ones.
        """
        self._notices += notices
        while self._notices:
            notice = self._notices[0]
            at = utc_text(self._clock.wall_ns())
            message = render(notice, self._run, at, clock_trusted=wall_synchronised())
            self._keep(notice.name, message, due=self._program is not None)
            self._counts["notices"] += 1
            del self._notices[0]

    def _beat(self, session: Session, where: str) -> int:
        """Say that we listen; return the number of the message."""
        self._sequence += 1
        states = self._silence.states(self._clock.mono_ns())
        document = WatchDocument(
            tower=self._options.name,
            boot_id=self._run,
            sequence=self._sequence,
            next_due_s=self._options.heartbeat_s,
            sent_at=utc_text(self._clock.wall_ns()),
            clock_trusted=wall_synchronised(),
            towers={
                name: Heard(silent=silent, age_s=round(age_s, 1)) for name, (silent, age_s) in states.items()
            },
            counts=self.counts,
        )
        expires_s = _HEARTBEATS * self._options.heartbeat_s
        return session.publish(where, msgspec.json.encode(document), retained=True, expires_s=expires_s)

    def _wait(self, stop: threading.Event, pause_s: float) -> None:
        """Wait for the next try; meanwhile we notice that we hear nobody."""
        end_ns = self._clock.mono_ns() + round(pause_s * 1e9)
        while not stop.is_set() and self._clock.mono_ns() < end_ns:
            try:
                self._notice(self._silence.step(self._clock.mono_ns()))
            except FolderError as error:
                logger.warning("%s", error)
            self._clock.wait(stop, _TURN_S)
