"""Folders of images, and real sequences at a scenario's time."""

import json

import cv2
import numpy as np
import pytest

from firmware_sim.footage.errors import FootageError
from firmware_sim.footage.shot import Truth
from firmware_sim.footage.still import Still, StillFootage, open_folder, open_sequence
from tests.firmware_sim.footage.conftest import START_S

OWN_S = 1_600_000_000.0


def write(folder, names):
    """Write images whose grey is 10 times their number."""
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        cv2.imwrite(str(folder / name), np.full((64, 80, 3), 10 * number, np.uint8))
    return folder


def shown(footage, at_s):
    shot = footage.at(at_s)
    return None if shot is None else round(float(shot.pixels.mean()) / 10)


def test_a_folder_shows_each_image_from_its_time_on_and_begins_again(tmp_path):
    folder = write(tmp_path / "a", ["2.png", "10.png", "11.png"])
    (folder / "notes.txt").write_text("no image")
    footage = open_folder(folder, START_S, cadence_s=30)
    assert [shown(footage, START_S + at) for at in (-1, 0, 29, 30, 60, 89, 90, 125)] == [
        2,
        0,
        0,
        1,
        2,
        2,
        0,
        1,
    ]
    assert footage.at(START_S + 125).taken_s == START_S + 120
    assert footage.at(START_S).truth.label == "unlabelled"
    once = open_folder(folder, START_S, cadence_s=30, loop=False)
    assert [shown(once, START_S + at) for at in (-1, 0, 149, 150)] == [None, 0, 2, None]


def test_times_come_from_names_or_a_csv(tmp_path):
    folder = write(tmp_path / "a", [f"cam_{1_700_000_000 + at}.jpg" for at in (0, 60, 300)])
    footage = open_folder(folder, START_S, loop=False)
    assert [shown(footage, START_S + at) for at in (0, 61, 241, 300)] == [0, 1, 1, 2]
    (tmp_path / "times.csv").write_text(
        "".join(f"cam_{1_700_000_000 + at}.jpg,{at}\n" for at in (0, 60, 300))
    )
    assert shown(open_folder(folder, START_S, times_csv=tmp_path / "times.csv"), START_S + 70) == 1


def test_a_folder_without_images_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FootageError, match="no image"):
        open_folder(tmp_path / "empty", START_S)
    with pytest.raises(FootageError, match="none"):
        open_folder(tmp_path / "none", START_S)


def test_an_image_that_is_damaged_is_an_error_when_it_is_due(tmp_path):
    folder = write(tmp_path / "a", ["0.png", "1.png"])
    (folder / "1.png").write_bytes(b"no image")
    footage = open_folder(folder, START_S, cadence_s=60)
    assert shown(footage, START_S) == 0
    with pytest.raises(FootageError, match=r"1\.png"):
        footage.at(START_S + 60)


@pytest.fixture
def sequences(tmp_path):
    """Five frames a minute apart, ignition at the third, a box in the last."""
    folder = write(tmp_path / "real", [f"{number}.jpg" for number in range(5)])
    labels = ["no_smoke", "no_smoke", "uncertain", "uncertain", "smoke"]
    frames = [
        {
            "file": f"{number}.jpg",
            "epoch": OWN_S + 60 * number,
            "label": label,
            "boxes": [[10, 20, 30, 40]] * (number == 4),
        }
        for number, label in enumerate(labels)
    ]
    sequence = {"camera": "c", "fire": "mill", "group": "g", "width": 80, "height": 64, "frames": frames}
    both = [
        {**sequence, "id": "mill-1", "ignition_epoch": OWN_S + 120},
        {**sequence, "id": "quiet", "frames": frames[:2], "fire": ""},
    ]
    (folder / "sequences.json").write_text(json.dumps({"sequences": both}))
    return folder


def test_a_real_sequence_burns_at_the_scenarios_time(sequences):
    footage = open_sequence(sequences, "mill-1", ignition_s=START_S)
    (ignition,) = footage.ignitions
    assert (ignition.fire, ignition.epoch_s, ignition.rendered) == ("mill", START_S, False)
    truths = [footage.at(START_S + at).truth for at in (-120, -1, 0, 60, 130)]
    assert [truth.label for truth in truths] == ["no_smoke", "no_smoke", "uncertain", "uncertain", "smoke"]
    assert [truth.burning for truth in truths] == [(), (), ("mill",), ("mill",), ("mill",)]
    assert truths[-1].boxes == ((10, 20, 30, 40),)
    assert truths[-1].cells is None  # people drew a box, not pixels
    assert shown(footage, START_S + 130) == 4
    assert footage.at(START_S + 130).taken_s == START_S + 120
    assert footage.at(START_S - 121) is None
    assert footage.at(START_S + 120 + 180) is None  # long over


def test_what_burns_is_not_played_again(sequences):
    footage = open_sequence(sequences, "mill-1", ignition_s=START_S)
    still = Still(sequences / "0.jpg", START_S, Truth("no_smoke"))
    with pytest.raises(FootageError, match="again and again"):
        StillFootage([still], footage.ignitions, loop=True)
    with pytest.raises(FootageError, match="at least one"):
        StillFootage([])


def test_in_a_gap_there_is_nothing(sequences):
    stills = [Still(sequences / "0.jpg", START_S + at, Truth("no_smoke")) for at in (0, 60, 120, 900, 960)]
    footage = StillFootage(stills)
    shots = [footage.at(START_S + at) for at in (299, 300, 899, 900)]
    assert [shot is None for shot in shots] == [False, True, True, False]


def test_a_sequence_without_a_fire_is_placed_by_its_start(sequences):
    footage = open_sequence(sequences, "quiet", start_s=START_S)
    assert footage.ignitions == ()
    assert shown(footage, START_S + 61) == 1
    assert shown(open_sequence(sequences, "quiet"), OWN_S) == 0
    with pytest.raises(FootageError, match="ignition is unknown"):
        open_sequence(sequences, "quiet", ignition_s=START_S)
    with pytest.raises(FootageError, match="no sequence 'other'"):
        open_sequence(sequences, "other")
