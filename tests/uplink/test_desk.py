"""What people commanded, on disk and over restarts: a real store, simulated time."""

import dataclasses
from datetime import UTC, datetime

import pytest

from edge.alert.event import Stamp
from edge.alert.place import Place
from edge.alert.post import Post
from edge.alert.route import Route, Rules
from edge.errors import CommandError, EdgeError
from edge.uplink.command import KINDS, Order, arguments_of, new_operator
from edge.uplink.desk import Desk
from edge.uplink.gate import Given
from tests.alert.event import event
from tests.alert.owing import SECOND, Clock, anything, photo
from tests.alert.test_post import Inline

KIM = new_operator("kim", "admin")


class Tower:
    def __init__(self, path, *routes, opens=True, **rules):
        self.path, self.clock = path, Clock()
        self.rules = Rules(routes or (Route("a"),), boot="b1", **rules)
        self.largest = {}
        self.start(opens=opens)

    def start(self, *, opens=True):
        self.confirmed = []
        self.desk = Desk(
            self.rules.boot,
            ("north",),
            lambda: Stamp(model_s=1.0),
            lambda event: self.confirmed.append(event.id),
        )
        self.post = Post(self.rules, self.clock, Inline(), self.desk.holds, self.desk.resume)
        self.handlers = self.desk.handlers(self.post, self.largest.get)
        self.place = Place(lambda: self.path, post=self.post)
        self.tick()
        if opens:
            self.open()

    def open(self):
        list(self.place.open(()))

    def reboot(self):
        self.rules = dataclasses.replace(self.rules, boot="b2")
        self.place.close()
        self.clock.now_ns = 5 * SECOND
        self.start()

    def tick(self, seconds=0):
        self.clock.now_ns += seconds * SECOND
        self.desk.tick(self.post, self.clock.now_ns)

    def do(self, command, sink="", **arguments):
        order = Order(
            tower="tower-7", id="3f2a9c01d4e5", command=command, arguments=arguments, boot_id="b1", sequence=1,
            sent_at=datetime(2026, 11, 29, tzinfo=UTC),
        )  # fmt: skip
        return self.handlers[command](
            Given(order, arguments_of(order, KINDS[command]), KIM, self.clock.now_ns, sink)
        )

    def sent(self, sink="a"):
        found = []
        while (message := self.post.take(sink, anything)) is not None:
            self.post.settle(message, "delivered")
            found.append(message)
        return found


@pytest.fixture
def tower(tmp_path):
    tower = Tower(tmp_path / "e.db")
    yield tower
    tower.place.close()


def test_a_snooze_outlives_the_process_and_its_end_lists_once_what_was_held_back(tower):
    tower.do("snooze", camera="north", duration_s=3600, reason="a permit")
    tower.place.commit(event("e"), None, [photo("crop")])
    tower.tick()
    tower.place.close()
    tower.start()
    assert [snooze.by for snooze in tower.desk.snoozes(tower.clock.now_ns)] == ["kim"]
    assert tower.sent() == []  # not even that the event was left open by the process before
    tower.place.commit(event("f"))
    assert tower.sent() == []
    tower.tick(3600)
    tower.tick(1)
    (end,) = tower.sent()
    assert (end.note.subject, end.note.state, end.note.camera) == ("snooze", "over", "north")
    assert ([one.id for one in end.note.events], end.note.count) == (["e", "f"], 2)
    tower.place.commit(event("f", 2, "updated"))
    assert [message.key for message in tower.sent()] == ["f.2"]


def test_a_reboot_ends_a_snooze_and_the_fire_risk_and_tells_what_was_held_back(tower):
    tower.do("snooze", camera="north", duration_s=3600, reason="a permit")
    tower.do("fire_risk", level="high")
    tower.place.commit(event("e"))
    tower.place.commit(event("e", 2, "closed"))
    tower.tick()
    assert tower.desk.fire_risk(tower.clock.now_ns).level == "high"
    tower.reboot()
    assert tower.desk.fire_risk(tower.clock.now_ns).level == "neutral"
    tower.place.commit(event("f"))
    tower.place.commit(event("f", 2, "closed"))
    tower.tick()
    told = {message.key: message for message in tower.sent()}
    (note,) = (message.note for key, message in told.items() if "note" in key)
    assert (note.state, [one.id for one in note.events]) == ("rebooted", ["e"])
    assert {"f.1", "f.2"} <= told.keys()
    tower.reboot()
    tower.tick()
    assert tower.sent() == []


def test_what_people_said_while_the_store_was_away_goes_before_what_stood(tower):
    tower.do("snooze", camera="north", duration_s=3600, reason="a permit")
    tower.tick()
    tower.place.close()
    tower.start(opens=False)
    tower.do("snooze", camera="north", duration_s=60, reason="a drill")
    tower.do("fire_risk", level="low")
    tower.open()
    (snooze,) = tower.desk.snoozes(tower.clock.now_ns)
    assert (snooze.reason, tower.desk.fire_risk(0).level) == ("a drill", "low")
    tower.tick()
    assert [message.note.state for message in tower.sent()] == ["renewed"]


def test_the_end_of_a_snooze_lists_what_was_held_back_though_the_store_never_opens(tmp_path):
    tower = Tower(tmp_path / "e.db", opens=False)
    tower.do("snooze", camera="north", duration_s=600, reason="a permit")
    tower.post.keep(event("e"))
    assert tower.sent() == []
    tower.tick(600)
    (end,) = tower.sent()
    assert (end.note.state, [one.id for one in end.note.events], end.stored) == ("over", ["e"], False)
    tower.open()
    tower.tick()
    assert "note" not in "".join(message.key for message in tower.sent())
    tower.place.close()


