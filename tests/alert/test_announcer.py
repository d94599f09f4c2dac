import threading

from edge.alert.announcer import Announcer
from edge.alert.event import Announcement
from tests.alert.event import event


def announcement(number):
    return Announcement(event=event(f"e{number}"), stored=True)


def test_all_is_told_in_order_and_the_end_waits_for_it():
    told = []
    announcer = Announcer(told.append)
    announcer.start()
    for number in range(100):
        announcer.put(announcement(number))
    announcer.stop(60)
    assert told == [announcement(number) for number in range(100)]
    assert announcer.untold == 0


def test_a_sink_that_blocks_stops_nobody_and_what_is_lost_is_counted(caplog):
    told, started, over = [], threading.Event(), threading.Event()

    def blocking(one):
        started.set()
        over.wait()
        told.append(one)

    announcer = Announcer(blocking, max_waiting=3)
    announcer.start()
    announcer.put(announcement(0))
    assert started.wait(60)
    for number in range(1, 10):
        announcer.put(announcement(number))
    assert announcer.untold == 6
    assert caplog.text.count("not told: nobody reads: 3 wait") == 1
    announcer.stop(0.01)
    assert announcer.untold == 10
    assert "10 announcements were not told" in caplog.text
    over.set()
    announcer._thread.join(60)
    assert told == [announcement(0)]


def test_a_sink_that_is_read_again_goes_on(caplog):
    caplog.set_level("INFO")
    told = []

    def broken(one):
        if one.event.id in {"e1", "e2"}:
            raise BrokenPipeError
        told.append(one.event.id)

    announcer = Announcer(broken)
    announcer.start()
    for number in range(4):
        announcer.put(announcement(number))
    announcer.stop(60)
    assert told == ["e0", "e3"]
    assert announcer.untold == 2
    assert caplog.text.count("not told: BrokenPipeError()") == 1
    assert "announcements are read again; 2 were not told" in caplog.text
