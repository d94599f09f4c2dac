"""Who listens at the broker: a process with a persistent session that writes each message down, then acknowledges."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from benchmarks.delivery.taken import READY, Book
from edge.clock import SystemClock
from receive.broker import Broker
from receive.errors import BrokerError
from receive.session import Delivered, Session

_TOPICS = ("firetower/+/event", "firetower/+/camera/+/image")
_NAME = "torture-ear"
_AGAIN_S = 0.2
_TURN_S = 0.5
_SESSION_S = 7 * 86_400


def listen(folder: str, host: str, port: int) -> None:
    """Listen until the process is killed; `ready` appears when the broker keeps for us what comes.

    Args:
        folder: of its own, for its files.
        host: of the broker.
        port: its own.
    """
    place, clock = Path(folder), SystemClock()
    book = Book(place / "taken.jsonl")
    while True:
        with suppress(BrokerError):
            session = Session(Broker(host, port), _NAME, clock, _SESSION_S)
            try:
                session.subscribe(_TOPICS)
                (place / READY).touch()
                while True:
                    for one in session.turn(_TURN_S):
                        _take(book, one)
                        session.acknowledge(one)
            finally:
                with suppress(BrokerError, OSError):
                    session.close()
        time.sleep(_AGAIN_S)


def _take(book: Book, one: Delivered) -> None:
    book.write(one.attributes.get("id", ""), one.body, one.content_type or "", retained=one.retained)
