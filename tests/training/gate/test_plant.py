"""A planted fire is found only where the same frames without it are not: records made by hand, no network."""

from dataclasses import asdict

import msgspec
import numpy as np
import pytest

from firmware_sim.scene.fire import fire
from scoring.planted import SHIPPED
from scoring.truth import TruthFrame, TruthSequence
from tests.training.gate import made
from training.gate.plant import Background, Lot, PlantedShots, decide_lot
from training.gate.recording import Recording, Seen, save

FRAMES, IGNITED, SHOWN, STEP_S = 24, 8, 12, 60
SEED = (1 << 30) + 5
HERE, FAR = (0, 0), (3, 3)  # cells; the smoke is in the first
HIT = float(STEP_S * (SHOWN + 1 - IGNITED))  # seconds after ignition: the second sight confirms it


def recording(cell, frames):
    """A recording with a score of 5 in one cell in some frames, else −5: it opens at 1."""
    maps = np.full((FRAMES, 4, 4, 1), -5.0, np.float32)
    if cell is not None:
        maps[(list(frames), *cell, 0)] = 5.0
    return Recording(tuple(Seen(None, i) for i in range(FRAMES)), maps, (), None)


@pytest.fixture
def decided(tmp_path):
    """Decide about one fire, played with it and without."""

    def decide(played, control):
        epochs = [made.EPOCH + i * STEP_S for i in range(FRAMES)]
        frames = tuple(
            TruthFrame(f"{i:03}.png", *("no_smoke", epoch) if i < IGNITED else ("smoke", epoch, None, ((0, 0, 8, 8),)))
            for i, epoch in enumerate(epochs)
        )  # fmt: skip
        truth = TruthSequence(
            id="p", camera="cam", fire="p", group="g", width=64, height=64, frames=frames,
            ignition_epoch=epochs[IGNITED], box_annotated=True,
        )  # fmt: skip
        burning = fire(SEED, "b", "fog")
        kept = PlantedShots(fire=asdict(burning), background="b", stream="cam", truth=truth, grey_levels=9.0)
        (tmp_path / f"{SEED}.json").write_bytes(msgspec.json.encode(kept))
        save(played, tmp_path, f"{SEED}-with")
        save(control, tmp_path, f"{SEED}-without")
        lot = Lot((burning,), {"b": Background("b", "cam", "g", ())}, {})
        (one,) = decide_lot(made.model(), lot, tmp_path)
        return one

    return decide


BURNS = recording(HERE, range(SHOWN, FRAMES))


@pytest.mark.parametrize(
    ("control", "found_s", "alert_s", "void"),
    [
        (recording(None, ()), HIT, HIT + 120, False),
        (recording(HERE, range(SHOWN + 4, FRAMES)), HIT, HIT + 120, False),
        (BURNS, None, None, True),
        (recording(HERE, range(SHOWN - 2, FRAMES)), None, None, True),
        (recording(HERE, range(SHOWN + 1, SHOWN + 3)), HIT, HIT + 120, False),
    ],
    ids=["nothing without", "later without", "the same without", "sooner without", "a candidate without"],
)
def test_a_find_counts_only_before_the_same_frames_without_the_fire_give_one(
    decided, control, found_s, alert_s, void
):
    one = decided(BURNS, control)
    assert (one.found_s[SHIPPED], one.alert_s[SHIPPED], one.void) == (found_s, alert_s, void)
    first_sight = None if found_s is None else found_s - STEP_S
    assert (one.found_s["no confirmation"], one.alert_s["no severity"]) == (first_sight, found_s)


@pytest.mark.parametrize(
    ("played", "control", "bare"),
    [
        (BURNS, recording(None, ()), True),
        (BURNS, BURNS, False),
        (BURNS, recording(HERE, range(SHOWN + 1, FRAMES)), True),
        (BURNS, recording(FAR, range(FRAMES)), True),
        (recording(FAR, range(SHOWN, FRAMES)), recording(None, ()), False),
        (recording(HERE, range(IGNITED)), recording(None, ()), False),
    ],
    ids=["nothing without", "the same without", "one frame alone", "far from it without", "far from it", "before"],
)  # fmt: skip
def test_the_bare_score_finds_a_fire_near_it_where_the_same_frame_without_it_does_not(
    decided, played, control, bare
):
    assert decided(played, control).bare is bare
