"""A drill in the outbox: last of all, counted nowhere, and over when something real comes."""

import pytest

from edge.alert.drill import begun, ended, id_of
from edge.alert.event import Stamp
from edge.alert.evidence import CROP, THUMBNAIL
from edge.alert.route import Review, Route
from tests.alert.event import event
from tests.alert.owing import Owing

PEOPLE = Route("a", drills=True), Route("chief", escalation=1, drills=True), Route("old")
DRILL = "drill.5f1e"


def test_a_drill_is_an_alert_in_the_middle_of_its_picture_and_names_its_order():
    at = Stamp(model_s=7.0, mono_ns=7, boot_id="b1")
    drill = begun(id_of("0123456789abcdef0123456789abcdef"), "north", (240, 320), "m@1#0", at)
    assert (drill.id, drill.severity, drill.label) == ("drill.0123456789abcdef01234567", "alert", "smoke")
    assert drill.box_px == (120, 90, 200, 150)
    closing = ended(drill, Stamp(model_s=9.0))
    assert (closing.revision, closing.phase, closing.closed.model_s) == (2, "closed", 9.0)
    assert begun(DRILL, "north", (1, 1), "m", at).box_px == (0, 0, 1, 1)


def test_it_goes_to_who_has_a_field_for_it_after_all_else_and_never_escalates():
    owing = Owing(*PEOPLE)
    owing.commit(event(DRILL), THUMBNAIL, CROP)
    owing.commit(event(DRILL, 2, "closed"))
    assert owing.after(6000) == []
    assert owing.drain("chief") == owing.drain("old") == []
    first = owing.send("a")
    assert (first.key, first.open_alert, first.step) == (f"{DRILL}.1", False, 0)
    assert owing.drain("a") == [f"{DRILL}.2", f"{DRILL}.1.thumbnail", f"{DRILL}.1.crop"]


def test_what_is_real_and_waits_goes_first():
    owing = Owing(*PEOPLE)
    owing.commit(event("old", severity="candidate"), CROP)
    owing.commit(event("e"), CROP)
    owing.commit(event(DRILL), CROP)
    assert owing.drain("a") == ["e.1", "e.1.crop", "old.1", "old.1.crop", f"{DRILL}.1", f"{DRILL}.1.crop"]


def test_the_budget_of_a_link_does_not_take_it_for_an_alert():
    owing = Owing(*PEOPLE)
    owing.commit(event(DRILL))
    lines = []
    owing.take("a", admit=lambda line: bool(lines.append(line)))
    assert [line.alert for line in lines] == [False]


def test_it_is_no_candidate_no_storm_and_not_silenced():
    owing = Owing(*PEOPLE, storm_alerts=2)
    owing.silenced.add("north")
    for number in range(5):
        owing.commit(event(f"{DRILL}{number}"))
    assert owing.outbox.queue().candidates == 0
    assert sorted(owing.drain("a")) == [f"{DRILL}{number}.1" for number in range(5)]
    owing.silenced.clear()
    owing.commit(event("e"))
    assert owing.drain("a") == ["e.1"], "not listed: it is the first alert"


def test_the_store_does_not_count_it_nor_what_it_showed():
    owing = Owing(*PEOPLE)
    owing.commit(event(DRILL))
    owing.commit(event("e"))
    counts = owing.store.counts()
    assert (counts.open_events, counts.open_alerts, counts.closed_events) == (1, 1, 0)


def test_a_live_event_drops_what_was_not_sent_of_it():
    owing = Owing(*PEOPLE)
    owing.commit(event(DRILL), THUMBNAIL, CROP)
    opening = owing.send("a")
    owing.commit(event("e"))
    owing.commit(event(DRILL, 2, "closed"))
    assert opening.key == f"{DRILL}.1"
    assert owing.drain("a") == ["e.1", f"{DRILL}.2"]
    assert owing.lost() == [(f"{DRILL}.1.thumbnail", "a", "ended"), (f"{DRILL}.1.crop", "a", "ended")]
    owing.commit(event("f"))
    assert owing.drain("a") == ["f.1"]


def test_who_never_heard_of_it_hears_nothing_of_its_end():
    owing = Owing(*PEOPLE, Route("b", drills=True))
    owing.commit(event(DRILL))
    owing.send("b")
    owing.commit(event("e"))
    owing.commit(event(DRILL, 2, "closed"))
    assert owing.drain("a") == ["e.1"]
    assert owing.drain("b") == ["e.1", f"{DRILL}.2"]


@pytest.mark.parametrize("told", [True, False])
def test_a_closing_that_waits_goes_only_to_who_had_the_opening(told):
    owing = Owing(*PEOPLE)
    owing.commit(event(DRILL))
    if told:
        owing.send("a")
    owing.commit(event(DRILL, 2, "closed"))
    owing.commit(event("e"))
    assert owing.drain("a") == (["e.1", f"{DRILL}.2"] if told else ["e.1"])


@pytest.mark.parametrize("early", [True, False])
def test_an_opening_in_hand_is_not_dropped_nor_its_closing(early):
    owing = Owing(*PEOPLE)
    owing.commit(event(DRILL))
    message = owing.take("a")
    if early:
        owing.commit(event(DRILL, 2, "closed"))
    owing.commit(event("e"))
    owing.settle(message, "delivered")
    if not early:
        owing.commit(event(DRILL, 2, "closed"))
    assert owing.drain("a") == ["e.1", f"{DRILL}.2"]
    assert owing.lost() == []


@pytest.mark.parametrize("origin", ["simulated", "recording"])
def test_what_is_not_live_does_not_end_it(origin):
    route = Route("a", drills=True, origins=("live", origin))
    owing = Owing(route, origins={"north": origin})
    owing.commit(event(DRILL))
    owing.commit(event("e"))
    assert owing.drain("a") == ["e.1", f"{DRILL}.1"]


def test_a_drill_of_an_earlier_process_is_closed_and_not_sent():
    owing = Owing(*PEOPLE, Route("b", drills=True))
    owing.commit(event(DRILL), CROP)
    owing.send("b")
    owing.restart()
    assert [(one.id, one.phase) for one in owing.store.close_orphans()] == [(DRILL, "closed")]
    assert owing.drain("a") == []
    assert owing.drain("b") == [f"{DRILL}.2"]
    assert {word for _, _, word in owing.lost()} == {"ended"}


def test_it_is_given_up_before_what_is_real():
    owing = Owing(*PEOPLE, queue_bytes=7000)
    owing.commit(event("e", severity="candidate"), CROP)
    owing.commit(event(DRILL), CROP)
    owing.commit(event("e", 2, "updated"), THUMBNAIL, jpeg=b"j" * 5000)
    assert (f"{DRILL}.1.crop", "a") in owing.lost("key", "sink")
    owing = Owing(*PEOPLE, queue_bytes=4000)
    owing.commit(event("e"))
    owing.commit(event("e", 2, "updated"))
    for number in range(6):
        owing.commit(event(f"{DRILL}{number}"))
    assert {"e.1", "e.2"} <= set(owing.drain("a")), "even an update"
    assert all(key.startswith(DRILL) for (key,) in owing.lost("key"))


def test_whoever_practises_may_acknowledge_it():
    owing = Owing(*PEOPLE)
    owing.commit(event(DRILL))
    assert owing.outbox.review(
        DRILL, Review(id="3f2a9c01", word="acknowledged", by="ann", at=Stamp(model_s=1.0))
    )
    assert owing.drain("a") == [f"{DRILL}.1", f"{DRILL}.1.acknowledged.3f2a9c01"]
    assert owing.outbox.queue().candidates == 0
