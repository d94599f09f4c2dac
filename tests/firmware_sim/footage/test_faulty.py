"""Faults over footage: each is seen by the daemon's own judge, or by what it does to the picture."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from edge.camera.condition import Sight
from edge.camera.schedule import Schedule
from edge.frame import Frame
from edge.image import RgbImage
from firmware_sim.footage.fault import PICTURE_KINDS, Fault
from firmware_sim.footage.faulty import Faulty
from firmware_sim.footage.rendered import RenderedFootage
from firmware_sim.footage.shot import Sighting, Truth, sighting_of
from firmware_sim.scene.day import Air
from firmware_sim.scene.landscape import Scenery
from firmware_sim.scene.sun import Sun
from tests.firmware_sim.footage.conftest import START_S, Wanderer

FIRE_S = START_S + 4000


def faulty(*faults, footage=None, seed=0):
    return Faulty(footage or Wanderer(), faults, START_S, seed)


def minutes(footage, count):
    return [footage.at(START_S + 60 * minute) for minute in range(count)]


def judged(shots):
    """Return what the daemon drops each picture for, its condition after it, and how often the view changed."""
    sight = Sight(Schedule(60))
    seen = []
    for number, shot in enumerate(shots):
        at_ns = round(60e9 * number)
        cause = sight.judge(Frame(RgbImage(shot.pixels), number, at_ns, 0, None, at_ns))
        seen.append((cause, sight.condition))
    return seen, sight.turn.count


def test_without_a_fault_nothing_changes_and_nothing_is_judged():
    plain, through = Wanderer(), faulty(Fault(kind="black", from_s=6000))
    shots = minutes(through, 12)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(shots, minutes(plain, 12), strict=True))
    assert judged(shots) == ([(None, "ok")] * 12, 0)
    assert (through.size_px, through.ignitions, through.rendered) == (
        plain.size_px,
        plain.ignitions,
        False,
    )


def test_a_rendered_landscape_is_judged_to_be_well():
    footage = RenderedFootage(
        Scenery(seed=2, width=320, height=240), (), START_S, sun_at=lambda _: Sun(40.0, 100.0)
    )
    assert judged(minutes(footage, 12)) == ([(None, "ok")] * 12, 0)


def test_a_frozen_camera_is_judged_so_and_comes_back():
    shots = minutes(faulty(Fault(kind="freeze", from_s=120, to_s=480)), 10)
    seen, _ = judged(shots)
    assert [condition for _, condition in seen] == ["ok"] * 4 + ["frozen"] * 4 + ["ok"] * 2
    assert all(np.array_equal(shot.pixels, shots[2].pixels) for shot in shots[2:8])
    assert [shot.taken_s for shot in shots] == [START_S + 60 * minute for minute in range(10)]


def test_a_camera_whose_sensor_hangs_is_judged_frozen_though_it_encodes_anew():
    shots = minutes(faulty(Fault(kind="freeze", from_s=60, strength=0.5)), 10)
    assert not any(np.array_equal(a.pixels, b.pixels) for a, b in pairwise(shots[2:]))
    assert judged(shots)[0][-1][1] == "frozen"


def test_of_two_freezes_the_earlier_holds_its_picture():
    footage = faulty(
        Fault(kind="freeze", from_s=60, to_s=200), Fault(kind="freeze", from_s=150, to_s=400), seed=1
    )
    assert np.array_equal(footage.at(START_S + 300).pixels, Wanderer().at(START_S + 60).pixels)


def test_a_frozen_picture_holds_the_faults_of_its_moment():
    footage = faulty(Fault(kind="freeze", from_s=100, to_s=300), Fault(kind="black", from_s=150, to_s=400))
    assert footage.at(START_S + 200).pixels.mean() > 50
    assert footage.at(START_S + 300).pixels.mean() == 0


def test_a_black_camera_is_judged_dark():
    seen, _ = judged(minutes(faulty(Fault(kind="black", from_s=60)), 9))
    assert seen[0] == (None, "ok")
    assert {cause for cause, _ in seen[1:]} == {"dark"}
    assert seen[-1] == ("dark", "dark")


def test_a_moved_view_is_judged_another_view_and_back():
    footage = faulty(Fault(kind="moved_view", from_s=720, to_s=1440, strength=0.8))
    shots = minutes(footage, 36)
    assert judged(shots)[1] == 2
    assert judged(shots[:12])[1] == 0


def sharpness(pixels):
    return float(cv2.Laplacian(cv2.medianBlur(pixels[..., 1], 5), cv2.CV_32F).var())


def test_a_blurred_picture_has_no_detail_left():
    weak, strong = (
        faulty(Fault(kind="blur", from_s=0, strength=strength)).at(START_S).pixels for strength in (0.05, 1.0)
    )
    assert sharpness(strong) < 0.2 * sharpness(weak)


@pytest.mark.parametrize("kind", ["blur", "dirt", "snow", "rain", "infrared"])
def test_what_hides_the_view_is_neither_frozen_nor_another_view(kind):
    shots = minutes(faulty(Fault(kind=kind, from_s=360)), 16)
    seen, turns = judged(shots)
    assert seen == [(None, "ok")] * 16
    assert turns == 0


@pytest.mark.parametrize("kind", ["dirt", "rain", "snow", "blur"])
def test_what_lies_on_the_lens_takes_more_the_stronger_it_is(kind):
    plain = Wanderer().at(FIRE_S).pixels.astype(float)
    changes = [
        np.abs(faulty(Fault(kind=kind, from_s=0, strength=strength)).at(FIRE_S).pixels - plain).mean()
        for strength in (0.3, 0.6, 1.0)
    ]
    assert 0 < changes[0] < changes[1] < changes[2]


def test_snow_at_full_strength_hides_all_and_is_white():
    pixels = faulty(Fault(kind="snow", from_s=0)).at(START_S).pixels
    rows = pixels[80:].astype(float)
    assert rows.std() < 0.4 * Wanderer().at(START_S).pixels[80:].std()
    assert rows.mean() > 90


def test_infrared_has_no_colour_and_sees_at_night():
    footage = RenderedFootage(
        Scenery(seed=2, width=320, height=240),
        (),
        START_S,
        sun_at=lambda _: Sun(-8.0, 0.0),
        air_at=lambda _: Air(0.0),
    )
    dusk = footage.at(START_S).pixels
    seen = faulty(Fault(kind="infrared", from_s=0), footage=footage).at(START_S).pixels
    assert (seen == seen[..., :1]).all()
    assert seen.mean() > dusk.mean() + 20


@pytest.mark.parametrize("kind", PICTURE_KINDS)
def test_the_same_moment_gives_the_same_picture_in_any_order(kind):
    fault = Fault(kind=kind, from_s=60, strength=0.7)
    one, two = faulty(fault, seed=3), faulty(fault, seed=3)
    moments = [START_S + 60 * at for at in (1, 5, 3)]
    ahead = [one.at(moment).pixels for moment in moments]
    back = [two.at(moment).pixels for moment in reversed(moments)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(ahead, back, strict=True))
    assert one.at(moments[0]).truth.faults == (kind,)
    assert one.at(START_S).truth.faults == ()


def test_faults_lie_on_each_other_in_one_order():
    faults = [Fault(kind=kind, from_s=0, strength=0.5) for kind in ("black", "dirt", "moved_view")]
    one, two = faulty(*faults).at(START_S), faulty(*reversed(faults)).at(START_S)
    assert np.array_equal(one.pixels, two.pixels)
    assert one.truth.faults == ("moved_view", "dirt", "black")


def test_the_truth_moves_with_the_view():
    truth = faulty(Fault(kind="moved_view", from_s=0, strength=0.5)).at(FIRE_S).truth
    (sighting,) = truth.sightings
    assert sighting == sighting_of("ridge", sighting.alpha)
    assert abs(abs(sighting.box[0] - 100) - 40) < 8
    far = [
        faulty(Fault(kind="moved_view", from_s=0), seed=seed).at(FIRE_S).truth.sightings for seed in range(4)
    ]
    assert all(len(sightings) == 1 for sightings in far)


def test_a_box_that_people_drew_moves_with_the_view_and_leaves_with_it():
    class Drawn(Wanderer):
        box = (100.0, 60.0, 130.0, 100.0)

        def at(self, epoch_s):
            shot = super().at(epoch_s)
            return replace(shot, truth=Truth("smoke", ("ridge",), (Sighting("ridge", self.box),)))

    moved = Fault(kind="moved_view", from_s=0, strength=0.5)
    (sighting,) = faulty(moved, footage=Drawn()).at(FIRE_S).truth.sightings
    known = faulty(moved).at(FIRE_S).truth.sightings[0].box
    assert sighting.alpha is None
    assert np.abs(np.subtract(sighting.box, known)).max() < 3
    edges = []
    for box in ((0.0, 60.0, 12.0, 100.0), (308.0, 60.0, 320.0, 100.0)):
        drawn = Drawn()
        drawn.box = box
        edges.append(faulty(moved, footage=drawn).at(FIRE_S).truth)
    assert sorted(len(truth.sightings) for truth in edges) == [0, 1]
    assert sorted(truth.label for truth in edges) == ["smoke", "uncertain"]


def test_the_truth_of_a_frozen_or_black_picture_is_of_what_it_shows():
    frozen = faulty(Fault(kind="freeze", from_s=0)).at(FIRE_S).truth
    assert (frozen.label, frozen.boxes, frozen.burning) == ("no_smoke", (), ("ridge",))
    black = faulty(Fault(kind="black", from_s=0)).at(FIRE_S).truth
    assert (black.label, black.boxes, black.burning) == ("uncertain", (), ("ridge",))
    dim = faulty(Fault(kind="black", from_s=0, strength=0.5)).at(FIRE_S).truth
    assert dim.boxes == ((100, 60, 130, 100),)


def test_footage_that_has_nothing_stays_so_and_is_closed_with_it():
    class Nothing(Wanderer):
        def at(self, _epoch_s):
            return None

    footage = Nothing()
    through = faulty(Fault(kind="freeze", from_s=0), Fault(kind="rain", from_s=0), footage=footage)
    assert through.at(START_S + 5) is None
    through.close()
    assert footage.closed
