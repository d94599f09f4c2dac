from edge.camera.due import Dues
from edge.camera.schedule import Schedule

S = 1_000_000_000


def test_the_next_frame_is_due_one_cadence_after_the_last_scored_one() -> None:
    schedule = Schedule(60)
    dues = Dues({"north": schedule, "south": Schedule(10)})
    assert dues.scored_ns("north") is None
    assert dues.all_s(0) == {"north": None, "south": None}
    dues.note("north", 100 * S)
    assert dues.scored_ns("north") == 100 * S
    assert dues.all_s(110 * S) == {"north": 50.0, "south": None}
    assert dues.all_s(500 * S)["north"] == 0.0
    schedule.cadence_s = 200.0
    assert dues.all_s(110 * S)["north"] == 190.0


def test_of_closed_cameras_it_is_when_they_are_opened() -> None:
    assert Dues({"north": Schedule(60)}).all_s(0, 1800.0) == {"north": 1800.0}


def test_a_camera_that_becomes_faster_is_stale_by_its_slower_cadence_until_its_next_frame() -> None:
    schedule = Schedule(200)
    dues = Dues({"north": schedule})
    assert dues.cadence_s("north") == 200
    dues.note("north", 0)
    schedule.cadence_s = 50.0
    assert dues.cadence_s("north") == 200
    dues.note("north", 60 * S)
    assert dues.cadence_s("north") == 50
