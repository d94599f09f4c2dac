from dataclasses import replace
from functools import partial

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.alert.database import MIN_BYTES
from edge.alert.event import Stamp
from edge.alert.route import UNHEARD_S, Review, Route
from edge.alert.shedding import pictures, texts
from edge.errors import StoreError
from tests.alert.event import event
from tests.alert.owing import WAIT_S, Owing, anything, note, photo

PEOPLE = (Route("a"), Route("first", escalation=1), Route("second", escalation=2))


def said(word="acknowledged", id_="3f2a9c01"):
    return Review(id=id_, word=word, by="kim", at=Stamp(model_s=2.0))


def candidate(name, revision=1, phase="opened", **more):
    return event(name, revision, phase, severity="candidate", **more)


def test_one_message_per_sink_for_each_revision_and_each_picture():
    owing = Owing(Route("a"), Route("b"), Route("deaf", pictures=False))
    owing.commit(event("e"), "thumbnail", "crop")
    text, thumbnail, crop = (owing.send("a") for _ in range(3))
    assert [m.key for m in (text, thumbnail, crop)] == ["e.1", "e.1.thumbnail", "e.1.crop"]
    assert (text.letter.event, text.stored, text.open_alert, text.again) == (event("e"), False, True, False)
    assert [image.role for image in text.letter.images] == ["thumbnail", "crop"]
    assert text.letter.images[1] == crop.letter.images[0]
    assert (crop.jpeg, crop.role, text.jpeg) == (photo("crop").jpeg, "crop", None)
    assert owing.drain("b") == ["e.1", "e.1.thumbnail", "e.1.crop"]
    assert owing.drain("deaf") == ["e.1"]
    assert owing.rows("message") == owing.rows("delivery") == 0
    assert owing.outbox.queue().words == {"committed": 7, "delivered": 7}


def test_further_pictures_of_a_revision_go_to_those_who_get_its_event_once_each():
    owing = Owing(Route("a"), Route("deaf", pictures=False), storm_alerts=2)
    owing.commit(event("e"), "series.1")
    owing.commit(event("e", 2, "updated"))
    assert owing.drain() == ["e.1", "e.2", "e.1.series.1"]
    for _ in range(2):  # the second time it is there
        owing.store.add(event("e"), [photo("series.2"), photo("series.3")])
    sent = [owing.send() for _ in range(2)]
    assert [(m.key, m.role, m.letter.event.revision) for m in sent] == [
        ("e.1.series.2", "series.2", 1),
        ("e.1.series.3", "series.3", 1),
    ]
    assert sent[0].jpeg == photo("series.2").jpeg
    assert owing.drain() == []
    assert owing.drain("deaf") == ["e.1", "e.2"]
    owing.store.add(event("shed"), [photo("series.2")])
    for name in "fgh":
        owing.commit(event(name))
    assert "h.1" not in owing.drain()  # it is listed
    before = owing.rows("message")
    owing.store.add(event("h"), [photo("series.2")])
    assert owing.drain() == []
    assert owing.rows("message") == before


ALERTS = Route("alerts", severities=("alert",))


def test_the_series_of_a_candidate_goes_to_who_gets_alerts_once_it_is_one():
    owing = Owing(ALERTS, *PEOPLE, Route("elsewhere", severities=("alert",), origins=()))
    for name in ("e", "over", "judged"):
        owing.commit(candidate(name), "crop", "series.1")
        owing.store.add(candidate(name), [photo("series.2")])
    assert len(owing.drain()) == 12
    assert owing.drain("alerts") == []
    owing.restart()
    assert owing.drain("alerts") == []
    assert owing.outbox.review("judged", said())
    owing.commit(candidate("over", 2, "closed"))
    owing.commit(event("e", 2, "updated", alerted=2), "crop")
    owing.commit(event("judged", 2, "updated", alerted=2))
    owing.store.add(candidate("e"), [photo("series.3")])
    assert owing.drain("alerts") == [
        "judged.2", "e.2", "e.2.crop",
        "judged.1.series.1", "judged.1.series.2", "e.1.series.1", "e.1.series.2", "e.1.series.3",
    ]  # fmt: skip
    owing.after(600)
    assert owing.drain("first") == ["e.2", "e.2.crop", "e.1.series.1", "e.1.series.2", "e.1.series.3"]
    owing.commit(event("e", 3, "closed", alerted=2))
    owing.after(600)
    owing.drain()
    owing.drain("alerts")
    owing.drain("first")
    assert len(owing.drain("second")) == 6
    assert owing.lost() == []
    assert owing.rows("message") == owing.rows("delivery") == 0
    words = owing.outbox.queue().words
    assert words["committed"] == words["delivered"]


def test_the_series_of_what_a_storm_lists_is_held_until_it_is_sent_singly():
    owing = Owing(ALERTS, storm_alerts=1)
    for number in range(3):
        owing.commit(storm(number, severity="candidate"), "series.1")
        owing.commit(storm(number, revision=2, phase="updated", alerted=2))
    grown = msgspec.structs.replace(storm(1, revision=3, phase="updated", alerted=2), box_px=(0, 0, 30, 30))
    owing.commit(grown)
    owing.commit(storm(2, revision=3, phase="closed", alerted=2))
    keys = owing.drain("alerts")
    assert [key for key in keys if "series" in key] == ["s1.1.series.1", "s0.1.series.1"]
    owing.after(3600)
    owing.drain("alerts")
    assert owing.rows("message") == owing.rows("delivery") == 0


