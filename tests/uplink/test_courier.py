"""The courier over a scripted transport and simulated time; the real transports have suites of their own."""

import logging
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.alert.place import Place
from edge.alert.post import Post
from edge.alert.route import Line, Route, Rules
from edge.clock import SystemClock
from edge.uplink.budget import DAY_S, Balance, Budget
from edge.uplink.courier import LOG_S, UNFIT_S, Courier
from edge.uplink.transport import Command, Link, Outcome, Parcel
from edge.uplink.way import ANSWERS, RETRY_MAX_S, Way
from tests.alert.event import event
from tests.alert.owing import SECOND, Clock, photo
from tests.alert.test_post import Inline

ALL = frozenset({"event", "image", "smoke", "health", "answer"})
BEAT_S = 300.0


class Everything:
    """The ids of all events: this process's own, so that none is closed as left over."""

    def __contains__(self, _id):
        return True


class Script:
    """A transport that does as a test says: `answer` gives the word for a parcel, None keeps it in hand.

    `forbidden` is a failure of that parcel alone.
    """

    def __init__(self):
        self.up, self.answer, self.largest, self.cost = True, lambda _parcel: "delivered", None, 100
        self.hand, self.got, self.sent_bytes, self.commands, self.closed = None, [], 0, [], False

    def step(self, now_ns):
        came, self.commands = [*self.commands], []
        if self.hand is not None:
            if not self.up:
                came.append(Outcome(self.hand.key, "failed", "the link went"))
                self.hand = None
                return tuple(came)
            word = self.answer(self.hand)
            if word is not None:
                word, retry_s = word if isinstance(word, tuple) else (word, None)
                alone, word = word == "forbidden", "failed" if word == "forbidden" else word
                why = "" if word == "delivered" else "said so"
                came.append(Outcome(self.hand.key, word, why, retry_s, alone=alone))
                self.got.append((self.hand, word))
                self.hand = None
        return tuple(came)

    def wake_ns(self, now_ns):
        return now_ns + 10 * SECOND

    def fileno(self):
        return None

    def send(self, parcel, now_ns):
        if self.hand is not None or not self.up:
            return False
        self.hand = parcel
        self.sent_bytes += self.cost + len(parcel.body)
        return True

    def link(self):
        return Link(self.up, "" if self.up else "no carrier", self.largest, self.sent_bytes, 0)

    def close(self, farewell=None):
        self.closed = True


class Plain:
    """Makes parcels that show what they are of."""

    def __init__(self):
        self.smoke, self.kept = {}, b""
        self.unfit = set()

    def message(self, message):
        if message.key in self.unfit:
            raise KeyError(message.key)
        channel = "image" if message.jpeg else "event"
        return Parcel(message.key, channel, message.jpeg or b"text", "text/plain")

    def heartbeat(self, sequence, next_s):
        return Parcel(f"health.{sequence}", "health", f"{sequence} next in {next_s:g}".encode(), "text/plain")

    def states(self, _sink):
        kept = [Parcel("kept", "smoke", self.kept, "text/plain", camera="-")] if self.kept else []
        return kept + [
            Parcel(f"smoke.{name}", "smoke", body, "text/plain", camera=name, expires_s=3 * BEAT_S)
            for name, body in self.smoke.items()
        ]


