"""An outbox with a clock that tests set, and what is delivered from it."""

import hashlib

from edge.alert.database import MEMORY, Database
from edge.alert.event import Stamp
from edge.alert.evidence import Picture
from edge.alert.outbox import Outbox
from edge.alert.route import Note, Route, Rules
from edge.alert.shedding import owed, pictures, texts
from edge.alert.store import Store
from edge.alert.storm import Storms

SECOND = 1_000_000_000
WAIT_S = 60


def photo(role, jpeg=b"j" * 100):
    digest = hashlib.sha256(jpeg).hexdigest()
    return Picture(role=role, jpeg=jpeg, sha256=digest, size_px=(10, 10), captured=Stamp(model_s=1.0))


def note(subject="camera", state="stale", camera="north"):
    return Note(subject=subject, state=state, text="said", at=Stamp(model_s=1.0), camera=camera)


class Clock:
    now_ns = 1000 * SECOND

    def mono_ns(self):
        return self.now_ns

    def wall_ns(self):
        return 0

    def wait(self, signal, timeout_s):
        raise AssertionError


def anything(_line):
    return True


class Owing:
    """One outbox. `restart` is what a kill leaves of it: the database."""

    def __init__(self, *routes, path=MEMORY, boot="b1", max_bytes=64 << 20, **rules):
        self.clock = Clock()
        self.database = Database(path, max_bytes, owed=owed, pictures=pictures, texts=texts)
        self.rules = Rules(routes=routes or (Route("a"),), boot=boot, **rules)
        self.restart(self.rules)

    def restart(self, rules=None):
        self.rules = rules or self.rules
        self.outbox = Outbox(self.database, self.rules, self.clock, Storms(self.rules.storm_alerts))
        self.store = Store(self.database, self.outbox)
        self.outbox.adopt()

    def commit(self, one, *roles, jpeg=b"j" * 100):
        return self.store.commit(one, None, [photo(role, jpeg) for role in roles])

    def after(self, seconds):
        self.clock.now_ns += round(seconds * SECOND)
        return self.outbox.tick(WAIT_S)

    def take(self, sink="a", admit=anything, skip=(), unheard=False):
        found = self.outbox.best(sink, admit, skip, unheard=unheard, wait_s=WAIT_S)
        return None if found is None else self.outbox.take(found, sink, WAIT_S)

    def settle(self, message, word="delivered", why=""):
        self.outbox.settle(message.key, message.sink, word, why)
        self.outbox.save(WAIT_S)

    def send(self, sink="a", word="delivered", **more):
        """Settle the next message and return it; None where nothing goes."""
        message = self.take(sink, **more)
        if message is not None:
            self.settle(message, word)
        return message

    def drain(self, sink="a", **more):
        """Deliver all that goes; return the keys in their order."""
        return [message.key for message in iter(lambda: self.send(sink, **more), None)]

    def lost(self, *fields):
        rows = self.database._db.execute(
            f"SELECT {', '.join(fields or ('key', 'sink', 'word'))} FROM lost ORDER BY seq"
        )
        return rows.fetchall()

    def rows(self, table):
        return self.database._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
