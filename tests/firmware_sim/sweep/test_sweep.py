import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from firmware_sim.__main__ import command
from firmware_sim.physics.battery import Battery
from firmware_sim.physics.controller import Controller
from firmware_sim.physics.enclosure import Enclosure
from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.panel import Panel
from firmware_sim.physics.place import Place
from firmware_sim.physics.plant import Plant, Site
from firmware_sim.physics.profile import PROFILES
from firmware_sim.physics.weather import draw
from firmware_sim.sweep import grid as grid_module
from firmware_sim.sweep.chart import draw as draw_map
from firmware_sim.sweep.enough import enough
from firmware_sim.sweep.grid import SCHEMA, Grid, Point, report, sweep
from firmware_sim.sweep.outcome import Outcome, live
from firmware_sim.sweep.winter import DAYS, under, winters

ROOT = Path(__file__).parents[3]
GRID = Grid(
    places=("50,8",),
    boards=("pi-zero-2w", "pi4"),
    panels_w=(30.0, 2000.0),
    batteries_wh=(100.0, 20_000.0),
    cadences_s=(60.0,),
    step_s=3600.0,
)
POINT = ("50,8", "pi4", 330.0, 2200.0, 60.0)
WORDS = [
    "sweep",
    "--place",
    "50,8",
    "--boards",
    "pi-zero-2w",
    "--panels-w",
    "30,500",
    "--batteries-wh",
    "200,5000",
]
WORDS += ["--cadences-s", "60", "--step-s", "3600"]


@pytest.fixture(scope="module")
def points():
    (found,) = sweep(GRID)
    return found


def test_every_point_is_there_and_says_that_it_is_simulated(points):
    assert len(points) == GRID.points == 8
    assert {point.source for point in points} == {"simulated:pi-zero-2w", "simulated:pi4"}


def test_more_panel_and_more_battery_do_no_harm_and_a_hungrier_board_does(points):
    by = {(point.board, point.panel_w, point.battery_wh): point for point in points}
    for board in GRID.boards:
        poor, rich = by[board, 30.0, 100.0], by[board, 2000.0, 20_000.0]
        assert poor.share == 0 < rich.share == 1
        assert poor.off_h_worst >= poor.off_h_p90 > 0 == rich.off_h_worst
        assert rich.charge_min_p90 >= rich.charge_min_worst > 0.1
    for panel_w, battery_wh in ((30.0, 100.0), (2000.0, 100.0)):
        small, large = (by[board, panel_w, battery_wh].off_h_worst for board in GRID.boards)
        assert small <= large


def test_worst_and_ninety_percent_are_of_the_years():
    off_s = np.array([[3600.0 * hours for hours in (0, 0, 0, 9, 0, 0, 3, 0, 0, 0)]])
    outcome = Outcome(off_s, np.ones((1, 10)), np.ones((1, 10)))
    assert outcome.share == pytest.approx([0.8])
    told = grid_module._told(outcome, 0)
    assert (told["off_h_worst"], told["off_h_p90"]) == (9, 3)


def test_a_winter_has_its_darkest_month_in_its_middle():
    panel = Panel(peak_w=1.0, tilt_deg=65.0)
    north = winters(Place(50.0, 8.0), panel, "clear", 1, 10, 3600.0)
    assert north.start == "2025-11-01"
    assert north.plane_w_m2.shape == (DAYS * 24, 10)
    daily = north.global_w_m2[:, 0].reshape(DAYS, 24).sum(axis=1)
    assert 30 < daily.argmin() < 61
    assert winters(Place(-40.0, 8.0), panel, "clear", 1, 10, 3600.0).start == "2025-05-02"


def test_years_differ_and_one_seed_gives_the_same_again(points):
    winter = winters(Place(50.0, 8.0), Panel(peak_w=1.0, tilt_deg=65.0), "november", 1, 10, 3600.0)
    assert len({column.tobytes() for column in winter.plane_w_m2.T}) == 10
    assert next(iter(sweep(GRID))) == points


