import pytest

from edge.web.attempt import WrongTokens


class Clock:
    now_ns = 0

    def mono_ns(self):
        return self.now_ns


@pytest.fixture
def clock():
    return Clock()


def test_an_address_waits_longer_for_each_wrong_token_up_to_a_bound(clock):
    wrong = WrongTokens(clock)
    delays_s = [wrong.delay_s("192.0.2.1") for _ in range(10)]
    assert delays_s == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0, 3.0]
    assert wrong.delay_s("192.0.2.2") == 0.05
    assert wrong.count == 11


def test_five_quiet_minutes_forgive(clock):
    wrong = WrongTokens(clock)
    wrong.delay_s("192.0.2.1")
    clock.now_ns += 300_000_000_000
    assert wrong.delay_s("192.0.2.1") == 0.1
    clock.now_ns += 300_000_000_001
    assert wrong.delay_s("192.0.2.1") == 0.05


@pytest.mark.parametrize(
    ("first", "second"),
    [("2001:db8::1", "2001:db8::ffff:2"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("nowhere", "nowhere")],
)
def test_these_are_one_visitor(clock, first, second):
    wrong = WrongTokens(clock)
    assert (wrong.delay_s(first), wrong.delay_s(second)) == (0.05, 0.1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8::1", "2001:db8:0:1::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
        ("192.0.2.1", "192.0.2.2"),
    ],
)
def test_these_are_two(clock, first, second):
    wrong = WrongTokens(clock)
    assert (wrong.delay_s(first), wrong.delay_s(second)) == (0.05, 0.05)


def test_memory_is_bounded_and_forgets_who_came_longest_ago(clock):
    wrong = WrongTokens(clock)
    wrong.delay_s("first")
    wrong.delay_s("second")
    for number in range(255):
        wrong.delay_s(f"host{number}")
        wrong.delay_s("second")
    assert len(wrong._seen) == 256
    assert wrong.delay_s("second") == 3.0
    assert wrong.delay_s("first") == 0.05