def test_it_is_in_the_transaction_of_the_event(tmp_path):
    owing = Owing(path=tmp_path / "e.db")
    (pages,) = owing.database._db.execute("PRAGMA page_count").fetchone()
    owing.database._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="full"):
        owing.commit(event("e"), "crop", jpeg=b"j" * 100_000)
    assert (owing.rows("event"), owing.rows("message"), owing.rows("delivery"), owing.rows("tally")) == (
        0,
        0,
        0,
        0,
    )
    owing.commit(event("e"))
    owing.database.close()
    again = Owing(path=tmp_path / "e.db")
    assert again.drain() == ["e.1"]
    again.database.close()


def test_a_revision_that_the_store_has_is_owed_to_nobody_again():
    owing = Owing()
    assert owing.commit(event("e"))
    assert owing.drain() == ["e.1"]
    assert not owing.commit(event("e"))
    assert owing.drain() == []


def test_open_alerts_come_newest_first_then_closed_ones_candidates_notes_and_the_rest():
    owing = Owing()
    owing.outbox.note(note())
    owing.commit(candidate("gone"))
    owing.commit(candidate("gone", 2, "closed"))
    owing.commit(candidate("perhaps"), "thumbnail")
    owing.commit(event("over"))
    owing.commit(event("over", 2, "closed"))
    owing.commit(event("old"), "thumbnail", "crop", "series.1")
    owing.commit(event("new"), "crop", "thumbnail")
    owing.commit(event("new", 2, "updated"))
    assert owing.drain() == [
        "new.1", "new.2", "old.1", "new.1.thumbnail", "old.1.thumbnail", "new.1.crop", "old.1.crop",
        "over.1", "over.2",
        "perhaps.1", "perhaps.1.thumbnail",
        "note.b1.1000000",
        "gone.1", "gone.2", "old.1.series.1",
    ]  # fmt: skip


def test_a_closed_alert_comes_before_a_newer_candidate_and_a_drill_after_everything():
    owing = Owing(Route("a", drills=True), storm_alerts=1)
    for number in range(2):
        owing.commit(storm(number))
    owing.commit(msgspec.structs.replace(event("over"), camera="south"))
    owing.commit(msgspec.structs.replace(event("over", 2, "closed"), camera="south"))
    owing.commit(candidate("perhaps"))
    owing.commit(msgspec.structs.replace(event("drill.1"), camera="east"))
    keys = [key for key in owing.drain() if key != "s0.1"]
    assert keys == ["note.b1.1000000", "over.1", "over.2", "perhaps.1", "drill.1.1"]


def test_unsent_updates_coalesce_to_the_newest_and_opening_and_closing_stay():
    owing = Owing()
    owing.commit(candidate("e"), "crop")
    owing.commit(event("e", 2, "updated", alerted=2), "crop")
    owing.commit(event("e", 3, "updated", alerted=2), "crop")
    owing.commit(event("e", 4, "updated", alerted=2))
    owing.commit(event("e", 5, "closed", alerted=2))
    texts = [owing.send() for _ in range(3)]
    assert [m.key for m in texts] == ["e.1", "e.4", "e.5"]
    newest = texts[1].letter.event
    assert (newest.severity, newest.alerted.revision) == ("alert", 2)
    assert texts[1].kind == "alerted"  # it is kept as one
    assert owing.drain() == ["e.1.crop", "e.3.crop"]  # the first and the newest
    assert owing.lost("key", "word", "detail") == [
        ("e.2", "coalesced", "e.3"),
        ("e.2.crop", "coalesced", "e.3.crop"),
        ("e.3", "coalesced", "e.4"),
    ]


def test_what_was_handed_over_is_never_coalesced_not_even_by_the_next_process():
    owing = Owing()
    owing.commit(event("e", 2, "updated"))
    assert owing.take().key == "e.2"
    owing.restart()
    owing.commit(event("e", 3, "updated"))
    again = owing.send()
    assert (again.key, again.again) == ("e.2", True)
    assert owing.drain() == ["e.3"]
    assert owing.lost() == []


def test_what_is_coalesced_between_the_choice_and_the_hand_over_does_not_go():
    owing = Owing()
    owing.commit(event("e", 2, "updated"))
    found = owing.outbox.best("a", anything, (), unheard=False, wait_s=WAIT_S)
    owing.commit(event("e", 3, "updated"))
    assert owing.outbox.take(found, "a", WAIT_S) is None
    assert owing.drain() == ["e.3"]


def test_who_gets_what():
    alerts, both, never = Route("alerts", severities=("alert",)), Route("both"), Route("never", origins=())
    owing = Owing(alerts, both, never, Route("quiet", maintenance=False), Route("tests", origins=("live", "recording")),
                  origins={"north": "recording"})  # fmt: skip
    owing.commit(candidate("e"))
    assert {name: owing.drain(name) for name in ("alerts", "both", "tests")} == {
        "alerts": [], "both": [], "tests": ["e.1"],
    }  # fmt: skip
    live = replace(owing.rules, origins={})
    owing.restart(live)
    owing.commit(candidate("e", 2, "updated"))
    owing.commit(event("e", 3, "updated", alerted=3))
    assert owing.drain("alerts") == owing.drain("both") == ["e.3"]
    assert owing.drain("never") == []
    owing.outbox.note(note())
    assert (len(owing.drain("alerts")), owing.drain("quiet")) == (1, ["e.3"])
    owing.restart(replace(owing.rules, routes=(*PEOPLE,)))
    owing.outbox.note(note("clock"))
    assert (len(owing.drain("a")), owing.drain("first")) == (1, [])  # a step is called for alerts alone


