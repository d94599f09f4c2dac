"""Every command, in a network where somebody could hear it: it asks no name, calls nobody, writes nowhere unasked."""

import json
import os
import pwd
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.cli import main
from edge.model.bundle import bundled_path
from tests.deploy.conftest import wheels, write_board  # noqa: F401 — one is a fixture

ROOT = Path(__file__).parents[2]
LIVES_S = 15  # ONNX Runtime asks its first name after some ten seconds
FIRETOWER = (sys.executable, "-P", "-m", "edge")
UNMUTED = "import onnxruntime, time; time.sleep(120)"

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
# An sshd in the same network, as long as the command after it runs.
BESIDE = """
"$0" "$1" "$2" "$3" "$4" "$5" & server=$!
until grep -q listening "$3"; do sleep 0.1; done 2>/dev/null
shift 5; "$@"; code=$?; kill $server; exit $code
"""


def test_onnx_runtime_alone_is_heard_and_leaves_files(watch, configured):
    found = watch(sys.executable, "-c", UNMUTED)
    assert found.seen.names
    assert any(call.startswith("tcp ") for call in found.seen.calls)
    assert found.outside(configured)
    assert found.left


def test_calls_over_ipv6_and_files_in_places_of_everybody_are_seen_too(watch, tmp_path):
    program = (
        "import socket, sys; open(sys.argv[1], 'w').close()\n"
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('2001:db8:1::9', 9))"
    )
    found = watch(sys.executable, "-c", program, tmp_path / "elsewhere")
    assert found.seen.calls == ["udp [2001:db8:1::9]:9"]
    assert found.outside() == [str(tmp_path / "elsewhere")]
    assert found.left == []


def test_the_daemon(watch, configured):
    tower = configured / "tower.toml"
    tower.write_text(TOWER)
    found = watch(*FIRETOWER, "run", tower, lives_s=LIVES_S)
    found.check(configured)
    assert json.loads(found.seen.said.splitlines()[-1])["cameras"]["north"]["scored"]


def test_the_daemon_without_a_file(watch, configured):
    found = watch(*FIRETOWER, "run")
    found.check(configured)
    assert json.loads(found.seen.said.splitlines()[-1])["events"]["closed"]


def test_a_check(watch, configured):
    (configured / "tower.toml").write_text(TOWER)
    watch(*FIRETOWER, "check", configured / "tower.toml").check(configured)


def test_a_replay(watch, configured):
    for number in range(2):
        cv2.imwrite(str(configured / f"{number}.jpg"), np.full((480, 640, 3), 80 + number, np.uint8))
    watch(*FIRETOWER, "replay", "--backend", "onnx", configured).check(configured)


@pytest.mark.parametrize("words", [["show"], ["verify", "--parity"]])
def test_a_look_at_a_bundle(watch, configured, words):
    watch(*FIRETOWER, "bundle", *words).check(configured)


def test_a_bundle_is_made(watch, configured):
    model = Path(__file__).parents[1] / "model/fixtures/stripes.onnx"
    words = ["import", model, "--labels", "plain,rows,columns", "--out", configured / "bundle"]
    words += ["--mean", "0.5", "--std", "0.5"]
    watch(*FIRETOWER, "bundle", *words).check(configured)


def test_a_bundle_is_packed(watch, configured):
    watch(*FIRETOWER, "bundle", "pack", bundled_path(), configured / "b.zip").check(configured)
    assert (configured / "b.zip").exists()


def test_a_bundle_is_unpacked(watch, configured):
    assert main(["bundle", "pack", str(bundled_path()), str(configured / "b.zip")]) == 0
    watch(*FIRETOWER, "bundle", "unpack", configured / "b.zip", configured / "b").check(configured)
    assert (configured / "b").exists()


@pytest.mark.parametrize("verb", [["board", "--seconds", "1"], ["latency"]])
def test_a_benchmark(watch, configured, verb):
    few = ["--runs", "2", "--warmup", "1", "--processes", "1"]
    watch(*FIRETOWER, "bench", *verb, *few, "--json", configured / "result.json").check(configured)


def test_results_are_compared(watch, configured):
    result = ROOT / "docs/results/latency.json"
    watch(*FIRETOWER, "bench", "compare", result, result).check(configured)


def test_simulated_cameras(watch, configured):
    found = watch(*FIRETOWER, "sim", "serve", "scene:plume", lives_s=LIVES_S)
    found.check(configured)
    assert json.loads(found.seen.said)["cameras"]


def test_a_dry_run_of_deploy(watch, configured, wheels):  # noqa: F811
    tower = configured / "tower.toml"
    tower.write_text('[cameras.north]\nuri = "scene:plume"\n[store]\npath = "events.sqlite"\n')
    board = write_board(configured)
    words = [board.destination, tower, "--ssh-config", board.ssh_config, "--prefix", board.root]
    command = [*FIRETOWER, "deploy", *words, "--wheels", wheels, "--dry-run"]
    login = Path(
        pwd.getpwuid(os.getuid()).pw_dir
    )  # not HOME: the board's, whose login shell is at home there
    with tempfile.TemporaryDirectory(
        prefix="firetower-"
    ) as short:  # it holds ssh's socket, whose path is bounded
        found = watch("sh", "-c", BESIDE, *board.server, *command, TMPDIR=short)
        assert list(Path(short).iterdir()) == []
    found.check(configured, Path(short), login)
    assert json.loads(found.seen.said.splitlines()[-1])["dry_run"]
