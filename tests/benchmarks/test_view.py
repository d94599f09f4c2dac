"""The measure of changed views: it finds what is planted, counts what is not, and keeps every case."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.machine import describe
from benchmarks.view import AXES, SHIFTS, Planted, Real, command, streams, summarize
from edge.errors import SettingsError

PICTURES = 24


def write(folder: Path, turned_at: int | None = None) -> None:
    """Two cameras over fields of their own, a picture a minute; the second one may turn."""
    sequences = []
    for number, camera in enumerate(("east", "west")):
        rng = np.random.default_rng(number)
        fields = np.kron(rng.integers(40, 200, (16, 22)), np.ones((8 + number, 8 + number), int))
        (folder / camera).mkdir(parents=True)
        frames = []
        for index in range(PICTURES):
            left = 3 * number + (12 if number and turned_at is not None and index >= turned_at else 0)
            pixels = fields[:120, left : left + 160, None] + rng.normal(0, 3, (120, 160, 3))
            name = f"{camera}/{index:03}.png"
            cv2.imwrite(str(folder / name), pixels.clip(0, 255).astype(np.uint8))
            frames.append({"file": name, "label": "no_smoke", "epoch": 1_700_000_000 + 60 * index})
        about = {"id": camera, "camera": camera, "fire": camera, "group": camera, "width": 160, "height": 120}
        sequences.append({**about, "frames": frames})
    (folder / "sequences.json").write_text(json.dumps({"sequences": sequences}))


def test_every_planted_change_of_two_cameras_is_found_and_kept(tmp_path, capsys):
    write(tmp_path)
    assert command(["--data", str(tmp_path), "--json", str(tmp_path / "view.json")]) == 0
    result = json.loads((tmp_path / "view.json").read_text())
    assert json.loads(capsys.readouterr().out) == result["summary"]
    assert result["machine"].keys() == describe().keys()
    assert len(result["planted"]) == 2 * (len(SHIFTS) * len(AXES) + 1)
    assert {one["found"] for one in result["planted"]} == {5}
    assert {one["axis"] for one in result["planted"] if one["change"] == "other scene"} == {"east", "west"}
    false = result["summary"]["false_at_true_times"]
    assert (false["count"], false["pictures"]) == (0, 2 * PICTURES)
    assert false["camera_days"] == round(2 * (PICTURES - 1) / 1440, 2)


def test_a_turn_that_nobody_planted_is_false_and_fails(tmp_path, capsys):
    write(tmp_path, turned_at=12)
    assert command(["--data", str(tmp_path)]) == 1
    assert json.loads(capsys.readouterr().out)["false_at_true_times"]["count"] == 1


def test_what_comes_too_late_is_not_found_and_laid_frames_have_no_days():
    planted = [Planted("s", "c", 0.03, "right", found, 0) for found in (5, 10, 11, None)]
    laid = Real("v", accelerated=True, turns=["x"], pictures=9)
    timed = Real("t", accelerated=False, turns=["x"], pictures=7, watched_s=43_200.0)
    summary = summarize([laid, timed], planted)
    assert summary["found_within_10"]["0.03"]["count"] == 2
    assert summary["false_laid_closer"] == {"count": 1, "pictures": 9}
    assert summary["false_at_true_times"]["per_day"] == 2


def test_sequences_of_a_camera_are_one_stream_where_they_are_close(tmp_path):
    write(tmp_path)
    document = json.loads((tmp_path / "sequences.json").read_text())
    east, west = document["sequences"]
    west["camera"] = "east"
    for days, expected in ((1, 1), (0, 2), (3, 2)):
        for frame, first in zip(west["frames"], east["frames"], strict=True):
            frame["epoch"] = first["epoch"] + 86_400 * days
        (tmp_path / "sequences.json").write_text(json.dumps(document))
        assert len(streams([tmp_path])) == expected


def test_the_page_says_what_the_committed_result_does():
    root = Path(__file__).parents[2]
    summary = json.loads((root / "docs/results/view.json").read_text())["summary"]
    page = (root / "docs/configuration.md").read_text()
    for change, row in (*((str(s), f"{s:.0%} ".strip()) for s in SHIFTS), ("other scene", "scene")):
        found = summary["found_within_10"][change]
        assert f"{row} | {found['count']} of {found['total']} |" in page.replace(" of the width |", " |")
    true, laid = summary["false_at_true_times"], summary["false_laid_closer"]
    assert (true["count"], laid["count"]) == (0, 0)
    assert f"{true['pictures']:,} real pictures of {true['camera_days']} camera-days" in page
    assert f"{laid['pictures']} that are laid" in page
    assert f"{3 / true['camera_days']:.1f} a day" in page  # nothing seen: three over the exposure


def test_a_result_without_a_place_is_refused_before_it_is_measured(tmp_path):
    with pytest.raises(SettingsError, match="no folder"):
        command(["--data", str(tmp_path), "--json", str(tmp_path / "nowhere" / "view.json")])
