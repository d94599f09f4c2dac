"""The HTTP client: one exchange a connection, bounded in time, verified, and silent about whose password it has.

urllib3 speaks HTTP; what is ours is whom to connect to and how long to wait. Its pools are left out: they look names
up without a bound, wait without a beat, and log whole addresses.
"""

from __future__ import annotations

import http.client
import logging
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import urllib3.exceptions
from urllib3.connection import HTTPConnection
from urllib3.response import BaseHTTPResponse
from urllib3.util import parse_url

from edge.clock import Clock
from edge.errors import HttpError
from edge.http.login import Answers, Login
from edge.http.progress import STEP_S, Address, Progress, WaitingTls, connect
from edge.http.trust import context, fault
from edge.traffic import Traffic

_PORTS = {"http": 80, "https": 443}
_REDIRECTS, _FOR_EVER = (301, 302, 303, 307, 308), (301, 308)
_HOPS = 5
_EXCHANGES = 2 * (_HOPS + 1)  # with redirects, and a login at each
_PIECE_BYTES = 1 << 16
_INTERIM = (102, 103)  # 100 is passed by already
_MEDIA = ("image", "video")
_OURS = {"User-Agent": "firetower", "Accept": "*/*", "Connection": "close"}
_ERRORS = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)

logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # its warnings hold whole addresses

LookUp = Callable[[str], Sequence[Address]]


class _Response(http.client.HTTPResponse):
    """What cameras send: the length that they state of a stream, often 0, is not that of the stream."""

    def begin(self) -> None:
        super().begin()
        while self.status in _INTERIM:
            self.headers = None  # type: ignore[assignment]  # as before the first
            super().begin()
        kind = self.headers.get_content_maintype()
        if kind == "multipart" or (kind in _MEDIA and self.status == 200 and self.length == 0):
            del self.headers["Content-Length"]
            self.length = None


class _Connection(HTTPConnection):
    response_class = _Response


class Answer:
    """What a server answers: its head is there, its body comes piece by piece.

    Attributes:
        url: where it came from, after redirects.
        status: such as 200.
        headers: its fields; names in any case.
    """

    def __init__(
        self, url: str, response: BaseHTTPResponse, connection: socket.socket, progress: Progress
    ) -> None:
        self.url = url
        self.status = response.status
        self.headers = response.headers
        self._reason = response.reason
        self._response = response
        self._connection = connection
        self._progress = progress
        progress.pause()

    @property
    def shown(self) -> str:
        """Its status for people."""
        known = http.client.responses.get(self.status, self._reason or "")
        return f"{self.status} {known}".rstrip()

    @property
    def kind(self) -> str:
        """The media type of its body, in small letters and without parameters; empty where none is stated."""
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    def read(self) -> bytes:
        """Return what has come of the body, 64 KiB at most, or wait for it; nothing at its end, where it hangs up.

        Raises:
            HttpError: nothing comes any more, or the connection broke. What `beat` raises, is raised too.
        """
        self._progress.resume()
        try:
            with _told(self._progress):
                piece = self._response.read1(_PIECE_BYTES, decode_content=False) or b""
        finally:
            self._progress.pause()
        if not piece:
            self.close()
        return piece

    def made_sense(self) -> None:
        """Note that a whole picture came, however small."""
        self._progress.restart()

    def body(self, limit_bytes: int) -> bytes:
        """Return the whole body.

        Raises:
            HttpError: it is longer, or as `read` does.
        """
        found = bytearray()
        while piece := self.read():
            found += piece
            if len(found) > limit_bytes:
                self.close()
                raise HttpError(f"more than {limit_bytes} bytes came")
        return bytes(found)

    def close(self) -> None:
        """Hang up; never raises, may be called twice."""
        for one in (self._response, self._connection):
            try:
                one.close()
            except _ERRORS:
                continue


