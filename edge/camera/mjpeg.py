"""JPEGs out of what a camera sends over HTTP, whatever it puts between them.

Cameras leave out boundaries, misspell them, state wrong types and lengths, mix in text and sound, or send pictures and
nothing else. So none of that is needed here: a JPEG says itself where it ends. What stands between parts is looked at
to tell where a picture was cut off, and to pass by parts of another type.

Source: ITU-T T.81, annex B (a picture's segments); RFC 2046, section 5.1 (parts).
"""

from __future__ import annotations

import re

from edge.camera.limit import Limits
from edge.camera.segment import END, SCAN, START, Walk

_START = b"\xff\xd8\xff"
# what may stand behind a scan; others are damaged data: more scans, their tables, comments and applications
_BEHIND_SCAN = re.compile(rb"\xff[\xc4\xd8\xd9\xda\xdb\xdc\xdd\xe0-\xef\xfe]")
_PART = rb"\r?\n(?:--[^\r\n]{1,72}\r?\n)?content-(?:type|length)[ \t]*:"
_TYPE = rb"(?:\A|\n)content-type[ \t]*:[ \t]*([a-z]+/[a-z0-9.+-]*)"
_NEW = rb"\n--[^\r\n]{1,72}(?=\r?\n[a-z-]+:)"
_FOREIGN = (b"text/", b"audio/", b"application/")  # a part that begins as a JPEG is one all the same
_UNDECIDED = b"application/octet-stream"
_HEADS = (b"\r\n\r\n", b"\n\n")  # end the header of a part
_KEPT_BYTES = 256  # a boundary and the header behind it may come in two pieces
_AROUND_BYTES = 128
_WORDS = (b"ontent-", b"ONTENT-")  # of a header
_LEAST_BOUNDARY = 4  # without dashes; a shorter one stands in pictures, too


class JpegSplitter:
    """Takes the pieces of a stream as they come, gives the pictures in it.

    Args:
        boundary: what the answer's header states, as it is; empty if nothing.
        limits: of its pictures.

    Attributes:
        begun: whether a picture has begun that has not ended.
    """

    def __init__(self, boundary: str, limits: Limits) -> None:
        self._limits = limits
        self._data = bytearray()
        bare = boundary.strip(' \t"').strip("-").encode("latin-1", "replace")
        dashes = b"--" if len(bare) < _LEAST_BOUNDARY else b""
        bounds = [rb"\r?\n" + dashes + rb"-*" + re.escape(bare) + rb"-*[ \t]*(?=\r?\n)"] if bare else []
        self._words = (*([dashes + bare] if bare else []), *_WORDS)
        self._part = re.compile(b"|".join([*bounds, _PART]), re.IGNORECASE)
        self._between = re.compile(b"|".join([*bounds, _NEW, _TYPE]), re.IGNORECASE)
        self._foreign = False  # the part is of another type
        self.begun = False  # the data begin with a picture
        self._walk = Walk()  # through that
        self._scanning = False
        self._searched = 0  # up to where there is no new part

    def feed(self, piece: bytes) -> list[bytes]:
        """Take what came; return the pictures that ended, whole or cut off.

        Raises:
            FrameError: a picture is longer than `limits.packet_bytes`.
        """
        self._data += piece
        found = []
        while (picture := self._next()) is not None:
            self._limits.check_packet(len(picture))
            found.append(picture)
        self._limits.check_packet(len(self._data))
        return found

    def end(self) -> bytes | None:
        """Return the picture that the stream ended in, which may lack no more than its end; None between two."""
        return bytes(self._data) if self.begun else None

    def _next(self) -> bytes | None:
        if not self.begun and not self._seek():
            return None
        end = self._end()
        end = self._cut(len(self._data) if end is None else end) or end
        if end is None:
            self._searched = max(0, len(self._data) - _KEPT_BYTES)
            return None
        picture = bytes(self._data[:end])
        del self._data[:end]
        self.begun = False
        return picture

    def _cut(self, end: int) -> int | None:
        """Return where a new part begins before `end`; None where none does."""
        found = None
        for word in self._words:  # a plain search is twenty times faster than the pattern
            at = self._searched
            while (at := self._data.find(word, at, end)) >= 0:
                part = self._part.search(self._data, max(0, at - _AROUND_BYTES), min(end, at + _AROUND_BYTES))
                if part is not None:
                    end = found = part.start()
                    break
                at += 1
        return found

    def _seek(self) -> bool:
        """Drop what stands before the next picture; return whether it has begun."""
        while True:
            start = self._data.find(_START)
            head = bytes(self._data if start < 0 else self._data[:start])
            for mark in self._between.finditer(head):
                kind = (mark[1] or b"").lower()
                self._foreign = kind.startswith(_FOREIGN) and kind != _UNDECIDED
            if start < 0:
                del self._data[:-_KEPT_BYTES]
                return False
            if not self._foreign or head.endswith(_HEADS):
                break
            del self._data[: start + 1]  # two bytes of sound
        del self._data[:start]
        self.begun, self._foreign, self._scanning = True, False, False
        self._walk, self._searched = Walk(), 0
        return True

    def _end(self) -> int | None:
        """Go on through the picture's segments; return where it ends, None while that has not come."""
        data, walk = self._data, self._walk
        while True:
            if self._scanning:
                found = _BEHIND_SCAN.search(data, walk.at)
                if found is None:
                    walk.at = max(walk.at, len(data) - 1)
                    return None
                walk.at, self._scanning = found.start(), False
            segment = walk.next(data)
            if segment is None:
                return None
            if segment.marker == END:
                return segment.end
            if segment.marker == START:  # of the next
                return segment.at
            self._scanning = segment.marker == SCAN
