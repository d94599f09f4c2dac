"""Cameras of the network: `rtsp:`, and `http:` or `https:` (MJPEG or any stream that FFmpeg reads)."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from edge.camera.kind import Kind
from edge.camera.option import NetworkOptions
from edge.camera.source import Session, Source
from edge.errors import CameraError

# over TCP, for UDP loses packets in silence; and opened after a second of packets, not after twenty pictures
_RTSP = (("rtsp_transport", "tcp"), ("fpsprobesize", "0"), ("analyzeduration", "1000000"))
_CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


class RtspOptions(NetworkOptions, frozen=True, kw_only=True):
    """A camera behind `rtsp:`."""

    def check(self) -> None:
        """See to the address, too."""
        super().check()
        _check_url(self.uri)


class HttpOptions(NetworkOptions, frozen=True, kw_only=True):
    """A camera behind `http:` or `https:`.

    Attributes:
        ca_file: certificates that https trusts, instead of the system's.
    """

    ca_file: Path | None = None

    def check(self) -> None:
        """See to the address, too."""
        super().check()
        _check_url(self.uri)


def open_rtsp(options: RtspOptions, session: Session) -> Source:
    """Open an RTSP camera, over TCP.

    Raises:
        CameraError: the address is wrong, or the camera cannot be opened.
    """
    return _open(options, session, _RTSP)


def open_http(options: HttpOptions, session: Session) -> Source:
    """Open a camera over HTTP; certificates are verified.

    Raises:
        CameraError: the address is wrong, there are no certificates to trust, or the camera cannot be opened.
    """
    return _open(options, session, _trust(options.uri.partition(":")[0].lower(), options.ca_file))


def without_login(url: str) -> str:
    """Return a URL for people: without user, password, query and fragment, even where it is wrong."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, separator, rest = url.partition(":")
    rest = rest.rpartition("@")[2]  # the last one: an unquoted password may hold '@', '/' or '#'
    bare = re.split(r"[?#]", rest, maxsplit=1)[0]
    return f"{scheme}{separator}{bare}{'?…' if '?' in rest else ''}"


def _open(options: NetworkOptions, session: Session, av_options: tuple[tuple[str, str], ...]) -> Source:
    from edge.camera.container import Opening  # noqa: PLC0415 — av
    from edge.camera.video import VideoSource  # noqa: PLC0415 — av

    opening = Opening(
        url=_with_login(options.uri, options.user, session.password),
        shown=without_login(options.uri),
        live=True,
        timeout_s=options.timeout_s,
        advice="check the address, that the camera is on, and its `user` and `password_file`",
        av_options=av_options,
    )
    return VideoSource(opening, session)


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


def _with_login(url: str, user: str | None, password: str | None) -> str:
    """Put the credentials of the options into the address; they win over those that stand there."""
    if user is None and password is None:
        return url
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    login = f"{quote(user or '', '')}:{quote(password or '', '')}"
    place = f"[{host}]" if ":" in host else host
    return urlunsplit(parts._replace(netloc=f"{login}@{place}{'' if port is None else f':{port}'}"))


def _trust(scheme: str, ca_file: Path | None) -> tuple[tuple[str, str], ...]:
    """FFmpeg verifies no certificate unless it is told to, and knows no system's store."""
    system = (ssl.get_default_verify_paths().cafile, *_CA_FILES)
    known = ca_file or next((Path(file) for file in system if file and Path(file).is_file()), None)
    if known is None or not known.is_file():
        if scheme == "http":  # it may be redirected to https, which then fails
            return (("tls_verify", "1"),)
        raise CameraError(
            f"no certificates to trust ({known or 'none in the system'}); set `ca_file` of this camera"
        )
    return (("tls_verify", "1"), ("ca_file", str(known)))


RTSP = Kind(("rtsp",), "rtsp://…", RtspOptions, open_rtsp, live=True, address="url")
HTTP = Kind(("http", "https"), "http://…, https://…", HttpOptions, open_http, live=True, address="url")
