"""One connection to the broker after the other, for programs on a host.

Each is a fresh client of paho, so that nothing is sent again which was not handed over again.
"""

from __future__ import annotations

import ssl
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.clock import Clock
from edge.text import plain
from receive.broker import Broker
from receive.errors import BrokerError

SESSION_S = 7 * 86_400
CONNECT_S = 30.0
KEEPALIVE_S = 30
_UNACKNOWLEDGED = 20  # messages that the broker sends before we have stored the first of them


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came.

    Attributes:
        topic: where it was published.
        body: its bytes.
        retained: whether it was kept by the broker and published before we asked.
        attributes: user properties; of two of one name the last.
        content_type: of the body; None: unsaid.
        expires_s: in which the broker would have thrown it away; None: never.
        correlation: of an answer.
        receipt: for `Session.acknowledge`.
        fault: why it cannot be read; `body` holds the whole packet then. None: it can.
    """

    topic: str
    body: bytes
    retained: bool
    attributes: Mapping[str, str]
    content_type: str | None
    expires_s: int | None
    correlation: bytes | None
    receipt: tuple[int, int]
    fault: str | None = None


class _Client(Client):
    """paho, which outlives a message that it cannot read.

    It ends the connection for one, and the broker hands the same message over again with the next: for ever. Anybody
    who may publish can send one, for brokers let texts pass that paho does not (U+FEFF in a user property).
    """

    def __init__(self, unread: Callable[[Delivered], None], *given: Any, **named: Any) -> None:  # noqa: ANN401 — of paho
        super().__init__(*given, **named)
        self._unread = unread

    def _handle_publish(self) -> MQTTErrorCode:
        try:
            return super()._handle_publish()
        except (MalformedPacket, UnicodeDecodeError, struct.error) as error:
            self._unread(_unreadable(self._in_packet["command"], bytes(self._in_packet["packet"]), error))
            return MQTTErrorCode.MQTT_ERR_SUCCESS


def _unreadable(head: int, packet: bytes, error: Exception) -> Delivered:
    """Return what can be said of a PUBLISH packet that cannot be read (MQTT 5, 3.3).

    Raises:
        MalformedPacket: it has not even a number, and cannot be acknowledged.
    """
    quality, end = head >> 1 & 3, 2 + int.from_bytes(packet[:2])
    if len(packet) < end + (2 if quality else 0):
        raise MalformedPacket("a packet without a topic or a number")
    where, number = packet[2:end].decode(errors="replace"), int.from_bytes(packet[end : end + 2])
    return Delivered(where, packet, bool(head & 1), {}, None, None, None, (number, quality), str(error))


class Session:
    """One connection; a lost one is not made again.

    Args:
        broker: where.
        client_id: the broker keeps what comes for it; those of towers begin with `firetower-`, no other does.
        clock: for the time limit of the connection.
        session_s: how long it does so after the connection; 0: not at all, and what it kept before is forgotten.
        will: topic and body of what the broker publishes, retained, when the connection is lost.

    Raises:
        BrokerError: it cannot be reached within CONNECT_S, or does not let us in.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        clock: Clock,
        session_s: int = 0,
        will: tuple[str, bytes] | None = None,
    ) -> None:
        self._received: list[Delivered] = []
        self._settled: dict[int, str] = {}
        self._welcome: str | None = None
        self._lost: str | None = None
        self._broker = broker
        client = _Client(
            self._received_unread,
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = client.on_subscribe = self._on_settled
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if will is not None:
            client.will_set(*will, qos=1, retain=True)
        self._client = client
        try:
            self._connect(clock, session_s)
        except BrokerError:
            self.close()
            raise

    def _connect(self, clock: Clock, session_s: int) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own have no types
        properties.SessionExpiryInterval = session_s
        properties.ReceiveMaximum = _UNACKNOWLEDGED
        end_ns = clock.mono_ns() + round(CONNECT_S * 1e9)
        try:
            self._client.connect(
                self._broker.host,
                self._broker.port,
                KEEPALIVE_S,
                clean_start=session_s == 0,
                properties=properties,
            )
        except (OSError, ValueError) as error:
            raise BrokerError(f"broker {self._broker.shown}: {_told(error)}") from None
        while self._welcome is None:
            self.turn(0.2)
            if clock.mono_ns() > end_ns:
                raise BrokerError(f"broker {self._broker.shown}: it does not answer")

    def turn(self, wait_s: float) -> list[Delivered]:
        """Read and write what goes; return what came within `wait_s`.

        Raises:
            BrokerError: the connection is lost.
        """
        code = self._client.loop(wait_s)
        if self._lost is not None or code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            why = self._lost or MQTTErrorCode(code).name.removeprefix("MQTT_ERR_")
            raise BrokerError(f"broker {self._broker.shown}: {plain(why)}")
        received, self._received = self._received, []
        return received

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for what is published there, and for what is retained there.

        Raises:
            BrokerError: it is not allowed.
        """
        for topic in topics:
            self._settle(self._client.subscribe(topic, qos=1)[1], f"listen to {topic}")

    def publish(
        self,
        topic: str,
        body: bytes,
        *,
        retained: bool = False,
        expires_s: float | None = None,
        answer: tuple[str, bytes] | None = None,
    ) -> int:
        """Hand over a message, and return its number for `outcome`.

        Args:
            topic: where.
            body: its bytes.
            retained: whether the broker keeps it for those who come later.
            expires_s: after which it throws it away.
            answer: where an answer is wanted, and what goes along with it.
        """
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's own have no types
        properties.ContentType = "application/json"
        if expires_s is not None:
            properties.MessageExpiryInterval = round(expires_s)
        if answer is not None:
            properties.ResponseTopic, properties.CorrelationData = answer
        return self._client.publish(topic, body, 1, retained, properties).mid

    def hand_over(self, topic: str, body: bytes, *, expires_s: float, answer: tuple[str, bytes]) -> None:
        """Publish a message, as `publish`, and wait until the broker has taken it.

        Raises:
            BrokerError: it is not allowed.
        """
        self._settle(self.publish(topic, body, expires_s=expires_s, answer=answer), f"publish at {topic}")

    def outcome(self, number: int) -> str | None:
        """Return why a message was not taken, an empty text where it was, None while that is not known."""
        return self._settled.pop(number, None)

    def acknowledge(self, delivered: Delivered) -> None:
        """Tell the broker that it may forget a message."""
        self._client.ack(*delivered.receipt)

    def close(self) -> None:
        """Say goodbye: without a will being published."""
        self._client.disconnect()
        self._client.loop(0)

    def _settle(self, number: int | None, doing: str) -> None:
        came: list[Delivered] = []
        while number is not None and number not in self._settled:
            came += self.turn(0.2)
        self._received = came + self._received
        if why := self._settled.pop(number or 0, ""):
            raise BrokerError(f"broker {self._broker.shown}: it does not let us {doing}: {why}")

    def _on_connect(self, *given: Any) -> None:  # noqa: ANN401 — client, data, flags, reason, properties
        reason = given[3]
        self._welcome = str(reason)
        if reason.is_failure:
            self._lost = f"it lets us not in: {reason}"

    def _on_disconnect(self, *given: Any) -> None:  # noqa: ANN401 — client, data, flags, reason, properties
        self._lost = self._lost or f"the connection is lost: {given[3]}"

    def _on_settled(self, *given: Any) -> None:  # noqa: ANN401 — client, data, number, reason or reasons, properties
        number, reasons = given[2], given[3] if isinstance(given[3], list) else [given[3]]
        self._settled[number] = next((str(reason) for reason in reasons if reason.is_failure), "")

    def _received_unread(self, unread: Delivered) -> None:
        self._received.append(unread)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        said = {} if message.properties is None else vars(message.properties)
        self._received.append(
            Delivered(
                topic=message.topic,
                body=bytes(message.payload),
                retained=bool(message.retain),
                attributes=dict(said.get("UserProperty", ())),
                content_type=said.get("ContentType"),
                expires_s=said.get("MessageExpiryInterval"),
                correlation=said.get("CorrelationData"),
                receipt=(message.mid, message.qos),
            )
        )


def _told(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message.rstrip('.')}; see --ca-file"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with it: {(error.reason or str(error)).replace('_', ' ').lower()}"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return plain(str(getattr(error, "strerror", None) or error))