def test_a_sink_for_candidates_gets_the_rest_of_one_that_became_an_alert():
    owing = Owing(Route("a", severities=("candidate",)))
    owing.commit(event("alert"))
    owing.commit(candidate("e"))
    owing.commit(event("e", 2, "updated", alerted=2))
    owing.commit(event("e", 3, "closed", alerted=2))
    assert owing.drain() == ["e.1", "e.2", "e.3"]


def test_an_alert_that_nobody_acknowledges_goes_up_step_by_step_and_says_so():
    owing = Owing(*PEOPLE)
    owing.commit(event("e"), "crop")
    owing.commit(event("e", 2, "updated"))
    owing.commit(event("e", 3, "updated"))
    assert owing.drain("a") == ["e.1", "e.3", "e.1.crop"]
    assert owing.after(599) == []
    assert owing.drain("first") == []
    assert owing.after(1) == ["event e: nobody acknowledged it: step 1"]
    first = owing.send("first")
    assert (first.key, first.step) == ("e.1", 1)
    assert owing.drain("first") == ["e.3", "e.1.crop"]
    owing.commit(event("e", 4, "updated"))  # it gets what comes later, too
    assert owing.drain("first") == ["e.4"]
    assert owing.drain("second") == []
    owing.commit(event("e", 5, "closed"))
    owing.after(600)
    assert owing.drain("second") == ["e.1", "e.4", "e.5", "e.1.crop"]
    assert owing.after(6000) == []
    assert owing.lost("key", "sink") == [("e.2", "a")]  # what a step never had is nobody's loss
    assert owing.outbox.queue().words == {"committed": 15, "delivered": 11, "coalesced": 1}


@pytest.mark.parametrize("word", ["acknowledged", "confirmed", "dismissed"])
def test_an_alert_that_somebody_looks_at_goes_no_further(word):
    owing = Owing(*PEOPLE)
    owing.commit(event("e"))
    owing.commit(event("other"))
    assert owing.outbox.review("e", said(word))
    assert not owing.outbox.review("e", said(word))
    assert not owing.outbox.review("unknown", said(word))
    reviewed = [owing.send("a") for _ in range(3)][-1]
    assert (reviewed.key, reviewed.kind, reviewed.letter.review) == (
        f"e.1.{word}.3f2a9c01",
        "reviewed",
        said(word),
    )
    owing.after(600)
    assert owing.drain("first") == ["other.1"]
    owing.commit(event("e", 2, "updated"))
    assert owing.drain("first") == []


def test_who_confirmed_does_not_only_acknowledge_and_a_judgement_may_change():
    owing = Owing()
    owing.commit(event("e"))
    assert owing.outbox.review("e", said("confirmed"))
    assert not owing.outbox.review("e", said())
    assert owing.outbox.review("e", said("dismissed"))
    assert owing.drain() == ["e.1", "e.1.confirmed.3f2a9c01", "e.1.dismissed.3f2a9c01"]


@pytest.mark.parametrize("waits", [True, False])
def test_a_judgement_that_returns_is_told_again(waits):
    owing = Owing()
    owing.commit(event("e"))
    got = []
    for number, word in enumerate(("confirmed", "dismissed", "confirmed")):
        assert owing.outbox.review("e", said(word, f"order-{number}"))
        got += [] if waits else owing.drain()
    got += owing.drain()
    assert got == ["e.1", "e.1.confirmed.order-0", "e.1.dismissed.order-1", "e.1.confirmed.order-2"]
    assert owing.outbox.queue().words == {"committed": 4, "delivered": 4}


def test_how_long_the_oldest_waits_is_not_known_after_a_reboot():
    owing = Owing()
    owing.commit(event("e"))
    owing.commit(candidate("perhaps"))
    owing.after(7200)
    assert (owing.outbox.queue().oldest_s, owing.outbox.queue().candidate_s) == (7200, 7200)
    owing.clock.now_ns = 50_000_000_000
    owing.restart(replace(owing.rules, boot="b2"))
    owing.commit(event("f"))
    owing.commit(candidate("maybe"))
    owing.after(3)
    assert (owing.outbox.queue().oldest_s, owing.outbox.queue().candidate_s) == (None, None)
    owing.drain()
    owing.commit(event("f", 2, "updated"))
    owing.after(3)
    assert owing.outbox.queue().oldest_s == 3


def test_what_is_owed_already_is_not_counted_again():
    owing = Owing()
    owing.commit(event("e"), "full")
    for _ in range(3):
        assert owing.outbox.request("e", "a")
    assert owing.outbox.queue().words == {"committed": 2}
    assert owing.drain() == ["e.1", "e.1.full"]
    assert owing.outbox.queue().words == {"committed": 2, "delivered": 2}


