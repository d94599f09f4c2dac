"""Names that are not UTF-8, of a configuration's folder and of pictures, on their way through every command."""

import json
import os
import sqlite3
import urllib.request
from contextlib import closing

import cv2
import msgspec
import numpy as np
import pytest

from benchmarks.tower import Tower, stored
from edge import cli
from edge.alert.event import Event
from edge.command.replay import read_expected
from edge.model.bundle import Bundle, write_bundle
from edge.model.manifest import Confirmation, Threshold

SHOWN = r"caf\udce9"
NAMES = (b"\xff\xfe1.jpg", b"\x80-2.jpg", "ü3.jpg".encode("latin-1"))


@pytest.fixture
def folder(tmp_path, fixtures):
    """A folder whose name is Latin-1, with pictures of such names, a model that finds smoke in each, and a tower."""
    folder = tmp_path / os.fsdecode("café".encode("latin-1"))
    folder.mkdir()
    good = Bundle.open(fixtures / "cells")
    manifest = msgspec.structs.replace(
        good.manifest,
        thresholds={good.manifest.labels[0]: Threshold(open=-1e9, keep=-1e9)},
        confirmation=Confirmation(hits=1, window=1, close_after=1),
        cadence=None,
    )
    write_bundle(folder / "bundle", manifest, {name: good.read(name) for name in manifest.files})
    chance = np.random.default_rng(3)
    for name in NAMES:
        picture = cv2.imencode(".jpg", chance.integers(90, 160, (64, 96, 3), np.uint8))[1].tobytes()
        (folder / os.fsdecode(name)).write_bytes(picture)
    (folder / os.fsdecode(b"\xfd4.jpg")).write_bytes(b"no picture")
    (folder / "t.toml").write_text(
        '[cameras.a]\nuri = "folder:."\nloop = true\npace = "fast"\n[store]\npath = "e.sqlite"\n'
        '[model]\nbundle = "bundle"\n[web]\nport = 0\n'
    )
    return folder


def test_a_replay_tells_events_that_are_read_again(folder, capsys):
    words = ["replay", "--json", "--frames", "--bundle", str(folder / "bundle"), str(folder)]
    assert cli.main(words) == 0
    said = capsys.readouterr()
    lines = [msgspec.json.decode(line) for line in said.out.splitlines()]  # a strict reader
    assert [line["frame"]["name"] for line in lines if "frame" in line] == [
        r"\udc80-2.jpg", r"\udcfc3.jpg", r"\udcff\udcfe1.jpg",
    ]  # fmt: skip
    events = [msgspec.convert(line["event"], Event) for line in lines if "event" in line]
    assert {event.camera for event in events} == {SHOWN}
    assert lines[-1]["counters"]["cameras"][SHOWN]["dropped"]["corrupt"] == 1
    assert all(line.isprintable() for line in said.err.splitlines())
    (folder / "expected").write_text(said.out)
    assert read_expected(folder / "expected")
    assert cli.main([*words, "--expect", str(folder / "expected")]) == 0


def test_a_check_says_what_is_wrong(folder, capsys):
    file = folder / "t.toml"
    assert cli.main(["check", str(file)]) == 0
    file.write_text(file.read_text().replace("loop = true\n", ""))
    for name in NAMES:
        (folder / os.fsdecode(name)).write_bytes(b"no picture")
    capsys.readouterr()
    assert cli.main(["check", str(file)]) == 1
    said = capsys.readouterr()
    checks = msgspec.json.decode(said.out.splitlines()[-1])["checks"]
    assert f"{SHOWN}/" in checks["cameras.a"]["error"]
    assert f"{SHOWN}/" in said.err


def test_the_daemon_stores_announces_and_shows(folder):
    with Tower(folder / "t.toml") as daemon:
        daemon.begin()
        daemon.wait(
            lambda status: status["events"]["opened"] and status["cameras"]["a"]["dropped"]["corrupt"]
        )
        answers = {}
        for place in ("", "metrics", "status.json", "health"):
            with urllib.request.urlopen(daemon.url + place, timeout=60) as answer:
                answers[place] = answer.read().decode()
        assert daemon.end() == 0
        assert "Traceback" not in daemon.log
        assert f"{SHOWN}': 4 images, taken as 60 s apart" in daemon.log.replace("\\\\", "\\")
        assert msgspec.json.decode(answers["health"])["healthy"]
        assert daemon.announced()
    events = stored(folder / "e.sqlite")
    assert events
    assert {event.phase for event in events} == {"closed"}
    with closing(sqlite3.connect(folder / "e.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM evidence").fetchone()[0] > 0


def test_a_store_that_cannot_be_opened_is_told(folder):
    file = folder / "t.toml"
    file.write_text(file.read_text().replace("e.sqlite", "none/e.sqlite"))
    with Tower(file) as daemon:
        daemon.begin()
        daemon.until(daemon.trouble, "it says that the store is not open")
        code, said = daemon.ask("health")
        assert (code, f"{SHOWN}/none/e.sqlite" in said["reasons"][0]) == (503, True)
        assert json.dumps(said)
        assert daemon.ask("status.json")[0] == 200


def test_a_model_of_such_a_name_is_measured_elsewhere(folder, capsys):
    words = ("bench", "latency", "--bundle", str(folder / "bundle"), "--runs", "1", "--backends", "litert")
    assert cli.main(words) == 1
    assert f"{SHOWN}/bundle: its path is not UTF-8; measure a copy elsewhere" in capsys.readouterr().err


def test_a_model_of_such_a_name_is_imported(folder, fixtures):
    model, out = folder / os.fsdecode(b"\xfd.tflite"), folder / os.fsdecode(b"\xfd")
    model.write_bytes((fixtures / "stripes_float.tflite").read_bytes())
    words = ("--labels", "a,b,c", "--mean", "0", "--std", "1", "--out", str(out))
    assert cli.main(["bundle", "import", str(model), *words]) == 0
    manifest = Bundle.open(out).manifest
    assert (manifest.name, manifest.provenance["imported_from"]) == (r"\udcfd", r"\udcfd.tflite")
    assert cli.main(["bundle", "pack", str(out), f"{out}.zip"]) == 0
    assert Bundle.open(out.with_name(f"{out.name}.zip")).manifest == manifest
