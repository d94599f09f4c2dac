import logging

from edge.alert.waiting import Revision, Waiting
from tests.alert.event import event


def revision(name, number, phase="updated", size=None, **more):
    return Revision(event(name, number, phase, **more), None if size is None else b"j" * size, 0)


def fill(waiting, *revisions):
    for one in revisions:
        waiting.add(one)


def rest(waiting):
    return [(r.event.id, r.event.revision, len(r.jpeg or b"")) for r in waiting]


def lost(waiting):
    return {kind: count for kind, count in waiting.dropped.items() if count}


def test_too_many_bytes_cost_pictures_of_updates_first_and_no_revision(caplog):
    waiting = Waiting(10, 100)
    fill(waiting, revision("a", 1, "opened", 40), revision("a", 2, size=40), revision("b", 1, "opened", 40))
    assert rest(waiting) == [("a", 1, 40), ("a", 2, 0), ("b", 1, 40)]
    fill(waiting, revision("c", 1, "opened", 40))
    assert rest(waiting) == [("a", 1, 0), ("a", 2, 0), ("b", 1, 40), ("c", 1, 40)]
    assert waiting.jpeg_bytes == 80
    assert lost(waiting) == {"picture": 2}
    assert caplog.messages == [
        "event a, revision 2: its picture is lost: the disk does not keep up",
        "event a, revision 1: its picture is lost: the disk does not keep up",
    ]


def test_a_picture_beyond_the_bound_never_waits_and_costs_no_other():
    waiting = Waiting(10, 100)
    fill(waiting, revision("a", 1, "opened", 60), revision("b", 2, size=101))
    assert rest(waiting) == [("a", 1, 60), ("b", 2, 0)]


def test_too_many_revisions_cost_superseded_updates_then_others_then_closings_then_openings(caplog):
    waiting = Waiting(4, 100)
    first = [revision("a", 1, "opened"), revision("b", 7), revision("a", 2), revision("a", 3)]
    fill(waiting, *first, revision("c", 1, "opened"))
    assert rest(waiting) == [("a", 1, 0), ("b", 7, 0), ("a", 3, 0), ("c", 1, 0)]
    fill(waiting, revision("d", 1, "opened"), revision("e", 1, "opened"))
    assert rest(waiting) == [("a", 1, 0), ("c", 1, 0), ("d", 1, 0), ("e", 1, 0)]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    closing = revision("d", 2, "closed")
    assert waiting.add(closing) is closing  # nobody needs an end before a beginning
    assert rest(waiting) == [("a", 1, 0), ("c", 1, 0), ("d", 1, 0), ("e", 1, 0)]
    assert waiting.add(revision("f", 1, "opened")).event.id == "a"
    assert rest(waiting) == [("c", 1, 0), ("d", 1, 0), ("e", 1, 0), ("f", 1, 0)]
    assert lost(waiting) == {"updated": 3, "closed": 1, "opened": 1}
    assert caplog.records[-1].levelno == logging.ERROR
    assert caplog.messages[-2:] == [
        "event d, revision 2: this 'closed' is lost: the disk does not keep up",
        "event a, revision 1: this 'opened' is lost: the disk does not keep up",
    ]


def test_a_later_revision_takes_over_the_picture_of_one_that_went():
    waiting = Waiting(2, 100)
    fill(waiting, revision("a", 1, "opened", 10), revision("a", 2, size=20), revision("a", 3, "closed"))
    assert rest(waiting) == [("a", 1, 10), ("a", 3, 20)]
    fill(waiting, revision("b", 1, "opened", 30))
    assert rest(waiting) == [("a", 1, 10), ("b", 1, 30)]  # its newest one went with the closing
    fill(waiting, revision("c", 1, "opened"))
    assert rest(waiting) == [("b", 1, 30), ("c", 1, 0)]
    assert lost(waiting) == {"updated": 1, "closed": 1, "opened": 1, "picture": 2}


def test_what_is_being_written_stays_as_it_is():
    waiting = Waiting(2, 100)
    fill(waiting, busy := revision("a", 1, size=80))
    busy.busy = True
    fill(waiting, revision("b", 1, "opened", 30), revision("c", 1, "opened"))
    assert rest(waiting) == [("a", 1, 80), ("c", 1, 0)]
    waiting.remove(busy)
    assert waiting.events() == {"c"}
    assert len(waiting) == 1


def test_heads_are_the_oldest_of_each_event():
    waiting = Waiting()
    fill(waiting, revision("a", 1), revision("b", 1), revision("a", 2), revision("b", 2), revision("c", 3))
    assert [(r.event.id, r.event.revision) for r in waiting.heads()] == [("a", 1), ("b", 1), ("c", 3)]


def test_the_update_that_made_an_event_an_alert_is_kept_as_an_opening(caplog):
    waiting = Waiting(3, 100)
    first = [
        revision("a", 2, size=50, alerted=2),
        revision("a", 3, size=40, alerted=2),
        revision("b", 1, "opened"),
    ]
    fill(waiting, *first, revision("c", 1, "opened", 40))
    assert rest(waiting) == [("a", 2, 50), ("b", 1, 0), ("c", 1, 40)]
    fill(waiting, revision("d", 1, "opened"))
    assert rest(waiting) == [("b", 1, 0), ("c", 1, 40), ("d", 1, 0)]
    assert lost(waiting) == {"updated": 1, "opened": 1, "picture": 2}
    assert caplog.messages[-2] == "event a, revision 2: this 'opened' is lost: the disk does not keep up"


def test_a_drill_is_lost_before_anything_real_and_is_not_counted():
    waiting = Waiting(2, 100)
    fill(waiting, revision("drill.a", 1, "opened", 60), revision("a", 2, size=60))
    assert rest(waiting) == [("drill.a", 1, 0), ("a", 2, 60)]
    fill(waiting, revision("b", 2))
    assert rest(waiting) == [("a", 2, 60), ("b", 2, 0)]
    assert lost(waiting) == {}