def test_a_later_revision_knows_what_was_said():
    owing = Owing()
    owing.commit(event("e"))
    assert owing.send("a").word is None
    assert owing.outbox.review("e", said("dismissed"))
    assert owing.send("a").word == "dismissed"
    owing.commit(event("e", 2, "updated"))
    later = owing.send("a")
    assert (later.key, later.word, later.letter.review) == ("e.2", "dismissed", None)


def test_a_candidate_does_not_escalate_until_it_is_an_alert():
    owing = Owing(*PEOPLE)
    owing.commit(candidate("e"))
    owing.after(6000)
    owing.commit(event("e", 2, "updated", alerted=2))
    owing.after(599)
    assert owing.drain("first") == []
    owing.after(1)
    assert owing.drain("first") == ["e.2"]


def test_escalation_goes_on_in_the_next_process_and_the_time_in_another_boot_counts_as_over():
    owing = Owing(*PEOPLE)
    owing.commit(event("e"))
    owing.after(400)
    owing.restart()
    assert owing.after(199) == []
    assert len(owing.after(1)) == 1
    owing.restart(replace(owing.rules, boot="b2"))
    owing.clock.now_ns = 5
    assert owing.after(0) == ["event e: nobody acknowledged it: step 2"]


@pytest.mark.parametrize("word", ["unheard", "refused"])
def test_an_alert_that_nobody_hears_escalates_at_once_and_only_once(word):
    owing = Owing(*PEOPLE)
    owing.commit(event("e"))
    owing.commit(event("e", 2, "closed"))
    owing.send("a", word)
    assert owing.drain("first") == ["e.1", "e.2"]
    owing.send("a", word)
    assert owing.drain("second") == []


def test_a_step_that_is_added_is_not_for_alerts_that_are_over():
    owing = Owing(Route("a"))
    for number in range(30):
        owing.commit(event(f"e{number}"))
        owing.commit(event(f"e{number}", 2, "closed"))
        owing.after(3600)
    owing.commit(event("open"))
    owing.commit(event("left"))
    owing.drain()
    stepped = replace(owing.rules, routes=(Route("a"), Route("boss", escalation=1)), boot="b2")
    owing.restart(stepped)
    owing.commit(event("left", 2, "closed"))  # as it is found open
    assert sorted(owing.after(1)) == [
        f"event {name}: nobody acknowledged it: step 1" for name in ("left", "open")
    ]
    assert sorted(owing.drain("boss")) == ["left.2", "open.1"]
    owing.commit(event("later"))
    owing.commit(event("later", 2, "closed"))
    owing.restart(replace(stepped, boot="b3"))
    assert len(owing.after(1)) == 1
    assert owing.drain("boss") == ["later.1", "later.2"]
    owing.restart(replace(stepped, routes=(*stepped.routes, Route("chief", escalation=2)), boot="b4"))
    assert owing.after(1) == ["event open: nobody acknowledged it: step 2"]
    owing.restart()
    assert owing.after(1000) == []


def test_what_was_shed_of_a_held_alert_is_sent_as_it_stands():
    owing = Owing(*PEOPLE)
    owing.commit(event("e"))
    owing.commit(event("e", 2, "updated"))
    owing.database._db.execute("DELETE FROM delivery WHERE sink = 'first'")
    owing.after(600)
    assert owing.drain("first") == ["e.2"]


def test_what_nobody_heard_is_sent_again_under_its_key_for_a_day():
    owing = Owing()
    owing.commit(event("e"))
    assert owing.send(word="unheard").key == "e.1"
    assert owing.send() is None
    for _ in range(3):
        owing.after(UNHEARD_S / 4)
        again = owing.send(word="unheard", unheard=True)
        assert (again.key, again.unheard, again.again) == ("e.1", True, True)
        assert owing.outbox.queue().unheard == 1
    owing.commit(event("new"))
    owing.commit(candidate("perhaps"))
    assert owing.send(unheard=True).key == "new.1"
    assert owing.send(unheard=True).key == "perhaps.1"  # before what was sent before
    owing.after(UNHEARD_S / 4)
    assert owing.lost() == [("e.1", "a", "expired")]
    assert owing.outbox.queue().words == {"committed": 3, "unheard": 1, "expired": 1, "delivered": 2}


def test_what_was_heard_at_last_is_delivered():
    owing = Owing()
    owing.commit(event("e"))
    owing.send(word="unheard")
    owing.restart(replace(owing.rules, boot="b2"))
    owing.clock.now_ns = 5  # of another boot: its day begins anew
    owing.after(UNHEARD_S - 1)
    assert owing.drain(unheard=True) == ["e.1"]
    assert owing.outbox.queue().unheard == 0


def test_a_sink_that_wants_nothing_any_more_gets_nothing_and_its_alerts_escalate():
    owing = Owing(*PEOPLE)
    owing.commit(event("e"))
    owing.outbox.leave("a", "410", WAIT_S)
    owing.commit(event("later"))
    assert owing.drain("a") == []
    assert owing.drain("first") == ["e.1"]
    assert owing.lost() == [("e.1", "a", "gone")]


