"""Which points no other one beats."""

from hypothesis import given
from hypothesis import strategies as st

from training.smoke.search.front import front


def test_only_what_is_worse_in_one_and_better_in_none_is_beaten() -> None:
    points = [(1.0, 9.0), (2.0, 5.0), (2.0, 6.0), (3.0, 5.0), (9.0, 1.0), (9.0, 1.0), (9.5, 9.5)]
    assert front(points) == [True, True, False, False, True, True, False]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_every_point_is_on_the_front_or_beaten_by_one_that_is(points) -> None:
    flags = front(points)
    best = [point for point, flag in zip(points, flags, strict=True) if flag]
    assert best
    for point, flag in zip(points, flags, strict=True):
        beaten = any(o[0] <= point[0] and o[1] <= point[1] and o != point for o in best)
        assert beaten is not flag
