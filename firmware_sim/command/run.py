"""`firetower sim run`: one scenario through the daemon, and whether its demands were met."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from edge.errors import EdgeError
from edge.scratch import temporary_folder
from edge.text import plain
from firmware_sim.command import argument
from firmware_sim.command.progress import Progress
from firmware_sim.tower.demand import Judged, judged
from firmware_sim.tower.plan import Plan
from firmware_sim.tower.run import Run
from firmware_sim.tower.scenario import Scenario, read
from firmware_sim.tower.staging import replaced, staged

_HELP = """\
Play a scenario through the daemon: its cameras, sun, battery, heat, link, faults and people.

  $ firetower sim run first-light --out first-light
  $ firetower sim run --camera north=clip.mp4 --place 46.5,8.0 first-light

A scenario is one of `firetower sim list`, or a .toml file (docs/scenarios.md). --camera replaces a camera of it, or
adds one: a video, or a folder of pictures; the faults of the replaced one stay. The last line on stdout is JSON.

Exit codes: 0 all demands are met, 1 one is not, 2 wrong words, or something is missing.
"""
_Engine = Callable[[Plan, Path, Callable[[float], None]], Run]


def _fast(plan: Plan, folder: Path, progress: Callable[[float], None]) -> Run:
    from firmware_sim.tower import fast  # noqa: PLC0415 — the model's runtime takes a second

    return fast.run(plan, folder, progress=progress)


_CLOCKS: Mapping[str, _Engine] = {"fast": _fast}


def add(commands: argument.Commands) -> None:
    """Add its words to the command line."""
    parser = commands.add_parser(
        "run",
        help="play a scenario through the daemon, and judge it",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    word = parser.add_argument
    word("scenario", metavar="SCENARIO", help="its name, or a .toml file")
    word("--camera", action="append", default=[], type=argument.camera, metavar="NAME=CLIP_OR_FOLDER",
         dest="cameras", help="what a camera shows; again for another")  # fmt: skip
    word("--place", type=argument.place, metavar="LAT,LON[,M]", help="where, in degrees and m above the sea")
    word("--seed", type=argument.whole, metavar="N", help="of everything that is drawn")
    word("--data", type=Path, metavar="FOLDER", help="real sequences, with sequences.json (docs/data.md)")
    word("--clock", choices=_CLOCKS, default="fast", help="fast: as fast as the model can (default)")
    word("--out", type=Path, metavar="FOLDER", help="write report.html, report.json and pictures here")
    word("--json", type=Path, metavar="FILE", help="write report.json here, too")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run it, write the report, judge; return the exit code."""
    from firmware_sim.tower.report.report import write  # noqa: PLC0415 — no other command needs it

    progress = Progress(sys.stderr)
    try:
        scenario = _scenario(arguments)
        _check_files(arguments)
        with temporary_folder("sim-run-") as scratch:
            folder = scratch if arguments.out is None else arguments.out
            began_s = time.monotonic()
            with staged(scenario, arguments.data) as plan:
                done = _CLOCKS[arguments.clock](plan, folder, progress)
            done = msgspec.structs.replace(done, wall_s=time.monotonic() - began_s)
            written = write(done, folder)
            if arguments.json is not None:
                arguments.json.write_bytes(written.json.read_bytes())
    except (EdgeError, OSError) as error:
        progress.end()
        print(f"firetower sim run: {plain(str(error))}", file=sys.stderr)
        return 2
    progress.end()
    found = judged(done)
    print(_told(done, found), file=sys.stderr)
    print(json.dumps(_last(done, found, None if arguments.out is None else written.page), ensure_ascii=False))
    return 0 if all(one.met for one in found) else 1


def _scenario(arguments: argparse.Namespace) -> Scenario:
    scenario = read(arguments.scenario)
    cameras = dict(arguments.cameras)
    changed = replaced(scenario, cameras=cameras, place=arguments.place, seed=arguments.seed)
    for name in scenario.demands.keys() - changed.demands.keys():
        print(f"{name} is not judged: no camera shows a fire that is known", file=sys.stderr)
    return changed


def _check_files(arguments: argparse.Namespace) -> None:
    """Refuse, before a minute's work, what could not be written after it."""
    for path in (arguments.out, arguments.json):
        if path is not None and not path.absolute().parent.is_dir():
            raise NotADirectoryError(f"no folder {path.absolute().parent}")
    if arguments.out is not None and arguments.out.exists() and not arguments.out.is_dir():
        raise NotADirectoryError(f"{arguments.out} is no folder")


def _told(run: Run, found: Sequence[Judged]) -> str:
    """Return the verdict for people."""
    lines = [f"{run.scenario}: {run.purpose}"]
    wide = max((len(one.name) for one in found), default=0)
    for one in found:
        sign = "at most" if one.name.endswith("_max") else "at least"
        got = "nothing to judge" if one.got is None else f"{one.got:.4g}"
        word = "met   " if one.met else "MISSED"
        lines.append(f"  {word}  {one.name:{wide}}  {got}, wanted {sign} {one.wanted:g}")
    if not found:
        lines.append("  it demands nothing")
    if any(fire.kind == "rendered" for fire in run.fires):
        lines.append("Its fires are rendered: finds of them are no evidence about real ones.")
    return "\n".join(lines)


def _last(run: Run, found: Sequence[Judged], page: Path | None) -> dict[str, object]:
    """Return the last line on stdout."""
    return {
        "scenario": run.scenario,
        "met": all(one.met for one in found),
        "demands": {one.name: {"wanted": one.wanted, "got": one.got, "met": one.met} for one in found},
        "events": len(run.events),
        "wall_s": None if run.wall_s is None else round(run.wall_s, 1),
        "page": None if page is None else str(page),
    }
