"""Durations as people write them."""

from __future__ import annotations

import pytest

from firmware_sim.tower.duration import Duration, Since, decode, seconds_of, written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("20m", 1200), ("2h", 7200), ("1d", 86_400), ("1.5s", 1.5), ("-30m", -1800)],
)
def test_a_duration_is_a_number_and_its_unit(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "2", "2 h", "2h30m", "1w", "h", "1e3s", "9999999s", "3661d", 20, None, "２h"]
)
def test_what_is_none_says_how_one_is_written(text: object) -> None:
    with pytest.raises(ValueError, match=r'expected a duration such as "90s", "20m", "2h" or "1d"'):
        seconds_of(text)


def test_only_a_moment_may_be_before_the_begin() -> None:
    assert decode(Since, "-30m") == -1800
    with pytest.raises(ValueError, match=r"got '-30m'; expected a duration from 0 on"):
        decode(Duration, "-30m")


@pytest.mark.parametrize("text", ["90s", "20m", "2h", "1d", "75m", "0s", "1.5s"])
def test_it_is_written_as_it_is_read(text: str) -> None:
    assert written(seconds_of(text)) == text
