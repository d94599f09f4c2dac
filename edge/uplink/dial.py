"""The making of a connection: look-up, TCP and TLS block in a thread, and what comes of it is a wire that never does.

paho connects by itself in a call that blocks; it is handed the wire instead.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.errors import LinkError
from edge.text import plain
from edge.traffic import Traffic, traffic_of

CONNECT_S = 30.0  # for each address of a host, and for TLS
_PIECE_BYTES = 1 << 16
_WAITS = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

Tls = Callable[[], ssl.SSLContext]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a receiver is.

    Attributes:
        host: its name or address.
        port: of TCP.
        tls: makes what TLS is made with, as `ssl` raises; None: no TLS.
    """

    host: str
    port: int
    tls: Tls | None


class Wire:
    """A connection that does not block, as paho wants it: a socket that counts and remembers why it broke.

    Args:
        connection: made, and with TLS where there is to be any.
        largest_bytes: of one packet that may come.

    Attributes:
        fault: why it broke, for people; None while it has not.
    """

    def __init__(self, connection: socket.socket, largest_bytes: int) -> None:
        self.fault: str | None = None
        self._connection = connection
        self._largest_bytes = largest_bytes
        self._counted = Traffic()

    def recv(self, size: int) -> bytes:
        """Return what has come, `size` bytes at most; nothing at its end."""
        if size > self._largest_bytes:  # paho asks for the rest of a packet at once
            self.fault = f"a packet of {size} bytes came, and {self._largest_bytes} were asked for at most"
            raise ConnectionAbortedError(self.fault)
        try:
            data = self._connection.recv(min(size, _PIECE_BYTES))
        except _WAITS:
            raise
        except OSError as error:
            self.fault = told(error)
            raise
        if not data:
            self.fault = "it hung up"
        return data

    def send(self, data: bytes | bytearray) -> int:
        """Return how many bytes were taken."""
        try:
            return self._connection.send(memoryview(data)[:_PIECE_BYTES])
        except _WAITS:
            raise
        except OSError as error:
            self.fault = told(error)
            raise

    def fileno(self) -> int:
        """Return its number, -1 once it is closed."""
        return self._connection.fileno()

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 — the standard library's
        """Say whether it blocks."""
        self._connection.setblocking(flag)

    def is_readable(self) -> bool:
        """Whether anything is there to be read, or its end."""
        if self.fileno() < 0:
            return False
        if isinstance(self._connection, ssl.SSLSocket) and self._connection.pending():
            return True
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        return bool(poll.poll(0))

    def traffic(self) -> Traffic:
        """Return what went over it so far, by the kernel's count; the last one once it is closed."""
        counted = traffic_of(self._connection)
        if counted is not None:
            self._counted = counted
        return self._counted

    def close(self) -> None:
        """Hang up."""
        self.traffic()
        self._connection.close()


class Dial:
    """One try to connect, in a thread of its own; nobody has to wait for it.

    Args:
        place: where to.
        connect: makes the connection, and may block.
        name: of the thread.

    Attributes:
        reached: whether the other machine was there, though nothing came of it (TLS failed).
    """

    def __init__(self, place: Place, connect: Callable[[Place], socket.socket], name: str) -> None:
        self.reached = False
        self._place = place
        self._connect = connect
        self._lock = threading.Lock()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._made: socket.socket | None = None
        self._why: str | None = None
        self._wanted = True
        threading.Thread(target=self._go, name=name, daemon=True).start()

    def fileno(self) -> int:
        """Return what to wait on until it has come to its end."""
        return self._bell

    def take(self) -> socket.socket | None:
        """Return the connection; None while it is not there.

        Raises:
            LinkError: there will be none.
        """
        with self._lock:
            if self._why is not None:
                raise LinkError(self._why)
            made, self._made = self._made, None
            return made

    def leave(self) -> None:
        """Want it no more: what may still come of it is closed."""
        with self._lock:
            if not self._wanted:
                return
            self._wanted = False
            os.close(self._bell)
            if self._made is not None:
                self._made.close()
                self._made = None

    def _go(self) -> None:
        made, why = None, None
        try:
            made = self._connect(self._place)
        except (OSError, ValueError) as error:  # ValueError: a name that no resolver takes
            why, self.reached = told(error), isinstance(error, ssl.SSLError)
        with self._lock:
            if self._wanted:
                self._made, self._why = made, why
                os.eventfd_write(self._bell, 1)
            elif made is not None:
                made.close()


def connect(place: Place) -> socket.socket:
    """Connect, with TLS where there is to be any. Blocks for as long as the look-up, and CONNECT_S for each step.

    Raises:
        OSError: no connection, or TLS failed. What the look-up of an odd name raises, is raised too (ValueError).
    """
    connection = socket.create_connection((place.host, place.port), CONNECT_S)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if place.tls is None:
            return connection
        secured = place.tls().wrap_socket(
            connection, server_hostname=place.host, do_handshake_on_connect=False
        )
        connection = secured
        secured.do_handshake()  # by itself it would be left out where the other side has hung up already
    except BaseException:
        connection.close()
        raise
    return secured


def told(error: Exception) -> str:
    """Say for people why a connection was not made, or broke."""
    match error:
        case ssl.SSLCertVerificationError():
            said = f"its certificate is not trusted: {error.verify_message.rstrip('.')}; see `ca_file`"
        case ssl.SSLEOFError():
            said = "it broke TLS off; does it want a certificate of ours (`certificate_file`)?"
        case ssl.SSLError():
            said = f"no TLS with it: {(error.reason or str(error.args[-1])).replace('_', ' ').lower()}"
        case socket.gaierror():
            said = f"its name is not known: {error.strerror}"
        case TimeoutError():
            said = "it does not answer"
        case OSError() if error.errno:
            said = os.strerror(error.errno)
        case _:
            said = str(error) or type(error).__name__
    return plain(said)