def test_a_point_lives_as_a_single_tower_does():
    start_s = datetime(2026, 11, 10, tzinfo=UTC).timestamp()
    weather = draw("november", 7, start_s, 10)
    panel, battery = Panel(peak_w=60.0, tilt_deg=65.0), Battery(capacity_wh=150.0)
    place, profile = Place(50.0, 8.0), PROFILES["pi4"]
    tower = Plant(Site(place=place, panel=panel, battery=battery), profile, weather)
    seen = [tower.advance(300.0, 3.4) for _ in range(10 * 288)]
    loads = np.array([[3.4 / profile.supply.value]])
    outcome = live(under(place, panel, [weather], 300.0), panel, battery, loads, Controller(), Enclosure())
    off_s = 300 * sum(not moment.on for moment in seen)
    assert off_s > 86_400
    assert float(outcome.off_s[0, 0]) == pytest.approx(off_s, rel=0.02)
    assert float(outcome.end_charge[0, 0]) == pytest.approx(seen[-1].charge, abs=0.02)


@pytest.mark.parametrize(
    "wrong",
    [
        {"years": 9}, {"places": ()}, {"climate": "storm"}, {"step_s": 7200.0}, {"panels_w": (0.0,)}, {"other_w": -1.0},
        {"boards": ("pi6",)}, {"places": ("x",)}, {"panels_w": tuple(map(float, range(1, 50_000)))},
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused(wrong):
    with pytest.raises(PhysicsError):
        msgspec.structs.replace(GRID, **wrong).check()


def test_the_command_writes_the_same_bytes_each_time(tmp_path, capsys):
    for name in ("a", "b"):
        assert (
            command(
                [*WORDS, "--json", str(tmp_path / f"{name}.json"), "--map", str(tmp_path / f"{name}.svg")]
            )
            == 0
        )
    for kind in ("json", "svg"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["schema"] == SCHEMA
    assert len(written["points"]) == 4
    assert "assumed" in written["profiles"]["simulated:pi-zero-2w"]["camera_w"]["source"]
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["points"], last["years"]) == (4, 10)
    assert last["enough"] == [
        {
            "place": "50,8",
            "source": "simulated:pi-zero-2w",
            "cadence_s": 60,
            "panel_w_battery_wh": [[30, 5000]],
        }
    ]
    assert (
        b"simulated winters" in (tmp_path / "a.svg").read_bytes()
        or b"<svg" in (tmp_path / "a.svg").read_bytes()
    )


def test_a_map_may_be_a_png(tmp_path, points):
    draw_map(GRID, points, tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--map", "map.gif"], "ends with .svg or .png"),
        (["--years", "3"], "at least 10"),
        (["--boards", "pi6"], "pi-zero-2w, pi4, pi5"),
        (["--place", "north"], "LATITUDE,LONGITUDE"),
        (["--panels-w", "0"], "above 0"),
        (["--json", "no/such/file.json"], "no folder no/such"),
        (["--map", "no/such/map.svg"], "no folder no/such"),
    ],
)
def test_wrong_words_end_with_2_and_say_why(words, said, capsys):
    assert command([*WORDS, *words]) == 2
    assert said in capsys.readouterr().err


def test_the_committed_sweep_is_this_ones():
    written = json.loads((ROOT / "docs/results/sweep.json").read_text())
    grid = msgspec.convert(written["grid"], Grid)
    points = msgspec.convert(written["points"], list[Point])
    assert len(points) == grid.points > 1000
    assert grid.years >= 10
    assert json.loads(json.dumps(report(grid, points))) == written  # profiles and grid are those of today
    again = msgspec.structs.replace(
        grid,
        places=POINT[:1],
        boards=POINT[1:2],
        panels_w=POINT[2:3],
        batteries_wh=POINT[3:4],
        cadences_s=POINT[4:],
    )
    ((one,),) = sweep(again)
    (same,) = (p for p in points if (p.place, p.board, p.panel_w, p.battery_wh, p.cadence_s) == POINT)
    assert one.share == same.share
    assert one.charge_min_worst == pytest.approx(same.charge_min_worst, abs=0.002)


def test_the_page_names_the_towers_that_the_committed_sweep_found_enough():
    written = json.loads((ROOT / "docs/results/sweep.json").read_text())
    rows = []
    for one in enough(msgspec.convert(written["points"], list[Point])):
        if one.cadence_s == 60:
            pairs = ", ".join(
                f"{panel_w:g} with {battery_wh:g}" for panel_w, battery_wh in one.panel_w_battery_wh
            )
            latitude = one.place.partition(",")[0]
            rows.append(f"| {latitude}° N, {one.source.removeprefix('simulated:')} | {pairs} |")
    page = (ROOT / "docs/simulate.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 6
    assert [line for line in page if " with " in line and line.startswith("| ") and "° N, " in line] == rows
