import threading

import pytest

from edge.alert.event import Stamp
from edge.alert.place import Place
from edge.alert.post import Clerk, Post, merge
from edge.alert.recorder import TELL_S, Recorder
from edge.alert.route import Queue, Review, Route, Rules
from edge.errors import DiskError, StoreError
from tests.alert.event import event
from tests.alert.owing import SECOND, Clock, anything, note, photo

HANG_S = 60


class Inline:
    """A clerk without a thread."""

    def call(self, call):
        return call()


class Tower:
    """A place, its post, and a recorder between them."""

    def __init__(self, path, *routes, **rules):
        self.clock = Clock()
        self.post = Post(Rules(routes or (Route("a"),), boot="b1", **rules), self.clock, Inline())
        self.path = path
        self.place = Place(lambda: self.path, post=self.post)
        self.said = []
        self.recorder = Recorder(
            self.place, self.said.append, self.clock, record=lambda *_: None, beat=lambda _: None
        )

    def offer(self, one, *roles):
        self.recorder.offer(one, [photo(role) for role in roles])
        self.recorder.step(self.clock.now_ns)

    def after(self, seconds):
        self.clock.now_ns += round(seconds * SECOND)
        while self.recorder.step(self.clock.now_ns):
            pass
        return self.post.tick()

    def send(self, sink="a", word="delivered", **more):
        message = self.post.take(sink, anything, **more)
        if message is not None:
            self.post.settle(message, word)
        return message

    def drain(self, sink="a"):
        return [(m.key, m.stored) for m in iter(lambda: self.send(sink), None)]


@pytest.fixture
def tower(tmp_path):
    tower = Tower(tmp_path / "none" / "e.db")
    yield tower
    tower.place.close()


def open_disk(tower):
    tower.path.parent.mkdir()
    tower.after(1)


def test_while_the_store_is_in_memory_alerts_go_out_all_the_same_marked_and_in_order(tower):
    tower.offer(event("old"), "crop")
    tower.offer(event("e", severity="candidate"))
    tower.offer(event("new"))
    tower.after(TELL_S - 1)
    assert tower.drain() == []
    tower.after(1)
    assert tower.drain() == [("new.1", False), ("old.1", False), ("old.1.crop", False), ("e.1", False)]


def test_what_was_sent_from_memory_is_not_sent_from_the_disk(tower):
    tower.offer(event("e"), "crop")
    tower.offer(event("e", 2, "updated"))
    tower.after(TELL_S)
    assert tower.send().key == "e.1"
    assert tower.send(word="unheard").key == "e.2"
    open_disk(tower)
    assert tower.drain() == [("e.1.crop", True)]
    again = tower.send(unheard=True)
    assert (again.key, again.unheard, again.stored) == ("e.2", True, True)
    words = tower.post.queue().words
    assert (words["committed"], words["delivered"]) == (3, 3)
    assert not tower.post.in_memory


def test_what_came_of_it_while_the_disk_took_it_over_is_noted_in_both(tower):
    tower.offer(event("e"))
    tower.after(TELL_S)
    message = tower.post.take("a", anything)
    open_disk(tower)
    tower.post.settle(message, "delivered")
    assert tower.drain() == []
    assert tower.post.queue().words == {"committed": 1, "delivered": 1}


def test_what_was_handed_over_from_memory_is_not_coalesced_on_disk(tower):
    tower.offer(event("e"))
    tower.offer(event("e", 2, "updated"))
    tower.after(TELL_S)
    assert tower.send().key == "e.1"
    assert tower.post.take("a", anything).key == "e.2"  # and nobody knows whether it arrived
    open_disk(tower)
    tower.offer(event("e", 3, "updated"))
    tower.after(1)
    assert tower.drain() == [("e.2", True), ("e.3", True)]


def test_what_is_lost_in_memory_is_listed_on_disk(tower):
    tower.offer(event("e"))
    tower.offer(event("e", 2, "updated"))
    tower.offer(event("e", 3, "updated"))
    tower.after(TELL_S)
    tower.send(word="refused")
    open_disk(tower)
    assert tower.drain() == [("e.3", True)]
    with tower.place._database.reading("look") as db:
        assert db.execute("SELECT key, word, sent FROM lost ORDER BY seq").fetchall() == [
            ("e.1", "refused", 1), ("e.2", "coalesced", 0),
        ]  # fmt: skip


