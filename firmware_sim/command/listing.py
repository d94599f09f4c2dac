"""`firetower sim list`: the scenarios that come with firetower."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass

from firmware_sim.command import argument
from firmware_sim.tower.duration import written
from firmware_sim.tower.scenario import Scenario, read, shipped

_HELP = """\
List the scenarios that come with firetower: how long each one is, what it needs, and what it is for.

  $ firetower sim list
  $ firetower sim run first-light
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario.

    Attributes:
        name, purpose: its own.
        lasts_s: of its own time.
        cameras: how many; None: as many as the folder has sequences.
        needs: extras and words of the command line; empty where it runs as it is.
    """

    name: str
    purpose: str
    lasts_s: float
    cameras: int | None
    needs: tuple[str, ...]


def add(commands: argument.Commands) -> None:
    """Add its words to the command line."""
    parser = commands.add_parser(
        "list",
        help="the scenarios that there are",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List them; return the exit code."""
    rows = [row(read(name)) for name in shipped()]
    if arguments.json:
        print(json.dumps([asdict(one) for one in rows], ensure_ascii=False))
        return 0
    wide = max(len(one.name) for one in rows)
    for one in rows:
        needs = f" Needs {', '.join(one.needs)}." if one.needs else ""
        print(f"{one.name:{wide}}  {written(one.lasts_s):>5}  {one.purpose}{needs}")
    return 0


def row(scenario: Scenario) -> Row:
    """Return what the list says of a scenario."""
    needs = (
        *(("--data FOLDER",) if scenario.wants_data else ()),
        *(("firetower[sim]",) if scenario.power else ()),
    )
    cameras = None if scenario.sequences is not None else len(scenario.cameras)
    return Row(scenario.name, scenario.purpose, scenario.lasts, cameras, needs)
