"""How each command is run to be heard: its name as people type it, and what writes its arguments.

`DEVICE` and `TRAINING` are heard by every run of the tests, `APART` by `python -m tests.network.apart`, for they take
minutes. Each is given the folder that it may write into, and returns the arguments.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.alert.database import Database
from edge.model.bundle import Bundle, bundled_path

Words = Sequence[str | Path]
Given = Callable[[Path], Words]

ROOT = Path(__file__).parents[2]
FEW = ("--runs", "2", "--warmup", "1", "--processes", "1")
LATENCY = ROOT / "docs/results/latency.json"
CIFAR10 = ROOT / "docs/results/cifar10.json"
FIXTURES = ROOT / "tests/model/fixtures"
TOWER = """
[cameras.north]
uri = "scene:plume"
[model]
backend = "onnx"
[store]
path = "events.sqlite"
[web]
port = 0
"""
SCENARIO = """
purpose = "Two minutes."
start = 2026-08-14T10:00:00
lasts = "2m"
place = "46.5,8.0,1200"
[cameras.north]
scene = { width_px = 64, height_px = 64 }
[power]
panel_w = 60
battery_wh = 300
"""
RECIPE = """
name = "one"
validation_images = 50
limit = 100
views = 1
members = ["resnet10"]
distillation = { temperature = 4.0, alpha = 0.7 }
calibration_images = 16
[teachers.resnet10]
network = "resnet10-narrow"
stem = "strided"
training = { epochs = 1, batch = 50 }
[pairs.strided]
network = "resnet10-narrow"
stem = "strided"
training = { epochs = 1, batch = 50 }
seeds = [0]
quantization = { qat_epochs = 1 }
"""


def started(name: str) -> list[str]:
    """Return what starts a command with this Python."""
    program, *rest = name.split()
    return [sys.executable, "-P", *(("-m", "edge") if program == "firetower" else ()), *rest]


def _tower(folder: Path) -> Words:
    (folder / "tower.toml").write_text(TOWER)
    return [folder / "tower.toml"]


def _recording(folder: Path) -> Words:
    for number in range(2):
        cv2.imwrite(str(folder / f"{number}.jpg"), np.full((480, 640, 3), 80 + number, np.uint8))
    return ["--backend", "onnx", folder]


def _model(folder: Path) -> Words:
    words: list[str | Path] = [
        FIXTURES / "stripes.onnx",
        "--labels",
        "plain,rows,columns",
        "--out",
        folder / "bundle",
    ]
    return [*words, "--mean", "0.5", "--std", "0.5"]


def _archive(folder: Path) -> Words:
    Bundle.open(bundled_path()).pack(folder / "bundle.zip")
    return [folder / "bundle.zip", folder / "bundle"]


def _store(folder: Path) -> Words:
    Database(folder / "events.sqlite").close()
    return [folder / "events.sqlite", "1"]


def _views(folder: Path) -> Words:
    from tests.benchmarks.test_view import write  # noqa: PLC0415 — needs the scorer

    write(folder / "views")
    return ["--data", folder / "views", "--json", folder / "view.json"]


def _sweep(folder: Path) -> Words:
    axes = (
        "--boards",
        "pi4",
        "--panels-w",
        "100",
        "--batteries-wh",
        "500",
        "--cadences-s",
        "60",
        "--step-s",
        "3600",
    )
    return ["--place", "50,8", *axes, "--json", folder / "sweep.json", "--map", folder / "map.svg"]


def _scenario(folder: Path) -> Words:
    (folder / "short.toml").write_text(SCENARIO)
    return [folder / "short.toml", "--out", folder / "out", "--json", folder / "report.json"]


DEVICE: dict[str, Given] = {
    "firetower check": _tower,
    "firetower replay": _recording,
    "firetower bundle show": lambda _: [],
    "firetower bundle verify": lambda _: ["--parity"],
    "firetower bundle import": _model,
    "firetower bundle pack": lambda folder: [bundled_path(), folder / "bundle.zip"],
    "firetower bundle unpack": _archive,
    "firetower bench board": lambda folder: ["--seconds", "1", *FEW, "--json", folder / "board.json"],
    "firetower bench latency": lambda folder: [*FEW, "--json", folder / "latency.json"],
    "firetower bench compare": lambda _: [LATENCY, LATENCY],
    "firetower bench view": _views,
    "firetower sim list": lambda _: ["--json"],
    "firetower sim run": _scenario,
    "firetower sim sweep": _sweep,
    "python -m benchmarks.board_page": lambda _: [],
    "python -m edge.alert.rollback": _store,
    "python -m scripts.protocol": lambda _: ["--check"],
}


def _recipe(folder: Path) -> Words:
    (folder / "one.toml").write_text(RECIPE)
    return ["--recipe", folder / "one.toml", "--work", folder / "work"]


def _study(folder: Path) -> Words:
    return [*_recipe(folder), "--data", folder, "--trials", "1", "--plot", folder / "plot.svg"]


def _study_in_journal(folder: Path) -> Words:
    return [*_study(folder), "--storage", f"journal:{folder}/journal"]


def _compare(folder: Path) -> Words:
    return ["--data", folder / "sequences", folder / "made", ROOT / "edge/model/smoke"]


def _realism(folder: Path) -> Words:
    return ["--data", folder / "sequences", "--result", folder / "realism.json"]


def _smoke(folder: Path) -> Words:
    words: list[str | Path] = [
        "--data",
        folder / "sequences",
        "--out",
        folder / "made",
        "--work",
        folder / "smoke",
    ]
    return [*words, "--validation-groups", "g2", "--steps", "2", "--result", folder / "smoke.json"]


def _prune(folder: Path) -> Words:
    return ["--pictures", folder / "sequences", "--work", folder / "smoke", "--steps", "1"]


def _evaluate(folder: Path) -> Words:
    words: list[str | Path] = [
        "--bundle",
        FIXTURES / "cells",
        "--data",
        folder / "fires",
        "--planted",
        "0",
        "--no-controls",
    ]
    words += ["--work", folder / "gate", "--ledger", folder / "ledger.jsonl"]
    return [*words, "--result", folder / "gate.json", "--page", folder / "gate.md"]


def _folds(folder: Path) -> Words:
    words: list[str | Path] = [
        "--data",
        folder / "fires",
        "--fold",
        "1",
        "--steps",
        "2",
        "--work",
        folder / "folds",
    ]
    return [*words, "--ledger", folder / "ledger.jsonl", "--result", folder / "folds.json"]


def _arms(folder: Path) -> Words:
    arm = json.loads((ROOT / "docs/results/smoke-fold-time.json").read_text(encoding="utf-8"))
    for side in ("a", "b"):
        arm["recipe"]["stated"] |= {"name": side, "trials": 1}
        (folder / f"{side}.json").write_text(json.dumps(arm))
    words: list[str | Path] = ["--a", folder / "a.json", "--b", folder / "b.json"]
    return [*words, "--result", folder / "arms.json", "--page", folder / "arms.md"]


def _pool(folder: Path) -> Words:
    still = folder / "sequences"  # that no fold leaves out
    return ["--data", folder / "fires", "--calibration", still, "--work", folder / "pool", "--processes", "1"]


def _search(folder: Path) -> Words:
    words: list[str | Path] = ["--data", folder / "fires", "--stills", folder / "sequences"]
    words += [
        "--work",
        folder / "pool",
        "--backbone",
        "lite0",
        "--trials",
        "1",
        "--steps",
        "4",
        "--batch",
        "2",
    ]
    return [*words, "--result", folder / "search.json", "--page", folder / "search.md"]


def _student(folder: Path) -> Words:
    words: list[str | Path] = ["--data", folder / "fires", "--stills", folder / "sequences"]
    words += ["--work", folder / "pool", "--recipe", "labels", "--backbone", "lite0"]
    return [*words, "--steps", "4", "--batch", "4"]


def _detector(folder: Path) -> Words:
    return [*_student(folder), "--out", folder / "detector", "--result", folder / "detector.json"]


def _conditions(folder: Path) -> Words:
    return [*_student(folder), "--result", folder / "conditions.json"]


def _cadences(folder: Path) -> Words:
    return [*_student(folder), "--fires", "1", "--result", folder / "cadences.json"]


# In this order: the later ones read what the earlier ones made. Strips of CIFAR-10, `sequences` and `fires` are there.
TRAINING: tuple[tuple[str, Given], ...] = (
    ("firetower train study", _study),
    ("firetower train study", _study_in_journal),
    ("firetower train smoke", _smoke),
    ("firetower train compare-smoke", _compare),
    ("firetower train report", lambda folder: [CIFAR10, "--page", folder / "page.md"]),
    ("firetower train inspect", lambda folder: ["--data", folder / "fires", "--out", folder / "sheets"]),
    ("firetower train realism", _realism),
    ("firetower train prune", _prune),
    ("firetower train evaluate", _evaluate),
    ("firetower train gate-page", lambda folder: [folder / "gate.json", "--page", folder / "again.md"]),
    ("firetower train cross-validate", _folds),
    ("firetower train compare-arms", _arms),
    ("firetower train pool", _pool),
    ("firetower train search", _search),
    ("firetower train detector", _detector),
    ("firetower train conditions", _conditions),
    ("firetower train cadences", _cadences),
)


def _cifar10(folder: Path) -> Words:
    from tests.training.conftest import pictures, write_strips  # noqa: PLC0415 — needs the extra

    write_strips(folder, "train", *pictures(200, 1))
    write_strips(folder, "test", *pictures(50, 2))
    return [
        *_recipe(folder),
        "--data",
        folder,
        "--result",
        folder / "cifar10.json",
        "--page",
        folder / "cifar10.md",
    ]


def _json(*words: str) -> Given:
    return lambda folder: [*words, "--json", folder / "result.json"]


APART: dict[str, Given] = {
    "firetower bench torture": _json("--short"),
    "firetower bench torture-delivery": _json("--short"),
    "firetower train cifar10": _cifar10,
    "python -m benchmarks.bitflips": _json("--seeds", "1", "--seconds", "4", "--keyframe-s", "2"),
    "python -m benchmarks.fit": _json(
        "--seconds", "1", "--times", "1", "--rounds", "2", "--size", "240", "320"
    ),
    "python -m benchmarks.frozen": _json(),
    "python -m benchmarks.strangers": _json(),
    "python -m training.cifar10.convolution_time": lambda folder: [folder / "result.json", "--images", "1"],
}


def lines(folder: Path) -> str:
    """Return the command lines of `TRAINING` as JSON, without what starts them."""
    return json.dumps([[name.split()[-1], *map(str, words(folder))] for name, words in TRAINING])
