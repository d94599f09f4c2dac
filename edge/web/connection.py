"""One connection to the web server: a bare socket until it says something, then HTTP as uvicorn speaks it.

Most strangers in a crowd never say anything, and a bare socket costs little.
"""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.web.place import Places

HEADERS_NS = (
    5_000_000_000  # from the last answer, or the beginning, until the next request's headers are there
)
REQUEST_NS = 10_000_000_000  # until its answer has been taken, too


class Connection:
    """A visitor; the application finds it as `scope["state"]["connection"]`. It takes its place at once.

    Args:
        server: whose configuration and state it shares.
        places: where it counts.
        accepted: the socket.
        loopback: whether its other end is on this machine.
    """

    def __init__(
        self, server: uvicorn.Server, places: Places, accepted: socket.socket, *, loopback: bool
    ) -> None:
        self.loopback = loopback
        self.trusted = False
        self.since_ns = places.now_ns()
        self._server = server
        self._places = places
        self._socket = accepted
        self._loop = asyncio.get_running_loop()
        self._http: _Http | None = None
        self._loop.add_reader(accepted.fileno(), self._hear)
        places.enter(self)

    @property
    def silent(self) -> bool:
        """Whether it has not said anything yet."""
        return self._http is None

    def trust(self) -> None:
        """Note that it has shown the token."""
        self._places.trust(self)

    def begin(self) -> None:
        """Count the time anew: an answer has been taken."""
        self.since_ns = self._places.now_ns()

    def late(self, now_ns: int) -> bool:
        """Say whether its headers, or its whole request, take too long."""
        answering = self._http is not None and self._http.answering
        return now_ns - self.since_ns > (REQUEST_NS if answering else HEADERS_NS)

    def cut(self) -> None:
        """End it, whatever it has not sent or taken."""
        if self._http is None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        else:
            self._http.cut()

    def leave(self) -> None:
        """Give up the place."""
        self._places.leave(self)

    def _hear(self) -> None:
        """Begin to speak HTTP, for something has arrived."""
        self._loop.remove_reader(self._socket.fileno())
        http = self._http = _Http(self._server, self)
        self._task = self._loop.create_task(
            self._loop.connect_accepted_socket(lambda: http, self._socket)  # the loop itself holds no task
        )


class _Http(H11Protocol):
    """What a connection speaks."""

    def __init__(self, server: uvicorn.Server, connection: Connection) -> None:
        super().__init__(server.config, server.server_state, {"connection": connection})
        self._connection = connection
        self._was_cut = False

    @property
    def answering(self) -> bool:
        """Whether an answer is being made or taken."""
        return self.cycle is not None and (not self.cycle.response_complete or self.flow.write_paused)

    def connection_made(
        self,
        transport: asyncio.Transport,  # type: ignore[override]  # uvicorn's own silence, as asyncio calls it
    ) -> None:
        """Note the transport."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # paused while anything waits to be taken
        if self._was_cut:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the place."""
        self._connection.leave()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Count the time anew, where the answer has been taken, too; the next request may be here already."""
        self._begin()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """Count the time anew: the whole answer has been taken."""
        super().resume_writing()
        self._begin()

    def cut(self) -> None:
        """End it at once, or as soon as it has a transport."""
        self._was_cut = True
        if self.transport is not None:
            self.transport.abort()

    def _begin(self) -> None:
        if not self.answering:
            self._connection.begin()
