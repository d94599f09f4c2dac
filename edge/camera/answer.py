"""What a camera answers over HTTP: JPEGs in parts or bare, one picture, a video, or a page for people."""

from __future__ import annotations

import re
from typing import Protocol

from edge.camera.header import PNG
from edge.camera.limit import Limits
from edge.camera.mjpeg import JpegSplitter
from edge.errors import FrameError, HttpError
from edge.http.client import Answer

_LOOK_BYTES = 512
_JPEG = b"\xff\xd8\xff"
_STILLS = (PNG, b"BM", b"II*\0", b"MM\0*")
_TYPED = re.compile(rb"content-type[ \t]*:[ \t]*image/", re.IGNORECASE)
_BOUNDARY = re.compile(r"boundary[ \t]*=[ \t]*(\"[^\"]*\"|[^;]*)", re.IGNORECASE)
_PAGES = ("text/", "application/json", "application/xml", "application/xhtml+xml")
_PLAYLIST = b"#EXTM3U"


class Splitter(Protocol):
    """Takes the pieces of a body, gives the pictures in it.

    Attributes:
        begun: whether a picture has begun that has not ended.
    """

    begun: bool

    def feed(self, piece: bytes) -> list[bytes]:
        """Take what came; return the pictures that ended. Raises FrameError: one is longer than its limit."""
        ...

    def end(self) -> bytes | None:
        """Return the picture that the body ended in."""
        ...


class WholeBody:
    """A picture that is no JPEG ends with its answer.

    Args:
        limits: of its pictures.
    """

    begun = True

    def __init__(self, limits: Limits) -> None:
        self._limit_bytes = limits.picture_bytes
        self._data = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        """Take what came.

        Raises:
            FrameError: it is longer than `limits.picture_bytes`.
        """
        self._data += piece
        if len(self._data) > self._limit_bytes:
            raise FrameError(f"a picture of more than {self._limit_bytes} bytes (limits.picture_bytes)")
        return []

    def end(self) -> bytes | None:
        """Return it."""
        return bytes(self._data) or None


class Pictures:
    """An answer that holds pictures.

    Args:
        answer: of status 200.
        head: what was read of it.
        splitter: takes it.

    Attributes:
        answer: the same.
        count: how many pictures came.
    """

    def __init__(self, answer: Answer, head: bytes, splitter: Splitter) -> None:
        self.answer = answer
        self.count = 0
        self._head = head
        self._splitter = splitter

    @property
    def begun(self) -> bool:
        """Whether a picture has begun that has not ended."""
        return self._splitter.begun

    @property
    def is_stream(self) -> bool:
        """Whether it is stated to be one of parts."""
        return self.answer.kind.startswith("multipart/")

    def read(self) -> tuple[list[bytes], bool]:
        """Return the pictures that came, and whether there may be more of them.

        Raises:
            HttpError: nothing comes any more, or the connection broke.
            FrameError: a picture is longer than its limit.
        """
        piece, self._head = self._head or self.answer.read(), b""
        if not piece:
            return self.rest(), False
        if found := self._splitter.feed(piece):
            self.answer.made_sense()
        self.count += len(found)
        return found, True

    def rest(self) -> list[bytes]:
        """Return the picture that it ended in, if it did in one."""
        last = self._splitter.end()
        self.count += last is not None
        return [] if last is None else [last]


def look(answer: Answer, limits: Limits, *, trusted: bool) -> Pictures | None:
    """Look into an answer; None where it holds no pictures.

    Args:
        answer: whose body was not read yet.
        limits: of its pictures.
        trusted: whether it holds pictures whatever it looks like, if it is no page.

    Raises:
        HttpError: it is no success, it is a page for people, it is packed, or nothing comes any more.
    """
    if not 200 <= answer.status < 300:
        raise HttpError(f"it answers {answer.shown}; check the path of the address")
    parts, head = answer.kind.startswith("multipart/"), b""
    packed = str(answer.headers.get("Content-Encoding", "")).strip().lower().removeprefix("identity")
    while (packed or not parts) and len(head) < _LOOK_BYTES and not _begins_a_picture(head):
        if not (piece := answer.read()):
            break
        head += piece
    start = head[:_LOOK_BYTES]
    if packed and not _begins_a_picture(head):
        raise HttpError(
            f"what it sends is packed ({packed}), which was not asked for and is not read; switch that off in the"
            " camera, or in the proxy before it"
        )
    if start.startswith(_STILLS) or (start.startswith(b"RIFF") and start[8:12] == b"WEBP"):
        return Pictures(answer, head, WholeBody(limits))
    if not (parts or answer.kind.startswith("image/") or _are_jpegs(start)):
        if answer.kind.startswith(_PAGES) and b"\0" not in head and not head.lstrip().startswith(_PLAYLIST):
            raise HttpError(
                f"it answers with {answer.kind}, not with pictures; check the path of the address"
            )
        if not trusted:
            return None
    boundary = _BOUNDARY.search(str(answer.headers.get("Content-Type", "")))
    return Pictures(answer, head, JpegSplitter(boundary[1] if boundary else "", limits))


def _begins_a_picture(head: bytes) -> bool:
    return _JPEG in head or head.startswith(_STILLS)


def _are_jpegs(start: bytes) -> bool:
    """Say whether what comes without a known type is JPEGs, or parts."""
    if start.startswith(b"RIFF"):  # an AVI may hold JPEGs, too
        return False
    return _JPEG in start or start.lstrip().startswith(b"--") or _TYPED.search(start) is not None