def test_what_is_owed_to_a_sink_that_is_no_more_is_listed_as_gone():
    owing = Owing(Route("a"), Route("old"), Route("was_step", escalation=1))
    owing.commit(event("e"))
    owing.restart(replace(owing.rules, routes=(Route("a"), Route("was_step"))))
    assert owing.lost() == [("e.1", "old", "gone")]
    assert owing.drain("was_step") == ["e.1"]
    assert owing.outbox.queue().words == {"committed": 3, "delivered": 1, "gone": 1}


def test_what_is_held_for_a_step_that_is_no_more_is_not_listed():
    owing = Owing(*PEOPLE)
    owing.commit(event("e"))
    owing.outbox.leave("second", "410", WAIT_S)
    assert owing.drain("first") == []  # it was no step's turn
    owing.restart(replace(owing.rules, routes=(Route("a"),)))
    assert owing.lost() == []
    assert owing.drain() == ["e.1"]
    assert owing.rows("delivery") == 0
    assert owing.outbox.queue().words == {"committed": 1, "delivered": 1}


def test_a_note_takes_the_place_of_an_unsent_one_of_the_same_subject_and_camera():
    owing = Owing()
    owing.outbox.note(note(state="stale"))
    owing.outbox.note(note("clock", "set", None))
    owing.outbox.note(note(camera="south"))
    owing.outbox.note(note(state="ok"))
    assert [owing.send().note.state for _ in range(3)] == ["set", "stale", "ok"]
    assert owing.lost() == [("note.b1.1000000", "a", "coalesced")]


def test_a_note_that_lists_events_goes_to_who_would_have_got_one_of_them():
    quiet = [Route(name, maintenance=False, severities=(name,)) for name in ("alert", "candidate")]
    owing = Owing(*quiet, Route("elsewhere", maintenance=False, origins=()))
    owing.outbox.note(msgspec.structs.replace(note("snooze"), events=(event("e"), event("f"))))
    assert [len(owing.drain(sink)) for sink in ("alert", "candidate", "elsewhere")] == [1, 0, 0]


def test_a_note_has_a_key_of_its_own_in_this_boot():
    owing = Owing(boot="0123-4567-89")
    owing.outbox.note(note())
    assert owing.drain() == ["note.01234567.1000000"]
    owing.restart()
    owing.clock.now_ns += 1_000_000
    owing.outbox.note(note())
    owing.outbox.note(note("clock"))
    assert owing.drain() == ["note.01234567.1000001", "note.01234567.1000002"]


def test_pictures_are_given_up_before_text_and_openings_of_alerts_last():
    owing = Owing(queue_bytes=40_000, storm_alerts=999)
    for number in range(30):
        owing.commit(event(f"e{number}"), "thumbnail", "crop", jpeg=b"j" * 1000)
        owing.commit(candidate(f"c{number}"))
        owing.commit(event(f"e{number}", 2, "updated"))
        owing.outbox.note(note(camera=f"{number}"))
        assert owing.outbox.queue().bytes <= 40_000
    kinds = [owing.send().key for _ in range(owing.outbox.queue().unsent)]
    assert {f"e{n}.1" for n in range(30)} <= set(kinds)
    shed = {key for key, _, word in owing.lost() if word == "shed"}
    assert {f"e{n}.1.crop" for n in range(29)} <= shed
    assert len({key for key in kinds if "note" in key}) <= 1  # the newest, which came last
    assert not {key for key in kinds if key.endswith(".2")}
    assert owing.outbox.queue().words["shed"] == len(shed)
    assert len(shed) + len(kinds) == owing.outbox.queue().words["committed"]


def test_a_drill_is_given_up_before_anything_real():
    owing = Owing(Route("a", drills=True))
    owing.outbox.note(note())
    owing.commit(event("e"), "crop")
    owing.commit(event("drill.1"), "crop")
    with owing.database.writing("give up") as db:
        assert list(pictures(db)) + list(texts(db)) == [True] * 5
    assert [key for key, _, _ in owing.lost()] == [
        "drill.1.1.crop", "e.1.crop", "drill.1.1", "note.b1.1000000", "e.1",
    ]  # fmt: skip


def test_what_people_say_and_the_end_of_a_storm_stay_within_the_bound_too():
    owing = Owing(queue_bytes=4_000, storm_alerts=1)
    owing.commit(event("e"), "crop", jpeg=b"j" * 1200)
    assert owing.outbox.review("e", said())
    assert owing.outbox.queue().bytes <= 4_000
    assert owing.lost() == [("e.1.crop", "a", "shed")]
    owing.commit(storm(1))
    owing.drain()
    owing.commit(candidate("c"), "crop", jpeg=b"j" * 1200)
    owing.after(3600)  # it is over
    assert owing.outbox.queue().bytes <= 4_000
    assert owing.lost()[-1] == ("c.1.crop", "a", "shed")