class Tower:
    def __init__(self, path, *routes, day_bytes=None, channels=ALL, **rules):
        self.clock = Clock()
        self.rules = Rules(routes or (Route("a"),), boot="b1", **rules)
        self.path, self.day_bytes, self.channels = path, day_bytes, channels
        self.obeyed, self.writer = [], Plain()
        self.start()

    def start(self):
        self.post = Post(self.rules, self.clock, Inline())
        self.place = Place(lambda: self.path, post=self.post)
        list(self.place.open(Everything()))
        self.links = {route.name: Script() for route in self.rules.routes}
        self.ways = [
            Way(name, link, self.channels, Budget(self.day_bytes, self.clock.now_ns))
            for name, link in self.links.items()
        ]
        self.courier = Courier(
            self.post,
            self.ways,
            self.writer,
            obey=self.obey,
            heartbeat_s=BEAT_S,
            first=7,
            now_ns=self.clock.now_ns,
        )

    def restart(self, *, orderly=False):
        if orderly:
            self.courier.close()
        self.place.close()
        self.start()

    def obey(self, sink, command):
        self.obeyed.append((sink, command.body))
        answer = Parcel("answer.1", "answer", b"done", "text/plain", answers=("there", b""))
        return [answer, Parcel("now.1", "image", b"jpeg", "image/jpeg", camera="north")]

    def commit(self, one, *roles, jpeg=b"j" * 100):
        self.place.commit(one, None, [photo(role, jpeg) for role in roles])

    def after(self, seconds, step_s=1.0):
        for _ in range(max(1, round(seconds / step_s))):
            self.clock.now_ns += round(min(step_s, seconds) * SECOND) if seconds else 0
            while self.courier.step(self.clock.now_ns):
                pass

    def got(self, sink="a", channel=None):
        return [p.key for p, _ in self.links[sink].got if channel is None or p.channel == channel]


@pytest.fixture
def made(tmp_path):
    towers = []

    def make(*routes, **more):
        towers.append(Tower(tmp_path / "e.db", *routes, **more))
        return towers[-1]

    yield make
    for tower in towers:
        tower.place.close()


def test_alerts_go_before_the_heartbeat_and_the_rest_after_it(made):
    tower = made()
    tower.writer.smoke["north"] = b"ON"
    tower.place.commit(event("c", severity="candidate"))
    tower.commit(event("e"), "crop", "thumbnail")
    tower.after(0)
    assert tower.got() == ["e.1", "health.7", "smoke.north", "e.1.thumbnail", "e.1.crop", "c.1"]
    assert tower.post.queue().unsent == 0


def test_a_state_that_does_not_expire_is_said_once_per_link_and_when_it_changes(made):
    tower = made()
    tower.writer.kept = b"1"
    tower.after(3 * BEAT_S, step_s=60)
    assert tower.got().count("kept") == 1
    tower.writer.kept = b"2"
    tower.after(60)
    assert tower.got().count("kept") == 2
    tower.links["a"].up = False
    tower.after(60)
    tower.links["a"].up = True
    tower.after(60)
    assert tower.got().count("kept") == 3


def test_a_heartbeat_comes_at_its_time_and_only_the_newest_is_sent(made):
    tower = made()
    tower.after(0)
    ((first, _),) = tower.links["a"].got
    assert first.body == b"7 next in 300"
    tower.after(299)
    assert len(tower.got()) == 1
    tower.links["a"].up = False
    tower.after(1000, 10)
    tower.links["a"].up = True
    tower.after(1)
    assert tower.got() == ["health.7", "health.11"]
    assert tower.links["a"].got[1][0].body == b"11 next in 200"
    assert tower.courier.sequence == 11


def test_a_state_goes_when_it_changes_and_with_each_heartbeat(made):
    tower = made()
    tower.writer.smoke["north"] = b"OFF"
    tower.after(10)
    tower.writer.smoke["north"] = b"ON"
    tower.after(10)
    assert tower.got(channel="smoke") == ["smoke.north"] * 2
    tower.after(280)
    assert tower.got() == ["health.7", "smoke.north", "smoke.north", "health.8", "smoke.north"]


def test_a_sink_without_these_channels_gets_none_of_them(made):
    tower = made(channels=frozenset({"event", "image"}))
    tower.writer.smoke["north"] = b"ON"
    tower.commit(event("e"))
    tower.after(400, 10)
    assert tower.got() == ["e.1"]


def test_one_at_a_time_and_what_is_swallowed_is_sent_again_under_its_key(made):
    tower = made()
    link = tower.links["a"]
    link.answer = lambda parcel: None if parcel.key == "e.1" else "delivered"
    tower.commit(event("e"))
    tower.commit(event("f", severity="candidate"))
    tower.after(60)
    assert (link.hand.key, tower.got()) == ("e.1", [])
    link.up = False
    tower.after(5)
    link.up, link.answer = True, lambda _: "delivered"
    tower.after(30)
    assert sorted(tower.got(channel="event")) == ["e.1", "f.1"]
    tower.restart()
    tower.after(30)
    assert tower.got(channel="event") == []


