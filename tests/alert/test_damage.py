"""One damaged row costs itself alone: bytes that are no UTF-8, and text that is no JSON."""

import pytest

from edge.alert.route import Route
from edge.errors import StoreError
from tests.alert.event import event
from tests.alert.owing import Owing, note
from tests.alert.test_outbox import said

BYTES = "CAST(CAST({column} AS BLOB) || x'e9' AS TEXT)"
DAMAGES = {"bytes": BYTES, "json": "'{{'"}
BOSS = Route("boss", escalation=1)
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=DAMAGES)
def damage(request):
    def spoil(owing, table, column, which):
        changed = owing.database._db.execute(
            f"UPDATE {table} SET {column} = {DAMAGES[request.param].format(column=column)} WHERE {which}"
        )
        assert changed.rowcount == 1

    return spoil


def test_a_damaged_message_is_listed_once_and_all_behind_it_goes(damage, caplog):
    owing = Owing(Route("a"))
    owing.commit(event("old"), "thumbnail")
    owing.commit(event("old", 2, "closed"))
    damage(owing, "message", "document", "key = 'old.1'")
    owing.outbox.note(note())
    owing.commit(event("new"), "thumbnail")
    got = [key for _ in range(10) for key in owing.drain()]
    assert got[:3] == ["new.1", "new.1.thumbnail", "old.2"]
    assert got[3] == "old.1.thumbnail"
    assert got[4].startswith("note.")
    assert owing.lost() == [("old.1", "a", "refused")]
    assert owing.outbox.queue().words == {"committed": 6, "delivered": 5, "refused": 1}
    assert caplog.text.count("message old.1: it cannot be read") == 1


def test_a_damaged_event_keeps_neither_its_own_messages_nor_those_of_others_back(damage):
    owing = Owing(Route("a"))
    owing.commit(event("one"))
    damage(owing, "event", "document", "id = 'one'")
    owing.commit(event("other", severity="candidate"))
    message = owing.send()
    assert (message.key, message.newest) == ("one.1", None)
    assert owing.drain() == ["other.1"]


def test_every_alert_escalates_though_the_events_are_damaged(damage, caplog):
    owing = Owing(Route("a"), BOSS)
    for name in ("x", "y", "shed"):
        owing.commit(event(name))
    owing.drain()
    owing.database._db.execute("DELETE FROM message WHERE event = 'shed'")
    for name in ("x", "shed"):
        damage(owing, "event", "document", f"id = '{name}'")
    assert len(owing.after(600)) == 3
    assert owing.drain("boss") == ["y.1", "x.1"]
    assert "event shed cannot be read" in caplog.text
    assert "sink 'boss' gets nothing of it at step 1" in caplog.text
    assert owing.after(600) == []


def test_a_command_on_a_damaged_event_is_refused_with_why_and_changes_nothing(damage):
    owing = Owing(Route("a"), BOSS)
    owing.commit(event("x"))
    damage(owing, "event", "document", "id = 'x'")
    with pytest.raises(StoreError, match="event x cannot be read"):
        owing.outbox.review("x", said())
    assert len(owing.after(600)) == 1
    assert owing.outbox.events(["x"]) == []


def test_an_open_event_that_is_damaged_is_over_for_the_next_process(damage, caplog):
    owing = Owing(Route("a"))
    for name in ("bad", "good"):
        owing.commit(event(name))
    damage(owing, "event", "document", "id = 'bad'")
    owing.restart()
    assert [one.id for one in owing.store.close_orphans()] == ["good"]
    assert owing.store.counts().open_events == 0
    assert [one.id for one in owing.store.events()] == ["good"]
    assert "event bad cannot be read" in caplog.text
    first = owing.send()
    assert (first.key, first.open_alert) == ("good.1", False)
    owing.restart()
    assert list(owing.store.close_orphans()) == []


def test_a_storm_whose_fact_is_damaged_begins_anew(damage):
    owing = Owing(Route("a"), storm_alerts=1)
    for name in "xyz":
        owing.commit(event(name))
    damage(owing, "fact", "value", "name = 'storm north'")
    owing.commit(event("w"))
    owing.after(3600)
    storms = [message for message in iter(owing.send, None) if message.kind == "storm"]
    assert [one.id for one in storms[-1].note.events] == ["w"]
    damage_again = Owing(Route("a"), storm_alerts=1)
    for name in "xyz":
        damage_again.commit(event(name))
    damage(damage_again, "fact", "value", "name = 'storm north'")
    damage_again.after(3600)
    assert damage_again.outbox.recall("storm north") == ""


def spoiled(path, old, new):
    """Change bytes of a row in the file itself; its index keeps what was there."""
    raw = path.read_bytes()
    assert raw.count(old) == 1
    path.write_bytes(raw.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "got", "lost"),
    [
        (b"foo.1opened", b"f\xefo.1opened", ["zz.1"], [("damaged.1", "a", "refused")]),
        (b"foo.1opened", b"fno.1opened", ["zz.1", "fno.1"], []),
        (b"foo.1opened", b"foo.1opdned", ["zz.1"], [("foo.1", "a", "refused")]),
    ],
)
def test_a_message_whose_key_or_kind_is_damaged_keeps_nothing_back(tmp_path, caplog, old, new, got, lost):
    path = tmp_path / "e.db"
    owing = Owing(Route("a"), path=path)
    owing.commit(event("foo"))
    owing.commit(event("zz"))
    owing.database.close()
    spoiled(path, old, new)
    owing = Owing(Route("a"), path=path)
    assert owing.drain() == got
    assert owing.lost() == lost
    assert "damaged" in caplog.text
    owing.commit(event("later"))
    assert owing.drain() == ["later.1"]
    assert owing.rows("message") == 0
    owing.database.close()
    assert not list(tmp_path.glob("*.corrupt-*"))


TEXTS = [
    (table, column)
    for table, columns in {
        "event": "id phase", "message": "key kind event role boot", "delivery": "sink state boot",
        "subject": "event word boot", "lost": "key sink word detail", "tally": "sink word", "fact": "name value",
    }.items()
    for column in columns.split()
]  # fmt: skip


@pytest.mark.parametrize(("table", "column"), TEXTS)
def test_whatever_text_is_damaged_the_next_process_goes_on(tmp_path, table, column):
    path = tmp_path / "e.db"
    owing = Owing(Route("a"), BOSS, path=path, max_bytes=1 << 20)
    owing.commit(event("e"), "crop")
    owing.commit(event("e", 2, "closed"))
    owing.outbox.review("e", said())
    owing.send(word="refused")
    changed = owing.database._db.execute(
        f"UPDATE {table} SET {column} = {BYTES.format(column=column)} WHERE {column} IS NOT NULL"
    )
    assert changed.rowcount > 0
    owing.database.close()
    owing = Owing(Route("a"), BOSS, path=path, max_bytes=1 << 20, boot="b2")
    list(owing.store.close_orphans())
    owing.after(1)
    owing.drain()
    owing.drain("boss")
    owing.commit(event("later"), "crop")
    owing.commit(event("later", 2, "closed"))
    assert owing.drain()[:2] == ["later.1", "later.2"]
    for number in range(12):  # what is shed is looked for among all
        owing.commit(event(f"big{number}"), "crop", jpeg=b"j" * 100_000)
        owing.commit(event(f"big{number}", 2, "closed"))
    assert owing.outbox.queue().words["delivered"] >= 2
    assert owing.store.counts().closed_events > 0
    owing.database.close()
