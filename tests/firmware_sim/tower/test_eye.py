"""What a camera showed beside what was found: by the rule of `scoring`."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from edge.model.loaded import load_model
from firmware_sim.footage.shot import Ignition, Shot, Sighting, Truth
from firmware_sim.tower.eye import Eye, cell_of, length_s, overlap_s
from firmware_sim.tower.plan import View

CELL_PX = (16.0, 16.0)
FRAME_PX = (480, 640)


@dataclass
class Footage:
    ignitions: tuple[Ignition, ...]
    size_px: tuple[int, int] = FRAME_PX
    rendered: bool = True
    shots: dict[float, Shot] = field(default_factory=dict)

    def at(self, epoch_s: float) -> Shot | None:
        return self.shots.get(epoch_s)

    def close(self) -> None:
        pass


def shot(at_s: float, label: Any, burning: tuple[str, ...] = (), **boxes: Any) -> Shot:
    sightings = tuple(Sighting(fire, box) for fire, box in boxes.items())
    return Shot(None, at_s, Truth(label, burning, sightings))  # type: ignore[arg-type]  # nobody looks at it


def eye(*shots: Shot, fires: tuple[Ignition, ...] = (Ignition("a", 100.0, 900.0, rendered=True),)) -> Eye:
    made = Eye("north", View(footage=Footage(fires), kind="rendered"))
    for one in shots:
        made.saw(one, one.taken_s)
    return made


BOX = (320.0, 240.0, 360.0, 300.0)


@pytest.mark.parametrize(
    ("opened_s", "box", "found"),
    [
        (160.0, (320, 240, 336, 256), (("a",), "find")),
        (160.0, (0, 0, 32, 32), ((), "mislocalised")),
        (110.0, (320, 240, 336, 256), (("a",), "find")),  # no box yet: by the one that is nearest in time
        (110.0, (0, 0, 32, 32), ((), "left_out")),
        (50.0, (320, 240, 336, 256), ((), "false_alarm")),
    ],
)
def test_an_opening_is_judged_by_the_box_nearest_in_time(opened_s: float, box: Any, found: Any) -> None:
    shots = [
        shot(50.0, "no_smoke"),
        shot(110.0, "uncertain", ("a",)),
        shot(160.0, "smoke", ("a",), a=BOX),
    ]
    one = eye(*[s for s in shots if s.taken_s <= opened_s])
    opening = one.opening(opened_s, box, FRAME_PX)
    for later in shots:
        if later.taken_s > opened_s:
            one.saw(later, later.taken_s)
    assert one.judge(opening, CELL_PX) == found


def test_the_middle_of_a_huge_box_counts_and_each_fire_for_itself() -> None:
    fires = (Ignition("a", 100.0), Ignition("b", 120.0))
    one = eye(shot(160.0, "smoke", ("a", "b"), a=BOX, b=(40.0, 40.0, 60.0, 60.0)), fires=fires)
    assert one.judge(one.opening(160.0, (0, 0, 640, 480), FRAME_PX), CELL_PX) == (("a",), "find")
    assert one.judge(one.opening(160.0, (40, 40, 56, 56), FRAME_PX), CELL_PX) == (("b",), "find")


def test_what_nobody_labelled_is_left_out() -> None:
    one = eye(shot(160.0, "unlabelled"), fires=())
    assert one.judge(one.opening(160.0, (0, 0, 32, 32), FRAME_PX), CELL_PX) == ((), "left_out")


def test_a_picture_covers_its_cadence_and_no_more() -> None:
    one = eye()
    for at_s in (0.0, 54.0, 114.0, 400.0):
        one.looked(at_s, 60.0)
    assert one.watched(420.0) == [(0.0, 174.0), (400.0, 420.0)]
    assert length_s([(0.0, 174.0), (400.0, 420.0)]) == 194.0
    assert overlap_s([(100.0, 900.0)], [(0.0, 174.0), (400.0, 420.0)]) == 94.0


def test_fires_are_those_of_the_run_and_know_when_they_first_showed() -> None:
    fires = (
        Ignition("before", -90.0, -10.0),
        Ignition("a", 100.0, 900.0, rendered=True),
        Ignition("b", 5000.0),
    )
    one = eye(shot(110.0, "uncertain", ("a",)), shot(160.0, "smoke", ("a",), a=BOX), fires=fires)
    (fire,) = one.fires(0.0, 1000.0)
    assert (fire.fire, fire.kind, fire.ignition_s, fire.end_s, fire.shown_s) == (
        "a",
        "rendered",
        100.0,
        900.0,
        160.0,
    )
    assert one.burning(0.0, 500.0) == [(100.0, 500.0)]


def test_smoke_that_nobody_looks_at_is_looked_for_until_it_shows() -> None:
    one = eye()
    one.view.footage.shots = {120.0: shot(120.0, "smoke", ("a",), a=BOX), 180.0: shot(180.0, "smoke", ("a",))}
    for at_s in (50.0, 120.0, 180.0):
        one.probe(at_s)
    assert one.fires(0.0, 1000.0)[0].shown_s == 120.0


def test_a_cell_is_that_of_the_model_in_pixels_of_the_frame() -> None:
    width, height = cell_of(load_model(None), FRAME_PX)
    assert 4 < width < 64
    assert 4 < height < 64
