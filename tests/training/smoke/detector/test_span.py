"""The span is in a row from 60 s outwards; the manifest states it, and the gap follows."""

import msgspec
import pytest

from edge.model.manifest import Cadence
from training.smoke.detector.span import Span, span_of, stated, widened
from training.smoke.lesson.recipe import blank

ALL = {30.0: True, 60.0: True, 120.0: True, 180.0: True, 300.0: True}


@pytest.mark.parametrize(
    ("changed", "ends"),
    [
        ({}, (30, 300)),
        ({30.0: False}, (60, 300)),
        ({300.0: False}, (30, 180)),
        ({120.0: False}, (30, 60)),  # 180 and 300 s are within, and behind one that is not
        ({60.0: False}, (30, 300)),  # nothing is compared with itself
    ],
)
def test_the_span_is_in_a_row_from_a_minute_outwards(changed, ends) -> None:
    found = span_of(ALL | changed)
    assert (found.min_s, found.default_s, found.max_s) == (ends[0], 60, ends[1])


def test_what_was_not_measured_is_not_in_it() -> None:
    assert span_of({60.0: True, 120.0: True}) == Span(min_s=60, max_s=120)
    with pytest.raises(ValueError, match="no view was scored at 60 s"):
        span_of({120.0: True})


def test_a_manifest_holds_the_span_and_clocks_that_are_not_even() -> None:
    manifest = stated(blank(), Span(min_s=30, max_s=180))
    assert manifest.cadence == Cadence(min_s=27, default_s=60, max_s=198)


@pytest.mark.parametrize(("max_s", "gap_s"), [(60, 900), (180, 900), (300, 990), (600, 1980)])
def test_two_missed_frames_at_the_longest_cadence_are_no_gap(max_s, gap_s) -> None:
    assert stated(blank(), Span(min_s=60, max_s=max_s)).state_gap_s == gap_s


def test_a_cadence_that_is_tried_widens_the_range_and_narrows_nothing() -> None:
    known = msgspec.structs.replace(blank(), cadence=Cadence(min_s=50, default_s=60, max_s=200))
    assert widened(known, 60).cadence == known.cadence
    assert widened(known, 300).cadence == Cadence(min_s=50, default_s=60, max_s=330)
    assert widened(known, 30).cadence == Cadence(min_s=27, default_s=60, max_s=200)
    assert (widened(known, 60).state_gap_s, widened(known, 300).state_gap_s) == (900, 990)