def test_a_kill_before_the_acknowledgement_sends_again_and_after_it_never(made):
    tower = made()
    tower.links["a"].answer = lambda parcel: None if parcel.key == "e.1.crop" else "delivered"
    tower.commit(event("e"), "crop")
    tower.after(10)
    assert tower.got(channel="event") == ["e.1"]
    tower.restart()
    tower.after(10)
    assert tower.got() == ["health.7", "e.1.crop"]


def test_a_failure_pauses_longer_and_longer_and_lets_others_go_first(made):
    tower = made(storm_alerts=99)
    tried = []
    link = tower.links["a"]

    def answer(parcel):
        tried.append((parcel.key, tower.clock.now_ns // SECOND - 1000))
        return "failed"

    link.answer = answer
    for name in "ab":
        tower.commit(event(name))
    tower.after(40)
    assert [key for key, _ in tried[:2]] == ["b.1", "a.1"]
    times = [at for _, at in tried]
    assert times == [1, 2, 4, 8, 16, 32]
    tower.after(4000, 10)
    times = [at for _, at in tried]
    assert max(later - at for at, later in pairwise(times)) <= RETRY_MAX_S + 10
    link.answer = lambda _: "delivered"
    tower.after(2 * RETRY_MAX_S, 10)
    assert {"a.1", "b.1"} <= set(tower.got())


def is_of(parcel, refused):
    return parcel.key == refused or (refused.endswith(".") and parcel.key.startswith(refused))


@pytest.mark.parametrize(
    "refused", ["kept", "smoke.", "health.", "answer.", "now.", "c.1", "e.1.crop", "e.1"]
)
def test_what_is_forbidden_waits_alone_and_is_told(made, refused, caplog):
    tower = made()
    (way,) = tower.ways
    link = tower.links["a"]
    link.answer = lambda parcel: ("forbidden", 300.0) if is_of(parcel, refused) else "delivered"
    tower.writer.kept, tower.writer.smoke = b"1", {"north": b"OFF"}
    link.commands.append(Command(b"ack", ("there", b"")))
    tower.commit(event("e"), "crop")
    tower.place.commit(event("c", severity="candidate"))
    tower.after(5)
    tower.commit(event("f"))
    tower.after(1)
    sent = {"kept", "smoke.north", "health.7", "answer.1", "now.1", "c.1", "e.1", "e.1.crop", "f.1"}
    got = [parcel for parcel, word in link.got if word == "delivered"]
    assert len(got) == len(sent) - 1
    assert {parcel.key for parcel in got} < sent
    assert not any(is_of(parcel, refused) for parcel in got)
    tower.after(BEAT_S - 10)
    assert len([parcel for parcel, _ in link.got if is_of(parcel, refused)]) == 1
    assert "1 not taken: said so" in way.link().notice
    assert len([line for line in caplog.messages if "said so" in line]) == 1
    tower.after(BEAT_S)
    assert len([line for line in caplog.messages if "said so" in line]) == 1
    link.answer = lambda _: "delivered"
    tower.after(BEAT_S + 10)
    got = [parcel for parcel, word in link.got if word == "delivered"]
    assert any(is_of(parcel, refused) for parcel in got)
    assert way.link().notice == ""


def test_a_heartbeat_that_is_refused_for_good_is_told_once(made, caplog):
    tower = made()
    (way,) = tower.ways
    tower.links["a"].answer = lambda parcel: "refused" if parcel.channel == "health" else "delivered"
    tower.after(3 * BEAT_S)
    assert len(tower.got(channel="health")) == 4
    assert "health: 1 not taken: said so" in way.link().notice
    assert len([line for line in caplog.messages if "said so" in line]) == 1
    tower.links["a"].answer = lambda _: "delivered"
    tower.after(BEAT_S)
    assert way.link().notice == ""


def test_what_the_transport_says_and_what_is_not_taken_are_told_once_each(made):
    tower = made()
    (way,) = tower.ways
    link, said = tower.links["a"], ["two towers"]
    link.link = lambda: Link(True, "", None, 0, 0, said[0])
    link.answer = lambda parcel: "forbidden" if parcel.channel == "health" else "delivered"
    tower.after(1)
    assert way.link().notice == "two towers; health: 1 not taken: said so"
    said[0] = "said so"
    assert way.link().notice == "health: 1 not taken: said so"


def test_an_answer_that_gives_way_to_newer_ones_is_not_told_any_more(made):
    tower = made()
    (way,) = tower.ways
    tower.links["a"].answer = lambda parcel: "forbidden" if parcel.key == "answer.1" else "delivered"
    tower.links["a"].commands.append(Command(b"ack", ("there", b"")))
    tower.after(1)
    assert "answer: 1 not taken" in way.link().notice
    way.answer(Parcel(f"answer.x{number}", "answer", b"", "text/plain") for number in range(ANSWERS))
    assert way.link().notice == ""


def test_a_forbidden_heartbeat_does_not_keep_what_nobody_heard_from_going_again(made):
    tower = made()
    tower.links["a"].answer = lambda parcel: (
        ("forbidden", 300.0)
        if parcel.channel == "health"
        else "unheard"
        if parcel.channel == "event"
        else "delivered"
    )
    tower.commit(event("e"))
    tower.after(BEAT_S + 10)
    assert tower.got(channel="health") == ["health.7", "health.8"]
    assert len(tower.got(channel="event")) > 1


def test_a_receiver_that_says_no_to_all_is_asked_less_and_less_and_each_alert_is_tried_once(made, caplog):
    tower = made(storm_alerts=999)
    link = tower.links["a"]
    link.answer = lambda parcel: "forbidden"
    for number in range(20):
        tower.commit(event(f"e{number}"), "crop")
        tower.place.commit(event(f"c{number}", severity="candidate"))
    tower.after(3600, 10)
    assert {f"e{number}.1" for number in range(20)} <= set(tower.got(channel="event"))
    assert len(tower.got(channel="event")) < 20 + 30
    assert len(tower.got(channel="image")) < 30
    before = len(tower.got())
    tower.commit(event("new"))
    tower.after(1)
    assert tower.got()[before] == "new.1"
    assert "said so" in tower.ways[0].link().notice
    assert len([line for line in caplog.messages if "said so" in line]) == 3  # event, image, health
    link.answer = lambda _: "delivered"
    tower.after(4 * RETRY_MAX_S, 10)
    assert tower.post.queue().unsent == 0
    assert tower.ways[0].link().notice == ""


def test_a_receiver_that_says_at_once_does_not_switch_the_pause_off(made):
    tower = made()
    tower.links["a"].answer = lambda _: ("failed", 0.0)
    tower.commit(event("e"))
    tower.after(600)
    assert len(tower.links["a"].got) < 30


def test_pictures_that_always_fail_hold_no_alert_up(made):
    tower = made()
    link = tower.links["a"]
    link.answer = lambda parcel: "forbidden" if parcel.channel == "image" else "delivered"
    for name in "abcd":
        tower.commit(event(name), "crop", "thumbnail")
    for number in range(40):
        tower.after(30)
        tower.place.commit(event("x", number + 1, "updated" if number else "opened"))
        tower.after(1)
        assert tower.got(channel="event")[-1] == f"x.{number + 1}"


def test_a_single_picture_that_always_fails_holds_no_other_up(made):
    tower = made()
    tower.links["a"].answer = lambda parcel: "forbidden" if parcel.key == "a.1.crop" else "delivered"
    tower.commit(event("a"), "crop")
    tower.after(40 * 60)
    tower.commit(event("b"), "crop")
    tower.after(2)
    assert tower.got(channel="image")[-1] == "b.1.crop"


def test_a_failure_is_no_reason_to_call_the_next_step(made):
    tower = made(Route("a"), Route("up", escalation=1))
    tower.links["a"].answer = lambda _: "failed"
    tower.commit(event("e"))
    tower.after(599)
    assert tower.got("up", "event") == []
    tower.after(2)
    assert tower.got("up", "event") == ["e.1"]


def test_a_receiver_may_say_when_to_come_again(made):
    tower = made()
    tower.links["a"].answer = lambda _: ("failed", 120.0)
    tower.commit(event("e"))
    tower.after(119)
    assert len(tower.got()) == 1
    tower.after(2)
    assert len(tower.got()) == 2


def test_what_is_refused_is_listed_and_said_and_not_tried_again(made, caplog):
    tower = made()
    tower.links["a"].answer = lambda parcel: "refused" if parcel.key == "e.1.crop" else "delivered"
    tower.commit(event("e"), "crop")
    tower.after(60)
    assert tower.got(channel="image") == ["e.1.crop"]
    assert tower.post.queue().words["refused"] == 1
    assert "sink 'a': e.1.crop is refused: said so" in caplog.text


def test_a_picture_that_is_shed_on_the_way_is_counted_as_that_and_told(made, caplog):
    tower = made()
    tower.links["a"].answer = lambda parcel: "shed" if parcel.key == "e.1.crop" else "delivered"
    tower.commit(event("e"), "crop", "thumbnail")
    tower.after(60)
    assert tower.got(channel="image") == ["e.1.thumbnail", "e.1.crop"]
    words = tower.post.queue().words
    assert (words["shed"], words.get("refused", 0), tower.post.queue().unsent) == (1, 0, 0)
    with tower.place._database.reading("look") as db:
        assert db.execute("SELECT key, word FROM lost").fetchall() == [("e.1.crop", "shed")]
    assert "sink 'a': e.1.crop is shed: said so" in caplog.text


def test_a_refused_heartbeat_holds_nothing_up(made):
    tower = made()
    tower.links["a"].answer = lambda parcel: "refused" if parcel.channel == "health" else "delivered"
    tower.commit(event("e", severity="candidate"))
    tower.after(5)
    assert tower.got() == ["health.7", "e.1"]


def test_what_is_larger_than_the_receiver_takes_is_not_sent(made, caplog):
    tower = made()
    tower.links["a"].largest = 150
    tower.commit(event("e"), "crop", jpeg=b"j" * 151)
    tower.commit(event("f"), "crop", jpeg=b"j" * 150)
    tower.after(5)
    assert tower.got(channel="image") == ["f.1.crop"]
    assert "151 bytes are more than the 150" in caplog.text


def test_a_sink_that_is_gone_is_left_alone_and_the_others_go_on(made):
    tower = made(Route("a"), Route("b"))
    tower.links["a"].answer = lambda _: "gone"
    tower.commit(event("e"))
    tower.commit(event("f"))
    tower.after(60)
    assert len(tower.got("a")) == 1
    assert tower.links["a"].closed
    assert tower.links["a"].hand is None
    assert tower.got("b", "event") == ["f.1", "e.1"]
    assert tower.post.queue().unsent == 0


def test_what_nobody_hears_goes_again_with_each_heartbeat_until_somebody_does(made):
    tower = made(Route("a"), Route("up", escalation=1))
    link = tower.links["a"]
    link.answer = lambda parcel: "unheard" if parcel.channel == "event" else "delivered"
    tower.after(0)
    tower.commit(event("e"))
    tower.commit(event("f"))
    tower.after(2)
    assert tower.got(channel="event") == ["f.1", "e.1"]
    assert tower.got("up", "event") == ["f.1", "e.1"]  # at once
    tower.after(BEAT_S)
    assert tower.got()[-3:] == ["health.8", "f.1", "e.1"]  # all of them, once
    tower.after(BEAT_S)
    assert tower.got(channel="event")[4:] == ["f.1", "e.1"]
    tower.restart()
    link = tower.links["a"]
    tower.after(2)
    assert tower.got() == ["health.7", "f.1", "e.1"]
    assert tower.post.queue().unheard == 0


def test_what_nobody_hears_goes_again_as_far_as_the_budget_reaches(made):
    tower = made(day_bytes=100_000, storm_alerts=999)
    link = tower.links["a"]
    link.cost = 1000
    link.answer = lambda parcel: "unheard" if parcel.channel == "event" else "delivered"
    for number in range(30):
        tower.commit(event(f"e{number}"))
    tower.after(1)
    assert len(tower.got(channel="event")) == 60  # with the first heartbeat again
    tower.after(BEAT_S)
    tower.after(BEAT_S)
    again = len(tower.got(channel="event")) - 60
    tower.after(BEAT_S / 2)
    assert len(tower.got(channel="event")) == 60 + again  # until the next heartbeat they had their turn
    assert 5 < again < 30  # a quarter of a day's bytes is left
    tower.commit(event("late"))
    tower.after(1)
    assert tower.got(channel="event")[60 + again :] == ["late.1"]


def test_whoever_hears_one_hears_the_rest_at_once(made):
    tower = made()
    tower.links["a"].answer = lambda parcel: "unheard" if parcel.channel == "event" else "delivered"
    tower.after(0)
    tower.commit(event("e"))
    tower.after(2)
    assert tower.got(channel="event") == ["e.1"]
    tower.links["a"].answer = lambda _: "delivered"
    tower.commit(event("f"))
    tower.after(2)
    assert tower.got(channel="event") == ["e.1", "f.1", "e.1"]


def test_an_alert_escalates_in_time_over_the_link(made, caplog):
    tower = made(Route("a"), Route("up", escalation=1))
    tower.commit(event("e"))
    tower.after(599)
    assert tower.got("up", "event") == []
    with caplog.at_level(logging.WARNING):
        tower.after(2)
    assert tower.got("up", "event") == ["e.1"]
    assert "event e: nobody acknowledged it: step 1" in caplog.text


def test_a_command_is_obeyed_and_answered_even_over_a_link_that_fails(made):
    tower = made()
    tower.after(0)
    tower.links["a"].commands.append(Command(b"ack", ("there", b"")))
    words = iter(["failed"])
    tower.links["a"].answer = lambda _: next(words, "delivered")
    tower.after(10)
    assert tower.obeyed == [("a", b"ack")]
    assert tower.got(channel="answer") == ["answer.1"] * 2
    assert tower.got(channel="image") == ["now.1"]


def test_a_message_of_which_no_parcel_can_be_made_waits_and_stops_nobody(made, caplog):
    tower = made()
    tower.writer.unfit.add("f.1")
    tower.commit(event("e"))
    tower.commit(event("f"))
    tower.after(60)
    assert tower.got(channel="event") == ["e.1"]
    assert caplog.text.count("f.1: no parcel can be made") == 1
    tower.writer.unfit.clear()
    tower.after(UNFIT_S)
    assert tower.got(channel="event") == ["e.1", "f.1"]


def test_the_budget_of_the_link_keeps_a_reserve_for_alerts_and_heartbeats(made):
    day_bytes = 100_000
    tower = made(day_bytes=day_bytes, storm_alerts=999)
    for number in range(30):
        tower.commit(event(f"e{number}"), "thumbnail", "crop", jpeg=b"j" * 5000)
        tower.commit(event(f"c{number}", severity="candidate"))
        tower.after(1)
    got = tower.got()
    assert {f"e{n}.1" for n in range(30)} <= set(got)
    assert "health.7" in got
    pictures = tower.got(channel="image")
    assert 0 < len([key for key in pictures if key.endswith("crop")]) < 10
    assert len([key for key in pictures if key.endswith("thumbnail")]) < 14
    assert tower.links["a"].sent_bytes < day_bytes
    tower.after(DAY_S * 4, 900)
    assert tower.post.queue().unsent == 0
    assert tower.links["a"].sent_bytes < 5 * day_bytes


def test_a_day_makes_up_for_any_debt():
    budget = Budget(10_000_000, 0)
    budget.spend(1e9, 0)
    assert budget.left_bytes == -10_000_000
    budget.spend(0, round(2 * DAY_S * 1e9))
    assert budget.left_bytes == 10_000_000


def test_what_is_left_of_the_budget_outlives_the_process(made):
    tower = made(day_bytes=100_000)
    tower.commit(event("e"), "crop", jpeg=b"j" * 40_000)
    tower.after(1)
    tower.restart(orderly=True)
    tower.after(1)
    left = tower.ways[0].budget.left_bytes
    assert 40_000 < left < 61_000
    tower.commit(event("f"), "crop", jpeg=b"j" * 15_000)
    tower.after(1)
    assert tower.got(channel="image") == []


@pytest.mark.parametrize("damaged", ["'{\"bytes\": 1}'", "CAST(CAST(value AS BLOB) || x'e9' AS TEXT)"])
def test_a_balance_that_cannot_be_read_is_as_none(made, caplog, damaged):
    tower = made(day_bytes=100_000)
    tower.commit(event("e"), "crop", jpeg=b"j" * 40_000)
    tower.after(1)
    tower.courier.close()
    changed = tower.place._database._db.execute(f"UPDATE fact SET value = {damaged} WHERE name = 'balance a'")
    assert changed.rowcount == 1
    tower.restart()
    tower.commit(event("f"))
    tower.after(1)
    assert "f.1" in tower.got()
    assert tower.ways[0].budget.left_bytes > 95_000
    assert "'balance a' cannot be read" in caplog.text
    tower.restart(orderly=True)
    tower.after(1)
    assert caplog.text.count("cannot be read") == 1


def test_the_budget_fills_where_nothing_goes_over_the_link_either(made):
    tower = made(day_bytes=100_000, channels=frozenset({"event", "image"}))  # a webhook has no heartbeats
    tower.commit(event("a"))
    tower.ways[0].budget.spend(150_000, tower.clock.now_ns)
    tower.commit(event("b", severity="candidate"), "thumbnail", jpeg=b"j" * 5000)
    tower.after(60)
    assert "b.1" not in [parcel.key for parcel, _ in tower.links["a"].got]
    tower.after(DAY_S, step_s=600)
    assert {"b.1", "b.1.thumbnail"} <= {parcel.key for parcel, _ in tower.links["a"].got}


def test_a_restart_without_the_store_begins_with_a_whole_budget_and_resumes_when_it_opens():
    budget = Budget(1000, 0)
    budget.spend(100, 0)
    budget.resume(Balance("b1", 0, 300.0), "b1", round(DAY_S * 1e9) // 10)
    assert budget.left_bytes == pytest.approx(300)  # a tenth of a day fills what was spent meanwhile
    budget = Budget(1000, 0)
    budget.resume(Balance("b0", 0, 50.0), "b1", round(DAY_S * 1e9) // 2)
    assert budget.left_bytes == 50  # of the time in another boot nothing is known
    before = budget.left_bytes
    budget.spend(10, 0)
    assert budget.left_bytes == before - 10  # a clock that goes back takes nothing away
    assert Budget(None, 0).left_bytes is None


def test_the_text_of_an_alert_goes_whatever_is_left_and_only_the_first_time():
    budget = Budget(1000, 0)
    budget.spend(5000, 0)
    line = Line(key="e.1", kind="opened", role="", alert=True, bytes=300, unheard=False)
    assert budget.admits(line)
    for less in ({"unheard": True}, {"alert": False}, {"kind": "picture", "role": "thumbnail"}):
        assert not budget.admits(replace(line, **less))


@given(st.lists(st.tuples(st.integers(0, 10**15), st.integers(0, 10**6)), max_size=30))
@settings(max_examples=50, deadline=None)
def test_a_budget_never_holds_more_than_a_day(spent):
    budget, now_ns = Budget(50_000, 0), 0
    for after_ns, size in spent:
        now_ns += after_ns
        budget.spend(size, now_ns)
        assert budget.left_bytes <= 50_000


def test_days_without_a_link_lose_nothing_but_what_coalesced(made):
    tower = made(storm_alerts=999)
    tower.links["a"].up = False
    committed = set()
    for day in range(6):
        name = f"e{day}"
        tower.commit(event(name), "thumbnail", "crop")
        tower.commit(event(name, 2, "updated"))
        tower.commit(event(name, 3, "updated"), "crop")
        tower.after(DAY_S / 2, 3600)
        tower.commit(event(name, 4, "closed"))
        tower.after(DAY_S / 2, 3600)
        committed |= {f"{name}.{key}" for key in ("1", "1.thumbnail", "1.crop", "2", "3", "3.crop", "4")}
        tower.restart()
        tower.links["a"].up = False
    tower.links["a"].up = True
    tower.after(10)
    got = [key for key in tower.got() if key.startswith("e")]
    assert got[:3] == ["e5.1", "e5.3", "e5.4"]
    assert len(got) == len(set(got))
    with tower.place._database.reading("look") as db:
        lost = {key for (key,) in db.execute("SELECT key FROM lost")}
    assert lost == {f"e{day}.2" for day in range(6)} == committed - set(got)


def test_an_outcome_of_what_is_not_in_hand_settles_nothing(made):
    tower = made()
    tower.links["a"].answer = lambda _: None
    tower.commit(event("e"))
    tower.after(1)
    (way,) = tower.ways
    assert way.settle(Outcome("other.1", "delivered"), tower.clock.now_ns) is None
    assert way.hand.key == "e.1"
    tower.links["a"].answer = lambda _: "delivered"
    tower.after(1)
    assert tower.post.queue().unsent == 0


def test_it_says_when_it_wants_to_be_called_and_lets_go_of_the_links(made):
    tower = made()
    now_ns = tower.clock.now_ns
    assert now_ns < tower.courier.wake_ns(now_ns) <= now_ns + SECOND
    assert tower.courier.filenos() == []
    tower.courier.close()
    assert tower.links["a"].closed


def fail(*_):
    raise KeyError("a bug")


def until(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_the_trouble_of_one_way_is_its_own_and_is_said_within_limits(made, caplog):
    tower = made(Route("a"), Route("b"))
    tower.links["a"].step = fail
    tower.commit(event("e"))
    tower.after(LOG_S - 1)
    assert "e.1" in tower.got("b")
    assert tower.courier.trouble == "sink 'a': KeyError('a bug')"
    assert caplog.text.count("an error that nobody foresaw") == 1
    tower.after(2)
    assert caplog.text.count("an error that nobody foresaw") == 2
    del tower.links["a"].step
    tower.after(2)
    assert tower.got("a", "event") == ["e.1"]
    assert tower.courier.trouble is None


def test_the_trouble_of_the_outbox_keeps_nothing_back_that_waits(made):
    tower = made()
    tower.writer.states = fail
    tower.commit(event("e"))
    tower.after(3)
    assert "e.1" in tower.got()
    assert tower.courier.trouble == "the outbox: KeyError('a bug')"
    del tower.writer.states
    tower.after(2)
    assert tower.courier.trouble is None


def test_a_command_that_ends_in_a_bug_costs_no_outcome_that_came_with_it(made, caplog):
    tower = made()
    tower.courier._obey = fail
    tower.commit(event("e"))
    tower.links["a"].answer = lambda _parcel: None
    tower.after(1)
    tower.links["a"].answer = lambda _parcel: "delivered"
    tower.links["a"].commands.append(Command(b"do", None))
    tower.after(2)
    assert tower.got(channel="event") == ["e.1"]
    assert tower.post.queue().unsent == 0
    assert "sink 'a': what came of it is not noted" in caplog.text


def test_an_outcome_that_cannot_be_noted_is_no_reason_to_send_again_at_once(made):
    tower = made()
    tower.courier._post = Mute(tower.post)
    tower.commit(event("e"))
    tower.after(UNFIT_S - 10)
    assert tower.got(channel="event") == ["e.1"]
    tower.courier._post = tower.post
    tower.after(20)
    assert tower.got(channel="event") == ["e.1", "e.1"]
    assert tower.post.queue().unsent == 0


class Mute:
    """A post that notes nothing."""

    settle = fail

    def __init__(self, post):
        self._post = post

    def __getattr__(self, name):
        return getattr(self._post, name)


def test_the_loop_goes_on_after_an_error_that_nobody_foresaw(made):
    tower = made()
    tower.links["a"].wake_ns = fail
    beats, stopping = [], threading.Event()
    loop = threading.Thread(target=tower.courier.run, args=(SystemClock(), stopping, beats.append))
    loop.start()
    until(lambda: tower.courier.trouble is not None)
    seen = len(beats)
    until(lambda: len(beats) > seen + 1)
    assert tower.courier.trouble == "the courier: KeyError('a bug')"
    del tower.links["a"].wake_ns
    until(lambda: tower.courier.trouble is None)
    stopping.set()
    tower.courier.nudge()
    loop.join(60)
    assert not loop.is_alive()
