"""`firetower sim sweep`: which panel and battery carry which board through the winter."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import msgspec

from edge.errors import EdgeError
from edge.text import plain
from firmware_sim.command import argument
from firmware_sim.physics.battery import CHEMISTRIES
from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.profile import PROFILES
from firmware_sim.physics.weather import CLIMATES
from firmware_sim.sweep.chart import check_name, draw
from firmware_sim.sweep.enough import enough
from firmware_sim.sweep.grid import Grid, Point, report, sweep

_HELP = """\
Let towers live through simulated winters, by the physics alone: every panel with every battery, board and cadence.

  $ firetower sim sweep --place 46.5,8.0,1200 --json sweep.json --map sweep.svg

Of each tower it says in which share of the winters its battery never cut it off, and how the worst one and the worst
but for a tenth of them went. A winter is the month with the shortest days, 30 days before it and 31 after it, from a
full battery. Nothing is saved by a governor: a cadence is kept, day and night. Every figure is simulated.
"""
_BOARDS = ",".join(PROFILES)
_PANELS_W = (20, 30, 45, 70, 100, 150, 220, 330, 500, 750)
_BATTERIES_WH = (100, 200, 400, 700, 1000, 1500, 2200, 3300, 5000)
_CADENCES_S = (30, 60, 120, 300)


def add(commands: argument.Commands) -> None:
    """Add its words to the command line."""
    parser = commands.add_parser(
        "sweep",
        help="which panel and battery carry which board through the winter",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    word = parser.add_argument
    several = argument.several(argument.positive)
    word("--place", action="append", required=True, type=argument.place, metavar="LAT,LON[,M]", dest="places",
         help="where, in degrees and m above the sea; again for another")  # fmt: skip
    word("--boards", default=_BOARDS, metavar="NAME,…", help=f"default: {_BOARDS}")
    word("--panels-w", type=several, default=_PANELS_W, metavar="W,…", help="W peak")
    word("--batteries-wh", type=several, default=_BATTERIES_WH, metavar="WH,…", help="at 25 °C")
    word("--cadences-s", type=several, default=_CADENCES_S, metavar="S,…", help="seconds between frames")
    word("--cameras", type=argument.whole, default=1, metavar="N", help="on the board itself (default: 1)")
    word(
        "--other-w", type=float, default=0.0, metavar="W", help="cameras and modem with a supply of their own"
    )
    word("--sent-mb-day", type=float, default=5.0, metavar="MB", help="what goes out a day (default: 5)")
    word("--climate", choices=CLIMATES, default="november", help="default: november")
    word("--chemistry", choices=CHEMISTRIES, default="lifepo4", help="default: lifepo4")
    word("--controller", choices=("mppt", "pwm"), default="mppt", help="default: mppt")
    word("--tilt-deg", type=float, metavar="DEG", help="default: the latitude and 15, at most 75")
    word("--years", type=argument.whole, default=10, metavar="N", help="winters, at least 10 (default: 10)")
    word(
        "--seed",
        type=argument.whole,
        default=1,
        metavar="N",
        help="of the first winter's weather (default: 1)",
    )
    word("--step-s", type=argument.positive, default=1800.0, metavar="S", help="default: 1800")
    word("--json", type=Path, metavar="FILE", help="write every point here")
    word("--map", type=Path, metavar="FILE", help="draw the map here: .svg or .png")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Sweep, write, draw; return the exit code."""
    try:
        grid = _grid(arguments)
        _check_files(arguments)
        points: list[Point] = []
        for place, found in zip(grid.places, sweep(grid), strict=True):
            points += found
            print(f"{place}: {len(found)} towers, {grid.years} winters", file=sys.stderr)
        if arguments.json is not None:
            text = json.dumps(report(grid, points), ensure_ascii=False, separators=(",", ":"))
            arguments.json.write_text(text.replace('{"place"', '\n{"place"') + "\n", encoding="utf-8")
        if arguments.map is not None:
            draw(grid, points, arguments.map)
    except (EdgeError, OSError) as error:
        print(f"firetower sim sweep: {plain(str(error))}", file=sys.stderr)
        return 2
    found = [msgspec.to_builtins(each) for each in enough(points)]
    print(json.dumps({"points": len(points), "years": grid.years, "enough": found}))
    return 0


def _grid(arguments: argparse.Namespace) -> Grid:
    grid = Grid(
        places=tuple(arguments.places),
        boards=tuple(arguments.boards.split(",")),
        panels_w=tuple(map(float, arguments.panels_w)),
        batteries_wh=tuple(map(float, arguments.batteries_wh)),
        cadences_s=tuple(map(float, arguments.cadences_s)),
        cameras=arguments.cameras,
        other_w=arguments.other_w,
        sent_bytes_day=arguments.sent_mb_day * 1e6,
        climate=arguments.climate,
        chemistry=arguments.chemistry,
        controller=arguments.controller,
        tilt_deg=arguments.tilt_deg,
        years=arguments.years,
        seed=arguments.seed,
        step_s=arguments.step_s,
    )
    grid.check()
    return grid


def _check_files(arguments: argparse.Namespace) -> None:
    """Refuse, before a minute's work, what could not be written after it."""
    if arguments.map is not None:
        check_name(arguments.map)
    for path in (arguments.json, arguments.map):
        if path is not None and not path.parent.is_dir():
            raise PhysicsError(f"no folder {path.parent}")
