"""A broker that says what it is told to, byte by byte: what no real one can be brought to say on demand."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ = 1, 3, 8, 12


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(data)) + data


def packet(kind: int, body: bytes) -> bytes:
    size, length = len(body), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([kind << 4]) + length + body


def connack(code: int = 0, properties: bytes = b"") -> bytes:
    return packet(2, bytes([0, code, len(properties)]) + properties)


def suback(number: bytes, code: int = 1) -> bytes:
    return packet(9, number + b"\0" + bytes([code]))


def puback(number: bytes, code: int = 0, why: str = "") -> bytes:
    said = b"\x1f" + text(why) if why else b""
    return packet(4, number + bytes([code, len(said)]) + said)


def disconnect(code: int) -> bytes:
    return packet(14, bytes([code, 0]))


def published(topic: str, body: bytes, properties: bytes = b"", number: int = 1) -> bytes:
    found = packet(3, text(topic) + struct.pack("!H", number) + bytes([len(properties)]) + properties + body)
    return bytes([found[0] | 2]) + found[1:]


class Packet:
    """What a client sent: its kind, its flags, its body; of PUBLISH topic and number."""

    def __init__(self, head: int, body: bytes) -> None:
        self.kind, self.flags, self.body = head >> 4, head & 15, body
        self.topic, self.number = "", body[:2]
        if self.kind == PUBLISH:
            (size,) = struct.unpack_from("!H", body)
            self.topic, self.number = body[2 : 2 + size].decode(), body[2 + size : 4 + size]


Say = Callable[[Packet], bytes | None]


def usual(sent: Packet) -> bytes | None:
    """What a broker says that takes everything; None where it says nothing."""
    if sent.kind == CONNECT:
        return connack()
    if sent.kind == SUBSCRIBE:
        return suback(sent.number)
    if sent.kind == PUBLISH:
        return puback(sent.number)
    return b"\xd0\0" if sent.kind == PINGREQ else None


class Scripted:
    """Answers each packet as `say` says, or else as usual; an empty answer hangs up.

    Attributes:
        sent: packets of all connections so far.
        connections: how many there were.
    """

    def __init__(self, say: Say = usual) -> None:
        self.sent: list[Packet] = []
        self.connections = 0
        self._say = say
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def of(self, kind: int) -> list[Packet]:
        return [one for one in self.sent if one.kind == kind]

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                self.connections += 1
                threading.Thread(target=self._host, args=(connection,), daemon=True).start()

    def _host(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, IndexError), connection, connection.makefile("rb") as said:
            while True:
                head, size, shift = said.read(1)[0], 0, 0
                while True:
                    byte = said.read(1)[0]
                    size |= (byte & 127) << shift
                    shift += 7
                    if not byte & 128:
                        break
                sent = Packet(head, said.read(size))
                self.sent.append(sent)
                answer = self._say(sent)
                if answer == b"":
                    return
                if answer is not None:
                    connection.sendall(answer)
