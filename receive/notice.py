"""What a watch tells of itself and of silent towers: messages like those of towers, with keys of their own."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from receive.inbox import WATCH
from receive.message import Message
from receive.silence import Notice, Word


class NoticeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A notice, as it is kept and handed to `--exec`.

    Attributes:
        schema: of this record.
        key: its own.
        tower: that it is about; the name of the watch where it is about that.
        type: in one word.
        text: one line for people.
        at: when it was noticed, by the watch's clock; None where no calendar has it.
        clock_trusted: whether that is synchronised; None when unknown.
        silent_s: for how long nothing was heard; None where the watch was started meanwhile.
        boot_id, sequence: of the heartbeat that it is about; None where there never was one.
    """

    schema: Literal["firetower.notice/1"] = "firetower.notice/1"
    key: str
    tower: str
    type: Word
    text: str
    at: str | None
    clock_trusted: bool | None
    silent_s: float | None
    boot_id: str | None
    sequence: int | None


def key_of(notice: Notice, run: str) -> str:
    """Return the key: the same heartbeat is told to be the last one only once, however often a watch is started.

    Args:
        notice: what is told.
        run: of the watch, for what has no heartbeat.
    """
    if notice.word in {"deaf", "hearing"}:
        return f"{notice.word}.{run}.{notice.number}"
    if notice.beat is None:
        return f"{notice.word}.never.0"
    boot = re.sub(r"[^A-Za-z0-9]", "", notice.beat.boot_id)[:8] or "x"
    return f"{notice.word}.{boot}.{notice.beat.sequence}"


def render(notice: Notice, run: str, at: str | None, *, clock_trusted: bool | None) -> Message:
    """Return the message that tells it.

    Args:
        notice: what is told.
        run: of the watch.
        at: ISO 8601 UTC; None where no calendar has it.
        clock_trusted: whether our clock is synchronised; None when unknown.
    """
    key, text = key_of(notice, run), _text(notice)
    document = NoticeDocument(
        key=key,
        tower=notice.name,
        type=notice.word,
        text=text,
        at=at,
        clock_trusted=clock_trusted,
        silent_s=None if notice.silent_s is None else round(notice.silent_s, 1),
        boot_id=None if notice.beat is None else notice.beat.boot_id,
        sequence=None if notice.beat is None else notice.beat.sequence,
    )
    return Message(key, ".json", msgspec.json.encode(document), text)


def _text(notice: Notice) -> str:
    name, long = notice.name.replace(WATCH, "watch "), _long(notice.silent_s or 0.0)
    if notice.word == "silent" and notice.beat is None:
        return f"{name} is silent: it was never heard."
    if notice.word == "back" and notice.silent_s is None:
        return f"{name} is heard again."
    return {
        "silent": f"{name} is silent: nothing was heard of it for {long}.",
        "back": f"{name} is heard again, after {long}.",
        "twice": f"Two towers call themselves {name}: their heartbeats alternate.",
        "deaf": f"{name} hears nobody: it has had no link to the broker for {long}.",
        "hearing": f"{name} hears the broker again, after {long}.",
    }[notice.word]


def _long(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
