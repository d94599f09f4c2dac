"""What the recorder and the daemon ask of the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from edge.alert.event import Event
from edge.alert.evidence import Picture
from edge.alert.keeper import HourStore
from edge.alert.store import Counts
from edge.errors import StoreError

COUNT_WAIT_S = 0.5  # for the store's counters, behind a commit that takes its time


class EventStore(Protocol):
    """Where revisions are kept."""

    def open(self, mine: Collection[str]) -> Iterable[Event]:
        """See that it is open; close and return the events in it that are not `mine` and that nobody closed."""
        ...

    def commit(self, event: Event, evidence: bytes | None = None, images: Sequence[Picture] = ()) -> bool:
        """Store a revision with its picture and with those for the sinks; it is on disk on return.

        Returns:
            Whether it was new.
        """
        ...

    def add(self, event: Event, images: Sequence[Picture]) -> None:
        """Store further pictures of a revision that was committed before."""
        ...

    def keep(self, event: Event, images: Sequence[Picture] = ()) -> None:
        """Let the sinks have a revision that is not on disk; never waits for that."""
        ...


class TowerStore(EventStore, HourStore, Protocol):
    """Where the recorder commits events and memories are kept, and what it holds."""

    def counts(self, wait_s: float | None = None) -> Counts:
        """Count what is there; raise StoreError where that is not known."""
        ...


def counts_of(store: TowerStore) -> Counts | None:
    """Return what a store holds; None where it does not say so in time: other counters are told all the same."""
    try:
        return store.counts(COUNT_WAIT_S)
    except StoreError:
        return None
