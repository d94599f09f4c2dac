"""The way to one MQTT 5 broker, over connections that come and go; each is a fresh one (`edge.uplink.connection`).

One parcel is in the broker's hands at a time, so that any Receive Maximum is kept, and it is known which one a broken
connection took with it.
"""

from __future__ import annotations

import logging
import secrets
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from edge.backoff import Backoff
from edge.errors import LinkError
from edge.traffic import Traffic
from edge.uplink import topic
from edge.uplink.connection import NO_RETAINING, TAKEN_OVER, Answer, Connection, Ending, Hello, Received
from edge.uplink.dial import Dial, Wire, connect
from edge.uplink.letter import NO, NOT_ALLOWED, TOO_LARGE, Hearing, Letter, letter_of, no_to
from edge.uplink.mqtt import MqttOptions, place_of
from edge.uplink.sink import Tower
from edge.uplink.transport import STEP_S, Command, Link, Outcome, Parcel, Word

logger = logging.getLogger(__name__)

SESSION_S = 7 * 86_400  # the broker keeps commands for as long
COMMAND_BYTES = 16_384  # of a packet that may come
GREET_S = 60.0  # for CONNACK, SUBACK and the first PUBACK together
SILENT_S = 60.0  # nothing of a parcel arrives any more, or all of it has and no PUBACK comes
SLOWEST_BYTES_S = 500  # a link below that is none
TAKEN_OVER_S = 3600.0  # how long it is told that somebody else has our id
_STEADY_S = 60.0  # a connection that lasted so long was a good one
_LATER_S = 300.0  # what is not allowed now may be then
_LOOK_S = 5.0
_HEAD_BYTES = 1024  # of a packet, beside the body: more than there ever is
_UNREACHED, _TURNED_AWAY = Backoff(), Backoff(5.0, 300.0)  # to be turned away costs a handshake each time
_NS = 1_000_000_000


@dataclass(slots=True)
class _Hand:
    """The parcel that the broker has not answered yet; its number, when it went, and how it gets on."""

    parcel: Parcel
    letter: Letter
    number: int
    taken_ns: int
    bytes_before: int
    arrived: int
    moved_ns: int


