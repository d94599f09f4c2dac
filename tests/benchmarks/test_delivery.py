"""The judges and tools of `firetower bench torture-delivery`; the attacks themselves run in `make torture-short`."""

import hashlib
import json
import os
import socket
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
import pytest

from benchmarks.delivery import command, days, scripted, thin
from benchmarks.delivery.hook import KEY, is_genuine
from benchmarks.delivery.judge import Lost, Outbox, judge, key_of, look, recovery_s, revision_of
from benchmarks.delivery.station import Station
from benchmarks.delivery.taken import Book, Pages, Taken
from benchmarks.delivery.wire import Wire, packets
from benchmarks.torture.attack import Attack, Ground, Outcome
from benchmarks.torture.command import choose
from benchmarks.tower import HANG_S
from edge.alert.database import Database
from edge.alert.outbox import Outbox as RealOutbox
from edge.alert.route import Route, Rules
from edge.alert.shedding import owed, pictures, texts
from edge.alert.store import Store
from edge.alert.storm import Storms
from edge.clock import SystemClock
from edge.uplink.signature import signed
from tests.alert.event import event as make_event
from tests.alert.owing import photo
from tests.uplink.scripted import puback, published

JPEG = b"\xff\xd8\xff picture"

ROOT = Path(__file__).parents[2]


def moment(stamp):
    return None if stamp is None else {
        "utc": stamp.utc, "corrected": False, "mono_ns": stamp.mono_ns, "boot_id": stamp.boot_id,
        "model_s": stamp.model_s,
    }  # fmt: skip


def taken(event, at_s=1.0, images=(), **changes):
    """What arrived of a revision, with what it says otherwise."""
    document = {
        "key": key_of(event), "event": event.id, "revision": event.revision, "camera": event.camera,
        "images": list(images), **{name: moment(getattr(event, name)) for name in ("opened", "updated", "closed")},
        **changes,
    }  # fmt: skip
    return Taken(key=key_of(event), at_s=at_s, sha256="0", document=document)


def image(key, body=JPEG):
    return {"key": key, "sha256": hashlib.sha256(body).hexdigest()}


def picture(key, body=JPEG):
    return Taken(key=key, at_s=2.0, sha256=hashlib.sha256(body).hexdigest())


FIRST, SECOND, LAST = (
    make_event(),
    make_event(revision=2, phase="updated"),
    make_event(revision=3, phase="closed"),
)
ALL = {key_of(one): one for one in (FIRST, SECOND, LAST)}
THERE = [taken(FIRST), taken(LAST)]


def judged(came=THERE, lost=None, committed=ALL, **changes):
    lost = {"a.2": Lost("coalesced", sent=False)} if lost is None else lost
    ends = {}
    for one in lost.values():
        ends[one.word] = ends.get(one.word, 0) + 1
    delivered = len({one.key for one in came} - set(lost))
    tally = {"committed": delivered + len(lost), "delivered": delivered, **ends, **changes.pop("tally", {})}
    outbox = Outbox(lost={"s": lost}, tally={"s": tally}, waiting=changes.pop("waiting", {}))
    return judge("s", committed, came, outbox, **changes)


def test_gaps_that_the_tower_lists_are_good():
    verdict = judged([*THERE, taken(FIRST)])
    assert (verdict.committed, verdict.delivered, verdict.redelivered) == (3, 2, 1)
    assert verdict.words == {"coalesced": 1, "unheard": 0}
    assert (verdict.lost, verdict.wrong) == ([], [])


