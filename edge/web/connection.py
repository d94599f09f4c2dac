"""One connection to the web server: HTTP as uvicorn speaks it, and the time that its requests take."""

from __future__ import annotations

import asyncio

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.web.place import Places

HEADERS_NS = (
    5_000_000_000  # from the last answer, or the beginning, until the next request's headers are there
)
REQUEST_NS = 10_000_000_000  # until its answer has been taken, too


class Connection(H11Protocol):
    """A visitor; the application finds it as `scope["state"]["connection"]`.

    Args:
        server: whose configuration and state it shares.
        places: where it counts.
        loopback: whether its other end is on this machine.
    """

    def __init__(self, server: uvicorn.Server, places: Places, *, loopback: bool) -> None:
        super().__init__(server.config, server.server_state, {"connection": self})
        self.loopback = loopback
        self.trusted = False
        self.since_ns = places.now_ns()
        self._places = places

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(
            high=0
        )  # writing is paused while anything of an answer is not taken
        self._places.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the place."""
        self._places.leave(self)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Count the time anew, where the answer has been taken, too; the next request may be here already."""
        self._begin()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """Count the time anew: the whole answer has been taken."""
        super().resume_writing()
        self._begin()

    def trust(self) -> None:
        """Note that it has shown the token."""
        self._places.trust(self)

    def late(self, now_ns: int) -> bool:
        """Say whether its headers, or its whole request, take too long."""
        return now_ns - self.since_ns > (REQUEST_NS if self._answering else HEADERS_NS)

    def cut(self) -> None:
        """End it, whatever it has not sent or taken."""
        self.transport.abort()

    @property
    def _answering(self) -> bool:
        return self.flow.write_paused or (self.cycle is not None and not self.cycle.response_complete)

    def _begin(self) -> None:
        if not self._answering:
            self.since_ns = self._places.now_ns()
