"""Who is silent, by a clock that the test moves."""

from receive.notice import render
from receive.silence import Beat, Notice, Silence

S = 1_000_000_000
FIRST, SECOND = Beat("boot-a", 1, 300.0), Beat("boot-a", 2, 300.0)


def listening(now_ns=0):
    silence = Silence("watch.hq", 60.0, now_ns)
    silence.link(now_ns, up=True)
    return silence


def words(notices):
    return [(notice.word, notice.name) for notice in notices]


def test_an_overdue_heartbeat_is_told_once_and_so_is_the_return():
    silence = listening()
    assert silence.hear("tower-7", FIRST, 0.0, 10 * S) == []
    assert silence.step(370 * S) == []
    assert silence.step(371 * S) == [Notice("silent", "tower-7", FIRST, 361.0)]
    assert silence.step(9999 * S) == []
    assert silence.states(9999 * S) == {"tower-7": (True, 9989.0)}
    assert silence.hear("tower-7", SECOND, 0.0, 10_000 * S) == [Notice("back", "tower-7", SECOND, 9990.0)]
    assert silence.step(10_360 * S) == []
    assert words(silence.step(10_361 * S)) == [("silent", "tower-7")]


def test_each_tower_by_its_own_interval():
    silence = listening()
    silence.hear("slow", Beat("a", 1, 3600.0), 0.0, 0)
    silence.hear("fast", Beat("b", 1, 10.0), 0.0, 0)
    assert words(silence.step(71 * S)) == [("silent", "fast")]
    assert words(silence.step(3661 * S)) == [("silent", "slow")]


def test_what_the_broker_kept_is_as_old_as_it_is():
    silence = listening()
    silence.hear("tower-7", FIRST, 290.0, 0)
    assert words(silence.step(71 * S)) == [("silent", "tower-7")]


def test_the_same_heartbeat_again_is_no_sign_of_life():
    silence = listening()
    silence.hear("tower-7", FIRST, 0.0, 0)
    silence.hear("tower-7", FIRST, 200.0, 200 * S)
    assert words(silence.step(361 * S)) == [("silent", "tower-7")]
    assert silence.hear("tower-7", FIRST, 400.0, 400 * S) == []
    assert silence.states(400 * S)["tower-7"][0]


def test_an_old_heartbeat_that_was_held_up_is_no_return():
    silence = listening()
    silence.hear("tower-7", FIRST, 0.0, 0)
    silence.step(2000 * S)
    assert silence.hear("tower-7", SECOND, 700.0, 2000 * S) == []
    assert words(silence.hear("tower-7", Beat("boot-a", 3, 300.0), 1.0, 2001 * S)) == [("back", "tower-7")]


def test_nobody_is_silent_while_we_hear_nobody():
    silence = listening()
    silence.hear("tower-7", FIRST, 0.0, 0)
    assert silence.link(100 * S, up=False) == []
    assert silence.step(160 * S) == []
    assert silence.step(161 * S) == [Notice("deaf", "watch.hq", None, 61.0, 1)]
    assert silence.step(5000 * S) == []
    assert silence.link(5000 * S, up=True) == [Notice("hearing", "watch.hq", None, 4900.0, 1)]
    assert silence.step(5060 * S) == [], "a grace anew"
    assert words(silence.step(5061 * S)) == [("silent", "tower-7")]
    silence.link(6000 * S, up=False)
    assert silence.step(6061 * S)[0].number == 2


def test_a_short_gap_of_ours_is_not_told():
    silence = listening()
    silence.link(100 * S, up=False)
    silence.link(130 * S, up=False)
    assert silence.step(150 * S) == []
    assert silence.link(159 * S, up=True) == []
    assert silence.has_link


def test_a_watch_without_a_link_from_the_start_says_so():
    silence = Silence("watch.hq", 60.0, 0)
    assert not silence.has_link
    assert words(silence.step(61 * S)) == [("deaf", "watch.hq")]


def test_towers_are_expected_that_never_spoke():
    silence = listening()
    silence.expect("tower-8", 300.0, 0, silent=False)
    silence.expect("tower-9", 300.0, 0, FIRST, silent=True)
    assert silence.step(361 * S) == [Notice("silent", "tower-8", None, 361.0)]
    assert words(silence.hear("tower-9", SECOND, 0.0, 400 * S)) == [("back", "tower-9")]
    silence.expect("tower-9", 1.0, 400 * S, silent=False)
    assert silence.step(500 * S) == [], "what was heard counts"


def test_a_reboot_is_no_second_tower_and_alternating_boots_are():
    silence = listening()
    for number, boot in enumerate("abcdefghijklm"):
        assert silence.hear("tower-7", Beat(boot, 1, 300.0), 0.0, number * S) == []
    beats = [Beat("one", 1, 300.0), Beat("two", 1, 300.0), Beat("one", 2, 300.0), Beat("two", 2, 300.0)]
    told = [words(silence.hear("tower-7", beat, 0.0, (20 + i) * S)) for i, beat in enumerate(beats)]
    assert told == [[], [], [("twice", "tower-7")], []]


def test_two_towers_under_one_id_are_told_at_once_and_then_once_an_hour():
    silence = listening()
    told = []
    for turn in range(1, 121):
        for boot, at_s in (("one", 60 * turn), ("two", 60 * turn + 30)):
            heard = silence.hear("tower-7", Beat(boot, turn, 60.0), 0.0, at_s * S)
            told += [(at_s, notice.word) for notice in heard]
    assert told == [(120, "twice"), (3720, "twice")]
    later = [
        silence.hear("tower-7", Beat(boot, 999, 60.0), 0.0, 90_000 * S) for boot in ("one", "two", "six")
    ]
    assert [words(heard) for heard in later].count([("twice", "tower-7")]) == 1


def test_how_long_a_tower_was_silent_is_not_said_by_one_who_was_not_there():
    silence = listening()
    silence.expect("tower-9", 300.0, 0, FIRST, silent=True)
    (back,) = silence.hear("tower-9", SECOND, 0.0, S)
    assert back == Notice("back", "tower-9", SECOND, None)
    assert b'"tower-9 is heard again."' in render(back, "run", None, clock_trusted=None).body
    silence.step(9999 * S)
    (again,) = silence.hear("tower-9", Beat("boot-a", 3, 300.0), 0.0, 10_000 * S)
    assert again.silent_s == 9999.0