@pytest.mark.parametrize(
    ("changes", "lost", "said"),
    [
        ({"lost": {}}, ["a.2"], "neither there nor listed"),
        ({"came": [taken(FIRST)]}, ["a.3"], "neither there nor listed"),
        ({"lost": {"a.2": Lost("shed", sent=False), "b.1": Lost("shed", sent=False)}}, [], "never committed: b.1"),
        ({"came": [*THERE, taken(SECOND)]}, [], "given up unsent: a.2"),
        ({"waiting": {"s": {"a.2"}}, "tally": {"committed": 4}}, [], "1 still wait, such as a.2"),
        ({"came": [taken(FIRST), taken(LAST, opened=moment(SECOND.updated))]}, [], "a.3: opened at"),
        ({"came": [taken(FIRST), taken(LAST, closed=None)]}, [], "a.3: closed at None"),
        ({"came": [taken(FIRST), taken(LAST, revision=2)]}, [], "says that it is"),
        ({"came": [taken(FIRST, images=[image("a.1.crop")]), taken(LAST)]}, ["a.1.crop"], "neither there nor listed"),
        (
            {"came": [taken(FIRST, images=[image("a.1.crop")]), taken(LAST), picture("a.1.crop", b"other")]},
            [],
            "1 pictures are not those that were named: a.1.crop",
        ),
        ({"tally": {"delivered": 3}}, [], "counts 3 as delivered; 2 are there"),
        ({"tally": {"committed": 9}}, [], "9 were committed; 3 came to an end"),
    ],
)  # fmt: skip
def test_each_way_to_lose_double_or_lie_is_found(changes, lost, said):
    verdict = judged(**changes)
    assert verdict.lost == lost
    assert any(said in why for why in verdict.wrong), verdict.wrong


def test_what_was_sent_before_it_was_shed_may_be_there():
    verdict = judged([*THERE, taken(SECOND)], {"a.2": Lost("shed", sent=True)})
    assert verdict.wrong == []


def test_what_a_damaged_database_held_is_excused_and_its_counts_say_nothing():
    verdict = judged([taken(FIRST)], {}, excused={"a.2", "a.3"}, tally={"committed": 0}, counted=False)
    assert (verdict.lost, verdict.wrong) == ([], [])


def test_a_date_that_was_put_right_says_so():
    right = {**moment(LAST.updated), "utc": "2025-01-01T00:00:00Z"}
    assert any("updated at" in why for why in judged([taken(FIRST), taken(LAST, updated=right)]).wrong)
    assert judged([taken(FIRST), taken(LAST, updated={**right, "corrected": True})]).wrong == []


def test_what_a_broker_gives_out_once_more_is_no_redelivery():
    again = msgspec.structs.replace(picture("a.1.crop"), retained=True)
    came = [taken(FIRST, images=[image("a.1.crop")]), taken(LAST), picture("a.1.crop"), again]
    assert judged(came).redelivered == 0
    assert judged([*came, picture("a.1.crop")]).redelivered == 1


def test_recovery_ends_with_the_last_of_what_was_owed():
    came = [taken(FIRST, 12.0), taken(LAST, 15.5), taken(LAST, 99.0), taken(SECOND, 70.0)]
    assert recovery_s({"a.1", "a.3", "a.9"}, came, 10.0) == 5.5
    assert recovery_s({"a.1"}, came, 13.0) == 0.0
    assert recovery_s({"a.9"}, came, 10.0) is None
    assert revision_of("a.3.series.2") == "a.3"


def test_a_store_in_use_is_read_with_its_log(tmp_path):
    path, rules = tmp_path / "events.sqlite", Rules((Route("s"),), boot="b1")
    with Database(path, owed=owed, pictures=pictures, texts=texts) as database:
        outbox = RealOutbox(database, rules, SystemClock(), Storms(rules.storm_alerts))
        store = Store(database, outbox)
        for one in (FIRST, SECOND, msgspec.structs.replace(SECOND, revision=3)):
            store.commit(one, None, [photo("crop")] if one is FIRST else ())
        assert path.with_name("events.sqlite-wal").stat().st_size
        found = look(path, tmp_path / "copy")
    assert list(found.events) == ["a.3"]
    assert found.waiting == {"s": {"a.1", "a.1.crop", "a.3"}}
    assert found.lost == {"s": {"a.2": Lost("coalesced", sent=False)}}
    assert found.tally["s"] == {"committed": 4, "coalesced": 1}
    assert look(tmp_path / "none.sqlite", tmp_path / "copy").events == {}
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    assert look(tmp_path / "empty.sqlite", tmp_path / "copy").tally == {}


