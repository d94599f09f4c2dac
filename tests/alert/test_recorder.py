import math
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.alert import recorder as module
from edge.alert.database import Database
from edge.alert.event import Stamp
from edge.alert.evidence import CROP, THUMBNAIL, picture
from edge.alert.place import Place
from edge.alert.recorder import MAX_FURTHER, RETRY_S, SLOW_S, TELL_S, Recorder
from edge.alert.store import Store
from edge.alert.waiting import MAX_JPEG_BYTES, MAX_REVISIONS, Revision, Waiting
from edge.clock import SystemClock
from edge.errors import DiskError, StoreError
from tests.alert.event import event

ROOT = Path(__file__).parents[2]
STAMP = Stamp(model_s=1.5)
PICTURES = (
    picture(THUMBNAIL, b"\xff\xd8small", (9, 9), STAMP),
    picture(CROP, b"\xff\xd8crop", (9, 9), STAMP),
)
SECOND = 1_000_000_000


class FakeClock:
    now_ns = 5 * SECOND

    def mono_ns(self):
        return self.now_ns

    def wall_ns(self):
        return 0

    def wait(self, signal: threading.Event, timeout_s: float):
        raise AssertionError


class FakeStore:
    """Keeps what it is given, unless it is told to refuse an event."""

    def __init__(self):
        self.refused = set()
        self.full = False
        self.kept = []
        self.before = lambda: None
        self.shut = None
        self.orphans = []
        self.asked = []
        self.in_memory = []
        self.added = []

    def open(self, mine):
        if self.shut is not None:
            raise StoreError(self.shut)
        self.asked.append(set(mine))
        while self.orphans:
            yield self.orphans.pop(0)

    def keep(self, one, images=()):
        self.in_memory.append((one.id, one.revision))

    def commit(self, one, evidence=None, images=()):
        self.before()
        if self.full:
            raise DiskError("the disk is full")
        if one.id in self.refused:
            raise OSError(f"no room for {one.id}")
        if (one.id, one.revision) in self.revisions():
            return False
        self.kept.append((one, evidence))
        return True

    def add(self, one, images):
        if self.full or one.id in self.refused:
            raise DiskError("no room for pictures")
        assert (one.id, one.revision) in self.revisions()
        self.added.append((one.id, images[0].role))

    def revisions(self):
        return [(one.id, one.revision) for one, _ in self.kept]


class Tower:
    """A recorder whose every part is a fake; time passes by `after`."""

    def __init__(self, **limits):
        self.clock, self.store, self.said, self.beats, self.stages = FakeClock(), FakeStore(), [], [], []
        self.recorder = Recorder(
            self.store,
            self.said.append,
            self.clock,
            record=lambda stage, ns: self.stages.append((stage, ns)),
            beat=self.beats.append,
            waiting=Waiting(**limits),
        )

    def offer(self, *one, **more):
        offered = event(*one, **more)
        self.recorder.offer(offered, () if offered.phase == "closed" else PICTURES)

    def step(self):
        return self.recorder.step(self.clock.now_ns)

    def after(self, seconds):
        self.clock.now_ns += round(seconds * SECOND)
        while self.step():
            pass

    def trouble(self):
        return self.recorder.trouble(self.clock.now_ns)

    @property
    def told(self):
        return [one.event for one in self.said]

    @property
    def names(self):
        return [(one.id, one.revision) for one in self.told]

    @property
    def unstored(self):
        return [(one.event.id, one.event.revision) for one in self.said if not one.stored]


@pytest.fixture
def tower():
    return Tower()


def test_a_drill_is_stored_and_told_and_counts_nowhere(tower):
    before = tower.recorder.recorded
    for _ in range(2):
        tower.offer("drill.a")
        assert tower.step()
    tower.store.refused.add("drill.b")
    tower.offer("drill.b")
    assert tower.step()
    tower.after(TELL_S)
    assert [(one.id, evidence) for one, evidence in tower.store.kept] == [("drill.a", None)]
    assert [one.id for one in tower.told] == ["drill.a", "drill.b"]
    counted = {"unsaved": 1, "repeated": 1}
    assert tower.recorder.recorded == msgspec.structs.replace(before, **counted)


