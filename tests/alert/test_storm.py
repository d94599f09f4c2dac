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
