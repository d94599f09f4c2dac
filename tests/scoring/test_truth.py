import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.truth import TruthError, decode, read

SEQUENCE = {
    "id": "fire-a", "camera": "c", "fire": "f", "group": "g0", "width": 64, "height": 48, "cadence_s": 60,
    "ignition_epoch": 1000, "reliable": True, "box_annotated": True, "note": "unknown keys are passed over",
    "frames": [
        {"file": "sequences/a/0.jpg", "epoch": 940, "offset_s": -60, "label": "no_smoke", "boxes": []},
        {"file": "sequences/a/1.jpg", "epoch": 1000, "offset_s": 0, "label": "uncertain", "boxes": []},
        {"file": "sequences/a/2.jpg", "epoch": 1060, "offset_s": 60, "label": "smoke", "boxes": [[1, 2, 30, 40]]},
    ],
}  # fmt: skip


def document(change=None):
    sequence = copy.deepcopy(SEQUENCE)
    if change is not None:
        change(sequence)
    return json.dumps({"sequences": [sequence]}).encode()


def test_a_truth_is_read():
    (sequence,) = decode(document())
    assert (sequence.id, sequence.group, sequence.reliable, sequence.box_annotated) == (
        "fire-a",
        "g0",
        True,
        True,
    )
    assert sequence.ignition_epoch == 1000
    assert sequence.timed
    assert sequence.first_box_offset_s == 60
    assert [frame.name for frame in sequence.frames] == ["0.jpg", "1.jpg", "2.jpg"]
    assert [frame.label for frame in sequence.frames] == ["no_smoke", "uncertain", "smoke"]
    assert sequence.frames[2].boxes == ((1, 2, 30, 40),)


def test_times_and_boxes_may_be_unknown():
    def change(sequence):
        sequence["ignition_epoch"] = None
        for frame in sequence["frames"]:
            frame.update(epoch=None, offset_s=None)
            del frame["boxes"]

    (sequence,) = decode(document(change))
    assert not sequence.timed
    assert sequence.first_box_offset_s is None


def frame_change(index, **values):
    return lambda sequence: sequence["frames"][index].update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (frame_change(1, label="fog"), r"fog.*\$\.sequences\[0\]\.frames\[1\]\.label"),
        (frame_change(2, boxes=[[1, 2, 3]]), r"\$\.sequences\[0\]\.frames\[2\]\.boxes\[0\]"),
        (frame_change(0, epoch="now"), r"\$\.sequences\[0\]\.frames\[0\]\.epoch"),
        (
            frame_change(2, boxes=[[30, 2, 1, 40]]),
            r"'fire-a': frame '2.jpg': expected a box .* \[30.0, 2.0, 1.0",
        ),
        (frame_change(2, boxes=[[70, 2, 90, 40]]), "expected a box"),
        (frame_change(0, boxes=[[1, 2, 3, 4]]), "has boxes, but its label is 'no_smoke'"),
        (frame_change(1, file="sequences/b/0.jpg"), "frame '0.jpg' stands there twice"),
        (frame_change(1, epoch=940), "'1.jpg': epochs must rise, got 940.0 after 940.0"),
        (frame_change(1, epoch=None), "1 of 3 frames have no epoch"),
        (frame_change(2, offset_s=600), "offset_s is 600.0, but epoch − ignition_epoch is 60.0"),
        (frame_change(0, label="smoke"), "smoke 60.0 s before ignition"),
        (lambda sequence: sequence.update(frames=[]), "at least one frame"),
        (lambda sequence: sequence.update(width=0), "positive width"),
        (lambda sequence: sequence.pop("group"), r"group"),
    ],
)
def test_contradictions_are_errors_with_their_place(change, message):
    with pytest.raises(TruthError, match=message):
        decode(document(change))


def test_smoke_before_ignition_is_allowed_where_ignition_is_unreliable():
    def change(sequence):
        sequence["reliable"] = False
        sequence["frames"][0]["label"] = "smoke"

    decode(document(change))


def test_a_sequence_stands_there_once():
    with pytest.raises(TruthError, match="sequence 'fire-a' stands there twice"):
        decode(json.dumps({"sequences": [SEQUENCE, SEQUENCE]}).encode())


@given(st.binary(max_size=40) | st.integers(0, 400).map(lambda cut: document()[:cut]))
def test_garbage_and_truncation_are_truth_errors(data):
    with pytest.raises(TruthError):
        decode(data)


def test_files_that_are_missing_are_named(tmp_path):
    (tmp_path / "sequences.json").write_bytes(document())
    (tmp_path / "sequences/a").mkdir(parents=True)
    (tmp_path / "sequences/a/1.jpg").touch()
    with pytest.raises(TruthError, match=r"2 frames are not in .*: sequences/a/0.jpg, sequences/a/2.jpg$"):
        read(tmp_path)
    for name in ("0.jpg", "2.jpg"):
        (tmp_path / "sequences/a" / name).touch()
    assert len(read(tmp_path)) == 1


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(TruthError, match=r"sequences.json: No such file"):
        read(tmp_path)
    (tmp_path / "sequences.json").write_text("{")
    with pytest.raises(TruthError, match=r"sequences.json: .*truncated"):
        read(tmp_path)
