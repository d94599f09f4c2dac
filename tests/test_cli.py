"""The command as its users call it: help that teaches, exit codes, JSON where a program may want it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from edge.command.replay import read_expected
from edge.model.bundle import Bundle, bundled_path

ROOT = Path(__file__).parents[1]


def firetower(*arguments: str, cwd: Path = ROOT, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "edge", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize(
    "command", ["run", "check", "replay", "bundle", "sim", "bench", "train", "deploy", "watch", "command"]
)
def test_help_of_every_command(command: str) -> None:
    assert "usage" in firetower(command, "--help").stdout


def test_a_library_at_work_in_a_thread_does_not_abort_the_end() -> None:
    at_work = """
import sys, threading, time
import cv2, numpy
from edge import cli

def blur():
    picture = numpy.zeros((2000, 2000, 3), numpy.uint8)
    while True:
        cv2.GaussianBlur(picture, (0, 0), 9)

def main():
    threading.Thread(target=blur, daemon=True).start()
    time.sleep(0.5)
    print("told")
    return 3

cli.main = main
sys.exit(cli.program())
"""
    done = subprocess.run(
        [sys.executable, "-c", at_work], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "told\n", "")


def test_the_bundled_model_is_whole() -> None:
    bundle = Bundle.open(bundled_path())
    bundle.verify()
    assert set(bundle.manifest.files) == {"card.md", "model.onnx", "model.tflite", "selftest.npz"}
    assert "non-commercial" in bundle.read("card.md").decode()
    assert bundle.manifest.provenance["validation_groups"]


def test_expected_events_of_before_the_drop_not_due_are_read(tmp_path: Path) -> None:
    written = tmp_path / "events.json"
    dropped = {"overwritten": 0, "governed": 30}
    written.write_text(json.dumps({"counters": {"cameras": {"scene": {"dropped": dropped}}}}) + "\n")
    assert read_expected(written) == []


def test_replay_is_the_same_byte_for_byte_and_expect_tells(tmp_path: Path) -> None:
    first, second = (firetower("replay", "--json", "scene:") for _ in range(2))
    events = first.stdout.splitlines()[:-1]
    assert events == second.stdout.splitlines()[:-1]
    assert json.loads(events[0])["event"]["phase"] == "opened"
    expected = tmp_path / "events.json"
    expected.write_text(first.stdout)
    assert json.loads(firetower("replay", "--expect", str(expected), "scene:").stdout)["as_expected"] is True
    failed = firetower("replay", "--expect", str(expected), "scene:quiet?frames=5", code=1)
    assert "missing" in failed.stderr
    expected.write_text("nonsense\n")
    assert "cannot read" in firetower("replay", "--expect", str(expected), "scene:", code=2).stderr


def test_every_frame_of_a_replay_is_accounted_for() -> None:
    last = json.loads(
        firetower("replay", "--cadence-s", "120", "scene:quiet?frames=10").stdout.splitlines()[-1]
    )
    (camera,) = last["counters"]["cameras"].values()
    assert camera["decoded"] == camera["scored"] + sum(camera["dropped"].values()) + camera["waiting"]
    assert camera["scored"] == 5
    assert camera["waiting"] == 0


def test_usage_and_configuration_errors_exit_with_2(tmp_path: Path) -> None:
    assert "cannot read" in firetower("run", str(tmp_path / "absent.toml"), code=2).stderr
    (tmp_path / "t.toml").write_text('[cameras.a]\nuri = "scene:"\ncadence = 5\n')
    assert "cameras.a: unknown key 'cadence'" in firetower("check", str(tmp_path / "t.toml"), code=2).stderr
    firetower("replay", code=2)
    assert "no such file" in firetower("replay", "absent.mp4", code=2).stderr


def test_what_cannot_be_replayed_exits_with_2_or_1_and_tells_no_password() -> None:
    for number in ("nan", "inf", "0", "-5"):
        assert "must be positive" in firetower("replay", "--cadence-s", number, "scene:", code=2).stderr
    failed = firetower("replay", "rtsp://user:hunter2@127.0.0.1:9/x", code=2)
    assert "no such file" in failed.stderr
    assert "hunter2" not in failed.stderr
    assert "unknown scene" in firetower("replay", "scene:storm", code=1).stderr


def test_replay_tells_each_frame_as_a_line_of_json() -> None:
    lines = [
        json.loads(row) for row in firetower("replay", "--frames", "scene:quiet?frames=3").stdout.splitlines()
    ]
    assert [line["frame"]["model_s"] for line in lines[:-1]] == [0.0, 60.0, 120.0]
    assert "counters" in lines[-1]


@pytest.mark.parametrize("words", [("bench", "--runs", "0"), ("sim",)])
def test_verbose_may_stand_before_a_command_of_another_package(words: tuple[str, ...]) -> None:
    assert "usage: firetower " + words[0] in firetower("-v", *words, code=2).stderr


def test_check_tells_which_camera_fails(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(
        '[cameras.good]\nuri = "scene:"\n[cameras.bad]\nuri = "rtsp://user:hunter2@127.0.0.1:9/hunter3?hunter4"\n'
        "timeout_s = 2\n"
    )
    done = firetower("check", str(tmp_path / "t.toml"), code=1)
    checks = json.loads(done.stdout.splitlines()[-1])["checks"]
    assert checks["model"]["ok"]
    assert checks["cameras.good"]["ok"]
    assert not checks["cameras.bad"]["ok"]
    assert "rtsp://127.0.0.1:9'" in checks["cameras.bad"]["error"]
    assert "hunter" not in done.stdout + done.stderr


def test_check_and_run_say_the_same_of_a_store(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    scene = '[cameras.a]\nuri = "scene:"\npace = "fast"\n'
    file.write_text(scene + '[store]\npath = "none/e.sqlite"\n[web]\nport = 0\n')
    done = firetower("check", str(file), code=1)
    checks = json.loads(done.stdout.splitlines()[-1])["checks"]
    assert checks["cameras.a"]["ok"]
    assert checks["web"]["ok"]
    assert "there is no folder" in checks["store"]["error"]
    assert list(tmp_path.iterdir()) == [file]
    ran = firetower("run", str(file), code=1)  # it watched to the end of the recording all the same
    assert checks["store"]["error"] in ran.stderr
    assert "Traceback" not in ran.stderr
    *told, last = map(json.loads, ran.stdout.splitlines())
    assert last["cameras"]["a"]["scored"] == 60
    assert last["health"]["reasons"][0].endswith(checks["store"]["error"])
    assert told
    assert not any(line["stored"] for line in told)


def test_run_without_a_file_ends_with_an_event_and_the_counters() -> None:
    lines = [json.loads(line) for line in firetower("run").stdout.splitlines()]
    assert any(line.get("event", {}).get("phase") == "opened" for line in lines)
    final = lines[-1]
    assert final["events"]["opened"] >= 1
    assert final["cameras"]["scene"]["scored"] == 60
    assert final["energy"]["source"]
    assert final["latency"]["invoke"]["run"]["count"] == 60


def test_a_running_daemon_tells_its_health_and_ends_on_sigterm(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(address)
        (tmp_path / "t.toml").write_text(
            '[cameras.good]\nuri = "scene:"\npace = "fast"\nloop = true\n'
            '[cameras.dead]\nuri = "rtsp://127.0.0.1:9/x"\ntimeout_s = 2\n'
            '[web]\nport = 0\n[store]\npath = "events.sqlite"\n'
        )
        environment = {**os.environ, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "4000000"}
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", str(tmp_path / "t.toml")],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            url = next(line.split()[-1] for line in process.stderr if line.startswith("status page:"))
            messages: set[str] = set()
            while not {"READY=1", "WATCHDOG=1"} <= messages:
                messages.update(notified.recv(4096).decode().splitlines())
            scored = 0
            while not scored:
                status = json.load(urllib.request.urlopen(url + "status.json"))
                scored = status["cameras"]["good"]["scored"]
                time.sleep(0.01)
            assert set(status["cameras"]) == {"good", "dead"}
            assert b"firetower_" in urllib.request.urlopen(url + "metrics").read()
            try:
                health = json.load(urllib.request.urlopen(url + "health"))
            except urllib.error.HTTPError as error:
                health = json.load(error)
            assert "dead" in json.dumps(health)
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate()
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 0
    final = json.loads(out.splitlines()[-1])
    good = final["cameras"]["good"]
    assert good["scored"] > 0
    assert good["decoded"] == good["scored"] + sum(good["dropped"].values()) + good["waiting"]
    assert final["cameras"]["dead"]["scored"] == 0
    assert (tmp_path / "events.sqlite").exists()
