"""The classifier that tells rendered crops from real ones: it finds what differs, and nothing where nothing does."""

import json

import cv2
import msgspec
import numpy as np
import pytest

from edge.camera.scene import Scene
from edge.camera.view import View
from scoring import truth
from training.__main__ import command
from training.smoke.realism import CROP_PX, Crop, crops, cut, features, judge


def made(shift, count=40, groups=6):
    rng = np.random.default_rng(0)
    return [
        Crop(kind, f"g{i % groups}", rng.normal(0, 1, 12) + (shift if kind == "rendered" else 0))
        for i in range(count)
        for kind in ("real", "rendered")
    ]


def test_what_differs_is_told_and_what_does_not_is_not():
    assert judge(made(2.0), "real", "rendered", draws=100)["auc"] > 0.95
    same = judge(made(0.0), "real", "rendered", draws=100)
    assert 0.3 < same["auc"] < 0.7
    assert same["low"] <= same["auc"] <= same["high"]
    assert same["crops"] == {"real": 40, "rendered": 40}


def test_a_group_is_judged_by_what_other_groups_taught():
    """A difference that is the other way round in each group helps nobody outside of it."""
    rng = np.random.default_rng(1)
    turned = [
        Crop(kind, f"g{g}", rng.normal(0, 0.1, 4) + (3 if (kind == "rendered") == (g % 2 == 0) else -3))
        for g in range(6)
        for _ in range(20)
        for kind in ("real", "rendered")
    ]
    assert judge(turned, "real", "rendered", draws=20)["auc"] < 0.6


def test_one_group_is_refused():
    with pytest.raises(ValueError, match="1 groups with crops; expected two or more"):
        judge(made(1.0, groups=1), "real", "rendered")


def test_features_see_blur_noise_and_colour():
    rng = np.random.default_rng(0)
    crop = rng.integers(60, 200, (CROP_PX, CROP_PX, 3)).astype(np.uint8)
    plain = features(crop)
    for other in (cv2.GaussianBlur(crop, (0, 0), 1.0), crop // 2, crop[..., ::-1]):
        assert np.abs(features(np.ascontiguousarray(other)) - plain).max() > 0.1
    assert np.isfinite(features(np.zeros_like(crop))).all()


def test_a_crop_lies_around_its_box_within_the_picture():
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[100:140, 200:240] = 255
    crop = cut(picture, (200.0, 100.0, 240.0, 140.0))
    assert crop.shape == (CROP_PX, CROP_PX, 3)
    assert crop[CROP_PX // 2 - 15 : CROP_PX // 2 + 15, CROP_PX // 2 - 15 : CROP_PX // 2 + 15].min() == 255
    assert crop[:8].max() == 0
    assert cut(picture, (0.0, 0.0, 10.0, 10.0)).shape == (CROP_PX, CROP_PX, 3)
    assert cut(picture, (0.0, 0.0, 320.0, 240.0)).shape == (CROP_PX, CROP_PX, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three cameras with a drawn plume, boxes around it."""
    folder = tmp_path_factory.mktemp("towers")
    sequences = []
    for seed in (1, 2, 3):
        view, frames = View(Scene("plume", seed, 10, 4)), []
        for index in (0, 1, 2, 9):
            name = f"{seed}-{index}.jpg"
            small = cv2.resize(view.render(index), (320, 240), interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(folder / name), cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
            boxes = [[125, 90, 165, 137]] if index == 9 else []
            label = "smoke" if boxes else "no_smoke"
            frames.append({"file": name, "label": label, "epoch": 60.0 * index, "boxes": boxes})
        sequences.append(
            {"id": f"s{seed}", "camera": f"c{seed}", "fire": f"f{seed}", "group": f"g{seed}", "width": 320,
             "height": 240, "frames": frames, "ignition_epoch": 240.0}
        )  # fmt: skip
    (folder / truth.FILE_NAME).write_bytes(msgspec.json.encode({"sequences": sequences}))
    return folder


def test_each_real_crop_has_a_rendered_one_and_their_bare_places(folder):
    found = list(crops(folder, truth.read(folder), every=1, seeds=iter(range(100))))
    kinds = [crop.kind for crop in found]
    assert kinds[:4] == ["real", "rendered", "real_place", "rendered_place"]
    assert {crop.group for crop in found} == {"g1", "g2", "g3"}
    assert len(found) == 4 * 3


def test_the_command_writes_both_figures(folder, tmp_path, capsys):
    result = tmp_path / "realism.json"
    assert command(["realism", "--data", str(folder), "--every", "1", "--result", str(result)]) == 0
    written = json.loads(result.read_text())
    assert written["schema"] == "firetower.realism/1"
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    for name in ("rendered", "place"):
        assert 0 <= written[name]["auc"] <= 1
        assert shown[name] == written[name]
