"""`firetower sim list` and `firetower sim run`: what is typed, what comes back."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from firmware_sim.__main__ import command
from firmware_sim.command import argument, run
from firmware_sim.command.progress import Progress
from firmware_sim.tower.demand import judged
from firmware_sim.tower.plan import Plan
from firmware_sim.tower.run import Fire, Run
from firmware_sim.tower.scenario import shipped
from tests.firmware_sim.tower.made import EMPTY

SHORT = """
purpose = "Two minutes."
start = 2026-08-14T10:00:00
lasts = "2m"
place = "46.5,8.0,1200"
[cameras.north]
scene = { heading_deg = 200, width_px = 64, height_px = 64 }
[[fires]]
name = "mill"
at = "-1m"
bearing_deg = 200
[demands]
watched_share = 0.5
turns = 1
"""


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    return path


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Plans that were run, by a clock that leaves an empty run."""
    given: list[Plan] = []

    def empty(plan: Plan, folder: Path, progress: Callable[[float], None]) -> Run:
        given.append(plan)
        folder.mkdir(exist_ok=True)
        progress(0.5)
        return msgspec.structs.replace(EMPTY, scenario=plan.name, demands=dict(plan.demands))

    monkeypatch.setitem(run._CLOCKS, "fast", empty)
    return given


def test_the_list_names_each_with_its_length_purpose_and_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped())
    (week,) = [line for line in lines if line.startswith("november-week")]
    assert " 7d  A grey week" in week
    assert week.endswith("Needs firetower[sim].")
    assert command(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["dry-lightning"]["needs"] == ["--data FOLDER"]
    assert rows["first-light"]["cameras"] == 2
    assert rows["first-light"]["lasts_s"] == 10_800
    assert rows["real-sequences"]["cameras"] is None


def test_a_run_writes_its_report_and_a_missed_demand_is_exit_code_1(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, copy = tmp_path / "out", tmp_path / "copy.json"
    assert command(["run", str(short), "--out", str(out), "--json", str(copy)]) == 1
    told = capsys.readouterr()
    last = json.loads(told.out.splitlines()[-1])
    assert (last["scenario"], last["met"], last["page"]) == ("short", False, str(out / "report.html"))
    assert last["demands"]["watched_share"]["met"]
    assert last["demands"]["turns"] == {"wanted": 1, "got": 0, "met": False}
    assert "MISSED  turns" in told.err
    assert "no evidence about real ones" in told.err
    assert (out / "report.html").exists()
    assert copy.read_bytes() == (out / "report.json").read_bytes()
    assert json.loads(copy.read_text())["run"]["cameras"]["north"]["scored"] >= 2


@pytest.mark.usefixtures("plans")
def test_met_demands_are_exit_code_0_and_nothing_is_left_without_out(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short.write_text(SHORT.partition("watched_share")[0] + "false_alerts_max = 0\n")
    assert command(["run", str(short)]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["met"], last["page"]) == (True, None)
    assert [path.name for path in tmp_path.iterdir()] == ["short.toml"]


def test_words_replace_cameras_place_and_seed(
    short: Path, tmp_path: Path, plans: list[Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    short.write_text(SHORT + "found_share = 1\n")
    (tmp_path / "folder").mkdir()
    cv2.imwrite(str(tmp_path / "folder/0.jpg"), np.full((64, 64, 3), 90, np.uint8))
    words = ["--camera", f"north={tmp_path}/folder", "--place=-30,20,5", "--seed", "9"]
    command(["run", str(short), *words])
    (plan,) = plans
    assert plan.cameras["north"].kind == "clip"
    assert (plan.settings.tower.latitude, plan.settings.tower.elevation_m, plan.seed) == (-30, 5, 9)
    assert "found_share" not in plan.demands
    assert "found_share is not judged: no camera shows a fire" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "'nowhere' is no scenario and no .toml file"),
        (["dry-lightning"], "name a folder with sequences.json by --data FOLDER"),
        (["dry-lightning", "--data", "nowhere"], "nowhere"),
        (["born-in-smoke", "--camera", "north=none.mp4"], "cameras.north: none.mp4 does not exist"),
        (["born-in-smoke", "--out", "none/deep"], "no folder"),
        (["born-in-smoke", "--camera", "north"], "expected NAME=CLIP_OR_FOLDER"),
        (["born-in-smoke", "--place", "here"], "expected LATITUDE,LONGITUDE"),
        (["born-in-smoke", "--clock", "slow"], "invalid choice: 'slow'"),
    ],
)
@pytest.mark.usefixtures("plans")
def test_wrong_words_are_exit_code_2_and_say_what_was_expected(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["run", *words]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_a_demand_without_anything_to_judge_says_so() -> None:
    one = msgspec.structs.replace(EMPTY, demands={"found_share": 1.0})
    assert "nothing to judge, wanted at least 1" in run._told(one, judged(one))
    fire = Fire(fire="mill", camera="north", kind="real", ignition_s=EMPTY.from_s)
    assert "no evidence" not in run._told(msgspec.structs.replace(one, fires=(fire,)), ())


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals_and_tells_what_is_left() -> None:
    stream, now_s = _Terminal(), iter((0.0, 30.0))
    shown = Progress(stream, lambda: next(now_s))
    shown(0.0)
    shown(0.25)
    assert " 25%, 1 min 30 s left" in stream.getvalue()
    shown.end()
    assert stream.getvalue().endswith("\r\x1b[K")
    quiet = io.StringIO()
    Progress(quiet, lambda: 0.0)(0.5)
    assert quiet.getvalue() == ""


def test_a_camera_is_a_name_and_a_path() -> None:
    assert argument.camera("north=a=b.mp4") == ("north", Path("a=b.mp4"))
    with pytest.raises(argparse.ArgumentTypeError, match="expected NAME=CLIP_OR_FOLDER"):
        argument.camera("=a.mp4")
