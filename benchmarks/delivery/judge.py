"""What a tower committed, against what a receiver has: the gaps and the tower's own list are equal sets, or why not.

What was committed comes from outside the outbox: what the daemon announced, and its table of events.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.delivery.taken import Taken
from benchmarks.torture.attack import Outcome
from edge.alert.event import Event, Stamp

_FEW = 5  # keys that a sentence names
_SAID = 10  # sentences about one sink


@dataclass(frozen=True, slots=True)
class Lost:
    """A delivery that the tower says that it gave up.

    Attributes:
        word: coalesced, snoozed, shed, expired, refused, gone.
        sent: whether the sink may have it.
    """

    word: str
    sent: bool


@dataclass(slots=True)
class Outbox:
    """What the tower's own database says.

    Attributes:
        events: the newest revision of each, by its key.
        lost: of each sink, by key.
        waiting: of each sink, the keys that it is still owed.
        tally: of each sink, how many there were ever, by word.
    """

    events: dict[str, Event] = field(default_factory=dict)
    lost: dict[str, dict[str, Lost]] = field(default_factory=dict)
    waiting: dict[str, set[str]] = field(default_factory=dict)
    tally: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Verdict:
    """What became of the messages of one sink.

    Attributes:
        committed: revisions, by what was announced and by the table of events.
        delivered: messages that the receiver has, each counted once.
        redelivered: those that came once more.
        words: what the tower says of the rest, by word; `unheard` are those that it was told once that nobody heard.
        lost: keys that are neither there nor on the tower's list.
        wrong: sentences about what is not as it should be.
    """

    committed: int = 0
    delivered: int = 0
    redelivered: int = 0
    words: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def key_of(event: Event) -> str:
    """Return the key of a revision."""
    return f"{event.id}.{event.revision}"


def revision_of(picture: str) -> str:
    """Return the key of the revision that a picture is of, by its own key."""
    return ".".join(picture.split(".")[:2])


def look(store: Path, copy: Path) -> Outbox:
    """Read a copy of a store that a daemon may have, with its log; a copy that is torn is read as far as it goes.

    Args:
        store: the file.
        copy: a folder of its own for the copy.
    """
    copy.mkdir(parents=True, exist_ok=True)
    for end in ("", "-wal"):
        source, target = store.with_name(store.name + end), copy / (store.name + end)
        target.unlink(missing_ok=True)
        if source.exists():
            shutil.copyfile(source, target)
    found = Outbox()
    if not (copy / store.name).exists():
        return found
    with closing(sqlite3.connect(copy / store.name)) as db:
        there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "event" in there:
            for (document,) in db.execute("SELECT document FROM event"):
                event = msgspec.json.decode(document, type=Event)
                found.events[key_of(event)] = event
        if "lost" in there:
            for key, sink, word, sent in db.execute("SELECT key, sink, word, sent FROM lost"):
                found.lost.setdefault(sink, {})[key] = Lost(word, bool(sent))
            waiting = "SELECT sink, key FROM delivery JOIN message ON seq = message WHERE state != 'held'"
            for sink, key in db.execute(waiting):
                found.waiting.setdefault(sink, set()).add(key)
            for sink, word, count in db.execute("SELECT sink, word, count FROM tally"):
                found.tally.setdefault(sink, {})[word] = count
    return found


def judge(
    sink: str,
    committed: Mapping[str, Event],
    taken: Sequence[Taken],
    outbox: Outbox,
    *,
    excused: Collection[str] = (),
    counted: bool = True,
) -> Verdict:
    """Compare what one sink was owed with what its receiver has.

    Args:
        sink: its name.
        committed: every revision, by its key.
        taken: what arrived, in its order.
        outbox: what the tower says once nothing waits any more.
        excused: keys that a damaged database held, and holds no more.
        counted: whether the tower's counts are of the whole time, so that they must agree as well.
    """
    got = {one.key for one in taken}
    lost = outbox.lost.get(sink, {})
    # a retained picture that a broker gives out once more is no redelivery of the tower's
    fresh = Counter(one.key for one in taken if not one.retained)
    verdict = Verdict(
        committed=len(committed),
        delivered=len(got),
        redelivered=sum(fresh.values()) - len(fresh),
        words=dict(Counter(one.word for one in lost.values())),
    )
    verdict.words["unheard"] = outbox.tally.get(sink, {}).get("unheard", 0)
    if waiting := outbox.waiting.get(sink):
        verdict.wrong.append(f"{sink}: {len(waiting)} still wait, such as {_few(waiting)}")
    told = set(lost) - got
    owed = set(committed) | pictures(taken)
    verdict.lost = sorted(owed - got - told - set(excused))
    if verdict.lost:
        verdict.wrong.append(
            f"{sink}: {len(verdict.lost)} are neither there nor listed: {_few(verdict.lost)}"
        )
    if made_up := {key for key in told if _is_revision(key) and key not in committed}:
        verdict.wrong.append(f"{sink}: {len(made_up)} are listed that were never committed: {_few(made_up)}")
    if kept := {key for key, one in lost.items() if key in got and not one.sent}:
        verdict.wrong.append(f"{sink}: {len(kept)} are there that were given up unsent: {_few(kept)}")
    for one in taken:
        verdict.wrong += _differences(sink, one, committed)
    verdict.wrong += _pictures_that_differ(sink, taken)
    if counted:
        verdict.wrong += _miscounted(sink, got, outbox)
    return verdict


def record(outcome: Outcome, verdicts: Mapping[str, Verdict]) -> None:
    """Add to an outcome what became of all messages, of each sink and of all together."""
    total = Counter[str]()
    for sink, verdict in verdicts.items():
        outcome.lost += len(verdict.lost)
        outcome.wrong += len(verdict.wrong)
        outcome.why += verdict.wrong[:_SAID]
        figures = {
            "committed": verdict.committed,
            "delivered": verdict.delivered,
            "redelivered": verdict.redelivered,
            "lost": len(verdict.lost),
            **verdict.words,
        }
        outcome.measured[sink] = figures
        total.update(figures)
    outcome.measured |= total


def _miscounted(sink: str, got: set[str], outbox: Outbox) -> list[str]:
    """Compare the tower's counts of all messages, pictures and notes too, with those that are there."""
    tally, lost = outbox.tally.get(sink, {}), outbox.lost.get(sink, {})
    waiting = outbox.waiting.get(sink, set())
    delivered = tally.get("delivered", 0)
    there = len(got) - len(got & set(lost)) - len(got & waiting)
    ends = sum(count for word, count in tally.items() if word not in ("committed", "unheard"))
    found = []
    if delivered != there:
        found.append(f"{sink}: the tower counts {delivered} as delivered; {there} are there")
    if tally.get("committed", 0) != ends + len(waiting):
        found.append(
            f"{sink}: {tally.get('committed', 0)} were committed; {ends} came to an end, {len(waiting)} wait"
        )
    return found


