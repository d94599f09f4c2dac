import json

import pytest

from scoring.truth import TruthError
from training.smoke.data.read import read


def document(**changes):
    return {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": 64, "height": 48},
            {"id": 2, "file_name": "b.jpg"},
            {"id": 3, "file_name": "c.jpg", "width": 64, "height": 48},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [8, 4, 16, 20], "iscrowd": 1},
            {"id": 2, "image_id": 2, "category_id": 9, "bbox": [8, 4, 16, 20], "iscrowd": 0},
        ],
        "categories": [{"id": 7, "name": "wildfire_smoke"}, {"id": 9, "name": "fire"}],
    } | changes


def write(tmp_path, picture, value, where="annotations/instances_val.json"):
    for name in ("a", "b", "c"):
        picture(tmp_path / "val" / f"{name}.jpg")
    path = tmp_path / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8-sig")
    return path


def test_a_coco_folder(tmp_path, picture):
    write(tmp_path, picture, document())
    data = read(tmp_path, looks=())
    assert data.kind == "coco"
    assert [(s.id, s.frames[0].label, s.frames[0].boxes) for s in data.sequences] == [
        ("val/a.jpg", "smoke", ((8, 4, 24, 24),)),
        ("val/b.jpg", "uncertain", ()),
        ("val/c.jpg", "no_smoke", ()),
    ]


def test_a_coco_file_beside_its_pictures(tmp_path, picture):
    path = write(tmp_path, picture, document(), "val/_annotations.coco.json")
    assert [sequence.id for sequence in read(path, looks=()).sequences] == ["a.jpg", "b.jpg", "c.jpg"]


def test_pictures_that_are_not_there_or_outside_are_passed_over(tmp_path, picture):
    picture(tmp_path / "secret.jpg")
    images = [
        {"id": 1, "file_name": "a.jpg"},
        {"id": 2, "file_name": "lost.jpg"},
        {"id": 3, "file_name": "../secret.jpg"},
        {"id": 4, "file_name": str(tmp_path / "secret.jpg")},
    ]
    write(tmp_path / "set", picture, document(images=images, annotations=[]))
    data = read(tmp_path / "set", looks=())
    assert [sequence.id for sequence in data.sequences] == ["val/a.jpg"]
    assert data.passed == {"pictures passed over, named but not there": 3}


BOX = {"image_id": 1, "category_id": 7, "bbox": [1, 1, 5, 5]}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"images": [', "truncated"),
        ('{"images": [], "annotations": []}', "categories"),
        (json.dumps(document()).replace("[8, 4, 16, 20]", "[NaN, 4, 16, 20]"), "invalid"),
        (document(annotations=[BOX | {"bbox": [1, 2, 3]}]), "bbox"),
        (document(annotations=[BOX | {"image_id": 99}]), "picture 99"),
        (document(annotations=[BOX | {"category_id": 99}]), "category 99"),
        (document(images=[{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}]), "is 64x48"),
        (document(images=[{"id": 1, "file_name": n} for n in ("a.jpg", "b.jpg")]), "same id"),
        (document(images=[{"id": n, "file_name": "a.jpg"} for n in (1, 2)]), "twice"),
        (document(categories=[{"id": 7, "name": "fog"}, {"id": 9, "name": "fire"}]), "fire, fog"),
        (document(images=[], annotations=[]), "nothing to read as coco"),
    ],
)
def test_a_bad_file_is_named(tmp_path, picture, value, said):
    if isinstance(value, dict) and value["annotations"] == document()["annotations"]:
        value["annotations"] = [
            a for a in value["annotations"] if a["image_id"] in {i["id"] for i in value["images"]}
        ]
    write(tmp_path, picture, value)
    with pytest.raises(TruthError, match=said) as caught:
        read(tmp_path, looks=())
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)
