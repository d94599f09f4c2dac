import json

import pytest

from scoring.truth import TruthError, TruthFrame, TruthSequence
from training.smoke.data.correction import apply, read_looks

DATA = "0" * 64
LOOK = {
    "data": DATA, "sequence": "a", "frame": "0.jpg", "label": "uncertain", "why": "a thin plume left of the ridge",
    "by": "somebody", "date": "2026-11-29", "blind": True,
}  # fmt: skip
FRAMES = (TruthFrame("s/0.jpg", "no_smoke"), TruthFrame("s/1.jpg", "smoke", boxes=((1, 1, 9, 9),)))
SEQUENCES = (TruthSequence("a", "c", "f", "g", 64, 48, FRAMES),)


def looks(tmp_path, *frames):
    path = tmp_path / "corrections.json"
    path.write_text(json.dumps({"schema": "firetower.corrections/1", "frames": frames}))
    return read_looks(path)


def test_labels_are_put_right_and_looks_are_known(tmp_path):
    confirmed = LOOK | {"frame": "1.jpg", "label": "smoke"}
    done = apply(SEQUENCES, looks(tmp_path, LOOK, confirmed), DATA)
    assert [frame.label for frame in done.sequences[0].frames] == ["uncertain", "smoke"]
    assert done.sequences[0].frames[1].boxes == ((1, 1, 9, 9),)  # those that were there
    assert done.changed == 1
    assert done.looked == {("a", "0.jpg"), ("a", "1.jpg")}


def test_boxes_may_be_drawn_and_go_with_the_smoke(tmp_path):
    drawn = LOOK | {"label": "smoke", "boxes": [[2, 3, 20, 30]]}
    gone = LOOK | {"frame": "1.jpg", "label": "no_smoke"}
    first, second = apply(SEQUENCES, looks(tmp_path, drawn, gone), DATA).sequences[0].frames
    assert (first.label, first.boxes) == ("smoke", ((2, 3, 20, 30),))
    assert (second.label, second.boxes) == ("no_smoke", ())


def test_looks_at_other_data_are_passed_over(tmp_path):
    done = apply(SEQUENCES, looks(tmp_path, LOOK), "1" * 64)
    assert (done.sequences, done.changed, done.looked) == (SEQUENCES, 0, frozenset())


@pytest.mark.parametrize("change", [{"frame": "9.jpg"}, {"sequence": "b"}])
def test_a_look_at_what_is_not_there_is_an_error(tmp_path, change):
    with pytest.raises(TruthError, match=r"is not in the data"):
        apply(SEQUENCES, looks(tmp_path, LOOK | change), DATA)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": "smoke", "boxes": [[2, 3, 20, 300]]}, "expected a box"),
        ({"label": "smoke", "boxes": [[20, 3, 2, 30]]}, "expected a box"),
        ({"label": "no_smoke", "boxes": [[2, 3, 20, 30]]}, "but has boxes"),
    ],
)
def test_boxes_that_do_not_fit(tmp_path, change, said):
    with pytest.raises(TruthError, match=said):
        apply(SEQUENCES, looks(tmp_path, LOOK | change), DATA)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"blind": False}, "blind"),
        ({"why": ""}, "why"),
        ({"date": "today"}, "date"),
        ({"model": "0.1"}, "model"),
    ],
)
def test_a_look_says_all_and_was_blind(tmp_path, change, said):
    with pytest.raises(TruthError, match=said):
        looks(tmp_path, LOOK | change)


def test_two_looks_at_one_frame_are_an_error(tmp_path):
    with pytest.raises(TruthError, match="twice"):
        looks(tmp_path, LOOK, LOOK)