def test_a_revision_is_on_disk_before_it_is_announced_and_only_once(tower):
    tower.store.before = lambda: tower.beats.append(list(tower.told))
    tower.offer("a")
    tower.clock.now_ns += SECOND // 4
    assert tower.step()
    assert tower.beats == [math.inf, [], 0.0]  # it may be silent while the disk works
    assert tower.told == [event("a")]
    assert not tower.step()
    ((kept, jpeg),) = tower.store.kept
    assert kept == event("a")
    assert jpeg.startswith(b"\xff\xd8")
    assert tower.stages == [("event", SECOND // 4)]
    recorded = tower.recorder.recorded
    assert (recorded.opened, recorded.updated, recorded.closed, recorded.unsaved) == (1, 0, 0, 0)
    assert tower.recorder.good


def test_a_revision_with_nothing_to_see_has_no_picture(tower, caplog):
    tower.offer("a")
    tower.recorder.offer(event("a", 2, "updated"))
    tower.after(0)
    assert [jpeg is None for _, jpeg in tower.store.kept] == [False, True]
    assert not caplog.records


def test_of_its_pictures_the_crop_is_stored_with_a_revision(tower):
    tower.offer("a")
    tower.offer("b", 2, "closed")
    tower.recorder.offer(event("c"), PICTURES[:1])
    tower.after(0)
    assert tower.store.kept == [
        (event("a"), b"\xff\xd8crop"),
        (event("b", 2, "closed"), None),
        (event("c"), None),
    ]


def test_later_pictures_follow_their_revision_to_the_disk_and_are_tried_again(tower, caplog):
    tower.store.refused = {"a"}
    tower.offer("a")
    tower.recorder.attach(event("a"), PICTURES[:1])
    tower.offer("b")
    tower.recorder.attach(event("b"), PICTURES[1:])
    tower.after(0)
    assert tower.store.added == [("b", CROP)]
    tower.store.refused = set()
    tower.after(RETRY_S)
    assert tower.store.added == [("b", CROP), ("a", THUMBNAIL)]
    tower.store.refused = {"a"}
    tower.recorder.attach(event("a"), PICTURES)
    for _ in range(3):
        tower.after(RETRY_S)
    assert caplog.text.count("its later pictures are not on disk: no room for pictures") == 1
    tower.store.refused = set()
    tower.after(RETRY_S)
    assert tower.store.added[2:] == [("a", THUMBNAIL)]
    assert tower.recorder.good
    assert tower.recorder.recorded.repeated == 0


def test_later_pictures_are_bounded_and_those_that_are_lost_are_counted(tower):
    tower.store.shut = "it is away"
    for _ in range(MAX_FURTHER + 3):
        tower.recorder.attach(event("a"), PICTURES[:1])
    tower.after(0)
    assert tower.recorder.recorded.dropped["picture"] == 3
    tower.recorder.stop(0)
    assert tower.recorder.recorded.dropped["picture"] == MAX_FURTHER + 3


def test_what_the_disk_refuses_is_tried_again_in_order_and_is_said_meanwhile(tower, caplog):
    tower.store.refused = {"a"}
    tower.offer("a")
    tower.offer("a", 2, "updated")
    tower.offer("a", 3, "closed")
    assert tower.step()
    assert not tower.step()
    assert tower.trouble() == "store: 1 events are not on disk: no room for a"
    assert tower.recorder.recorded.unsaved == 1
    assert not tower.recorder.good
    for _ in range(4):
        tower.after(RETRY_S)
    assert caplog.text.count("not on disk") == 1
    assert tower.told == tower.stages == []
    tower.store.refused = set()
    tower.after(RETRY_S - 0.001)
    assert tower.told == []
    tower.after(0.001)
    assert tower.store.revisions() == tower.names == [("a", 1), ("a", 2), ("a", 3)]
    assert [jpeg is not None for _, jpeg in tower.store.kept] == [True, True, False]
    assert tower.trouble() is None
    assert tower.recorder.good


def test_an_event_that_is_refused_holds_up_no_other(tower):
    tower.store.refused = {"a"}
    tower.offer("a")
    tower.offer("b")
    tower.offer("a", 2, "updated")
    tower.offer("b", 2, "closed")
    tower.after(0)
    assert tower.names == [("b", 1), ("b", 2)]
    assert tower.recorder.recorded.unsaved == 1


def test_a_disk_that_fails_slowly_still_gives_every_event_its_try(tower):
    tried = []

    def slow():
        tower.clock.now_ns += 3 * SECOND

    commit = tower.store.commit
    tower.store.commit = lambda one, *more: tried.append(one.id) or commit(one, *more)
    tower.store.before, tower.store.refused = slow, set("abcd")
    for name in "abcd":
        tower.offer(name)
    for _ in range(12):
        tower.step()
    assert tried == list("abcd" * 3)


def test_a_clock_that_goes_back_keeps_nothing_waiting(tower):
    tower.store.refused = {"a"}
    tower.offer("a")
    tower.step()
    tower.store.refused = set()
    tower.after(-3600)
    assert tower.names == [("a", 1)]


def test_a_commit_that_takes_long_is_a_matter_of_health(tower):
    seen = []

    def slow():
        for seconds in (SLOW_S, 1.0):
            tower.clock.now_ns += round(seconds * SECOND)
            seen.append(tower.trouble())

    tower.store.before = slow
    tower.offer("a")
    assert tower.trouble() is None
    tower.step()
    assert seen == [None, "store: 1 events are not on disk: waiting for 31 s (limit 30 s)"]
    assert tower.trouble() is None


def test_an_announcement_that_fails_is_not_repeated(tower, caplog):
    def broken(_event):
        raise BrokenPipeError

    tower.recorder._announce = broken
    tower.offer("a")
    tower.after(0)
    tower.after(RETRY_S)
    assert tower.store.revisions() == [("a", 1)]
    assert "event a, revision 1: not announced" in caplog.text
    assert tower.recorder.recorded.opened == 1
    assert tower.recorder.good


def test_what_gives_way_while_it_is_refused_leaves_its_picture_to_the_closing():
    tower = Tower(max_revisions=2)
    tower.store.refused = {"a"}
    tower.offer("a", 2, "updated")
    tower.step()
    tower.offer("a", 3, "closed")
    assert tower.said == []
    tower.offer("b")
    assert tower.unstored == [("a", 2)]  # it will never be on disk
    tower.store.refused = set()
    tower.after(RETRY_S)
    assert tower.store.revisions() == [("a", 3), ("b", 1)]
    assert tower.names == [("a", 2), ("a", 3), ("b", 1)]
    assert tower.store.kept[0][1] is not None
    assert tower.recorder.recorded.dropped == {"picture": 0, "updated": 1, "opened": 0, "closed": 0}
    assert tower.recorder.good


def test_a_lost_opening_is_announced_and_not_good():
    tower = Tower(max_revisions=1)
    tower.offer("a")
    tower.offer("b")
    tower.after(0)
    assert tower.store.revisions() == [("b", 1)]
    assert tower.names == [("a", 1), ("b", 1)]
    assert tower.unstored == [("a", 1)]
    assert tower.recorder.recorded.dropped["opened"] == 1
    assert not tower.recorder.good


def test_what_comes_while_the_disk_works_neither_replaces_nor_overtakes_it():
    tower = Tower(max_revisions=2)

    def busy():
        tower.store.before = lambda: None
        for revision in range(2, 6):
            tower.offer("a", revision, "updated")

    tower.store.before = busy
    tower.offer("a", 1, "updated")
    tower.after(0)
    assert tower.store.revisions() == [("a", 1), ("a", 5)]
    assert tower.names == [("a", revision) for revision in range(1, 6)]
    assert tower.unstored == [
        ("a", revision) for revision in range(1, 5)
    ]  # the first before those that were shed


def test_what_the_disk_refuses_is_announced_once_without_it(tower):
    tower.store.refused = {"a"}
    tower.offer("a")
    tower.step()
    tower.after(TELL_S - 0.001)
    assert tower.said == []
    tower.offer("a", 2, "closed")
    tower.after(0.001)
    assert tower.unstored == tower.names == [("a", 1)]
    tower.after(TELL_S)
    assert tower.unstored == tower.names == [("a", 1), ("a", 2)]
    tower.store.refused = set()
    tower.after(RETRY_S)
    assert tower.store.revisions() == [("a", 1), ("a", 2)]
    assert tower.names == [("a", 1), ("a", 2)]  # nothing again
    recorded = tower.recorder.recorded
    assert (recorded.unstored, recorded.opened, recorded.closed, recorded.unsaved) == (2, 1, 1, 0)
    assert tower.recorder.good


def test_what_a_hanging_disk_delays_is_announced_by_whoever_asks(tower):
    said = []

    def hang():
        for seconds in (SLOW_S - 0.001, 0.001):
            tower.clock.now_ns += round(seconds * SECOND)
            tower.recorder.tell_overdue(tower.clock.now_ns)
            said.append(tower.unstored)

    tower.store.before = hang
    tower.offer("a")
    tower.step()
    assert said == [[], [("a", 1)]]
    assert tower.names == tower.store.revisions() == [("a", 1)]


def test_a_store_that_cannot_be_opened_is_said_at_once_and_tried_again(tower, caplog):
    tower.store.shut = "event store 'e': there is no folder"
    assert not tower.step()
    assert tower.trouble() == "store: event store 'e': there is no folder"
    assert not tower.recorder.good
    for name in "abc":
        tower.offer(name)
        tower.offer(name, 2, "closed")
    tower.after(0)
    assert tower.trouble() == "store: 3 events are not on disk: event store 'e': there is no folder"
    for _ in range(round(TELL_S / RETRY_S)):
        tower.after(RETRY_S)
    everything = [(name, revision) for name in "abc" for revision in (1, 2)]
    assert tower.unstored == everything
    assert caplog.text.count("there is no folder") == 1
    tower.store.shut = "event store 'e': free some space"
    tower.after(RETRY_S)
    assert caplog.text.count("free some space") == 1
    tower.store.shut = None
    tower.after(RETRY_S - 0.001)
    assert tower.store.revisions() == []
    tower.after(0.001)
    assert tower.store.revisions() == tower.names == everything
    assert tower.trouble() is None
    assert tower.recorder.good


def test_all_that_waited_goes_to_disk_in_the_order_in_which_it_came(tower):
    order = [("a", 1), ("b", 1), ("a", 2), ("c", 1), ("b", 2), ("c", 2)]
    tower.store.refused = set("abc")
    for name, revision in order:
        tower.offer(name, revision, "opened" if revision == 1 else "updated")
        tower.after(0.6)  # the heads are refused again and again, those behind them never
    tower.store.refused = set()
    tower.after(RETRY_S)
    assert tower.store.revisions() == order


def test_a_disk_that_takes_again_between_two_tries_changes_no_order(tower):
    tower.store.full = True
    for name in "abc":
        tower.offer(name)
    assert tower.step()
    tower.store.full = False
    assert not tower.step()  # what came later waits for what came before
    assert tower.trouble() == "store: 3 events are not on disk: the disk is full"
    tower.after(RETRY_S)
    assert tower.store.revisions() == [("a", 1), ("b", 1), ("c", 1)]
    assert tower.trouble() is None


def test_what_waits_behind_a_full_disk_is_announced_as_soon_as_what_it_refused(tower):
    tower.store.full = True
    for name in "abc":
        tower.offer(name)
    tower.after(TELL_S)
    assert tower.unstored == [("a", 1), ("b", 1), ("c", 1)]


def test_what_an_earlier_process_left_open_is_announced_first_and_its_own_is_not_closed(tower):
    tower.store.orphans = [event("old", 2, "closed")]
    tower.offer("a")
    tower.after(0)
    assert tower.names == [("old", 2), ("a", 1)]
    assert tower.unstored == []
    assert tower.store.asked[0] == {"a"}
    tower.after(RETRY_S)
    assert tower.store.asked[-1] == {"a"}  # on disk, and still open
    tower.store.refused = {"a"}
    tower.offer("a", 2, "closed")
    tower.after(RETRY_S)
    assert tower.store.asked[-1] == {"a"}  # its own closing is on the way
    tower.store.refused = set()
    tower.after(RETRY_S)
    tower.after(RETRY_S)
    assert tower.store.asked[-1] == set()


def test_what_the_store_has_is_a_repeat_and_the_first_stands(tower):
    tower.store.kept = [(event("a"), b"first")]
    tower.offer("a")
    tower.offer("a", 2, "closed")
    tower.after(0)
    assert tower.store.kept == [(event("a"), b"first"), (event("a", 2, "closed"), None)]
    assert tower.names == [("a", 2)]
    recorded = tower.recorder.recorded
    assert (recorded.repeated, recorded.opened, recorded.closed) == (1, 0, 1)
    assert tower.stages == [("event", 0)]
    assert tower.recorder.good


def test_a_commit_that_failed_and_is_on_disk_all_the_same_is_no_repeat(tower):
    tower.store.refused = {"a"}
    tower.offer("a")
    tower.step()
    tower.store.refused = set()
    tower.store.kept = [(event("a"), None)]
    tower.after(RETRY_S)
    assert tower.names == [("a", 1)]
    assert tower.unstored == []
    assert tower.recorder.recorded.repeated == 0


def test_a_flood_stays_within_the_bounds(tower):
    for number in range(2000):
        tower.recorder._waiting.add(Revision(event(f"e{number}"), b"j" * 1_000_000, 0))
    assert len(tower.recorder._waiting) == MAX_REVISIONS
    assert tower.recorder._waiting.jpeg_bytes == MAX_JPEG_BYTES
    tower.after(0)
    assert tower.names == [(f"e{number}", 1) for number in range(2000 - MAX_REVISIONS, 2000)]


class Flood(RuleBasedStateMachine):
    """Events open, grow and close while a disk takes what it likes; the bounds are small."""

    def __init__(self):
        super().__init__()
        self.tower = Tower(max_revisions=6, max_jpeg_bytes=500)
        self.waiting = self.tower.recorder._waiting
        self.last, self.offered, self.number = {}, [], 0

    def put(self, one, size):
        before = {(r.event.id, r.event.revision): r.event.phase for r in self.waiting}
        lost = dict(self.waiting.dropped)
        jpeg = None if one.phase == "closed" else b"j" * size
        self.tower.recorder._add(Revision(one, jpeg, self.tower.clock.now_ns))
        self.offered.append((one.id, one.revision))
        gone = {key: self.waiting.dropped[key] - lost[key] for key in lost}
        if gone["closed"]:
            assert "updated" not in {*before.values(), one.phase}
        if gone["opened"]:  # openings go last
            assert {*before.values(), one.phase} == {"opened"}
        if len(before) < 6:
            assert gone["opened"] + gone["updated"] + gone["closed"] == 0

    @rule(size=st.integers(1, 700))
    def opens(self, size):
        self.number += 1
        self.last[f"e{self.number}"] = 1
        self.put(event(f"e{self.number}"), size)

    @precondition(lambda self: self.last)
    @rule(data=st.data(), size=st.integers(1, 700), closing=st.booleans())
    def goes_on(self, data, size, closing):
        name = data.draw(st.sampled_from(sorted(self.last)))
        revision = self.last[name] = self.last[name] + 1
        self.put(event(name, revision, "closed" if closing else "updated"), size)
        if closing:
            del self.last[name]

    @rule(seconds=st.floats(0, 3), some=st.sets(st.integers(1, 9)), shut=st.booleans())
    def time_passes(self, seconds, some, shut):
        self.tower.store.refused = {f"e{number}" for number in some}
        self.tower.store.shut = "no room" if shut else None
        self.tower.after(seconds)

    @rule()
    def one_step(self):
        self.tower.step()

    @invariant()
    def the_bounds_hold(self):
        assert len(self.waiting) <= 6
        assert self.waiting.jpeg_bytes <= 500

    @invariant()
    def each_is_waiting_or_on_disk_or_counted_as_lost(self):
        recorded = self.tower.recorder.recorded
        lost = sum(count for kind, count in recorded.dropped.items() if kind != "picture")
        stored = self.tower.store.revisions()
        assert len(self.offered) == len(self.waiting) + len(stored) + lost
        assert recorded.opened + recorded.updated + recorded.closed == len(stored)
        assert recorded.unstored == len(self.tower.unstored)

    @invariant()
    def each_is_announced_once_unless_it_waits(self):
        silent = {(r.event.id, r.event.revision) for r in self.waiting if not r.told}
        assert sorted(self.tower.names) == sorted(set(self.offered) - silent)
        stored = {key for key, one in zip(self.tower.names, self.tower.said, strict=True) if one.stored}
        assert stored <= set(self.tower.store.revisions())

    @invariant()
    def the_order_of_an_event_is_kept(self):
        silent = [(r.event.id, r.event.revision) for r in self.waiting if not r.told]
        waiting = [(r.event.id, r.event.revision) for r in self.waiting]
        for order in ([*self.tower.names, *silent], [*self.tower.store.revisions(), *waiting]):
            newest = {}
            for name, revision in order:
                assert newest.get(name, 0) < revision
                newest[name] = revision

    def teardown(self):
        self.tower.store.refused, self.tower.store.shut = set(), None
        self.tower.after(RETRY_S)
        assert len(self.waiting) == 0
        assert sorted(self.tower.names) == sorted(self.offered)


TestFlood = Flood.TestCase
TestFlood.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def threaded(store, told, beats=None):
    return Recorder(
        store,
        lambda one: told.append(one.event),
        SystemClock(),
        record=lambda _stage, _ns: None,
        beat=[].append if beats is None else beats.append,
    )


def test_a_thread_records_into_a_real_store_and_ends_when_nothing_waits(tmp_path):
    with Place(lambda: tmp_path / "e.db") as place:
        told = []
        recorder = threaded(place, told)
        recorder.start()
        for number in range(1, 31):
            recorder.offer(event(f"e{number % 3}", number, "opened" if number < 4 else "updated"), PICTURES)
        recorder.stop(60)
        assert not recorder._thread.is_alive()
        assert recorder.good
        assert len(told) == 30
        assert place.counts().evidence == 6
    with Database(tmp_path / "e.db") as database:
        assert {(one.id, one.revision) for one in Store(database).events()} == {
            ("e0", 30),
            ("e1", 28),
            ("e2", 29),
        }


def test_a_stop_tries_at_once_what_the_disk_has_refused(monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 3600.0)
    store, told, tried = FakeStore(), [], threading.Event()
    store.before, store.refused = tried.set, {"a"}
    recorder = threaded(store, told)
    recorder.start()
    recorder.offer(event("a"), PICTURES)
    assert tried.wait(60)
    store.refused = set()
    recorder.stop(60)
    assert told == [event("a")]


def test_a_disk_that_hangs_does_not_hold_up_the_end_and_all_is_said_before_it(caplog):
    store, told, started, over = FakeStore(), [], threading.Event(), threading.Event()

    def hang():
        started.set()
        over.wait()

    store.before = hang
    recorder = threaded(store, told)
    recorder.start()
    recorder.offer(event("a"), PICTURES)
    recorder.offer(event("b", 2, "closed"))
    assert started.wait(60)
    recorder.stop(0.05)
    assert "2 revisions are not on disk at the end: a (opened), b (closed)" in caplog.text
    assert recorder.recorded.unsaved == 2
    assert not recorder.good
    assert told == [event("a"), event("b", 2, "closed")]
    over.set()
    recorder._thread.join(60)
    assert not recorder._thread.is_alive()
    assert len(told) == 2
    assert store.revisions() == [("a", 1)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_beats_no_more_and_the_end_counts_what_it_left(caplog):
    class Fatal(BaseException):
        pass

    def fatal():
        raise Fatal

    store, beats = FakeStore(), []
    store.before = fatal
    recorder = threaded(store, [], beats)
    recorder.start()
    recorder.offer(event("a"), PICTURES)
    recorder._thread.join(60)
    assert beats[-2:] == [math.inf, 0.0]  # the allowance of the disk ends with it
    recorder.stop(60)
    assert "1 revisions are not on disk at the end" in caplog.text
    assert not recorder.good


def test_kill_9_loses_nothing_that_was_announced(tmp_path):
    path = tmp_path / "e.db"
    body = f"""
    import sys
    sys.path.insert(0, {str(ROOT)!r})
    from pathlib import Path
    from edge.alert.event import Stamp
    from edge.alert.evidence import CROP, picture
    from edge.alert.place import Place
    from edge.alert.recorder import Recorder
    from edge.clock import SystemClock
    from tests.alert.event import event

    def tell(one):
        assert one.stored
        print(one.event.id, flush=True)

    recorder = Recorder(Place(lambda: Path({str(path)!r})), tell, SystemClock(),
                        record=lambda *_: None, beat=lambda _: None)
    recorder.start()
    pictures = [picture(CROP, bytes(900), (9, 9), Stamp(model_s=1.5))]
    number = 0
    while True:
        if recorder.recorded.unsaved < 32:
            number += 1
            recorder.offer(event(f"{{sys.argv[1]}}-{{number}}"), pictures)
    """
    said = []
    for attempt, wanted in enumerate((1, 7, 30)):
        command = [sys.executable, "-c", textwrap.dedent(body), str(attempt)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        said += [process.stdout.readline().strip() for _ in range(wanted)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().split("\n")[:-1]  # a cut line was not said
        process.stdout.close()
        process.wait()
        with Database(path) as database:
            store = Store(database)
            assert {one.id for one in store.events(10**6)} >= set(said)
            assert all(store.evidence(name) for name in said)
    assert len(said) >= 38


def test_without_a_thread_the_end_counts_what_is_left(tower, caplog):
    tower.offer("a")
    tower.recorder.stop()
    assert "1 revisions are not on disk at the end: a (opened)" in caplog.text
    assert not tower.recorder.good


def test_one_moment_sees_one_try_however_long_it_takes(tower):
    def slowly():
        tower.clock.now_ns += 10

    tower.store.refused, tower.store.before = {"a"}, slowly
    tower.offer("a")
    now_ns, tries = tower.clock.now_ns, 0
    while tower.recorder.step(now_ns) and tries < 10:
        tries += 1
    assert tries == 1


def test_alerts_are_counted_once_among_all_that_is_on_disk(tower):
    tower.offer("a", severity="candidate")
    tower.offer("a", 2, "updated", severity="candidate")
    tower.offer("b")
    tower.offer("c", alerted=1)
    tower.after(0)
    assert (tower.recorder.recorded.opened, tower.recorder.recorded.alerted) == (3, 2)
    tower.offer("a", 3, "updated", alerted=3)
    tower.offer("a", 4, "updated", alerted=3)
    for name, number, alerted in (("a", 5, 3), ("b", 2, None), ("c", 2, 1)):
        tower.offer(name, number, "closed", alerted=alerted)
    tower.after(0)
    recorded = tower.recorder.recorded
    assert (recorded.opened, recorded.updated, recorded.closed, recorded.alerted) == (3, 3, 3, 3)
    tower.offer("c", alerted=1)
    tower.after(0)
    assert (tower.recorder.recorded.repeated, tower.recorder.recorded.alerted) == (1, 3)


def test_what_is_urgent_goes_before_a_revision_and_what_is_not_after_it(tower):
    order, urgent = [], [True]
    tower.store.before = lambda: order.append("event")
    tower.recorder._urgent = lambda: bool(urgent) and urgent.pop() and not order.append("urgent")
    tower.recorder._idle = lambda: order.append("idle") or False
    tower.offer()
    while tower.step():
        pass
    assert order == ["urgent", "event", "idle"]