def test_what_is_given_up_first():
    owing = Owing(Route("a"), Route("step", escalation=1), storm_alerts=999)
    for one in (event("old"), event("over"), candidate("perhaps")):
        owing.commit(one, *(() if one.id == "over" else ("thumbnail", "crop", "series.1", "full")))
    owing.commit(event("over", 2, "closed"), "crop")
    owing.commit(event("new"), "crop", "thumbnail")
    owing.commit(event("new", 2, "updated"))
    owing.outbox.review("old", said())
    owing.outbox.note(note())
    assert owing.outbox.request("old", "a")
    with owing.database.writing("give up") as db:
        held = {
            key
            for (key,) in db.execute(
                "SELECT key FROM delivery JOIN message ON seq = message WHERE sink = 'step'"
            )
        }
        assert {"new.1.crop", "over.2.crop"} <= held
        db.execute(
            "DELETE FROM delivery WHERE sink = 'a' AND message = (SELECT seq FROM message WHERE key = 'new.1.crop')"
        )
        given_up = pictures(db)
        assert [next(given_up), next(given_up)] == [True, True]
        left = {key for (key,) in db.execute("SELECT key FROM message")}
        assert left.isdisjoint({"perhaps.1.full", "new.1.crop"})  # nobody waits for these
        assert list(given_up) == [True] * 9
        assert list(texts(db)) == [True] * 8
    assert [key for key, _, word in owing.lost() if word == "shed"] == [
        "old.1.full",
        "perhaps.1.series.1", "old.1.series.1",
        "perhaps.1.crop", "over.2.crop", "old.1.crop",
        "perhaps.1.thumbnail", "old.1.thumbnail", "new.1.thumbnail",
        "note.b1.1000000",
        "new.2", "old.1.acknowledged.3f2a9c01", "over.2",
        "perhaps.1", "over.1", "old.1", "new.1",
    ]  # fmt: skip
    assert owing.rows("message") == owing.rows("delivery") == 0


def test_full_frames_wait_until_somebody_asks_and_are_the_first_to_go():
    owing = Owing(queue_bytes=30_000)
    owing.commit(event("e"), "full", "crop", jpeg=b"j" * 8000)
    assert owing.drain() == ["e.1", "e.1.crop"]
    assert owing.outbox.request("e", "a")
    assert not owing.outbox.request("other", "a")
    assert owing.drain() == ["e.1.full"]
    assert owing.outbox.request("e", "a")
    assert owing.drain() == ["e.1.full"]
    owing.commit(event("f"), "crop", jpeg=b"j" * 25_000)
    assert not owing.outbox.request("e", "a")
    assert owing.lost() == []  # it was promised to nobody
    assert owing.drain() == ["f.1", "f.1.crop"]


def test_the_bound_of_the_file_gives_up_what_waits_before_it_is_exceeded(tmp_path):
    owing = Owing(path=tmp_path / "e.db", max_bytes=MIN_BYTES, storm_alerts=999)
    names = [f"e{n}" for n in range(120)]
    for name in names:
        owing.commit(event(name), "crop", jpeg=b"j" * 12_000)
        owing.commit(event(name, 2, "closed"))
        assert owing.database.disk_bytes() <= MIN_BYTES
    kept = owing.drain()
    assert {f"{name}.1" for name in names} <= set(kept)
    assert 0 < len([key for key in kept if key.endswith("crop")]) < 120
    shed = {key for key, _, word in owing.lost() if word == "shed"}
    assert shed.isdisjoint(kept)
    assert len(shed) + len(kept) == 360
    owing.database.close()


def test_what_the_disk_does_not_take_of_a_fate_goes_with_the_next_thing_that_it_takes(tmp_path):
    owing = Owing(path=tmp_path / "e.db")
    owing.commit(event("e", 2, "updated"))
    owing.commit(event("f"))
    owing.database._db.execute("PRAGMA query_only = ON")
    first = owing.take()
    assert first.key == "f.1"
    owing.outbox.settle("f.1", "a", "delivered", "")
    with pytest.raises(StoreError):
        owing.outbox.save(WAIT_S)
    second = owing.take()  # the first one does not go again
    assert second.key == "e.2"
    owing.database._db.execute("PRAGMA query_only = OFF")
    owing.commit(event("e", 3, "updated"))  # what was handed over is not coalesced
    assert owing.lost() == []
    owing.settle(second)
    assert owing.drain() == ["e.3"]
    assert owing.outbox.queue().words == {"committed": 3, "delivered": 3}
    owing.database.close()


def test_a_message_that_cannot_be_read_is_refused_and_stops_nobody(caplog):
    owing = Owing()
    owing.commit(event("e"))
    owing.commit(event("f"))
    owing.database._db.execute("UPDATE message SET document = '{' WHERE key = 'f.1'")
    assert owing.take() is None
    assert owing.drain() == ["e.1"]
    assert owing.lost() == [("f.1", "a", "refused")]
    assert "message f.1: it cannot be read" in caplog.text


def storm(number, x=0, **more):
    return msgspec.structs.replace(event(f"s{number}", **more), box_px=(x, 0, x + 10, 10))


