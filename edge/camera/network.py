"""Cameras of the network: `rtsp:`, and `http:` or `https:` (MJPEG, or a video that is no playlist)."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import msgspec

from edge.camera.inflow import Inflow
from edge.camera.kind import Kind
from edge.camera.option import NetworkOptions
from edge.camera.source import Session, Source
from edge.errors import CameraError, HttpError
from edge.http.trust import store

if TYPE_CHECKING:
    from av.container import InputContainer

    from edge.camera.container import Opening

HIDDEN = "…"
# a URL behind its colon: a login, host and port, and the rest
_PLACE = re.compile(
    r"//(?:[^/?#]*@)?(?P<place>(?:\[[0-9a-f:.]+(?:%[\w.~-]+)?\]|[\w.-]+)(?::[0-9]{1,5})?)(?P<rest>[/?#].*)?",
    re.DOTALL | re.IGNORECASE,
)
# opened after a second of packets, not after twenty pictures
_RTSP = (("fpsprobesize", "0"), ("analyzeduration", "1000000"))
_TRANSPORT = {
    "tcp": (("rtsp_transport", "tcp"),),
    # from the camera's own address alone, with room for a large keyframe that comes at once
    "udp": (("rtsp_transport", "udp"), ("rtsp_flags", "filter_src"), ("buffer_size", "4000000")),
}
# What FFmpeg may find over HTTP. No playlists (HLS, DASH): they may be endless, and open what they like.
_FORMATS = (
    *("mpjpeg", "mjpeg", "jpeg_pipe", "h264", "hevc", "mpegvideo", "m4v", "ivf", "obu", "mpegts", "mpeg"),
    *("flv", "live_flv", "matroska", "avi", "asf", "ogg", "nut"),
)
# no redirect: it may lead to hosts that nobody named, whose flood nobody counts
_HTTP = (("format_whitelist", ",".join(_FORMATS)), ("max_redirects", "0"), ("max_streams", "3"))
_ADVICE = "check the address, that the camera is on, and its `user` and `password_file`"
_UNAUTHORIZED = "401 Unauthorized"  # what FFmpeg says of every refusal
_OPENINGS = 2  # FFmpeg's timeout holds for the connection, and again for the first pictures


class RtspOptions(NetworkOptions, frozen=True, kw_only=True):
    """A camera behind `rtsp:`.

    Attributes:
        transport: what its pictures come over; UDP loses packets, and sends none again.
    """

    transport: Literal["tcp", "udp"] = "tcp"

    def check(self) -> None:
        """See to the address, too."""
        super().check()
        _check_url(self.uri)


class HttpOptions(NetworkOptions, frozen=True, kw_only=True):
    """A camera behind `http:` or `https:`.

    Attributes:
        ca_file: certificates that https trusts, instead of the system's.
        snapshot: ask for each picture, also of a camera that could send a stream.
    """

    ca_file: Path | None = None
    snapshot: bool = False

    def check(self) -> None:
        """See to the address, too."""
        super().check()
        _check_url(self.uri)


def open_rtsp(options: RtspOptions, session: Session) -> Source:
    """Open an RTSP camera.

    Raises:
        CameraError: the address is wrong, or the camera cannot be opened.
    """
    advice = _ADVICE
    if options.transport == "udp":
        advice += '; see that UDP comes through from it, or set `transport` to "tcp"'
    try:
        return _open(options, session, (*_TRANSPORT[options.transport], *_RTSP), advice)
    except CameraError as error:
        if _UNAUTHORIZED not in str(error):
            raise
        raise CameraError(
            f"cannot open '{without_login(options.uri)}': {_refusal(options, session)}"
        ) from None


def _refusal(options: RtspOptions, session: Session) -> str:
    """Say why a login is refused."""
    from edge.camera.challenge import ask, explain  # noqa: PLC0415 — urllib.request

    given = options.user is not None or session.password is not None or "@" in options.uri
    offered: list[str] = []
    with suppress(OSError):  # a TimeoutError is one, too
        offered = session.errands.run(
            "challenge",
            lambda: ask(options.uri, options.timeout_s),
            options.timeout_s,
            session.clock,
            session.beat,
        )
    return f"401 Unauthorized: {explain(offered, given=given)}"


def open_http(options: HttpOptions, session: Session) -> Source:
    """Open a camera over HTTP: JPEGs are read here, videos by FFmpeg; certificates are verified.

    Raises:
        CameraError: the address is wrong, there are no certificates to trust, or the camera cannot be opened.
    """
    from edge.camera.answer import look  # noqa: PLC0415 — urllib3
    from edge.camera.challenge import unknown  # noqa: PLC0415 — urllib.request
    from edge.camera.snapshot import HttpSource, await_turn  # noqa: PLC0415 — cv2
    from edge.http.client import Client  # noqa: PLC0415 — urllib3
    from edge.http.login import Login  # noqa: PLC0415

    shown = without_login(options.uri)
    login = _login(options, session.password)
    client = Client(
        options.uri,
        session.clock,
        limit_s=options.timeout_s,
        login=None if login is None else Login(*login),
        ca_file=options.ca_file,
        beat=session.beat,
        look_up=lambda host: _look_up(host, shown, options.timeout_s, session),
    )
    turn_ns = await_turn(session)
    try:
        answer = client.request()
        try:
            pictures = look(answer, session.limits, trusted=options.snapshot)
        except BaseException:
            answer.close()
            raise
    except HttpError as error:
        raise CameraError(f"cannot open '{shown}': {error}") from None
    if pictures is not None:
        return HttpSource(
            client, pictures, turn_ns, shown, options.timeout_s, session, single=options.snapshot
        )
    answer.close()
    offered = client.answers.offered
    if offered and (way := unknown(offered)) is not None:
        raise CameraError(
            f"cannot open '{shown}': it asks for a login by {way}, and a video is read by FFmpeg, which knows Basic"
            " and Digest with MD5: change it in the camera, or give the address of its pictures"
        )
    url = answer.url if login is None else _with_login(answer.url, *login)
    trust = _trust(urlsplit(url).scheme, options.ca_file)
    advice = "what it sends is neither pictures nor a video that is read (no playlist, no MP4)"
    return _open(msgspec.structs.replace(options, uri=url), session, (*_HTTP, *trust), advice)


def without_login(url: str) -> str:
    """Return a URL for people: scheme, host and port; without the host where it is not clear which part that is."""
    scheme, _, rest = url.strip().partition(":")
    found = _PLACE.fullmatch(rest)
    if found is None or "@" in (found["rest"] or ""):  # of an unquoted password, or of the path?
        return f"{scheme.lower()}:{HIDDEN}"
    return f"{scheme.lower()}://{found['place']}"


def _open(
    options: NetworkOptions,
    session: Session,
    av_options: tuple[tuple[str, str], ...],
    advice: str,
) -> Source:
    from edge.camera.container import Opening  # noqa: PLC0415 — av
    from edge.camera.video import VideoSource  # noqa: PLC0415 — av

    host = urlsplit(options.uri).hostname or ""
    opening = Opening(
        url=_with_login(options.uri, options.user, session.password),
        shown=without_login(options.uri),
        live=True,
        timeout_s=options.timeout_s,
        advice=advice,
        av_options=av_options,
        limits=session.limits,
    )
    found = _look_up(host, opening.shown, opening.timeout_s, session)
    inflow = Inflow({str(address[0]) for *_, address in found})
    return VideoSource(opening, session, container=_open_within(opening, inflow, session))


def _look_up(host: str, shown: str, timeout_s: float, session: Session) -> list[tuple[Any, ...]]:
    """Return the addresses of a host, as `socket.getaddrinfo`. FFmpeg looks it up again, for TLS and its requests."""
    named = f"the name '{host}'" if host and host in shown.lower() else "its name"
    try:
        return session.errands.run(
            "look-up",
            lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM),
            timeout_s,
            session.clock,
            session.beat,
        )
    except TimeoutError:
        why = f"{named} got no answer for {timeout_s:g} s; see to the name servers"
    except (OSError, UnicodeError) as error:
        why = f"{named} has no address: {getattr(error, 'strerror', None) or 'it is no name'}"
    raise CameraError(f"cannot open '{shown}': {why}")


def _open_within(opening: Opening, inflow: Inflow, session: Session) -> InputContainer:
    """Open it in a thread: FFmpeg may look up more names, and nothing interrupts that."""
    from edge.camera.container import open_container  # noqa: PLC0415 — av

    def beat() -> None:
        session.beat()
        if inflow.cut(limit_bytes):
            raise CameraError(
                f"cannot open '{opening.shown}': more than {limit_bytes} bytes came before the first picture"
                " (limits.packet_bytes)"
            )

    limit_bytes = opening.limits.packet_bytes
    limit_s = _OPENINGS * opening.timeout_s + 1
    with suppress(TimeoutError):
        return session.errands.run(
            "opening",
            lambda: open_container(opening, session.clock),
            limit_s,
            session.clock,
            beat,
            lambda container: container.close(),
        )
    raise CameraError(f"cannot open '{opening.shown}': it hangs since {limit_s:g} s; {opening.advice}")


def _check_url(url: str) -> None:
    """See that an address has a host that can be looked up.

    Raises:
        ValueError: it has none; starts with the key and does not show the address.
    """
    try:
        parts = urlsplit(url)
        named = (parts.hostname or "").encode("idna") and parts.port != 0
    except ValueError:
        named = False
    if not named or not url.isprintable():
        raise ValueError(
            f"uri: not an address of the form {url.partition(':')[0]}://host:port/path;"
            " special characters of a user or password in it are written as %40 for @, %2F for /, %23 for #"
        )


def _login(options: NetworkOptions, password: str | None) -> tuple[str, str] | None:
    """Return user and password; those of the options win over those in the address."""
    if options.user is not None or password is not None:
        return options.user or "", password or ""
    parts = urlsplit(options.uri)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def _with_login(url: str, user: str | None, password: str | None) -> str:
    """Put the credentials of the options into the address; they win over those that stand there."""
    if user is None and password is None:
        return url
    parts = urlsplit(url)
    login = f"{quote(user or '', '')}:{quote(password or '', '')}"
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login}@{place}"))


def _trust(scheme: str, ca_file: Path | None) -> tuple[tuple[str, str], ...]:
    """FFmpeg verifies no certificate unless it is told to, and knows no system's store."""
    try:
        return (("tls_verify", "1"), ("ca_file", str(store(ca_file))))
    except HttpError as error:
        if scheme == "http":
            return (("tls_verify", "1"),)
        raise CameraError(str(error)) from None


RTSP = Kind(("rtsp",), "rtsp://…", RtspOptions, open_rtsp, live=True, address="url")
HTTP = Kind(("http", "https"), "http://…, https://…", HttpOptions, open_http, live=True, address="url")