def test_what_people_said_and_escalation_go_over_to_the_disk_and_from_it(tmp_path):
    tower = Tower(
        tmp_path / "none" / "e.db", Route("a"), Route("first", escalation=1), Route("second", escalation=2)
    )
    said = Review(id="3f2a9c01", word="acknowledged", by="kim", at=Stamp(model_s=1.0))
    for name in "ef":
        tower.offer(event(name))
    tower.after(TELL_S)
    tower.after(600)
    assert tower.drain("first") == [("f.1", False), ("e.1", False)]
    assert tower.post.review("e", said)
    open_disk(tower)
    tower.after(598)
    assert tower.drain("first") == []
    assert tower.drain("second") == []
    tower.after(2)
    assert tower.drain("second") == [("f.1", True)]
    assert tower.post.review("f", said)
    commit = tower.place.commit

    def full(*_):
        raise DiskError("the disk is full")

    tower.place.commit = full
    tower.offer(event("f", 2, "updated"))
    tower.after(0)
    tower.after(TELL_S)
    tower.after(700)
    # what a person said is known there: nobody is called again
    assert tower.drain("first") == [("f.2", False), ("f.1.acknowledged.3f2a9c01", True)]
    tower.place.commit = commit
    tower.after(1)
    assert tower.drain("second") == [("f.1.acknowledged.3f2a9c01", True), ("f.2", True)]
    tower.place.close()


def test_the_bound_holds_in_memory_too(tmp_path):
    tower = Tower(tmp_path / "none" / "e.db", queue_bytes=30_000, storm_alerts=999)
    for number in range(25):
        tower.post.keep(event(f"e{number}"), [photo("crop", b"j" * 5000)])
        assert tower.post._twin.queue().bytes <= 30_000
        assert tower.post.queue() is None  # what the disk has is not known
    assert [key for key, _ in tower.drain() if key.endswith(".1")] == [f"e{n}.1" for n in range(24, -1, -1)]


def test_a_message_about_the_tower_goes_out_without_the_disk(tower):
    tower.post.note(note("store", "in memory"))
    assert tower.send().note.subject == "store"
    open_disk(tower)
    tower.post.note(note("store", "ok"))
    assert tower.send().stored


def test_a_full_frame_is_asked_for_on_disk_or_in_memory(tower):
    tower.offer(event("e"), "full")
    tower.after(TELL_S)
    assert tower.drain() == [("e.1", False)]
    assert tower.post.request("e", "a")
    assert tower.drain() == [("e.1.full", False)]
    open_disk(tower)
    assert tower.post.request("e", "a")
    assert tower.drain() == [("e.1.full", True)]
    assert not tower.post.request("f", "a")


def test_a_fact_is_kept_for_the_next_process(tower):
    assert tower.post.recall("balance") is None
    open_disk(tower)
    assert tower.post.recall("balance") == ""
    tower.post.remember("balance", "12")
    assert tower.post.recall("balance") == "12"


def test_a_sink_that_is_gone_is_gone_in_memory_too(tower):
    open_disk(tower)
    tower.post.leave("a", "410")
    tower.post.keep(event("e"))
    assert tower.drain() == []


def test_a_disk_that_hangs_is_waited_for_once_and_what_is_in_memory_goes_out(tmp_path, caplog):
    over, clock = threading.Event(), Clock()
    clerk = Clerk(wait_s=0.05)
    post = Post(Rules((Route("a"),), boot="b1"), clock, clerk)
    with Place(lambda: tmp_path / "e.db", post=post) as place:
        list(place.open(()))
        place.commit(event("stored"))
        thread = threading.Thread(target=clerk._asked.put, args=(Hanging(over),))
        thread.start()
        thread.join(HANG_S)
        post.keep(event("e"))
        first = post.take("a", anything)
        assert (first.key, first.stored) == ("e.1", False)
        post.settle(first, "delivered")
        assert post.queue() is None
        assert caplog.text.count("takes longer") == 1
        over.set()
        for _ in range(HANG_S * 20):
            message = post.take("a", anything)
            if message is not None:
                break
            over.wait(0.05)
        assert (message.key, message.stored) == ("stored.1", True)


class Hanging:
    def __init__(self, over):
        self._over = over

    def work(self):
        self._over.wait(HANG_S)


def test_an_error_of_the_disk_is_raised_where_it_was_asked_for():
    def fail():
        raise StoreError("no space left")

    clerk = Clerk(wait_s=HANG_S)
    with pytest.raises(StoreError, match="no space left"):
        clerk.call(fail)
    assert clerk.call(lambda: 3) == 3


@pytest.mark.parametrize(
    ("disk", "twin", "oldest_s"),
    [((0, None), (1, 3.0), 3.0), ((1, None), (1, 3.0), None), ((1, 7.0), (1, 3.0), 7.0), ((0, None), (0, None), None)],
)  # fmt: skip
def test_two_outboxes_know_their_oldest_only_if_each_knows_its_own(disk, twin, oldest_s):
    queues = [
        Queue(unsent=n, oldest_s=s, unheard=0, candidates=n, candidate_s=s, bytes=0, words={})
        for n, s in (disk, twin)
    ]
    assert (merge(queues).oldest_s, merge(queues).candidate_s) == (oldest_s, oldest_s)
