"""One connection to an MQTT 5 broker: a paho client made for it, which speaks over a wire of ours and is thrown away.

A client that connects twice sends again by itself what was not acknowledged; here the outbox alone does that. What
paho leaves to its user is seen to here: the broker's limits, and how large a packet is before it goes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.text import plain
from edge.uplink.dial import Wire
from edge.uplink.letter import TOO_LARGE, Letter

TAKEN_OVER, NO_RETAINING = 0x8E, 0x9A
_WITH_WILL = 0x04
_LOST = {"Protocol error": "what came is no MQTT 5", "Keep alive timeout": "it does not answer any more"}
_READS = 64  # of packets, in one turn
_WORDS = 200
_NO_RETAINED = 2  # MQTT 5, 3.8.3.1: retained messages are not sent at the subscription

# Mosquitto 2.0 says so in a PUBACK (`message_size_limit`), which the standard does not; paho would hang up.
_TOO_LARGE_IN = ReasonCode.names[TOO_LARGE]["Packet too large"]
if PacketTypes.PUBACK not in _TOO_LARGE_IN:
    _TOO_LARGE_IN.append(PacketTypes.PUBACK)


@dataclass(frozen=True, slots=True)
class Hello:
    """Who speaks to the broker, and on which terms.

    Attributes:
        client_id: the same whenever it connects.
        user, password: None: without.
        will: what the broker publishes when the connection is lost; None: nothing.
        keepalive_s: without a word, after which both sides ask whether the other is there.
        session_s: how long the broker keeps what comes for it while it is away; 0: it begins and ends with it.
        largest_bytes: of a packet that the broker may send.
    """

    client_id: str
    user: str | None
    password: str | None = field(repr=False)
    will: Letter | None
    keepalive_s: int
    session_s: int
    largest_bytes: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What the broker said when it let us in (CONNACK).

    Attributes:
        largest_bytes: of a packet that it takes; None: any.
        at_once: how many unacknowledged messages it takes.
        receipts: whether it acknowledges at all (QoS 1).
        retains: whether it keeps messages.
        session_s: how long it keeps what comes for us.
    """

    largest_bytes: int | None
    at_once: int
    receipts: bool
    retains: bool
    session_s: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the broker said to a packet of ours.

    Attributes:
        number: of the packet.
        code: its reason code; 0x80 and above: no.
        why: for people.
    """

    number: int
    code: int
    why: str


@dataclass(frozen=True, slots=True)
class Received:
    """What came from others.

    Attributes:
        topic: where it was published.
        body: as it came.
        attributes: user properties.
        answer_topic: where an answer is wanted; None: nowhere.
        correlation: what goes along with the answer.
    """

    topic: str
    body: bytes
    attributes: Mapping[str, str]
    answer_topic: str | None
    correlation: bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection is over.

    Attributes:
        code: the broker's reason code; None where it gave none.
        why: for people.
    """

    code: int | None
    why: str


