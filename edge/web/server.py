"""The web server: `/` for people; `/health`, `/live`, `/metrics`, `/status.json` for programs; in its own thread."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from edge.clock import Clock, SystemClock
from edge.counter.prometheus import visits_exposition
from edge.errors import SettingsError
from edge.health import Health
from edge.text import plain, plain_json
from edge.web.attempt import WrongTokens
from edge.web.connection import Connection
from edge.web.guard import LIVE, Guard, is_loopback, settle
from edge.web.page import render
from edge.web.place import Places, Visits, count_places

_log = logging.getLogger(__name__)

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_STOP_S = 0.5
_BACKLOG = 1024
_RETRY_S = 0.5


class _Server(uvicorn.Server):
    """Uvicorn, with an accepting of its own, for its own takes every descriptor that there is.

    At its end it waits only so long for answers that clients do not take.
    """

    def __init__(self, config: uvicorn.Config, listener: socket.socket, places: Places) -> None:
        super().__init__(config)
        self._listener = listener
        self._places = places

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop."""
        try:
            await super().serve(sockets)
        finally:
            self._places.cut_silent()  # uvicorn does not know them

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; uvicorn itself has no socket to listen on."""
        await super().startup(sockets)
        self._accepting = asyncio.create_task(self._accept())

    async def on_tick(self, counter: int) -> bool:
        """Do what is due ten times a second; return whether to end."""
        self._places.tend()
        if self._accepting.done():
            self._accepting.result()  # a bug: better no server than one that nobody reaches
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close, and cut off after a while what is still open."""
        self._accepting.cancel()
        asyncio.get_running_loop().call_later(_STOP_S, self._cut_off)
        await super().shutdown(sockets)

    async def _accept(self) -> None:
        """Take a few connections at a time, so that each is heard before many others can take its place."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                for _ in range(max(1, self._places.places // 16)):
                    accepted, address = await loop.sock_accept(self._listener)
                    Connection(self, self._places, accepted, loopback=is_loopback(address[0]))
            except OSError as error:  # above all, no descriptor is left
                _log.warning("the web server cannot take a connection: %s", error.strerror)
                self._places.make_way()
                await asyncio.sleep(_RETRY_S)
            await asyncio.sleep(0)  # sock_accept does not wait while connections are queued

    def _cut_off(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


class WebServer:
    """Serves what some functions return; they are called from its thread.

    Args:
        tower: the tower's name, for the page.
        status: what `/status.json` shows: a dict or a struct of plain tables.
        health: the judgement on the cameras.
        metrics: the text exposition for Prometheus.
        live: whether the daemon's loops turn, whatever its cameras do; anybody may ask.
        page_off: returns why the page is not shown, to save energy; None where it is.
        metrics_type: its content type.
        host: loopback, or another address and then a token.
        port: 0 takes a free one.
        token_file: holds the token.
        clock: monotonic time, for what visitors may take.

    Raises:
        SettingsError: the address cannot be bound, or the token file is missing or unfit.
    """

    def __init__(  # noqa: PLR0913 — every part is handed in
        self,
        tower: str,
        status: Callable[[], object],
        health: Callable[[], Health],
        metrics: Callable[[], bytes],
        *,
        live: Callable[[], bool],
        page_off: Callable[[], str | None] = lambda: None,
        metrics_type: str = "text/plain; version=0.0.4; charset=utf-8",
        host: str = "127.0.0.1",
        port: int = 8080,
        token_file: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        token = settle(host, token_file)
        clock = SystemClock() if clock is None else clock
        self._places = Places(clock, count_places())
        self._wrong = WrongTokens(clock)
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"
        app = _app(tower, status, health, metrics, live, page_off, metrics_type, self.visits)
        self._server = _Server(_config(Guard(app, token, self._wrong)), self._socket, self._places)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        """Serve until told to stop; uvicorn takes signals in the main thread only."""
        try:
            self._server.run(sockets=[])
        finally:
            self._socket.close()

    def visits(self) -> Visits:
        """Return what is counted of connections."""
        return Visits(
            open=self._places.open,
            places=self._places.places,
            made_way=self._places.made_way,
            late=self._places.late,
            wrong_tokens=self._wrong.count,
        )

    def stop(self) -> None:
        """End it within about a second, whatever a client does; never raises, may be called twice."""
        self._server.should_exit = True
        self._thread.join(2 * _STOP_S)
        if self._thread.is_alive():
            _log.warning("the web server does not end; it dies with the process")


def try_address(host: str, port: int, token_file: Path | None) -> None:
    """See that a server could listen there; one that does so now is no fault.

    Raises:
        SettingsError: as `WebServer`, but for a port that is in use.
    """
    settle(host, token_file)
    try:
        _bind(host, port).close()
    except SettingsError as error:
        if not (isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE):
            raise


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound, so that a wrong address is an error of the start."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, ValueError) as error:  # ValueError: no name of a host, such as "..", or with a NUL
        reason = error.strerror if isinstance(error, OSError) else "it is not the name of a host"
        raise SettingsError(f"web.host: {host!r} is no address of this machine: {reason}") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
        bound.settimeout(0)  # the server's loop waits, not the socket
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"web.port: cannot listen on {host}:{port}: {error.strerror}; end the program that uses it, or "
            "set another port in [web], 0 for a free one"
        ) from error
    return bound


def _config(app: Guard) -> uvicorn.Config:
    """Return the smallest server: HTTP/1.1 in Python, no lifespan, no WebSocket, no logging of its own."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=4,  # before such a connection would be late
    )


def _app(
    tower: str,
    status: Callable[[], object],
    health: Callable[[], Health],
    metrics: Callable[[], bytes],
    live: Callable[[], bool],
    page_off: Callable[[], str | None],
    metrics_type: str,
    visits: Callable[[], Visits],
) -> Starlette:
    """Return the application; its answers are short and made in the loop, without a pool of threads."""

    def document() -> dict[str, object]:
        return {**msgspec.to_builtins(status()), "web": msgspec.to_builtins(visits())}

    async def show_page(_request: Request) -> Response:
        why = page_off()
        if why is not None:
            told = f"the page is off to save energy: {plain(why)}\n/health, /status.json and /metrics are there\n"
            return PlainTextResponse(told, 503, _HEADERS)
        page = render(tower, document(), health())
        return HTMLResponse(page, headers=_HEADERS)

    async def show_health(_request: Request) -> Response:
        judged = health()
        return _json(judged, 200 if judged.healthy else 503)

    async def show_live(_request: Request) -> Response:
        lives = live()
        return PlainTextResponse("live\n" if lives else "not live\n", 200 if lives else 503, _HEADERS)

    async def show_status(_request: Request) -> Response:
        return _json(document(), 200)

    async def show_metrics(_request: Request) -> Response:
        return Response(metrics() + visits_exposition(visits()), headers=_HEADERS, media_type=metrics_type)

    return Starlette(
        routes=[
            Route("/", show_page),
            Route("/health", show_health),
            Route(LIVE, show_live),
            Route("/status.json", show_status),
            Route("/metrics", show_metrics),
        ]
    )


def _json(content: object, code: int) -> Response:
    """Return a JSON answer."""
    return Response(
        plain_json(msgspec.json.encode(content)) + b"\n",
        code,
        headers=_HEADERS,
        media_type="application/json",
    )
