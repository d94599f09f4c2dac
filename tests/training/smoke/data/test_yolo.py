import math

import pytest

from scoring.truth import TruthError
from training.smoke.data.read import How, read


def label(folder, name, text):
    path = folder / "labels" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def test_boxes_are_of_smoke_alone(tmp_path, picture):
    for name in ("a", "b", "c", "d"):
        picture(tmp_path / "images" / f"{name}.jpg")
    (tmp_path / "classes.txt").write_bytes(b"\xef\xbb\xbfSmoke\r\nfire\r\n")
    label(tmp_path, "a", "0 0.5 0.5 0.25 0.5\r\n1 0.1 0.1 0.1 0.1\r\n")
    label(tmp_path, "b", "1 0.1 0.1 0.1 0.1")
    label(tmp_path, "c", "")
    data = read(tmp_path, looks=())
    assert data.kind == "yolo"
    by_id = {sequence.id: sequence for sequence in data.sequences}
    assert [by_id[f"images/{name}.jpg"].frames[0].label for name in "abcd"] == [
        "smoke",
        "uncertain",
        "no_smoke",
        "unlabelled",
    ]
    first = by_id["images/a.jpg"]
    assert first.frames[0].boxes == ((24, 12, 40, 36),)
    assert not first.timed
    assert first.group == tmp_path.name
    assert data.passed == {"pictures without a label file, unlabelled": 1}


def test_labels_may_lie_beside_pictures_and_be_polygons(tmp_path, picture):
    picture(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("3 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n")
    (sequence,) = read(tmp_path, looks=()).sequences
    assert sequence.frames[0].boxes == ((16, 12, 32, 36),)


def test_which_class_is_smoke_may_be_told(tmp_path, picture):
    picture(tmp_path / "images/a.jpg")
    (tmp_path / "classes.txt").write_text("fog\nplume\n")
    label(tmp_path, "a", "1 0.5 0.5 0.5 0.5")
    with pytest.raises(TruthError, match="none of its classes is called smoke: fog, plume"):
        read(tmp_path, looks=())
    with pytest.raises(TruthError, match="no class is called smog"):
        read(tmp_path, How(smoke_classes=("smog",)), looks=())
    (sequence,) = read(tmp_path, How(smoke_classes=("plume",)), looks=()).sequences
    assert sequence.frames[0].label == "smoke"


def test_boxes_over_the_edge_are_clipped_and_those_without_a_place_are_not_believed(tmp_path, picture):
    for name in ("a", "b"):
        picture(tmp_path / "images" / f"{name}.jpg")
    label(tmp_path, "a", "0 0 0.5 0.5 0.5")
    label(tmp_path, "b", "0 0.5 0.5 0 0.5\n0 0.5 0.5 0.1 0.1")
    data = read(tmp_path, looks=())
    assert data.sequences[0].frames[0].boxes == ((0, 12, 16, 36),)
    assert (data.sequences[1].frames[0].label, data.sequences[1].frames[0].boxes) == ("uncertain", ())
    assert set(data.passed.values()) == {1}
    assert len(data.passed) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 0.5 0.5 nan 0.5", "finite"),
        ("0 0.5 0.5 inf 0.5", "finite"),
        ("0 320 240 64 48", "are these pixels"),
        ("0 0.5 0.5 0.5", "got 4 numbers"),
        ("0 0.5 0.5 0.5 0.5 0.9", "got 6 numbers"),
        ("-1 0.5 0.5 0.5 0.5", "class's number"),
        ("0.5 0.5 0.5 0.5 0.5", "class's number"),
        ("smoke 0.5 0.5 0.5 0.5", "expected numbers"),
        (b"\xff\xfe0\x00", "UTF-16"),
        (b"\xff 0.5", "not UTF-8"),
        ("0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5", "nothing says which is smoke"),
    ],
)
def test_a_bad_label_file_is_named(tmp_path, picture, text, said):
    picture(tmp_path / "images/a.jpg")
    label(tmp_path, "a", text)
    with pytest.raises(TruthError, match=said) as caught:
        read(tmp_path, looks=())
    assert "\n" not in str(caught.value)
    assert "a.txt" in str(caught.value) or math.isclose(text.count("\n"), 1)
