"""A rendered landscape as footage: its truth is of its masks."""

import numpy as np
import pytest

from firmware_sim.footage.rendered import SMOULDER_S, RenderedFootage
from firmware_sim.scene.blaze import Blaze
from firmware_sim.scene.compose import ALPHA_MIN, smoke_cells
from firmware_sim.scene.landscape import Scenery
from firmware_sim.scene.sun import Sun
from tests.firmware_sim.footage.conftest import START_S


@pytest.fixture(scope="module")
def footage():
    blazes = [
        Blaze(fire="late", at_s=7200, distance_km=9, bearing_deg=14),
        Blaze(fire="early", at_s=3600, lasts_s=3600, distance_km=4, bearing_deg=-10),
    ]
    return RenderedFootage(
        Scenery(seed=2, width=320, height=240), blazes, START_S, sun_at=lambda _: Sun(40.0, 180.0)
    )


def test_it_says_that_it_is_rendered_and_when_it_burns(footage):
    assert footage.rendered
    assert footage.size_px == (240, 320)
    early, late = footage.ignitions
    assert (early.fire, early.epoch_s, early.end_s) == (
        "early",
        START_S + 3600,
        START_S + 7200 + SMOULDER_S,
    )
    assert (late.fire, late.rendered) == ("late", True)


def test_labels_follow_what_shows(footage):
    truths = [footage.at(START_S + at).truth for at in (0, 3600, 3900, 7300 + SMOULDER_S)]
    assert [truth.label for truth in truths] == ["no_smoke", "uncertain", "smoke", "smoke"]
    assert [truth.burning for truth in truths] == [(), ("early",), ("early",), ("late",)]


def test_boxes_and_cells_are_those_of_the_masks(footage):
    truth = footage.at(START_S + 7900).truth
    assert {sighting.fire for sighting in truth.sightings} == {"early", "late"}
    for sighting in truth.sightings:
        rows, cols = np.nonzero(sighting.alpha >= ALPHA_MIN)
        assert sighting.box == (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
    whole = np.max([sighting.alpha for sighting in truth.sightings], axis=0)
    assert np.array_equal(truth.cells, smoke_cells(whole))
    assert truth.cells.any()
    assert len(truth.boxes) == 2