def test_many_alerts_of_one_camera_are_listed_in_one_message_that_is_renewed():
    owing = Owing(*PEOPLE, storm_alerts=3)
    for number in range(3):
        owing.commit(storm(number), "crop")
    assert [key for key in owing.drain() if "crop" not in key] == ["s2.1", "s1.1", "s0.1"]
    owing.commit(storm(3), "crop")
    first = owing.send()
    assert (first.kind, first.note.count, [e.id for e in first.note.events]) == ("storm", 1, ["s3"])
    assert owing.send() is None
    owing.commit(storm(4))
    owing.commit(storm(3, revision=2, phase="closed"))
    assert owing.after(899) != []  # the first ones escalate
    assert owing.send() is None
    owing.after(1)
    renewed = owing.send().note
    assert (renewed.count, [(e.id, e.revision) for e in renewed.events]) == (2, [("s4", 1), ("s3", 2)])
    assert "1 of them are open" in renewed.text
    assert owing.drain("first")[:3] == ["s2.1", "s1.1", "s0.1"]
    owing.after(3600)
    over = owing.send().note
    assert (over.state, over.count) == ("over", 2)
    assert {key for key, sink, word in owing.lost() if sink == "a"} == {"s3.1", "s3.1.crop", "s4.1", "s3.2"}
    assert not {
        key for key in owing.drain("first") if key[:2] in ("s3", "s4")
    }  # listed, so nobody is called out
    owing.commit(storm(5))
    assert owing.drain() == ["s5.1"]


def test_a_storm_is_given_up_as_late_as_the_alerts_that_it_lists():
    owing = Owing(storm_alerts=1)
    for number in range(2):
        owing.commit(storm(number))
    owing.commit(msgspec.structs.replace(event("over"), camera="south"))
    owing.commit(msgspec.structs.replace(event("over", 2, "closed"), camera="south"))
    owing.commit(candidate("perhaps"))
    with owing.database.writing("give up") as db:
        assert list(texts(db)) == [True] * 5
    assert [key for key, _, word in owing.lost() if word == "shed"] == [
        "over.2", "perhaps.1", "over.1", "s0.1", "note.b1.1000000",
    ]  # fmt: skip


def test_another_sector_and_growth_are_sent_singly_in_a_storm():
    owing = Owing(storm_alerts=2)
    for number in range(4):
        owing.commit(storm(number))
    owing.commit(storm(4, x=500))
    owing.commit(msgspec.structs.replace(storm(3, revision=2, phase="updated"), box_px=(0, 0, 30, 30)))
    owing.commit(storm(2, revision=2, phase="updated"))
    keys = owing.drain()
    assert [key for key in keys if "note" not in key] == ["s4.1", "s3.2", "s1.1", "s0.1"]
    owing.commit(storm(3, revision=3, phase="closed"))
    assert owing.drain() == ["s3.3"]


def test_what_a_person_silenced_is_stored_and_listed_and_calls_nobody():
    owing = Owing(*PEOPLE)
    owing.silenced = {"north"}
    owing.commit(event("e"), "crop")
    owing.after(600)
    assert owing.drain("a") == owing.drain("first") == []
    assert owing.outbox.events(["e", "other"]) == [event("e")]
    assert owing.lost() == [("e.1", "a", "snoozed"), ("e.1.crop", "a", "snoozed")]
    owing.silenced = set()
    owing.commit(event("e", 2, "updated"))
    assert owing.drain("a") == ["e.2"]
    owing.after(0)
    assert owing.drain("first") == ["e.2"]


def test_several_cameras_with_an_alert_each_are_no_storm():
    owing = Owing(storm_alerts=2)
    for number in range(9):
        owing.commit(msgspec.structs.replace(storm(number), camera=f"c{number}"))
    assert len([key for key in owing.drain() if key.endswith(".1")]) == 9


def test_what_a_storm_lists_is_told_after_a_kill():
    owing = Owing(storm_alerts=1)
    for number in range(2):
        owing.commit(storm(number))
    owing.drain()
    owing.commit(storm(2))
    owing.restart()
    owing.after(0)
    assert owing.send() is None
    owing.after(900)
    told = owing.send().note
    assert (told.state, [e.id for e in told.events]) == ("raging", ["s1", "s2"])


def test_a_storm_goes_on_after_a_restart_and_is_over_when_it_is():
    owing = Owing(storm_alerts=2)
    for number in range(4):
        owing.commit(storm(number))
    owing.drain()
    owing.after(60)
    owing.restart()
    list(owing.store.close_orphans())
    owing.commit(storm(4))
    owing.after(1)
    assert [key for key in owing.drain() if "note" in key] == []
    owing.after(900)
    assert owing.send().note.state == "raging"
    assert owing.drain() == []  # s4 is listed, not sent singly
    owing.after(2700)
    assert [message.note.state for message in iter(owing.send, None)] == ["over"]
    owing.commit(storm(5))
    assert owing.drain() == ["s5.1"]


def test_a_storm_before_a_reboot_is_not_said_to_be_over():
    owing = Owing(storm_alerts=2)
    for number in range(4):
        owing.commit(storm(number))
    owing.drain()
    owing.restart(replace(owing.rules, boot="b2"))
    owing.after(1)
    (told,) = [message.note for message in iter(owing.send, None)]
    assert (told.state, told.count) == ("rebooted", 2)
    assert told.text.startswith(
        "The tower was started anew in a storm of alerts and sends them singly again: 2 "
    )
    owing.commit(storm(5))
    assert owing.drain() == ["s5.1"]


KEYS = st.sampled_from(["e0", "e1", "e2", "e3"])


