"""Which pictures of a server are new."""

from types import SimpleNamespace

from edge.camera.freshness import Freshness


def stated(**headers: str):
    return SimpleNamespace(headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_the_same_bytes_are_old():
    fresh = Freshness()
    assert not fresh.is_old(b"one", stated())
    fresh.take(b"one", stated())
    assert all(fresh.is_old(b"one", stated(ETag=str(number))) for number in range(9))
    assert not fresh.is_old(b"two", stated())


def test_the_same_tag_or_time_is_old():
    for mark in ({"ETag": '"a"'}, {"Last_Modified": "Sun, 29 Nov 2026 01:00:00 GMT"}):
        fresh = Freshness()
        fresh.take(b"one", stated(**mark))
        assert fresh.is_old(b"two", stated(**mark))
        assert not fresh.is_old(b"three", stated(**{name: value + "x" for name, value in mark.items()}))


def test_the_server_is_asked_for_what_is_new():
    fresh = Freshness()
    assert fresh.conditions() == {}
    fresh.take(b"one", stated(ETag='"a"', Last_Modified="then"))
    assert fresh.conditions() == {"If-None-Match": '"a"', "If-Modified-Since": "then"}
    fresh.take(b"two", stated())
    assert fresh.conditions() == {}


def test_a_server_that_always_says_the_same_tag_is_seen_through():
    fresh, tag = Freshness(), stated(ETag='"always"')
    fresh.take(b"one", tag)
    assert [fresh.is_old(b"%d" % number, tag) for number in range(2)] == [True, False]
    fresh.take(b"1", tag)
    assert not any(fresh.is_old(b"%d" % number, tag) for number in range(2, 9))
    assert fresh.conditions() == {}


def test_a_server_that_always_says_that_nothing_is_new_is_seen_through():
    fresh, tag = Freshness(), stated(ETag='"always"')
    fresh.take(b"one", tag)
    asked = []
    for _ in range(4):
        asked.append(bool(fresh.conditions()))
        fresh.unchanged()
    assert asked == [True, False, False, False]


def test_a_tag_that_stays_while_the_picture_does_is_believed_no_second_time():
    """It may stay when the picture changes, too: the turn after next would be one too late."""
    fresh, tag = Freshness(), stated(ETag='"always"')
    fresh.take(b"one", tag)
    assert fresh.is_old(b"one", tag)
    assert fresh.conditions() == {}
    assert not fresh.is_old(b"two", tag)


def test_a_picture_that_is_really_cached_stays_old():
    fresh, tag = Freshness(), stated(ETag='"a"')
    fresh.take(b"one", tag)
    for _ in range(40):
        assert fresh.is_old(b"one", tag)
    assert not fresh.is_old(b"two", stated(ETag='"b"'))
    fresh.take(b"two", stated(ETag='"b"'))
    assert fresh.conditions() == {"If-None-Match": '"b"'}