class Broker:
    """The way to one broker.

    Args:
        options: of the sink.
        tower: who sends.
        password: what `password_file` holds.
        connect: makes a connection, and may block: it is called in a thread.
        trial: only see whether the broker lets this tower in, in a session of its own that leaves nothing behind.
    """

    def __init__(
        self,
        options: MqttOptions,
        tower: Tower,
        password: str | None = None,
        connect: Callable[..., socket.socket] = connect,
        *,
        trial: bool = False,
    ) -> None:
        self._options = options
        self._tower = tower.id
        self._place = place_of(options)
        self._connect = connect
        self._trial = trial
        self._hello = Hello(
            client_id=f"{topic.ROOT}-{tower.id}{'-check' if trial else ''}",
            user=options.user,
            password=password,
            will=None,
            keepalive_s=options.keepalive_s,
            session_s=0 if trial else SESSION_S,
            largest_bytes=COMMAND_BYTES,
        )
        self._poll = select.epoll()
        self._watched: tuple[int, int] | None = None
        self._dial: Dial | None = None
        self._connection: Connection | None = None
        self._since_ns = 0  # of the connection, or of its being up
        self._asked: dict[int, str] = {}  # what the broker has to answer before parcels go
        self._up = self._closed = False
        self._hand: _Hand | None = None
        self._found: list[Outcome | Command] = []
        self._hearing = Hearing(options.heard_topics)
        self._retains = True
        self._failures = 0
        self._retry_ns: int | None = None
        self._why = "not connected yet"
        self._kept_back: list[str] = []
        self._instance = secrets.token_hex(4)
        self._connections = 0
        self._was_there = False
        self._other: str | None = None  # the mark that somebody else left under our id
        self._other_ns: int | None = None
        self._now_ns = 0
        self._before = Traffic()  # of the connections before

    def step(self, now_ns: int) -> tuple[Outcome | Command, ...]:
        """Connect, read, write; return what came of it."""
        self._now_ns = now_ns
        if not self._closed:
            if self._connection is None:
                self._reach(now_ns)
            if self._connection is not None:
                self._turn(self._connection, now_ns)
            self._watch()
        found, self._found = tuple(self._found), []
        return found

    def wake_ns(self, now_ns: int) -> int:
        """Return when `step` wants to be called next, unless something is to be read or written before."""
        connection = self._connection
        if self._found or (connection is not None and (connection.ended or connection.waits)):
            return now_ns
        if connection is None and self._dial is None:
            return max(now_ns, self._retry_ns or now_ns)
        if connection is not None and self._up and self._hand is None and connection.keepalive_s:
            return now_ns + connection.keepalive_s * _NS // 4
        return now_ns + round(_LOOK_S * _NS)

    def fileno(self) -> int | None:
        """Return what to wait on until then."""
        return None if self._closed else self._poll.fileno()

    def send(self, parcel: Parcel, now_ns: int) -> bool:
        """Take a parcel to be carried; return False where there is no link, or one is in hand."""
        connection = self._connection
        if self._closed or not self._up or connection is None or connection.ended or self._hand is not None:
            return False
        before = self.link()
        try:
            letter = self._letter(parcel)
            number = connection.publish(letter)
        except ValueError as error:
            self._found.append(Outcome(parcel.key, "refused", str(error)))
            return True
        self._hand = _Hand(
            parcel, letter, number, now_ns, before.sent_bytes + before.received_bytes, 0, now_ns
        )
        self._watch()
        return True

    def link(self) -> Link:
        """Say how the way is."""
        connection = self._connection
        traffic = self._before
        if connection is not None:
            traffic += connection.wire.traffic()
        limit = connection.terms.largest_bytes if connection is not None and connection.terms else None
        notices = list(self._kept_back)
        if self._has_twin:
            notices.append(
                f"somebody else took the session of '{self._hello.client_id}' over: no two towers may have"
                f" tower.id = '{self._tower}'"
            )
        return Link(
            up=self._up,
            why="" if self._up else self._why,
            largest_bytes=None if limit is None else max(0, limit - _HEAD_BYTES),
            sent_bytes=traffic.sent_bytes,
            received_bytes=traffic.received_bytes,
            notice="; ".join(notices),
        )

    @property
    def failed(self) -> bool:
        """Whether a connection was refused or lost."""
        return self._failures > 0

    def close(self, farewell: Parcel | None = None) -> None:
        """Let go of the link; the broker says `offline` for us."""
        if self._closed:
            return
        self._closed = True
        if self._dial is not None:
            self._dial.leave()
        if self._connection is not None:
            self._part(self._connection, farewell)
            self._connection.close()
        self._up, self._why, self._hand = False, "closed", None
        self._poll.close()

    def _reach(self, now_ns: int) -> None:
        """Get a connection, or see whether one has been made."""
        if self._dial is None:
            if self._retry_ns is not None and now_ns < self._retry_ns:
                return
            self._dial = Dial(self._place, self._connect, f"connect {self._place.host}")
        try:
            made = self._dial.take()
        except LinkError as error:
            reached = self._dial.reached
            self._hang_up_dial()
            self._put_off(str(error), now_ns, _TURNED_AWAY if reached else _UNREACHED)
            return
        if made is None:
            return
        self._hang_up_dial()
        self._connections += 1
        will = None if self._trial else self._available(topic.OFFLINE)
        hello = replace(self._hello, will=will)
        self._connection = Connection(Wire(made, COMMAND_BYTES), hello)
        self._since_ns, self._why = now_ns, "it has not let us in yet"
        self._asked, self._kept_back = {}, []

    @property
    def _has_twin(self) -> bool:
        return self._other_ns is not None and self._now_ns - self._other_ns < TAKEN_OVER_S * _NS

    def _available(self, body: bytes) -> Letter:
        """Return what is said on `available`: with a mark of this very connection, by which twins are known."""
        mark = {"instance": f"{self._instance}.{self._connections}"}
        return Letter(topic.available(self._tower), body, retained=self._retains, attributes=mark)

    def _turn(self, connection: Connection, now_ns: int) -> None:
        """Let a connection read and write, and heed what came."""
        connection.turn()
        for answer in connection.answers:
            self._hear(answer, now_ns)
        for received in connection.received:
            if received.topic == topic.available(self._tower):
                self._look_for_twin(received.attributes.get("instance", ""), now_ns)
            else:
                self._found.append(self._command(received))
        if connection.ended is None and connection.terms is not None and not self._up and not self._asked:
            self._introduce(connection)
        if connection.ended is None:
            self._look_at_time(connection, now_ns)
        if connection.ended is not None:
            self._lose(connection, connection.ended, now_ns)

    def _introduce(self, connection: Connection) -> None:
        """Ask for commands, and say that we are there."""
        terms = connection.terms
        assert terms is not None
        if not terms.receipts:
            connection.close("it acknowledges nothing (Maximum QoS 0)")
            return
        if self._trial:
            self._up = True
            return
        self._retains = terms.retains
        if terms.session_s < SESSION_S:
            self._kept_back.append(
                f"the broker keeps commands for {terms.session_s} s only, while we are away"
            )
        try:
            self._asked = {
                connection.subscribe(topic.command(self._tower), retained=False): "gives no commands",
                connection.subscribe(topic.available(self._tower), retained=True): "",
                connection.publish(self._available(topic.ONLINE)): "does not let us say that we are there",
            }
        except ValueError as error:
            connection.close(f"it takes nothing of use: {error}")

    def _hear(self, answer: Answer, now_ns: int) -> None:
        """Heed what the broker said to a packet of ours."""
        if answer.number in self._asked:
            refused = self._asked.pop(answer.number)
            if answer.code >= NO and refused:
                self._kept_back.append(f"the broker {refused}: {answer.why}")
            if not self._asked:
                self._up, self._since_ns, self._was_there = True, now_ns, True
                logger.info("connected to the broker %s", self._place.host)
        elif self._hand is not None and answer.number == self._hand.number:
            hand, self._hand = self._hand, None
            word = self._hearing.word(hand.parcel, answer.code)
            later = _LATER_S if answer.code == NOT_ALLOWED else None
            self._settle(hand, word, "" if word == "delivered" else answer.why, later, alone=word == "failed")

    def _command(self, received: Received) -> Command:
        place = received.answer_topic
        if place is None or not topic.is_answer(self._tower, place):
            return Command(received.body, None)
        return Command(received.body, (place, received.correlation))

    def _look_for_twin(self, mark: str, now_ns: int) -> None:
        """Heed who was the last to say that this tower is there, or gone.

        Not every broker tells why it closes a connection. Whose mark is found when we come back connected under our
        id meanwhile. One alone may be of our last run, from a broker that lost what came after it; a twin leaves
        another each time.
        """
        if not self._was_there or mark.startswith(f"{self._instance}."):
            return
        if self._other not in {None, mark}:
            self._tell_twin(now_ns)
        self._other = mark

    def _tell_twin(self, now_ns: int) -> None:
        known, self._other_ns = self._has_twin, now_ns
        if not known:
            logger.warning("the broker %s: %s", self._place.host, self.link().notice)

    def _settle(
        self, hand: _Hand, word: Word, why: str, retry_s: float | None = None, *, alone: bool = False
    ) -> None:
        link = self.link()
        spent = link.sent_bytes + link.received_bytes - hand.bytes_before
        self._found.append(Outcome(hand.parcel.key, word, why, retry_s, spent, alone))

    def _look_at_time(self, connection: Connection, now_ns: int) -> None:
        """Give a connection up whose broker says nothing."""
        hand = self._hand
        if not self._up and now_ns - self._since_ns > GREET_S * _NS:
            connection.close("it did not let us in in time")
        if hand is None:
            return
        arrived = connection.wire.traffic().arrived_bytes
        if arrived > hand.arrived:
            hand.arrived, hand.moved_ns = arrived, now_ns
        if now_ns - hand.moved_ns > SILENT_S * _NS:
            connection.close("it did not acknowledge in time")
        elif now_ns - hand.taken_ns > (SILENT_S + len(hand.letter.body) / SLOWEST_BYTES_S) * _NS:
            connection.close("it acknowledges too slowly")

    def _lose(self, connection: Connection, ending: Ending, now_ns: int) -> None:
        """Let go of a connection that has ended."""
        was_up, self._up = self._up, False
        connection.close()
        if self._hand is not None:
            hand, self._hand = self._hand, None
            word = no_to(hand.parcel, ending.code) if ending.code == TOO_LARGE else "failed"
            self._settle(hand, word, ending.why)
        self._before += connection.wire.traffic()
        self._connection, self._watched = None, None
        if ending.code == TAKEN_OVER:
            self._tell_twin(now_ns)
        if ending.code == NO_RETAINING:
            self._retains = False
        if was_up and now_ns - self._since_ns > _STEADY_S * _NS:
            self._failures = 0
        turned_away = not was_up or self._has_twin
        self._put_off(ending.why, now_ns, _TURNED_AWAY if turned_away else _UNREACHED)

    def _put_off(self, why: str, now_ns: int, backoff: Backoff) -> None:
        """Try again later."""
        self._failures += 1
        if why != self._why:
            logger.info("no way to the broker %s: %s", self._place.host, why)
        self._why = why
        self._retry_ns = now_ns + round(backoff.delay_s(self._failures) * _NS)

    def _letter(self, parcel: Parcel) -> Letter:
        """Return a parcel as it is published; ValueError where it cannot be."""
        return letter_of(parcel, self._tower, retains=self._retains)

    def _part(self, connection: Connection, farewell: Parcel | None) -> None:
        """Say the last word, as far as it goes at once."""
        steps = 10
        if farewell is not None and self._up and self._hand is None and connection.ended is None:
            with suppress(ValueError):
                number = connection.publish(self._letter(farewell))
                while steps and connection.ended is None:
                    if any(answer.number == number for answer in connection.answers):
                        break
                    self._watch()
                    self._poll.poll(STEP_S / 10)
                    connection.turn()
                    steps -= 1
        connection.leave()

    def _hang_up_dial(self) -> None:
        if self._dial is not None:
            self._watch(leave=True)
            self._dial.leave()
            self._dial = None

    def _watch(self, *, leave: bool = False) -> None:
        """Have `fileno` tell when there is something to do."""
        wanted = None
        if self._connection is not None and self._connection.wire.fileno() >= 0:
            writes = select.EPOLLOUT if self._connection.wants_write else 0
            wanted = (self._connection.wire.fileno(), select.EPOLLIN | writes)
        elif self._dial is not None and not leave:
            wanted = (self._dial.fileno(), select.EPOLLIN)
        if wanted == self._watched:
            return
        if self._watched is not None:
            with suppress(OSError):  # closed, so it is not watched any more
                self._poll.unregister(self._watched[0])
        if wanted is not None:
            self._poll.register(*wanted)
        self._watched = wanted
