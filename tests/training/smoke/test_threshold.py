"""The threshold is chosen by the daemon's own detection, on maps of heads that had not seen the group."""

import numpy as np

from edge.model.manifest import Confirmation, Threshold
from scoring.truth import TruthFrame, TruthSequence
from training.smoke.threshold import cell_size, choose, detect, judge

RULE = Confirmation(hits=2, window=3, close_after=3)
BOX = (160.0, 160.0, 224.0, 224.0)


def sequence(name: str) -> TruthSequence:
    frames = tuple(
        TruthFrame(
            file=f"{name}/{i:03}.jpg",
            label="smoke" if i >= 20 else "no_smoke",
            epoch=60.0 * i,
            boxes=(BOX,) if i >= 20 else (),
        )
        for i in range(40)
    )
    return TruthSequence(
        id=name, camera=name, fire=name, group=name, width=640, height=480, frames=frames,
        ignition_epoch=60.0 * 20, box_annotated=True,
    )  # fmt: skip


def maps(quiet: float, smoke: float) -> np.ndarray:
    scores = np.full((40, 30, 40, 1), -5.0, np.float32)
    scores[5:9, 2, 2] = quiet
    scores[20:, 11:13, 11:13] = smoke
    return scores


def test_choice_is_the_lowest_threshold_without_false_alarms() -> None:
    sequences = [sequence("a"), sequence("b")]
    stored = {"a": maps(1.0, 4.0), "b": maps(0.5, 4.0)}
    choice = choose(sequences, stored, RULE, 0.5)
    assert choice.threshold == Threshold(open=1.1, keep=0.1)
    assert choice.summary.false_alarms.count == 0
    assert choice.summary.found_views.count == 2


def test_too_low_a_threshold_is_counted() -> None:
    summary = judge([sequence("a")], {"a": maps(1.0, 4.0)}, Threshold(open=0.5, keep=0.0), RULE)
    assert summary.false_alarms.count == 1
    assert summary.found_views.count == 1


def test_detection_is_the_daemons() -> None:
    events = detect(sequence("a"), maps(-5, 4.0), Threshold(open=1.0, keep=0.0), RULE)
    (event,) = events
    assert event.opened.model_s == 21  # the second of two hits
    assert event.opening_box_px == (176, 176, 208, 208)


def test_cell_of_a_letterboxed_frame_is_larger_in_its_own_pixels() -> None:
    tall = sequence("a")
    assert cell_size(tall) == (16, 16)
