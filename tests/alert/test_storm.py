import msgspec

from edge.alert.storm import HOUR_NS, Storms
from tests.alert.event import event

MINUTE_NS = 60_000_000_000


def alert(number, box=(0, 0, 10, 10), **more):
    return msgspec.structs.replace(event(f"s{number}", **more), box_px=box)


def test_more_than_so_many_within_an_hour_are_a_storm_and_fewer_end_it():
    storms = Storms(2)
    times = [0, 40 * MINUTE_NS, HOUR_NS, HOUR_NS + MINUTE_NS]
    assert [storms.lists(alert(n), ns) for n, ns in enumerate(times)] == [False, False, False, True]
    assert storms.raging == ["north"]
    assert storms.over(HOUR_NS + 39 * MINUTE_NS) == []
    assert storms.over(HOUR_NS + 40 * MINUTE_NS) == ["north"]
    assert storms.over(2 * HOUR_NS) == []
    assert storms.raging == []


def test_a_candidate_counts_only_when_it_becomes_an_alert():
    storms = Storms(1)
    candidates = [alert(n, severity="candidate") for n in range(5)]
    assert not any(storms.lists(one, 0) for one in candidates)
    assert not storms.lists(alert(0, revision=2, phase="updated", alerted=2), 1)
    assert storms.lists(alert(1, revision=2, phase="updated", alerted=2), 2)


def test_the_same_alert_counts_once_however_often_it_is_asked():
    storms = Storms(1)
    assert [storms.lists(alert(0), ns) for ns in range(5)] == [False] * 5
    assert storms.lists(alert(1), 9)
    assert storms.lists(alert(1), 10)


def test_growth_is_measured_from_where_it_was_listed():
    storms = Storms(1)
    storms.lists(alert(0), 0)
    assert storms.lists(alert(1), 0)
    assert storms.lists(alert(1, (0, 0, 19, 10), revision=2, phase="updated"), 1)
    assert not storms.lists(alert(1, (0, 0, 20, 10), revision=3, phase="updated"), 2)
    assert not storms.lists(alert(1, (0, 0, 20, 10), revision=4, phase="closed"), 3)


def test_a_sector_is_new_beyond_half_a_box_from_the_others():
    storms = Storms(1)
    storms.lists(alert(0), 0)
    assert storms.lists(alert(1, (14, 0, 24, 10)), 0)
    assert not storms.lists(alert(2, (40, 0, 50, 10)), 0)


def test_a_sector_is_forgotten_an_hour_after_its_last_alert():
    storms = Storms(1)
    for number in range(4):  # one alert each 50 minutes, each in a sector of its own, for hours
        storms.lists(alert(number, (100 * number, 0, 100 * number + 10, 10)), number * 50 * MINUTE_NS)
    now_ns = 3 * 50 * MINUTE_NS
    assert storms.lists(alert("near", (300, 0, 310, 10)), now_ns)  # it rages, and this sector is known
    assert not storms.lists(alert("again", (0, 0, 10, 10)), now_ns)  # there nothing was for an hour
    assert storms.lists(alert("twice", (0, 0, 10, 10)), now_ns)
    assert not storms.lists(alert(2, (200, 0, 210, 10), revision=2, phase="updated"), now_ns)


def test_an_event_that_is_listed_stays_so_and_counts_once_when_its_sector_is_forgotten():
    storms = Storms(1)
    for number in range(3):
        storms.lists(alert(number), 0)
    for hour in range(1, 4):
        now_ns = hour * HOUR_NS
        storms.over(now_ns)
        assert storms.lists(alert(2, revision=1 + hour, phase="updated"), now_ns)
        assert not storms.lists(alert(0, revision=1 + hour, phase="updated", alerted=1 + hour), now_ns)
        assert storms.raging == []
    assert storms.lists(alert(2, revision=9, phase="closed"), 4 * HOUR_NS)


def test_what_is_kept_of_alerts_is_bounded_by_those_that_are_open():
    storms = Storms(12)
    for number in range(720):
        now_ns = number * 50 * MINUTE_NS
        storms.over(now_ns)
        storms.lists(alert(number, (10 * number, 0, 10 * number + 5, 5)), now_ns)
        storms.lists(alert(number, revision=2, phase="closed"), now_ns)
    camera = storms._cameras["north"]
    assert len(camera.boxes) == len(camera.since_ns) < 30
    assert len(camera.begun_ns) == 2
    assert camera.told_px == {}


def test_an_alert_that_the_disk_takes_hours_later_counts_once():
    storms = Storms(1)
    for number in range(3):
        storms.lists(alert(number, (100 * number, 0, 100 * number + 10, 10)), 0)
    late_ns = 5 * HOUR_NS
    storms.over(late_ns)
    assert not any(
        storms.lists(alert(n, (100 * n, 0, 100 * n + 10, 10)), late_ns) for n in range(3) for _ in range(2)
    )
    assert storms.raging == []