def test_what_the_disk_did_not_take_of_what_stands_is_tried_again(tower, monkeypatch):
    tower.do("snooze", camera="north", duration_s=3600, reason="a permit")
    with monkeypatch.context() as full:
        full.setattr(tower.post, "remember", lambda *_: False)
        tower.tick()
    tower.tick(1)
    tower.place.close()
    tower.start()
    assert [snooze.by for snooze in tower.desk.snoozes(tower.clock.now_ns)] == ["kim"]


def test_what_ended_while_the_disk_was_away_does_not_come_back_with_it(tower):
    tower.do("snooze", camera="north", duration_s=3600, reason="a permit")
    tower.tick()
    tower.place.close()
    tower.do("snooze", camera="north", duration_s=0, reason="over")
    tower.place = Place(lambda: tower.path, post=tower.post)
    tower.open()
    assert tower.desk.snoozes(tower.clock.now_ns) == ()
    tower.tick()
    assert [message.note.state for message in tower.sent()] == ["ended"]
    tower.place.close()
    tower.start()
    assert tower.desk.snoozes(tower.clock.now_ns) == ()


@pytest.mark.parametrize(
    ("command", "word"), [("acknowledge", "acknowledged"), ("confirm", "confirmed"), ("dismiss", "dismissed")]
)
def test_what_a_person_says_of_an_event_goes_to_the_sinks_with_their_name(tower, command, word):
    with pytest.raises(CommandError) as unknown:
        tower.do(command, event="e", note="look")
    assert unknown.value.reason == "unfit"
    tower.place.commit(event("e"))
    assert word in tower.do(command, event="e", note="look")
    review = tower.sent()[-1].letter.review
    assert (review.word, review.by, review.reason) == (word, "kim", "look")
    assert tower.confirmed == (["e"] if word == "confirmed" else [])


def test_the_whole_frame_of_an_event_is_sent_to_who_asks(tower):
    tower.place.commit(event("e"), None, [photo("full")])
    assert [message.key for message in tower.sent()] == ["e.1"]
    tower.do("frame", event="e")
    assert [(message.key, message.jpeg) for message in tower.sent()] == [("e.1.full", photo("full").jpeg)]
    with pytest.raises(CommandError):
        tower.do("frame", event="f")


TAKERS = (
    Route("hq", origins=("live", "simulated")),
    Route("deputy", origins=("live", "simulated")),
    Route("boss", escalation=1, origins=("live", "simulated")),
    Route("third"),
    Route("candidates", severities=("candidate",), origins=("live", "simulated")),
    Route("texts", pictures=False, origins=("live", "simulated")),
    Route("hook", origins=("live", "simulated")),
)


@pytest.fixture
def seven(tmp_path):
    tower = Tower(tmp_path / "e.db", *TAKERS, origins={"north": "simulated"})
    tower.largest["hook"] = 10
    yield tower
    tower.place.close()


def frames(tower):
    sent = {route.name: [message.key for message in tower.sent(route.name)] for route in TAKERS}
    return {sink for sink, keys in sent.items() if "e.1.full" in keys}


@pytest.mark.parametrize(
    ("asker", "takers"),
    [("hq", {"hq"}), ("boss", {"hq", "deputy"}), ("third", {"hq", "deputy"}), ("hook", {"hq", "deputy"})],
)
def test_a_frame_goes_the_way_of_its_command_or_to_who_has_the_event_and_takes_so_much(seven, asker, takers):
    seven.place.commit(event("e"), None, [photo("full")])
    seven.do("frame", sink=asker, event="e")
    assert frames(seven) == takers


def test_a_frame_goes_to_a_step_of_escalation_once_the_event_went_there(seven):
    seven.place.commit(event("e"), None, [photo("full")])
    seven.clock.now_ns += 601 * SECOND
    seven.post.tick()
    seven.do("frame", sink="boss", event="e")
    assert frames(seven) == {"boss"}


def test_a_frame_that_nobody_may_have_is_refused(tmp_path):
    tower = Tower(tmp_path / "e.db", Route("third"), origins={"north": "simulated"})
    tower.place.commit(event("e"), None, [photo("full")])
    with pytest.raises(CommandError) as unfit:
        tower.do("frame", event="e")
    assert unfit.value.reason == "unfit"
    assert tower.sent("third") == []
    tower.place.close()


def spoil(tower, table, column, which):
    changed = tower.place._database._db.execute(
        f"UPDATE {table} SET {column} = CAST(CAST({column} AS BLOB) || x'e9' AS TEXT) WHERE {which}"
    )
    assert changed.rowcount == 1


def test_what_stood_and_cannot_be_read_is_as_none(tower, caplog):
    tower.do("snooze", camera="north", duration_s=3600, reason="a permit")
    tower.tick()
    spoil(tower, "fact", "value", "name = 'standing'")
    tower.place.close()
    tower.start()
    assert tower.desk.snoozes(tower.clock.now_ns) == ()
    tower.place.commit(event("e"))
    assert [message.key for message in tower.sent()] == ["e.1"]
    assert "'standing' cannot be read" in caplog.text
    tower.do("fire_risk", level="high")
    tower.tick()
    tower.place.close()
    tower.start()
    assert tower.desk.fire_risk(tower.clock.now_ns).level == "high"


def test_a_command_on_a_damaged_event_cannot_be_done(tower):
    tower.place.commit(event("e"))
    spoil(tower, "event", "document", "id = 'e'")
    with pytest.raises(EdgeError, match="event e cannot be read"):
        tower.do("acknowledge", event="e")