def test_half_a_line_that_a_kill_left_goes_and_the_rest_is_read_once(tmp_path):
    path = tmp_path / "taken.jsonl"
    with closing(Book(path)) as book:
        book.write("a.1", b'{"key": "a.1"}', "application/json")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    pages = Pages(path)
    assert [one.key for one in pages.read()] == ["a.1"]
    with closing(Book(path)) as book:
        book.write("a.1.crop", JPEG, "image/jpeg", retained=True)
    first, second = pages.read()
    assert first.document == {"key": "a.1"}
    assert (second.document, second.retained) == (None, True)
    assert second.sha256 == hashlib.sha256(JPEG).hexdigest()
    assert first.at_s <= second.at_s <= time.monotonic()


def test_a_webhook_is_taken_where_its_signature_is_of_now_and_of_us():
    headers = signed([KEY], "a.1", 1000, b"body")
    assert is_genuine(headers, b"body", 1000)
    assert not is_genuine(headers, b"bodY", 1000)
    assert not is_genuine(headers, b"body", 2000)
    assert not is_genuine(signed([bytes(32)], "a.1", 1000, b"body"), b"body", 1000)
    assert not is_genuine({}, b"body", 1000)


def test_packets_of_mqtt_are_told_apart():
    large = published("t", b"x" * 300)
    said = puback(b"\0\1") + large + puback(b"\0\2")
    assert packets(said) == ([puback(b"\0\1"), large, puback(b"\0\2")], b"")
    for cut in (1, 2, 7, 8, 200):
        found, left = packets(said[:cut])
        assert b"".join(found) + left == said[:cut]
        assert packets(left + said[cut:])[0][-1] == puback(b"\0\2")


@pytest.fixture
def broker():
    """Answers each piece of what is sent with an acknowledgement and a ping's answer, and keeps what came."""
    came, listener = [], socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                one = listener.accept()[0]
            except OSError:
                return
            with one:
                while said := one.recv(1000):
                    came.append(said)
                    one.sendall(puback(b"\0\1") + b"\xd0\0")

    threading.Thread(target=serve, daemon=True).start()
    with closing(Wire(listener.getsockname()[1])) as wire:
        yield wire, came
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def call(wire):
    return socket.create_connection(("127.0.0.1", wire.port), HANG_S)


def hear(connection, size):
    said = b""
    while len(said) < size and (more := connection.recv(size - len(said))):
        said += more
    return said


def test_a_wire_swallows_acknowledgements_alone_and_is_cut(broker):
    wire, came = broker
    with call(wire) as connection:
        connection.sendall(b"one")
        assert hear(connection, 8) == puback(b"\0\1") + b"\xd0\0"
        wire.fail("unacknowledged", cut=False)
        connection.sendall(b"two")
        assert hear(connection, 2) == b"\xd0\0"
        assert wire.swallowed == 1
        wire.fail("shut")
        assert hear(connection, 1) == b""
    assert came == [b"one", b"two"]
    with pytest.raises(ConnectionRefusedError):
        call(wire)
    wire.fail("turned away")
    with call(wire) as connection:
        connection.sendall(b"connect")
        assert hear(connection, 9) == b"\x20\x03\x00\x88\x00"
    wire.fail("none")
    with call(wire) as connection:
        connection.sendall(b"three")
        assert hear(connection, 8) == puback(b"\0\1") + b"\xd0\0"
    assert came == [b"one", b"two", b"three"]


def ground(folder, seed=1):
    return Ground(folder, Random(seed), True, print)


def test_receivers_keep_what_they_took_and_come_back_after_a_kill(tmp_path):
    with Station(tmp_path / "station") as station:
        for name in ("ear", "hook", "broker"):
            station.kill(name)
            station.start(name)
        assert station.taken("broker") == station.taken("hook") == []
        station.settle()
        station.mood("refuse")
        assert (tmp_path / "station/hook/mood").read_text() == "refuse"
    assert not station.is_up("broker")


@pytest.fixture
def few_days(monkeypatch):
    for name, value in {"_STEP_S": 900.0, "_EVENTS_A_DAY": 10, "_STORMS_A_DAY": 0}.items():
        monkeypatch.setattr(days, name, value)


@pytest.mark.usefixtures("few_days")
def test_days_of_outages_end_with_nothing_lost(tmp_path):
    outcome = days.attack(ground(tmp_path))
    assert outcome.why == []
    assert outcome.verdict() == "held"
    assert outcome.measured["committed"] > 20


