"""The cadence of a camera under the governor."""

from hypothesis import given
from hypothesis import strategies as st

from edge.camera.schedule import Schedule
from edge.governor.pace import WARM_PICTURES, Pace
from edge.model.manifest import Cadence

TRAINED = Cadence(min_s=50.0, default_s=60.0, max_s=200.0)
S = 1_000_000_000


def test_a_share_lies_between_its_own_cadence_and_the_slowest_of_the_model() -> None:
    schedule = Schedule(60)
    pace = Pace(schedule, TRAINED)
    for share, cadence_s in ((0.0, 60), (0.5, 130), (1.0, 200), (0.0, 60)):
        pace.step(share, 0, 0)
        assert schedule.cadence_s == cadence_s


def test_of_a_model_that_was_trained_for_any_nothing_is_known_that_is_slower() -> None:
    schedule = Schedule(60)
    pace = Pace(schedule, None)
    pace.step(1.0, 0, 0)
    assert schedule.cadence_s == 60
    pace.wake(0, 0)
    pace.step(1.0, 0, 0)
    assert schedule.cadence_s == 60


def test_it_warms_up_at_the_fastest_cadence_for_so_many_pictures() -> None:
    schedule = Schedule(60)
    pace = Pace(schedule, TRAINED)
    pace.wake(7, 0)
    pace.step(1.0, 7 + WARM_PICTURES - 1, 499 * S)
    assert schedule.cadence_s == 50
    pace.step(1.0, 7 + WARM_PICTURES, 500 * S)
    assert schedule.cadence_s == 200


def test_a_camera_that_shows_nothing_warms_up_for_so_long() -> None:
    schedule = Schedule(60)
    pace = Pace(schedule, TRAINED)
    pace.wake(0, 0)
    pace.step(1.0, 0, 999 * S)
    assert schedule.cadence_s == 50
    pace.step(1.0, 0, 1000 * S)
    assert schedule.cadence_s == 200


@given(st.floats(0, 1), st.floats(50, 200), st.integers(0, 30), st.booleans())
def test_no_cadence_leaves_what_the_model_was_trained_for(
    share: float, own_s: float, pictures: int, woke: bool
) -> None:
    schedule = Schedule(own_s)
    pace = Pace(schedule, TRAINED)
    if woke:
        pace.wake(0, 0)
    pace.step(share, pictures, 0)
    assert 50 <= schedule.cadence_s <= 200.0001
