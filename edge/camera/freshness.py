"""Whether a server sends a new picture or one that it sent before: a cached picture is no new frame."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.http.client import Answer  # and with it urllib3

_CONDITIONS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


class Freshness:
    """What is known of the last picture that was taken.

    A picture is old that has the same bytes, tag (ETag) or time (Last-Modified). Some servers state one tag or time
    for whatever they send, and a camera is stale after three cadences without a picture. So tag and time are believed
    once after each picture, then the bytes are looked at; where those are others, they are believed no more.
    """

    def __init__(self) -> None:
        self._digest = b""
        self._marks: dict[str, str] = {}
        self._believed = True
        self._spent = False  # since the last picture that was taken

    def conditions(self) -> dict[str, str]:
        """Return the fields of a request that ask for a picture only if it is new."""
        if not self._trusting:
            return {}
        return {_CONDITIONS[name]: value for name, value in self._marks.items()}

    def is_old(self, data: bytes, answer: Answer) -> bool:
        """Say whether the first picture of an answer is old."""
        marked = any(answer.headers.get(name) == value for name, value in self._marks.items())
        if hashlib.sha256(data).digest() == self._digest or (marked and self._trusting):
            self._spent = True
            return True
        self._believed = self._believed and not marked
        return False

    def unchanged(self) -> None:
        """Note that the server says so itself, with 304."""
        self._spent = True

    def take(self, data: bytes, answer: Answer) -> None:
        """Note a picture that was taken."""
        self._digest, self._spent = hashlib.sha256(data).digest(), False
        stated = {name: answer.headers.get(name) for name in _CONDITIONS}
        self._marks = {name: value for name, value in stated.items() if value}

    @property
    def _trusting(self) -> bool:
        return self._believed and not self._spent
