"""Every command is heard, in the tests or apart, or it says why it cannot be; docs/network.md says the same."""

import json
import re
from pathlib import Path

import pytest

from tests.network import test_network
from tests.network.apart import SCHEMA, good
from tests.network.heard import APART, DEVICE, TRAINING
from tests.network.roster import commands, programs, verbs_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/network.md").read_text(encoding="utf-8")
RESULT = json.loads((ROOT / "docs/results/network.json").read_text(encoding="utf-8"))
# Those that want a server beside them, or to be ended.
BY_TEST = {
    "firetower run": test_network.test_the_daemon,
    "firetower sim serve": test_network.test_simulated_cameras,
    "firetower deploy": test_network.test_a_deployment,
    "firetower watch": test_network.test_who_hears_a_tower_drills_and_commands,
    "firetower command": test_network.test_who_hears_a_tower_drills_and_commands,
    "firetower drill": test_network.test_who_hears_a_tower_drills_and_commands,
    "python -m receive": test_network.test_who_hears_a_tower_drills_and_commands,
    "python -m deploy.health": test_network.test_the_health_check_of_the_image,
}
# Nobody types these: what starts them is heard, and they with it.
CHILDREN = {
    "python -m benchmarks.energy": "firetower bench board",
    "python -m benchmarks.worker": "firetower bench latency",
    "python -m edge.model.probe": "firetower bundle import",
    "python -m firmware_sim.rtsp_child": "firetower sim serve",
}
NOT_HEARD = {
    "python -m arm64": "fetches Debian and wheels on purpose, and is a machine of its own for hours",
    "python -m arm64.program.count": "runs in the emulated machine of `python -m arm64`",
    "python -m arm64.program.infer": "runs in the emulated machine of `python -m arm64`",
    "python -m arm64.program.score": "runs in the emulated machine of `python -m arm64`",
    "python -m scripts.lock": "asks the package registries on purpose",
    "python -m scripts.sbom": "writes the checkout's own requirements, which a test must not",
}
HEARD = {*DEVICE, *(name for name, _ in TRAINING), *BY_TEST}


def row(title: str) -> set[str]:
    """Return the commands that a row of the page's first table names; none where there is no such row."""
    lines = re.findall(rf"^\| {title} \|(.*)\|$", PAGE, re.MULTILINE)
    return {name for line in lines for name in re.findall(r"`([^`]+)`", line)}


def test_the_roster_finds_verbs_programs_and_children():
    assert ("bundle", "pack") in verbs_of("edge")
    assert verbs_of("arm64") == [()]
    assert {"arm64", "benchmarks.fit", "benchmarks.worker", "edge", "training"} <= programs()
    assert {"firetower bundle pack", "firetower train study", "firetower deploy"} <= commands()
    assert {"python -m benchmarks.fit", "python -m arm64"} <= commands()


def test_every_command_is_heard_or_says_why_not():
    told = [*HEARD, *APART, *CHILDREN, *NOT_HEARD]
    assert len(set(told)) == len(told)
    assert commands() - set(told) == set(), "put it into tests/network/heard.py"
    assert set(told) - commands() == set(), "it is gone"
    assert set(CHILDREN.values()) <= HEARD


def test_the_page_says_which_are_heard():
    assert row("heard by the tests") == HEARD
    assert row("heard apart") == set(RESULT["commands"])
    assert row("not yet heard") == set(APART) - set(RESULT["commands"])
    assert row("not heard") == set(NOT_HEARD)


@pytest.mark.parametrize("name", RESULT["commands"])
def test_what_is_heard_apart_was_silent(name):
    record = RESULT["commands"][name]
    assert RESULT["schema"] == SCHEMA
    assert name in APART
    assert record["command"].startswith(name)
    assert record["machine"]["date"]
    assert good(record), record


def test_what_was_heard_is_not_good():
    record = {"code": 0, "names": [], "calls": [], "written_elsewhere": [], "left": []}
    assert good(record)
    for change in (
        {"code": 1},
        {"names": ["x"]},
        {"calls": ["x"]},
        {"written_elsewhere": ["x"]},
        {"left": ["x"]},
    ):
        assert not good({**record, **change})