class Client:
    """Asks one server for one address. It sends no cookies, and heeds no proxy of the environment.

    Args:
        url: http or https; a user and password in it are not looked at.
        login: for the server, once it asks.
        ca_file: certificates to trust, instead of the system's.
        limit_s: how long a connection, the head of an answer, and each kilobyte of the rest may take.
        clock: by which.
        beat: called while it waits; what it raises goes through.
        look_up: gives the addresses of a host, as `socket.getaddrinfo`; within its own bound, and with its own beat.

    Attributes:
        answers: to the server's challenge.
        traffic: over the link so far.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        limit_s: float,
        look_up: LookUp,
        login: Login | None = None,
        ca_file: Path | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = url
        self._clock = clock
        self._limit_s = limit_s
        self.answers = Answers(login)
        self._ca_file = ca_file
        self._beat = beat
        self._look_up = look_up
        self._tls: ssl.SSLContext | None = None
        self._session: ssl.SSLSession | None = None
        self.traffic = Traffic()

    def send(self, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Ask once: no login, and no redirect is followed.

        Returns:
            The answer, whatever its status; whoever asks closes it.

        Raises:
            HttpError: no answer came, or TLS failed.
        """
        return self._exchange(self._url, method, headers, body)

    def request(
        self, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Ask, log in where the server wants it, and follow its redirects.

        A redirect is followed for GET alone, to the same host and port, or from http to https of the same host.

        Returns:
            The answer, whatever its status; whoever asks closes it.

        Raises:
            HttpError: no answer came, TLS failed, the login is refused or unknown, or a redirect leads elsewhere.
        """
        url, hops, answered = self._url, 0, False
        for _ in range(_EXCHANGES):
            answer = self._exchange(url, method, headers or {}, body)
            try:
                if answer.status == 401:
                    self.answers.meet(answer.headers.getlist("WWW-Authenticate"), answered=answered)
                    answered = True
                elif answer.status in _REDIRECTS and method == "GET" and "Location" in answer.headers:
                    hops += 1
                    target = _redirected(url, answer.headers["Location"], hops)
                    if answer.status in _FOR_EVER and url == self._url:
                        self._url = target
                    url, answered = target, False
                else:
                    return answer
            except BaseException:
                answer.close()
                raise
            answer.close()
        raise HttpError("it asks for a login without an end")

    def _exchange(self, url: str, method: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        parts = urlsplit(url)
        host, port = _place(parts)
        tls = self.trust() if parts.scheme.lower() == "https" else None
        progress = Progress(self._clock, self._beat, self._limit_s, self.traffic)
        addresses = self._look_up(host)
        with _told(progress):
            connection: socket.socket = connect(addresses, port, progress)
        try:
            with _told(progress):
                target = parse_url(
                    f"http://x{parts.path or '/'}{parts.query and '?' + parts.query}"
                ).request_uri
                if tls is not None:
                    connection = _secure(tls, connection, host, progress, self._session)
                speaker = _Connection(host, port, timeout=STEP_S)
                speaker.default_port = _PORTS[parts.scheme.lower()]  # type: ignore[misc]  # of this one alone
                speaker.sock = connection
                fields: dict[str, Any] = {**_OURS, **headers}
                if (authorization := self.answers.header(method, target)) is not None:
                    fields["Authorization"] = authorization.encode("latin-1")
                speaker.request(
                    method,
                    target,
                    body,
                    fields,
                    preload_content=False,
                    decode_content=False,
                    enforce_content_length=False,
                )
                progress.restart(whole=True)
                response = speaker.getresponse()
                progress.restart()
                if isinstance(connection, WaitingTls):
                    self._session = connection.session  # the next handshake is without certificates
        except BaseException:
            connection.close()
            raise
        return Answer(url, response, connection, progress)

    def trust(self) -> ssl.SSLContext:
        """Return what TLS is made with; the certificates are read once.

        Raises:
            HttpError: there are none, or they cannot be read.
        """
        if self._tls is None:
            self._tls = context(self._ca_file)
            self._tls.sslsocket_class = WaitingTls
        return self._tls


def _secure(
    tls: ssl.SSLContext,
    connection: socket.socket,
    host: str,
    progress: Progress,
    session: ssl.SSLSession | None,
) -> WaitingTls:
    secured = tls.wrap_socket(
        connection, server_hostname=host, do_handshake_on_connect=False, session=session
    )
    assert isinstance(secured, WaitingTls)
    secured.progress, progress.connection = progress, secured
    try:
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured


def _place(parts: SplitResult) -> tuple[str, int]:
    """Return host and port."""
    return unquote(parts.hostname or ""), parts.port or _PORTS[parts.scheme.lower()]


def _redirected(url: str, location: str, hops: int) -> str:
    """Return where a redirect leads.

    Raises:
        HttpError: to another host or port, back from https to http, nowhere, or once too often.
    """
    if hops > _HOPS:
        raise HttpError("it redirects without an end")
    try:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        scheme, (host, port) = new.scheme.lower(), _place(new)
    except (ValueError, KeyError):
        raise HttpError("it redirects to what is no address of http or https") from None
    same = (scheme, port) == (old.scheme.lower(), _place(old)[1])
    if host.lower() != _place(old)[0].lower() or not (
        same or (old.scheme.lower(), scheme) == ("http", "https")
    ):
        raise HttpError(
            f"it redirects to {scheme}://{host}:{port}, and no redirect to another host, another port or from https"
            " to http is followed; give the address that it leads to"
        )
    return target


@contextmanager
def _told(progress: Progress) -> Iterator[None]:
    """Say in our words what went wrong; what ended it here goes through as it is."""
    try:
        yield
    except HttpError:
        raise
    except _ERRORS as error:
        failure = progress.error or HttpError(_reason(error))
    else:
        return
    raise failure from None


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (http.client.RemoteDisconnected, "it hung up without an answer"),
    (http.client.IncompleteRead, "the connection broke in the middle of the answer"),
    (http.client.LineTooLong, "its header is too long"),
    (http.client.BadStatusLine, "what it answers is not HTTP"),
)


def _reason(error: BaseException) -> str:
    """Say why an exchange failed; what urllib3 says of it may hold an address."""
    seen: BaseException | None = error
    while isinstance(seen, urllib3.exceptions.HTTPError):
        seen = seen.__cause__ or seen.__context__
    if isinstance(seen, ssl.SSLError):
        return fault(seen)
    for kind, words in _WORDS:
        if isinstance(seen, kind):
            return words
    if isinstance(seen, OSError):
        return os.strerror(seen.errno) if seen.errno else type(seen).__name__
    return (
        f"its answer is broken: {seen}"
        if isinstance(seen, http.client.HTTPException)
        else "its answer is broken"
    )
