"""Camera addresses: which source opens which, and how an address is shown without its password."""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from edge.camera.container import Opening
from edge.camera.csi import open_csi
from edge.camera.folder import FolderSource
from edge.camera.loop import LoopSource
from edge.camera.option import SourceOptions
from edge.camera.scene import SceneSource, parse_scene
from edge.camera.source import Source
from edge.camera.v4l2 import open_device
from edge.camera.video import VideoSource
from edge.errors import CameraError

__all__ = ["SourceOptions", "open_source", "redact", "scrub"]

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.DOTALL | re.IGNORECASE)
_KNOWN = "file:PATH, folder:PATH, rtsp://…, http://…, https://…, csi:, v4l2:/dev/video0, scene:plume"
_NETWORK = ("rtsp", "http", "https")
# over TCP, for UDP loses packets in silence; and opened after a second of packets, not after twenty pictures
_RTSP = (("rtsp_transport", "tcp"), ("fpsprobesize", "0"), ("analyzeduration", "1000000"))
_CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def open_source(uri: str, options: SourceOptions) -> Source:
    """Open a camera.

    Args:
        uri: `file:PATH` or a bare path (mp4, mkv, avi; a folder of images too), `folder:PATH`, `rtsp://`,
            `http://`, `https://` (MJPEG or any stream), `csi:` or `csi:1` (a camera of the board),
            `v4l2:/dev/video0`, `scene:plume?seed=1`.
        options: see there.

    Raises:
        CameraError: the address is wrong, or the camera cannot be opened. Holds no credentials.
    """
    _check(uri, options)
    match = _SCHEME.fullmatch(uri)
    scheme, rest = (match[1].lower(), match[2]) if match else ("", uri)
    if scheme in _NETWORK:
        return VideoSource(_stream(uri, scheme, options), options)
    if scheme == "csi":
        return open_csi(rest, options)
    if scheme == "v4l2":
        return open_device(Path(rest), options)
    if scheme == "scene":
        scene = parse_scene(uri)
        return _recording(lambda lap: SceneSource(scene, lap), options)
    if scheme == "folder" or (scheme in ("", "file") and _path(rest).is_dir()):
        return _recording(lambda lap: FolderSource(_path(rest), lap), options)
    if scheme == "file" or (match is None) or Path(uri).is_file():
        file = _path(rest if scheme == "file" else uri)
        return _recording(lambda lap: VideoSource(_file(file, lap), lap), options)
    raise CameraError(f"'{redact(uri)}': unknown kind of camera '{scheme}:'; expected one of {_KNOWN}")


def redact(uri: str) -> str:
    """Return an address for people: without user, password, query and fragment, even where it is wrong."""
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme.lower() in ("file", "folder", "scene", "v4l2"):
        return uri
    rest = rest.rpartition("@")[2]  # the last one: an unquoted password may hold '@', '/' or '#'
    bare = re.split(r"[?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{bare}{'?…' if '?' in rest else ''}"


def scrub(text: str, uri: str, options: SourceOptions) -> str:
    """Remove a camera's address and credentials from a text that another library wrote."""
    text = text.replace(uri, redact(uri))
    secrets = {options.user, options.password}
    if "@" in uri:
        userinfo = uri.partition("://")[2].rpartition("@")[0]
        secrets |= {userinfo, *userinfo.split(":", 1)}
    spellings = {
        spelling for secret in secrets if secret for spelling in (secret, quote(secret, ""), unquote(secret))
    }
    for secret in sorted(spellings, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _check(uri: str, options: SourceOptions) -> None:
    for name in ("timeout_s", "cadence_s", "image_cadence_s"):
        value = getattr(options, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise CameraError(f"'{redact(uri)}': {name} is {value}; expected a number of seconds above 0")
    if not uri or "\0" in uri:
        raise CameraError(f"an empty or broken camera address; expected one of {_KNOWN}")


def _path(rest: str) -> Path:
    return Path(rest.removeprefix("//") if rest.startswith("///") else rest)


def _recording(open_lap: Callable[[SourceOptions], Source], options: SourceOptions) -> Source:
    lap = replace(options, loop=False)
    return LoopSource(lambda: open_lap(lap)) if options.loop else open_lap(lap)


def _file(path: Path, options: SourceOptions) -> Opening:
    if not path.exists():
        raise CameraError(f"no such file: '{path}'")
    return Opening(
        url=f"file:{path}",
        shown=str(path),
        live=False,
        timeout_s=options.timeout_s,
        advice="is it a whole video file (mp4, mkv, avi)? Copy it again, or convert it with ffmpeg",
        av_options=(
            ("protocol_whitelist", "file,crypto,data"),
        ),  # a playlist in disguise opens no connection
    )


def _stream(uri: str, scheme: str, options: SourceOptions) -> Opening:
    return Opening(
        url=_with_credentials(uri, options),
        shown=redact(uri),
        live=True,
        timeout_s=options.timeout_s,
        advice="check the address, that the camera is on, and its `user` and `password_file`",
        av_options=_RTSP if scheme == "rtsp" else _trust(scheme, options),
    )


def _with_credentials(uri: str, options: SourceOptions) -> str:
    """Put the credentials of the options into the address; they win over those that stand there."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise CameraError(
            f"'{redact(uri)}': not an address of the form {uri.partition(':')[0]}://host:port/path;"
            " special characters of a user or password in it are written as %40 for @, %2F for /, %23 for #"
        )
    if options.user is None and options.password is None:
        return uri
    login = f"{quote(options.user or '', '')}:{quote(options.password or '', '')}"
    place = f"[{host}]" if ":" in host else host
    return urlunsplit(parts._replace(netloc=f"{login}@{place}{'' if port is None else f':{port}'}"))


def _trust(scheme: str, options: SourceOptions) -> tuple[tuple[str, str], ...]:
    """FFmpeg verifies no certificate unless it is told to, and knows no system's store."""
    system = (ssl.get_default_verify_paths().cafile, *_CA_FILES)
    known = options.ca_file or next((Path(file) for file in system if file and Path(file).is_file()), None)
    if known is None or not known.is_file():
        if scheme == "http":  # it may be redirected to https, which then fails
            return (("tls_verify", "1"),)
        raise CameraError(
            f"no certificates to trust ({known or 'none in the system'}); set `ca_file` of this camera"
        )
    return (("tls_verify", "1"), ("ca_file", str(known)))
