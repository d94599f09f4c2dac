"""What `python -m training search` does: read, open fold 1's training side, try, write, print."""

from __future__ import annotations

import argparse
from dataclasses import replace

import msgspec

from training.gate.stream import parts_of
from training.smoke import prune
from training.smoke.data.read import read
from training.smoke.fold.plan import plan
from training.smoke.fold.train import first_side
from training.smoke.lesson.recipe import METHODS
from training.smoke.lesson.setting import TRIALS, Setting
from training.smoke.pool.frozen import NAMES, Name
from training.smoke.search import cost, file, instruction, landmark, page
from training.smoke.search.command import BACKBONE, BATCH, DESIGNS, STEPS
from training.smoke.search.imitation import Imitating
from training.smoke.search.rehearsal import Rehearsal, Terms
from training.smoke.search.result import result_of
from training.smoke.search.space import TODAY, Arm, first
from training.smoke.search.study import open_study
from training.smoke.side import refuse
from training.step.step import write_json
from training.step.workshop import Workshop


def handle(options: argparse.Namespace) -> int:
    """Search, write what was asked for, print the front as a line of JSON; return the exit code.

    Raises:
        LeakError: something was made from what fold 1 leaves out.
        ValueError, OSError: the data or the arguments are unfit; one line each.
    """
    setting, backbones = _setting(options), _backbones(options)
    counts = {} if options.instructions is None else instruction.read(options.instructions)
    shop = Workshop(options.work, METHODS | file.METHODS | landmark.METHODS)
    if not shop.leave():
        return 0
    datasets = [read(folder) for folder in options.data]
    stills = tuple(path for folder in options.stills for path in prune.pictures_in(folder))
    folds = plan(datasets, by_mast=False, trains_on_quiet=True)
    side, left_out = first_side(shop, folds)
    terms = Terms(tuple(parts_of(datasets)), stills, backbones, options.arm, setting)
    trials = options.trials or _trials(options.arm)
    study = open_study(side, terms, trials, options.seed)
    study.run(Rehearsal(side, terms).tried, cost.reference_ms)
    beside = None
    if options.resnet18 is not None:
        beside = landmark.try_resnet18(side, terms, Imitating(options.resnet18))
    refuse(side.handed(), left_out)
    result = result_of(study, side, _command(options), counts, beside)
    write_json(options.result, result)
    if options.page is not None:
        page.write(result, options.page, options.result)
    best = [{"number": row.number, **row.parameters} for row in result.trials if row.front]
    print(msgspec.json.encode({"trials": len(result.trials), "front": best}).decode())
    return 0


def _trials(arm: Arm | None) -> int:
    if arm == "ablation":
        return len(first((), arm))
    return DESIGNS if arm is None else TRIALS


def _setting(options: argparse.Namespace) -> Setting:
    """Return the setting of every student but for what is searched.

    Raises:
        ValueError: an architecture is given where it is searched, or what belongs to its search where it is not.
    """
    if options.arm is not None and (options.resnet18 is not None or options.instructions is not None):
        raise ValueError(f"--arm {options.arm}: --resnet18 and --instructions belong to the architecture")
    given = {name: value for name in TODAY if (value := getattr(options, name))}
    if options.arm is None:
        if given:
            raise ValueError(f"--{next(iter(given))}: is searched; it is given with --arm alone")
        return Setting(steps=options.steps or STEPS, batch=options.batch or BATCH)
    plain = Setting()
    return replace(plain, steps=options.steps or plain.steps, batch=options.batch or plain.batch, **given)


def _backbones(options: argparse.Namespace) -> tuple[Name, ...]:
    """Return the backbones to choose from.

    Raises:
        ValueError: one is unknown or comes twice, or an arm has several.
    """
    names: list[str] = options.backbone or [BACKBONE]
    if unknown := [name for name in names if name not in NAMES]:
        raise ValueError(f"--backbone {unknown[0]}: expected one of {', '.join(NAMES)}")
    if len(set(names)) < len(names):
        raise ValueError("--backbone: name each once")
    if options.arm is not None and len(names) > 1:
        raise ValueError(f"--arm {options.arm}: has one --backbone")
    return tuple(msgspec.convert(name, Name) for name in names)


def _command(options: argparse.Namespace) -> str:
    """Return the command line without the folders of this machine."""
    words = ["python -m training search", *(f"--data {folder.name}" for folder in options.data)]
    words += [f"--stills {folder.name}" for folder in options.stills]
    words += [f"--backbone {name}" for name in options.backbone or [BACKBONE]]
    if options.instructions is not None:
        words.append(f"--instructions {options.instructions.name}")
    for name in ("arm", *TODAY, "trials", "steps", "batch", "seed", "resnet18"):
        value = getattr(options, name)
        if value is True:
            words.append(f"--{name}")
        elif value is not None and value is not False:
            words.append(f"--{name} {value}")
    return " ".join(words)
