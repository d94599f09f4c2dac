"""`replay` with a bundle whose events are candidates first, and with expected events from before there were any."""

import argparse
import json
import shutil
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge.alert.event import Event
from edge.command.replay import compare, read_expected, register
from edge.model.alert import AlertRule
from edge.model.bundle import Bundle, bundled_path
from edge.model.manifest import MANIFEST_NAME, encode

CONDITIONS = Path(__file__).parents[1] / "model/fixtures/conditions"
SCENE = "scene:plume?frames=22&ignition=4"


@pytest.fixture
def firetower(capsys):
    """Run `firetower replay …`; return its exit code, stdout and stderr."""
    parser = argparse.ArgumentParser("firetower")
    register(parser.add_subparsers())

    def run(*words):
        options = parser.parse_args(["replay", *map(str, words)])
        code = options.handler(options)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def ruled(tmp_path: Path):
    """Write the bundled model again, with a rule for alerts."""

    def write(**rule) -> Path:
        folder = shutil.copytree(bundled_path(), tmp_path / "ruled")
        known = (folder / MANIFEST_NAME).read_bytes()
        manifest = msgspec.structs.replace(
            Bundle.open(folder).manifest, schema="1.2", alert=AlertRule(**rule)
        )
        (folder / MANIFEST_NAME).write_bytes(encode(manifest, known))
        return folder

    return write


def events_of(out: str) -> list[Event]:
    lines = [json.loads(line) for line in out.splitlines()]
    return [msgspec.convert(line["event"], Event) for line in lines if "event" in line]


def test_lines_json_and_counters_tell_a_candidate_that_became_an_alert(firetower, ruled) -> None:
    bundle = ruled(escalate_s=300.0)
    code, out, err = firetower("--json", "--bundle", bundle, SCENE)
    assert code == 0
    events = events_of(out)
    assert (events[0].phase, events[0].severity) == ("opened", "candidate")
    (alert,) = [event for event in events if event.is_new_alert]
    assert alert.alerted.at.model_s == events[0].opened.model_s + 300.0
    lines = [line for line in err.splitlines() if " smoke at " in line]
    opened_s, alert_s = events[0].opened.model_s, alert.alerted.at.model_s
    name = events[0].camera
    assert [line.split(",")[0] for line in lines] == [
        f"opened  {name} smoke at {opened_s:.0f} s",
        f"alert   {name} smoke at {alert_s:.0f} s",
        f"closed  {name} smoke at {events[-1].closed.model_s:.0f} s",
    ]
    assert [line.split(",")[2:] for line in lines] == [[" candidate"], [" by escalation"], []]
    assert json.loads(out.splitlines()[-1])["counters"]["events"] == {"opened": 1, "alerted": 1}


def test_what_opens_as_an_alert_and_what_stays_a_candidate(firetower, ruled) -> None:
    bundle = ruled(escalate_s=3600.0, scores={"smoke": 99.0})
    _, out, err = firetower("--json", "--bundle", bundle, SCENE)
    assert {event.severity for event in events_of(out)} == {"candidate"}
    assert err.count(", candidate\n") == 2  # opened and closed
    assert json.loads(out.splitlines()[-1])["counters"]["events"] == {"opened": 1, "alerted": 0}


def test_at_night_alerts_are_held_back_unless_the_operator_says_otherwise(firetower, tmp_path: Path) -> None:
    bundle = shutil.copytree(CONDITIONS, tmp_path / "bundle")
    rule = AlertRule(escalate_s=3600.0, scores={"smoke": 1.0}, held=("night",))
    manifest = msgspec.structs.replace(Bundle.open(bundle).manifest, alert=rule)
    (bundle / MANIFEST_NAME).write_bytes(encode(manifest))
    (images := tmp_path / "dusk").mkdir()
    for number in range(6):
        pixels = np.full((48, 64, 3), 60, np.uint8)  # half a day's light, and in the end a lit plume
        pixels[8:24, 8:24] += 130 * (number >= 3)
        cv2.imwrite(str(images / f"{number}.png"), pixels)
    words = ["--json", "--every-picture", "--bundle", bundle]
    _, out, err = firetower(*words, images)
    assert {(event.severity, event.held) for event in events_of(out)} == {("candidate", ("night",))}
    assert err.count(", candidate, held back: night\n") == 2  # opened and closed
    _, out, err = firetower(*words, "--night-alerts", images)
    assert {(event.alerted.by, event.held) for event in events_of(out)} == {("score", msgspec.UNSET)}
    assert "held back" not in err


def test_expected_events_from_before_severities_are_met(firetower, tmp_path: Path) -> None:
    _, out, err = firetower("--json", SCENE)
    assert "candidate" not in err
    old = []
    for line in map(json.loads, out.splitlines()):
        if "event" in line:
            assert (line["event"].pop("severity"), line["event"].pop("alerted")) == ("alert", None)
        old.append(json.dumps(line))
    expected = tmp_path / "events.json"
    expected.write_text("\n".join(old) + "\n")
    code, out, _ = firetower("--expect", expected, SCENE)
    assert code == 0
    last = json.loads(out.splitlines()[-1])
    assert last["as_expected"] is True
    assert last["counters"]["events"] == {"opened": 1, "alerted": 1}
    (event,) = read_expected(expected)
    candidate = msgspec.structs.replace(event, severity="candidate")
    (said,) = compare([event], [candidate])
    assert said.endswith(", candidate")
    assert ", alert, got " in said
