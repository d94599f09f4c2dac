import json
import subprocess

import cv2
import msgspec
import pytest

from edge.errors import SettingsError
from scoring.score import GAP_INTERVALS
from training.__main__ import command
from training.smoke.data.count import counts
from training.smoke.data.place import is_night
from training.smoke.data.read import read

NOON, MIDNIGHT = 1_686_686_400, 1_686_729_600  # 2023-06-13 13:00 and 2023-06-14 01:00 in Las Vegas


@pytest.fixture
def data(tmp_path, picture):
    """A fire of five frames, a quiet day with a gap and an accelerated one."""
    folder = tmp_path / "tower"
    sequences = []
    for name, epochs, changes in (
        ("fire", [0, 60, 120, 180, 240], {"ignition_epoch": NOON + 120, "box_annotated": True}),
        ("quiet", [0, 60, 120, 7320], {}),
        ("laid", [0, 60], {"accelerated": True}),
    ):
        frames = []
        for number, epoch in enumerate(epochs):
            file = picture(folder / name / f"{number}.jpg", seed=(100 * len(sequences)) + number)
            frame = {"file": str(file.relative_to(folder)), "epoch": NOON + epoch, "label": "no_smoke"}
            if name == "fire" and number > 2:
                frame |= {"label": "smoke", "boxes": [[16, 12, 48, 36]]}
            if name == "laid":
                frame["real_epoch"] = (NOON, MIDNIGHT)[number]
            frames.append(frame)
        sequences.append(
            {
                "id": name, "camera": f"vegas_oxblue:{name}", "fire": name, "group": name, "width": 64, "height": 48,
                "frames": frames, **changes,
            }
        )  # fmt: skip
    (folder / "sequences.json").write_text(json.dumps({"sequences": sequences}))
    return folder


def inspect(*words):
    return command(["inspect", *map(str, words)])


def test_counts(data):
    counted = counts(found := read(data, looks=()), found.sequences)
    assert (counted.sequences, counted.frames, counted.views, counted.fires) == (3, 11, 1, 1)
    assert counted.labels == {"no_smoke": 9, "smoke": 2}
    assert (counted.boxes, counted.boxed_frames, counted.box_px) == (2, 2, (32, 24))
    minutes = 3 + 1 + 1 + GAP_INTERVALS + 1  # before the fire; the quiet day with its gap, and its last frame
    assert counted.quiet.hours == pytest.approx(minutes / 60)
    assert counted.quiet.day_h == counted.quiet.hours
    assert (counted.accelerated_sequences, counted.accelerated_frames, counted.accelerated_night_frames) == (
        1,
        2,
        1,
    )
    assert counted.cadences_s == {"60 s": 2, "60 s, accelerated": 1}
    assert counted.sizes == {"64x48": 11}


def test_night_is_by_the_sun_and_unknown_without_a_place(data):
    laid = read(data, looks=()).sequences[2]
    assert [is_night(laid, frame) for frame in laid.frames] == [False, True]
    nowhere = msgspec.structs.replace(laid, camera="somewhere")
    assert is_night(nowhere, laid.frames[0]) is None
    there = msgspec.structs.replace(nowhere, latitude_deg=36.2, longitude_deg=64.9)  # half around the earth
    assert [is_night(there, frame) for frame in laid.frames] == [True, False]


def test_a_sheet_and_counts_as_json(data, tmp_path, capsys):
    sheet, result = tmp_path / "out/sheet.png", tmp_path / "r.json"
    assert inspect("--data", data, "--out", sheet, "--json", result, "--check") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == json.loads(result.read_text())
    assert "3, of these 1 views" in shown.err
    stated = json.loads(result.read_text())["data"][0]
    assert stated["checks"] == {"damaged_pictures": 0, "pictures_in_two_groups": 0}
    assert stated["sheets"] == [str(sheet)]
    pixels = cv2.imread(str(sheet))
    yellow = (pixels == (0, 255, 255)).all(axis=2)
    assert yellow.sum() > 2 * 200  # two boxes of 80 × 60 px
    assert pixels.shape[1] == 5 * 163


def test_one_sequence_and_two_data_sets_of_a_name(data, tmp_path, capsys):
    out = tmp_path / "sheets"
    assert inspect("--data", data, data, "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["tower-.jpg", "tower.jpg"]
    assert inspect("--data", data, "--out", out, "--sequence", "quiet", "--frames", "2") == 0
    assert cv2.imread(str(out / "quiet.jpg")).shape[1] == 2 * 163
    with pytest.raises(SettingsError, match="no sequence has the id 'x'"):
        inspect("--data", data, "--out", out, "--sequence", "x")


def test_damage_and_pictures_in_two_groups_are_found(data, tmp_path, capsys):
    whole = (data / "fire/0.jpg").read_bytes()
    (data / "quiet/0.jpg").write_bytes(whole)
    middle = len(whole) // 2
    (data / "quiet/1.jpg").write_bytes(whole[:middle] + b"\xff\xd9")
    assert inspect("--data", data, "--out", tmp_path / "s.png", "--check") == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["data"][0]["checks"] == {"damaged_pictures": 1, "pictures_in_two_groups": 1}
    assert "quiet/1.jpg" in shown.err


def test_no_real_picture_goes_where_git_would_take_it(data, tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    subprocess.run(["git", "init", "-q", str(checkout)], check=True)
    (checkout / ".gitignore").write_text(".work/\n")
    with pytest.raises(SettingsError, match="real pictures are not committed"):
        inspect("--data", data, "--out", checkout / "docs/sheet.png")
    assert not (checkout / "docs").exists()
    assert inspect("--data", data, "--out", checkout / ".work/inspect") == 0
    assert (checkout / ".work/inspect/tower.jpg").exists()