class Fates(RuleBasedStateMachine):
    """Whatever comes, each committed message ends up delivered or listed, for each sink, and never in both.

    What was handed over and not settled before a kill may be at the receiver, and says so where it is listed.
    """

    def __init__(self):
        super().__init__()
        self.routes = Route("a"), Route("b", severities=("alert",)), Route("step", escalation=1)
        self.owing = Owing(*self.routes, queue_bytes=9_000, storm_alerts=2)
        self.revisions, self.phases, self.severities = {}, {}, {}
        self.committed, self.delivered, self.tried, self.hand = set(), [], set(), {}
        self.boots, self.said = 1, 0

    @rule(name=KEYS, alert=st.booleans(), roles=st.sampled_from([(), ("crop",), ("series.1", "crop")]),
          closes=st.booleans())  # fmt: skip
    def commit(self, name, alert, roles, closes):
        revision = self.revisions.get(name, 0) + 1
        if self.phases.get(name) == "closed":
            return
        phase = "opened" if revision == 1 else "closed" if closes else "updated"
        was = self.severities.get(name)
        becomes = was == "alert" or alert
        first = was[1] if isinstance(was, tuple) else None
        first = (revision if becomes else None) if first is None else first
        one = event(name, revision, phase, severity="alert" if first else "candidate", alerted=first)
        self.owing.commit(one, *roles, jpeg=b"j" * 700)
        self.revisions[name], self.phases[name], self.severities[name] = (
            revision,
            phase,
            (one.severity, first),
        )
        for sink in ("a", "b") if one.severity == "alert" else ("a",):
            keys = [f"{name}.{revision}", *(f"{name}.{revision}.{role}" for role in roles)]
            self.committed |= {(key, sink) for key in keys if not (sink == "b" and "series" in key)}

    @rule(name=KEYS, word=st.sampled_from(["acknowledged", "confirmed", "dismissed"]))
    def review(self, name, word):
        self.said += 1
        key = f"{name}.{self.revisions.get(name)}.{word}.{self.said}"
        if self.owing.outbox.review(name, said(word, str(self.said))):
            sinks = "ab" if self.severities[name][1] else "a"
            self.committed |= {(key, sink) for sink in sinks}

    @rule(sink=st.sampled_from(["a", "b", "step"]), unheard=st.booleans())
    def hand_over(self, sink, unheard):
        if sink in self.hand:
            return
        message = self.owing.take(sink, unheard=unheard)
        if message is not None:
            self.hand[sink] = message
            self.tried.add((message.key, sink))

    @precondition(lambda self: self.hand)
    @rule(word=st.sampled_from(["delivered", "delivered", "unheard", "refused", "failed"]), data=st.data())
    def settle(self, word, data):
        sink = data.draw(st.sampled_from(sorted(self.hand)))
        message = self.hand.pop(sink)
        if word == "delivered":
            self.delivered.append((message.key, sink))
        if word != "failed":
            self.owing.settle(message, word)

    @rule(seconds=st.sampled_from([1, 700, 1000, 90_000]))
    def wait(self, seconds):
        self.owing.after(seconds)

    @rule(reboot=st.booleans(), last=st.sampled_from([Route("step", escalation=1), Route("step"), None]))
    def kill(self, reboot, last):
        self.boots += reboot
        self.hand.clear()
        routes = (*self.routes[:2], *(() if last is None else (last,)))
        self.owing.restart(replace(self.owing.rules, boot=f"b{self.boots}", routes=routes))

    @invariant()
    def each_is_somewhere(self):
        waiting = set(
            self.owing.database._db.execute(
                "SELECT key, sink FROM delivery JOIN message ON seq = message WHERE state != 'held'"
            )
        )
        lost = {(key, sink): sent for key, sink, sent in self.owing.lost("key", "sink", "sent")}
        words = dict(self.owing.database._db.execute("SELECT word, sum(count) FROM tally GROUP BY word"))
        settled = sum(count for word, count in words.items() if word not in ("committed", "unheard"))
        assert words.get("committed", 0) == settled + len(waiting)

        def is_known(fate):  # in advance, whatever becomes an alert
            key, sink = fate
            return sink in "ab" and not key.startswith("note") and not (sink == "b" and "series" in key)

        events = {fate for fate in waiting if is_known(fate)}
        lost = {fate: sent for fate, sent in lost.items() if is_known(fate)}
        delivered = {fate for fate in self.delivered if is_known(fate)}
        assert events | lost.keys() | delivered == self.committed
        assert not events & lost.keys()
        assert all(sent for fate, sent in lost.items() if fate in delivered or fate in self.tried)
        assert {fate for fate in lost if lost[fate]} <= self.tried
        assert not (delivered & events) - set(self.hand_keys())
        assert self.owing.outbox.queue().bytes <= 9_000

    def hand_keys(self):
        return [(message.key, sink) for sink, message in self.hand.items()]

    def teardown(self):
        self.hand.clear()
        for sink in ("a", "b", "step"):
            for message in iter(partial(self.owing.send, sink, unheard=True), None):
                self.delivered.append((message.key, sink))
        self.each_is_somewhere()


TestFates = Fates.TestCase
TestFates.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_list_gives_way_only_to_one_that_has_all_its_events():
    owing = Owing()
    lists = [["a", "b"], ["a", "b", "c"], ["d"]]
    for ids in lists:
        owing.outbox.note(
            msgspec.structs.replace(note("snooze"), events=tuple(map(event, ids)), count=len(ids))
        )
    told = [[one.id for one in message.note.events] for message in iter(owing.send, None)]
    assert told == [["a", "b", "c"], ["d"]]
