"""What a receiver's status and fields mean."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.uplink.verdict import RETRY_MAX_S, advice_of, is_alone, retry_s, unix_s, word_of

NOON_S = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110


def test_a_word_of_every_status():
    words = {status: word_of(status, {}) for status in range(100, 600)}
    assert {status for status, word in words.items() if word == "delivered"} == set(range(200, 300))
    assert {status for status, word in words.items() if word == "gone"} == {410}
    assert {status for status, word in words.items() if word == "refused"} == {413, 415}
    assert word_of(413, {"Retry-After": "120"}) == "failed"


def test_advice_where_there_is_some():
    assert "no redirect is followed" in advice_of(308)
    assert "secret_file" in advice_of(401)
    assert advice_of(503) == ""


@pytest.mark.parametrize(
    ("fields", "expected_s"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": " 0 "}, 0),
        ({"Retry-After": "86400"}, RETRY_MAX_S),
        ({"Retry-After": "9" * 5000}, RETRY_MAX_S),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "120, 60"}, None),
        ({"Retry-After": "soon"}, None),
        # by the tower's clock where the receiver does not say its own
        ({"Retry-After": "Sun, 06 Nov 1994 08:51:37 GMT"}, 120),
        ({"Retry-After": "Sunday, 06-Nov-94 08:51:37 GMT"}, 120),
        ({"Retry-After": "Sun Nov  6 08:51:37 1994"}, 120),
        ({"Retry-After": "Sun, 06 Nov 1994 08:00:00 GMT"}, 0),
        ({"Retry-After": "Sun, 06 Nov 2094 08:00:00 GMT"}, RETRY_MAX_S),
        ({"Retry-After": "Sat, 02 May 2026 12:01:30 GMT", "Date": "Sat, 02 May 2026 12:00:00 GMT"}, 90),
        ({"Retry-After": "Sun, 06 Nov 1994 08:51:37 GMT", "Date": "yesterday"}, 120),
    ],
)
def test_when_to_come_again(fields, expected_s):
    assert retry_s(fields, NOON_S) == expected_s


@settings(max_examples=50)
@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_it_says_is_none_or_within_bounds(said, date):
    found = retry_s({"Retry-After": said, "Date": date}, NOON_S)
    assert found is None or 0 <= found <= RETRY_MAX_S


@settings(max_examples=50)
@given(
    st.from_regex(
        r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,7} [0-9:]{1,12} (GMT|[-+][0-9]{1,9})",
        fullmatch=True,
    )
)
def test_a_date_that_no_calendar_has(said):
    found = unix_s(said)
    assert found is None or isinstance(found, float)


@pytest.mark.parametrize(
    ("status", "fields", "alone"),
    [
        (400, {}, True),
        (401, {}, True),
        (403, {}, True),
        (404, {}, True),
        (422, {}, True),
        (400, {"Retry-After": "9"}, False),
        (408, {}, False),
        (425, {}, False),
        (429, {}, False),
        (302, {}, False),
        (500, {}, False),
        (503, {}, False),
        (599, {}, False),
    ],
)
def test_which_failures_are_of_one_message(status, fields, alone):
    assert is_alone(status, fields) is alone