class Connection:
    """One connection. Nothing here blocks, and after `ended` is set nothing is sent.

    Args:
        wire: to the broker.
        hello: who speaks.

    Attributes:
        terms: None until the broker let us in.
        ended: None while it lasts.
        answers: to what was published and subscribed, since the turn before.
        received: what came since the turn before.
    """

    def __init__(self, wire: Wire, hello: Hello) -> None:
        self.terms: Terms | None = None
        self.ended: Ending | None = None
        self.answers: list[Answer] = []
        self.received: list[Received] = []
        self.wire = wire
        self._hello = hello
        self._client = _Client(wire, hello)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._heed(self._client.greet)

    @property
    def waits(self) -> bool:
        """Whether more has come already than one turn reads."""
        return self.ended is None and self.wire.is_readable()

    @property
    def wants_write(self) -> bool:
        """Whether something waits to go out."""
        return self._client.want_write()

    @property
    def keepalive_s(self) -> int:
        """Seconds without a word, as agreed; 0: for ever."""
        return self._client.keepalive

    def turn(self) -> None:
        """Read, write, and ask whether the broker is there, as far as it goes without waiting."""
        self.answers.clear()
        self.received.clear()
        for _ in range(_READS):
            if self.ended is not None or not self.wire.is_readable():
                break
            self._heed(self._client.loop_read)
        if self.ended is None and self.wants_write:
            self._heed(self._client.loop_write)
        if self.ended is None:
            self._heed(self._client.loop_misc)

    def publish(self, letter: Letter) -> int:
        """Send, and return the number that the answer will have.

        Raises:
            ValueError: it has no place in a packet, or is larger than what the broker takes.
        """
        properties = _properties(letter, PacketTypes.PUBLISH)
        size, limit = _size(letter, properties), self.terms.largest_bytes if self.terms else None
        if limit is not None and size > limit:
            raise ValueError(f"it has {size} bytes as a packet, the broker takes {limit} at most")
        sent = self._client.publish(letter.topic, letter.body, 1, letter.retained, properties)
        self._see(sent.rc)
        return sent.mid

    def subscribe(self, topic: str, *, retained: bool) -> int:
        """Ask for what others publish, and return the number that the answer will have.

        Args:
            topic: where.
            retained: whether for what the broker keeps there, or for all that comes from now on, also while away.
        """
        options = (
            SubscribeOptions(qos=0) if retained else SubscribeOptions(qos=1, retainHandling=_NO_RETAINED)
        )
        code, number = self._client.subscribe(topic, options=options)
        self._see(code)
        return number or 0

    def leave(self) -> None:
        """Say goodbye, so that the broker publishes the will; it may not go out at once."""
        if self.ended is None:
            goodbye = ReasonCode(PacketTypes.DISCONNECT, identifier=_WITH_WILL)
            self._heed(lambda: self._client.disconnect(goodbye))

    def close(self, why: str = "closed") -> None:
        """Hang up.

        Args:
            why: for people, where it has not ended by itself.
        """
        self._end(None, why)
        self.wire.close()

    def _heed(self, call: Callable[[], MQTTErrorCode]) -> None:
        try:
            self._see(call())
        except Exception as error:  # noqa: BLE001 — whatever a broken packet makes paho stumble over
            self._end(None, f"what came is no MQTT 5 ({type(error).__name__})")

    def _see(self, code: MQTTErrorCode) -> None:
        if code not in {MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN}:
            self._end(None, self.wire.fault or plain(MQTTErrorCode(code).name.removeprefix("MQTT_ERR_")))

    def _end(self, code: int | None, why: str) -> None:
        if self.ended is None:
            self.ended = Ending(code, why)

    def _on_connect(self, *given: Any) -> None:  # noqa: ANN401 — client, data, flags, reason, properties
        reason, properties = given[3], given[4]
        if reason.is_failure:
            self._end(reason.value, _said(reason, properties))
            return
        said = vars(properties)
        self.terms = Terms(
            largest_bytes=said.get("MaximumPacketSize"),
            at_once=said.get("ReceiveMaximum", 0xFFFF),
            receipts=said.get("MaximumQoS", 2) > 0,
            retains=said.get("RetainAvailable", 1) > 0,
            session_s=said.get("SessionExpiryInterval", self._hello.session_s),
        )

    def _on_disconnect(self, *given: Any) -> None:  # noqa: ANN401 — client, data, flags, reason, properties
        flags, reason, properties = given[2:5]
        if flags.is_disconnect_packet_from_server:
            self._end(reason.value, _said(reason, properties))
        else:
            self._end(None, self.wire.fault or _LOST.get(str(reason), plain(str(reason))))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        said = vars(message.properties) if message.properties is not None else {}
        self.received.append(
            Received(
                topic=message.topic,
                body=bytes(message.payload),
                attributes=dict(said.get("UserProperty", [])),
                answer_topic=said.get("ResponseTopic"),
                correlation=bytes(said.get("CorrelationData", b"")),
            )
        )

    def _on_publish(self, *given: Any) -> None:  # noqa: ANN401 — client, data, number, reason, properties
        number, reason, properties = given[2:5]
        self.answers.append(Answer(number, reason.value, _said(reason, properties)))

    def _on_subscribe(self, *given: Any) -> None:  # noqa: ANN401 — client, data, number, reasons, properties
        number, reasons, properties = given[2:5]
        self.answers.extend(Answer(number, reason.value, _said(reason, properties)) for reason in reasons)


class _Client(Client):
    """A client of paho that is handed its socket."""

    def __init__(self, wire: Wire, hello: Hello) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            hello.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._wire = wire
        properties = _empty(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = hello.session_s
        properties.MaximumPacketSize = hello.largest_bytes
        if hello.user is not None:
            self.username_pw_set(hello.user, hello.password)
        if (will := hello.will) is not None:
            said = _properties(will, PacketTypes.WILLMESSAGE)
            self.will_set(will.topic, will.body, 1, will.retained, said)
        begins_anew = hello.session_s == 0
        self.connect_async("broker", 1, hello.keepalive_s, clean_start=begins_anew, properties=properties)

    def greet(self) -> MQTTErrorCode:
        """Send CONNECT."""
        return self.reconnect()

    def _create_socket(self) -> Wire:
        return self._wire


def _said(reason: ReasonCode, properties: Properties | None) -> str:
    """Return for people what a reason code says, and what the broker wrote to it."""
    written = plain(str(getattr(properties, "ReasonString", "")))[:_WORDS]
    return f"{reason} (0x{reason.value:02x}){': ' if written else ''}{written}"


def _empty(packet: int) -> Any:  # noqa: ANN401 — paho's properties are attributes that it checks itself
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho has no types there


def _properties(letter: Letter, packet: int) -> Any:  # noqa: ANN401
    """Return the properties of a message.

    Raises:
        ValueError: one has no place in a packet.
    """
    found = _empty(packet)
    if "\0" in "".join([letter.content_type or "", *letter.attributes, *letter.attributes.values()]):
        raise ValueError("it has no place in a packet: a NUL in a property")
    try:
        if letter.content_type is not None:
            found.ContentType = letter.content_type
        if letter.expires_s is not None:
            found.MessageExpiryInterval = letter.expires_s
        if letter.correlation is not None:
            found.CorrelationData = letter.correlation
        if letter.attributes:
            found.UserProperty = list(letter.attributes.items())
        found.pack()
    except (MQTTException, ValueError, OverflowError, struct.error) as error:
        raise ValueError(f"it has no place in a packet: {error}") from error
    return found


def _size(letter: Letter, properties: Any) -> int:  # noqa: ANN401
    """Return the bytes of a PUBLISH packet. Source: MQTT 5, 2.1 and 3.3."""
    rest = 2 + len(letter.topic.encode()) + 2 + len(properties.pack()) + len(letter.body)
    return 1 + (1 if rest < 1 << 7 else 2 if rest < 1 << 14 else 3 if rest < 1 << 21 else 4) + rest