def _is_revision(key: str) -> bool:
    """Whether a key is of a revision; those of pictures, notes and reviews are longer or of other words."""
    event, _, revision = key.partition(".")
    return revision.isdecimal() and event != "note"


def pictures(taken: Sequence[Taken]) -> set[str]:
    """Return the keys of the pictures that those revisions name which are there."""
    return {image["key"] for one in taken for image in _images(one)}


def _images(one: Taken) -> list[dict[str, Any]]:
    return (one.document or {}).get("images") or []


def _pictures_that_differ(sink: str, taken: Sequence[Taken]) -> list[str]:
    said = {image["key"]: image["sha256"] for one in taken for image in _images(one)}
    bad = {one.key for one in taken if one.document is None and said.get(one.key, one.sha256) != one.sha256}
    return [f"{sink}: {len(bad)} pictures are not those that were named: {_few(bad)}"] if bad else []


def _differences(sink: str, one: Taken, committed: Mapping[str, Event]) -> list[str]:
    """Return what a message says otherwise than its revision does: most of all when it was seen."""
    document, event = one.document, committed.get(one.key)
    if document is None or event is None:
        return []
    said = (document["key"], document["event"], document["revision"], document["camera"])
    if said != (one.key, event.id, event.revision, event.camera):
        return [f"{sink}: {one.key} says that it is {said}"]
    pairs = (("opened", event.opened), ("updated", event.updated), ("closed", event.closed))
    return [
        f"{sink}: {one.key}: {name} at {document[name]}, committed as {stamp}"
        for name, stamp in pairs
        if not _same(document[name], stamp)
    ]


def _same(told: Mapping[str, Any] | None, stamp: Stamp | None) -> bool:
    """Whether a moment is that of a stamp; its date may have been put right, and says so then."""
    if told is None or stamp is None:
        return told is None and stamp is None
    dated = told["utc"] == stamp.utc or told["corrected"]
    mono = (told["mono_ns"], told["boot_id"]) == (stamp.mono_ns, stamp.boot_id)
    return dated and mono and abs(told["model_s"] - stamp.model_s) < 0.001


def _few(keys: Collection[str]) -> str:
    shown = sorted(keys)
    return ", ".join(shown[:_FEW]) + (" …" if len(shown) > _FEW else "")


def recovery_s(owed: Collection[str], taken: Sequence[Taken], ended_s: float) -> float | None:
    """Return the seconds from the end of a fault until the last of what was owed then arrived; None: none did.

    Args:
        owed: keys that were committed and not there when the fault ended.
        taken: what arrived.
        ended_s: monotonic time of this boot.
    """
    first: dict[str, float] = {}
    for one in taken:
        first.setdefault(one.key, one.at_s)
    late = [first[key] - ended_s for key in owed if key in first]
    return round(max(0.0, *late), 3) if late else None
