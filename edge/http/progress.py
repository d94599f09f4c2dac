"""Sockets that wait in short steps: each step beats, and an exchange ends when nothing comes any more.

A socket with a long timeout hears of no stop and feeds no watchdog; one with a short timeout cannot be read on, for
Python's buffered readers give up at the first timeout. So the steps are taken below them.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from errno import EINPROGRESS, ETIMEDOUT
from typing import TYPE_CHECKING, Any, TypeAlias

from edge.clock import Clock
from edge.errors import HttpError, SilenceError
from edge.traffic import Traffic, traffic_of

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

STEP_S = 0.25
_LEAST_BYTES = 1024  # within the limit; a server that drips makes no progress
# What the kernel holds back looks sent, so it holds little: over 1 kB/s a body of 20 kB is on its way for 20 s.
_HELD_BYTES = 1 << 12
_PIECE_BYTES = 1 << 12  # a TLS record of it; one counts when it is sent whole

Address: TypeAlias = tuple[Any, ...]  # as socket.getaddrinfo gives them; their port is not looked at


class Progress:
    """Whether an exchange gets on: within each `limit_s` a kilobyte goes or comes, or it ends.

    Args:
        clock: by which.
        beat: called at least every quarter of a second of waiting, and for each piece; what it raises goes through.
        limit_s: how long nothing may come.
        traffic: what goes over the link is added to it.

    Attributes:
        error: what ended it here, which urllib3 wraps; None while it goes on.
        connection: whose traffic is counted; None before there is one.
    """

    def __init__(
        self, clock: Clock, beat: Callable[[], None], limit_s: float, traffic: Traffic | None = None
    ) -> None:
        self.error: Exception | None = None
        self.connection: socket.socket | None = None
        self.limit_s = limit_s
        self._traffic = Traffic() if traffic is None else traffic
        self._counted = Traffic()
        self._clock = clock
        self._beat = beat
        self._bytes = 0
        self._whole = False
        self._since_ns = clock.mono_ns()
        self._paused_ns: int | None = None

    def pause(self) -> None:
        """Nobody waits from now on."""
        self._paused_ns = self._clock.mono_ns()

    def resume(self) -> None:
        """Wait again; the time between counts for nothing."""
        if self._paused_ns is not None:
            self._since_ns += self._clock.mono_ns() - self._paused_ns
            self._paused_ns = None

    def restart(self, *, whole: bool = False) -> None:
        """Count from now on, for what came made sense.

        Args:
            whole: until the next restart all has to come within the limit, however much it is.
        """
        self._bytes, self._since_ns, self._whole = 0, self._clock.mono_ns(), whole
        if self._paused_ns is not None:
            self._paused_ns = self._since_ns

    def pulse(self) -> None:
        """Beat."""
        try:
            self._beat()
        except Exception as error:
            self.error = error
            raise

    def passed_s(self) -> float:
        """Return the seconds since the last progress."""
        return (self._clock.mono_ns() - self._since_ns) / 1e9

    def wait(self, call: Callable[[], int]) -> int:
        """Make a call of a socket until it does not time out.

        Returns:
            How many bytes went or came.

        Raises:
            HttpError: no progress for the limit.
        """
        while True:
            try:
                count = call()
            except TimeoutError:
                count = None
            self._look()
            self.pulse()
            self._bytes += count or 0
            if not self._whole and (self._bytes >= _LEAST_BYTES or count == 0):
                self.restart()
            elif self.passed_s() > self.limit_s:
                what = "no whole answer" if self._whole and self._bytes else "nothing"
                self.error = SilenceError(f"{what} came for {self.limit_s:g} s")
                raise self.error
            if count is not None:
                return count

    def _look(self) -> None:
        """Add what went over the link since the last look."""
        if self.connection is not None and (counted := traffic_of(self.connection)) is not None:
            self._traffic.sent_bytes += counted.sent_bytes - self._counted.sent_bytes
            self._traffic.received_bytes += counted.received_bytes - self._counted.received_bytes
            self._counted = counted


class WaitingSocket(socket.socket):
    """A TCP socket that waits by `progress`, which whoever makes it sets."""

    progress: Progress

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        """Wait for bytes."""
        return self.progress.wait(lambda: super(WaitingSocket, self).recv_into(buffer, nbytes, flags))

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:  # noqa: ARG002 — none are used
        """Wait until all is sent."""
        _send(data, self.send, self.progress)


class WaitingTls(ssl.SSLSocket):
    """A TLS socket that waits by `progress`, which whoever makes it sets before the handshake."""

    progress: Progress

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        """Wait for bytes."""
        return self.progress.wait(lambda: super(WaitingTls, self).recv_into(buffer, nbytes, flags))

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:  # noqa: ARG002 — none are used
        """Wait until all is sent."""
        _send(data, self.send, self.progress)

    def do_handshake(self, block: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 — the standard library's
        """Wait until both sides agree."""
        self.progress.wait(lambda: super(WaitingTls, self).do_handshake() or 0)


def _send(data: ReadableBuffer, send: Callable[[memoryview], int], progress: Progress) -> None:
    view = memoryview(data).cast("B")
    while view:
        piece = view[:_PIECE_BYTES]
        view = view[progress.wait(lambda piece=piece: send(piece)) :]  # type: ignore[misc]  # mypy: lambda defaults


def connect(addresses: Sequence[Address], port: int, progress: Progress) -> WaitingSocket:
    """Connect to the first of a host's addresses that answers; they share the time.

    Args:
        addresses: of the host, at least one.
        port: of the server.
        progress: bounds it.

    Raises:
        HttpError: none answers. What `beat` raises, is raised too.
    """
    progress.restart()
    faults: dict[int, None] = {}
    for number, address in enumerate(addresses):
        share_s = (progress.limit_s - progress.passed_s()) / (len(addresses) - number)
        found = _connect(address, port, progress, progress.passed_s() + share_s)
        if not isinstance(found, int):
            found.settimeout(STEP_S)
            progress.connection = found
            progress.restart()
            return found
        faults[found] = None
    raise HttpError(f"no connection: {', '.join(map(os.strerror, faults))}")


def _connect(address: Address, port: int, progress: Progress, until_s: float) -> WaitingSocket | int:
    """Return a connection, or the number of the error."""
    family, kind, protocol, _, place = address
    try:
        connection = WaitingSocket(family, kind, protocol)
    except OSError as error:  # a family that the kernel lacks
        return error.errno or 0
    connection.progress = progress
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _HELD_BYTES)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a head does not wait for its body
    try:
        fault = _try(connection, (place[0], port, *place[2:]), progress, until_s)
    except BaseException:
        connection.close()
        raise
    if fault:
        connection.close()
        return fault
    return connection


def _try(connection: WaitingSocket, place: Address, progress: Progress, until_s: float) -> int:
    """Return 0 once it is connected, else the number of the error."""
    connection.setblocking(False)  # noqa: FBT003 — the standard library's
    fault = connection.connect_ex(place)
    if fault != EINPROGRESS:
        return fault
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    while not poll.poll(STEP_S * 1000):
        progress.pulse()
        if progress.passed_s() > until_s:
            return ETIMEDOUT
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
