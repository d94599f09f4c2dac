"""Where a tower keeps its events, whether it can just be opened or not: the store behind the recorder.

It is opened when it can be, and opened again where it was moved away. Nobody waits for it but the recorder.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.alert import hour
from edge.alert.database import Database
from edge.alert.event import Event
from edge.alert.evidence import Picture
from edge.alert.hour import Hour
from edge.alert.outbox import Outbox
from edge.alert.post import Post
from edge.alert.schema import MIGRATIONS
from edge.alert.shedding import owed, pictures, texts
from edge.alert.sqlite import check_file
from edge.alert.store import Counts, Store
from edge.errors import StoreError
from edge.scratch import make_folder, remove_folder

_log = logging.getLogger(__name__)


def rehearse(path: Path, max_bytes: int = 64 << 20) -> None:
    """See that `Place` could keep events there, by a store beside it that goes again.

    What is there stays as it is: a running daemon may hold it, and this may be a newer firetower than that.

    Raises:
        StoreError: it could not; as `Place.open`.
    """
    path = Path(os.path.realpath(path))
    check_file(path, MIGRATIONS)
    try:
        folder = make_folder("check-", path.absolute().parent)
    except OSError as error:
        raise StoreError(f"event store '{path}': a trial beside it fails: {error}") from error
    trial = folder / path.name
    try:
        Database(trial, max_bytes).close()
    except StoreError as error:
        raise StoreError(str(error).replace(str(trial), str(path))) from error  # as `run` will say it
    finally:
        remove_folder(folder)


class Place:
    """A store that may not be there yet, or no more. `open` and `commit` are for one thread, `counts` for any.

    Args:
        locate: returns the path of the file; asked at each opening, and may raise OSError.
        max_bytes: the bound of the file.
        busy_s: how long to wait for a process that holds the file.
        post: what waits for the sinks; None where there are none.
    """

    def __init__(
        self,
        locate: Callable[[], Path],
        max_bytes: int = 64 << 20,
        *,
        busy_s: float = 2.0,
        post: Post | None = None,
    ) -> None:
        self._locate = locate
        self._max_bytes = max_bytes
        self._busy_s = busy_s
        self._post = post
        self._outbox: Outbox | None = None
        self._database: Database | None = None
        self._adopted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; nothing where none is open."""
        if self._post is not None:
            self._post.close()
        if self._database is not None:
            self._database.close()

    def open(self, mine: Collection[str]) -> Iterator[Event]:
        """See that the store is open and under its name; close what an earlier process left open in it.

        Args:
            mine: the ids of events that this process has not closed yet.
        Returns:
            The closings, each on disk; nothing of a store that was open before.
        Raises:
            StoreError: it cannot be opened, or takes no closing.
        """
        if self._database is not None and self._database.moved:
            self._leave(self._database)
        if self._database is None:
            try:
                path = Path(
                    os.path.realpath(self._locate())
                )  # SQLite keeps its log beside the target of a link
            except OSError as error:
                raise StoreError(f"event store: there is no place for it: {error}") from error
            self._adopted = False
            self._database = Database(
                path, self._max_bytes, owed=owed, pictures=pictures, texts=texts, busy_s=self._busy_s
            )
        if not self._adopted:
            self._outbox = None if self._post is None else self._post.open(self._database)
            yield from self._store().close_orphans(mine)
            self._adopted = True

    def commit(self, event: Event, evidence: bytes | None = None, images: Sequence[Picture] = ()) -> bool:
        """Store one revision, as `edge.alert.store.Store.commit`.

        Raises:
            StoreError: as there, or it is not open.
        """
        store = self._store()
        if self._post is None:
            return store.commit(event, evidence, images)
        new = store.commit(event, evidence, images, self._post.elsewhere(event))
        self._post.taken(event)
        return new

    def add(self, event: Event, images: Sequence[Picture]) -> None:
        """Store further pictures of a revision, as `edge.alert.store.Store.add`.

        Raises:
            StoreError: as there, or it is not open.
        """
        self._store().add(event, images)

    def keep(self, event: Event, images: Sequence[Picture] = ()) -> None:
        """Let the sinks have a revision that is not on disk; from any thread, and never waits for it."""
        if self._post is not None:
            self._post.keep(event, images)

    def hours(self) -> dict[str, Hour]:
        """Return the memories of the hour, as `edge.alert.hour.kept`.

        Raises:
            StoreError: as there, or it is not open.
        """
        return hour.kept(self._opened())

    def keep_hour(self, camera: str, data: bytes) -> None:
        """Keep a camera's memory of the hour, as `edge.alert.hour.keep`.

        Raises:
            StoreError: as there, or it is not open.
        """
        hour.keep(self._opened(), camera, data)

    def counts(self, wait_s: float | None = None) -> Counts:
        """Count what is there, as `edge.alert.store.Store.counts`.

        Raises:
            StoreError: as there, or it is not open.
        """
        return self._store().counts(wait_s)

    def _store(self) -> Store:
        return Store(self._opened(), self._outbox)

    def _opened(self) -> Database:
        if self._database is None:
            raise StoreError("event store: it is not open")
        return self._database

    def _leave(self, database: Database) -> None:
        """Let go of a file that was moved away, with all that was committed in it."""
        self._database = None
        if self._post is not None:
            self._post.close()
        try:
            database.fold()
        except StoreError as error:
            _log.error("%s", error)
        database.close()
        _log.error(
            "event store '%s' was renamed, replaced or removed while it was open: what it holds went with it; "
            "opening '%s' anew",
            database.path,
            database.path,
        )
