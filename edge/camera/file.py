"""A video file as a camera, `file:`: mp4, mkv, avi and what else FFmpeg reads."""

from __future__ import annotations

from pathlib import Path

from edge.camera.kind import Kind
from edge.camera.loop import play
from edge.camera.option import RecordingOptions
from edge.camera.source import Session, Source
from edge.errors import CameraError


class FileOptions(RecordingOptions, frozen=True, kw_only=True):
    """A video file."""


def open_file(options: FileOptions, session: Session) -> Source:
    """Open a video file.

    Raises:
        CameraError: no such file, or no video in it that can be decoded.
    """
    path = local_path(options.uri.partition(":")[2])
    return play(lambda: _open_lap(path, options, session), session, loop=options.loop)


def local_path(rest: str) -> Path:
    """Return the path that stands behind the colon of an address, as `file:PATH` or `file:///PATH`."""
    return Path(rest.removeprefix("//") if rest.startswith("///") else rest)


def _open_lap(path: Path, options: FileOptions, session: Session) -> Source:
    from edge.camera.container import Opening  # noqa: PLC0415 — av
    from edge.camera.video import VideoSource  # noqa: PLC0415 — av

    if not path.exists():
        raise CameraError(f"no such file: '{path}'")
    if not path.is_file():  # nobody may ever write into a pipe
        raise CameraError(f"'{path}' is not a plain file")
    opening = Opening(
        url=f"file:{path}",
        shown=str(path),
        live=False,
        timeout_s=options.timeout_s,
        advice="is it a whole video file (mp4, mkv, avi)? Copy it again, or convert it with ffmpeg",
        av_options=(
            ("protocol_whitelist", "file,crypto,data"),
        ),  # a playlist in disguise opens no connection
        limits=session.limits,
    )
    return VideoSource(opening, session)


FILE = Kind(("file",), "file:PATH", FileOptions, open_file, live=False, address="path")