@pytest.mark.usefixtures("few_days")
def test_a_transport_that_forgets_what_it_took_is_found_out(tmp_path, monkeypatch):
    real = scripted.Script._take
    monkeypatch.setattr(
        scripted.Script,
        "_take",
        lambda self, parcel: None if parcel.key.endswith("5.1") else real(self, parcel),
    )
    outcome = days.attack(ground(tmp_path))
    assert outcome.verdict() == "failed"
    assert any("neither there nor listed" in why for why in outcome.why)


def attack(name, run, kind="kills"):
    return Attack(kind, name, "does nothing", (1, 1), run)


def test_a_short_run_has_its_kinds_and_three_minutes_and_the_full_one_fifty():
    def longest(seconds, short):
        rows = [
            [one.seconds[seconds] for one in row]
            for row in command.lanes(choose(command.ATTACKS, None, short=short))
        ]
        return max(map(sum, rows))

    assert longest(0, short=True) <= 180
    assert longest(1, short=False) <= 3000
    assert {"kills", "links", "stores", "clocks", "days"} <= {
        one.kind for one in choose(command.ATTACKS, None, short=True)
    }
    names = [one.name for one in command.ATTACKS]
    assert len(set(names)) == len(names) == sum(map(len, command.lanes(command.ATTACKS)))


def test_a_result_has_all_attacks_together(tmp_path, monkeypatch, capsys):
    measured = {
        "committed": 4,
        "delivered": 9,
        "redelivered": 1,
        "lost": 0,
        "shed": 2,
        "recovery_s": [3.0, 1.0],
    }
    good = attack("good", lambda _: Outcome(tried=2, survived=2, measured=measured))
    bad = attack(
        "bad", lambda _: Outcome(tried=3, survived=3, lost=1, measured={"lost": 1, "recovery_s": [0.5]})
    )
    monkeypatch.setattr(command, "ATTACKS", (good, bad))
    monkeypatch.setattr(command, "_FIRST", (good,))
    monkeypatch.setattr(command, "_SECOND", (bad,))
    assert command.command(["--short", "--json", str(tmp_path / "r.json")]) == 1
    assert json.loads(capsys.readouterr().out)["verdicts"] == {"good": "held", "bad": "failed"}
    report = msgspec.json.decode((tmp_path / "r.json").read_bytes(), type=command.DeliveryReport)
    assert report.summary == command.Summary(
        cases=5, committed=4, delivered=9, redelivered=1, lost=1, shed=2, unheard=0, expired=0, coalesced=0,
        recovery_p50_s=1.0, recovery_max_s=3.0,
    )  # fmt: skip
    monkeypatch.setattr(command, "missing", lambda: "it needs a broker: apt-get install mosquitto")
    assert command.command(["--short"]) == 0
    assert "LEFT OUT: it needs a broker" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces, which takes root")
def test_a_thin_link_is_pulled_and_put_back():
    with thin.Link() as link:
        said = thin.shape(link.hill)
        assert "tbf" in said
        assert "16Kbit" in said
        assert "probability 0.04999" in thin.loss(link.valley)
        assert link.is_up()
        link.set(up=False)
        assert not link.is_up()
        link.set(up=True)
        assert link.is_up()
        before = link.sent_bytes()
        subprocess.run([*link.hill, "bash", "-c", f"echo > /dev/udp/{thin.VALLEY}/9"], check=True)
        end_s = time.monotonic() + HANG_S
        while link.sent_bytes() == before:
            assert time.monotonic() < end_s
            time.sleep(0.05)


def test_what_is_committed_of_a_whole_run_held_and_lost_nothing():
    result = json.loads((ROOT / "docs/results/torture.json").read_text(encoding="utf-8"))
    assert result["short"] is False
    assert {attack["name"]: attack["verdict"] for attack in result["attacks"]} == {
        attack["name"]: "held" for attack in result["attacks"]
    }
    page = (ROOT / "docs/torture.md").read_text(encoding="utf-8")
    summary = result["summary"]
    assert summary["lost"] == 0
    for figure in ("cases", "committed", "delivered", "redelivered"):
        assert f"{summary[figure]:,}" in page
