"""Scenario files: what each key takes, what is said of a wrong one, and that those of the wheel are read."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from firmware_sim.tower.cast import Camera, Fault, Fire, Scene, Sequences
from firmware_sim.tower.demand import MEASURES
from firmware_sim.tower.errors import ScenarioError
from firmware_sim.tower.need import Broken, Link, Power, Receiver, Sky, Snow
from firmware_sim.tower.scenario import Say, Scenario, Script, read, shipped
from firmware_sim.tower.table import Span

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/scenarios.md").read_text(encoding="utf-8")
NAMES = {
    "first-light", "dry-lightning", "november-week", "heat-wave", "satellite-only", "lens-and-weather", "infrared-dusk",
    "born-in-smoke", "same-hour", "fire-while-asleep", "snoozed-fire", "snow-on-panel-and-lens", "broken-hardware",
    "nobody-listens", "moved-camera", "drill-day", "real-sequences",
}  # fmt: skip
GOOD = """
purpose = "One line."
start = 2026-08-14T05:30:00
lasts = "2h"
place = "46.5,8.0,1200"

[cameras.north]
scene = { seed = 3, heading_deg = 200 }
faults = [{ kind = "freeze", from = "2m" }]

[[fires]]
name = "mill"
at = "20m"
bearing_deg = 210
"""


def text(old: str = "", new: str = "", more: str = "") -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1) + more


def parsed(folder: Path, content: str) -> Scenario:
    (folder / "mine.toml").write_text(content, encoding="utf-8")
    return read(str(folder / "mine.toml"))


def test_there_are_seventeen_and_each_is_read_and_described() -> None:
    assert set(shipped()) == NAMES
    for name in shipped():
        scenario = read(name)
        assert scenario.name == name
        assert scenario.purpose in PAGE
        assert scenario.demands


def test_what_needs_data_says_so_and_all_others_run_with_the_wheel_alone() -> None:
    assert {name for name in shipped() if read(name).wants_data} == {"dry-lightning", "real-sequences"}
    for name in shipped():
        assert not [one for one in read(name).cameras.values() if one.clip or one.folder]


def test_the_page_lists_every_key_and_every_demand() -> None:
    rows = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
    records = (
        Script,
        Camera,
        Scene,
        Fault,
        Fire,
        Sequences,
        Sky,
        Power,
        Snow,
        Broken,
        Link,
        Receiver,
        Say,
        Span,
    )
    keys = {field.encode_name for record in records for field in msgspec.structs.fields(record)}
    assert keys - rows == set()
    assert set(MEASURES) - rows == set()


def test_every_key_and_demand_is_used_by_a_scenario_or_by_the_command_line() -> None:
    texts = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "firmware_sim/tower/scenario").glob("*.toml")
    )
    records = (Script, Camera, Fault, Fire, Sequences, Sky, Power, Snow, Broken, Link, Receiver, Say, Span)
    keys = {field.encode_name for record in records for field in msgspec.structs.fields(record)}
    unused = {key for key in {*keys, *MEASURES} if not re.search(rf"\b{key}( =|\]|\.)", texts)}
    assert unused == {"clip", "folder", "most"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"2h"', '"2 hours"', "lasts: got '2 hours'; expected a duration"),
        ('"2h"', '"30s"', "lasts: got 30 s; expected a minute at least"),
        ('purpose = "One line."\n', "", "purpose: missing"),
        ('"One line."', '"""Two\nlines."""', "purpose: expected one line"),
        ("lasts", "length", "length: unknown key; expected cameras"),
        ("purpose", 'name = "x"\npurpose', "name: unknown key"),
        ("46.5,8.0,1200", "up there", "place: got 'up there'; expected LATITUDE,LONGITUDE"),
        ("2026-08-14T05:30:00", '"dawn"', "start: Invalid RFC3339"),
        ("freeze", "freze", "cameras.north.faults[0].kind: Invalid enum value 'freze'"),
        ("from =", "form =", "cameras.north.faults[0].form: unknown key; did you mean 'from'?"),
        (
            'from = "2m"',
            'from = "2m", to = "1m"',
            "cameras.north.faults[0].from: 120 s to 60 s; expected a later end",
        ),
        (
            'from = "2m"',
            'from = "-2m"',
            "cameras.north.faults[0].from: got '-2m'; expected a duration from 0 on",
        ),
        ("heading_deg", "heading", "cameras.north.scene.heading: unknown key; did you mean 'heading_deg'?"),
        (
            "heading_deg = 200",
            "heading_deg = 400",
            "cameras.north.scene.heading_deg: Expected `float` < 360.0",
        ),
        (
            "heading_deg = 200",
            "heading_deg = nan",
            "cameras.north.scene.heading_deg: expected a finite number",
        ),
        (
            "scene =",
            'clip = "a.mp4"\nscene =',
            "cameras.north: got clip and scene; expected one of clip, folder",
        ),
        (
            "scene = { seed = 3, heading_deg = 200 }\n",
            "",
            "cameras.north: got nothing to show; expected one of",
        ),
        ("faults =", 'ignition = "1m"\nfaults =', "cameras.north.ignition: belongs to clips and sequences"),
        (
            "bearing_deg = 210",
            "bearing_deg = 20",
            "fires[0].bearing_deg: no rendered camera looks towards 20°",
        ),
        ("bearing_deg = 210", "bearing = 210", "fires[0].bearing: unknown key; did you mean 'bearing_deg'?"),
        ("at = ", "at = 20 # ", "fires[0].at: got 20; expected a duration"),
        ("[[fires]]", "[[fires]", "not valid TOML"),
        ("[[fires]]", "[fires]", "fires: Expected `array`, got `object`"),
    ],
)
def test_a_wrong_key_is_named_with_its_path(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parsed(tmp_path, text(old, new))
    assert str(caught.value).startswith(f"mine.toml: {said}")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[demands]\nfound_shar = 1\n", "demands.found_shar: unknown demand; did you mean 'found_share'?"),
        ("[demands]\nfound_share = 2\n", "demands.found_share: got 2; expected a share from 0 to 1"),
        ("[demands]\nlate_max = -1\n", "demands.late_max: got -1; expected a number from 0 on"),
        ('[[people]]\nat = "1h"\ncommand = "stop"\n', "people[0].command: got 'stop'; there are acknowledge"),
        (
            '[[people]]\nat = "1h"\ncommand = "snooze"\narguments = { camera = "north" }\n',
            "people[0].arguments: of snooze: Object missing required field `duration_s`",
        ),
        (
            '[power]\nboard = "pi3"\npanel_w = 9\nbattery_wh = 9\n',
            "power.board: got 'pi3'; there are pi-zero-2w",
        ),
        ("[power]\nbattery_wh = 9\n", "power.panel_w: missing"),
        ('[weather]\nclimate = "grim"\n', "weather.climate: got 'grim'; there are clear"),
        ("[weather]\ncover = [2.0]\n", "weather.cover[0]: Expected `float` <= 1.0"),
        ("[link]\nbytes = 3\n", "link.bytes: unknown key; did you mean 'bytes_s'?"),
        ('[receivers.hq]\nunheard = [{ to = "2h" }]\n', "receivers.hq.unheard[0].from: missing"),
        (
            '[[fires]]\nname = "mill"\nat = "1m"\nbearing_deg = 200\n',
            "fires[1].name: there are two of 'mill'",
        ),
    ],
)
def test_a_wrong_table_is_named_with_its_path(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parsed(tmp_path, text(more=more))
    assert str(caught.value).startswith(f"mine.toml: {said}")


def test_a_scenario_without_a_camera_is_none(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"cameras: none; add one such as \[cameras.north\]"):
        parsed(tmp_path, GOOD.partition("[cameras")[0])


def test_a_name_that_there_is_not_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"'first-lihgt' is no scenario .* did you mean 'first-light'"):
        read("first-lihgt")
    with pytest.raises(ScenarioError, match="cannot read the scenario: No such file"):
        read(str(tmp_path / "none.toml"))


def test_a_start_without_an_offset_is_by_the_sun_of_the_place(tmp_path: Path) -> None:
    by_sun = parsed(tmp_path, text("46.5,8.0,1200", "46.5,-120"))
    utc = parsed(tmp_path, text("05:30:00", "13:30:00Z"))
    assert by_sun.begin_s == utc.begin_s  # 8 h west


def test_a_fire_is_seen_by_the_cameras_that_look_there() -> None:
    scene = Scene(heading_deg=350, field_deg=60)
    assert [scene.sees(bearing_deg) for bearing_deg in (319, 321, 0, 19, 21, 170)] == [
        False, True, True, True, False, False,
    ]  # fmt: skip
    assert (scene.off_deg(0), scene.off_deg(340)) == (10, -10)
