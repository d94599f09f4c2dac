"""Wrong configurations: `check` and `run` refuse them alike, in one line, with the exit code that is documented."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.tower import MERE
from edge import cli
from edge.model.bundle import bundled_path

ROOT = Path(__file__).parents[2]
SCENE = '[cameras.a]\nuri = "scene:quiet?frames=1"\npace = "fast"\n[web]\nenabled = false\n'
CAMERA = '[cameras.a]\nuri = "{}"\n[web]\nenabled = false\n'
PAGE = '[cameras.a]\nuri = "scene:quiet?frames=1"\npace = "fast"\n[web]\nport = 0\n'
SECRET = '[cameras.a]\nuri = "rtsp://127.0.0.1:9/x"\npassword_file = "{}"\n[web]\nenabled = false\n'
NESTED = "[" + ".".join("a" * 2000) + "]\n"
TRIES = f"""
import sys
{MERE}
sys.path.insert(0, sys.argv[1])
from edge.cli import main
for number in range(3, len(sys.argv), 2):
    words = sys.argv[number].split("|")
    if main(words) != int(sys.argv[number + 1]):
        print("WRONG CODE", words)
"""

WRONG = {
    # what cannot be read
    "empty": ("", 2, "the file: Object missing required field `cameras`"),
    "noise": (b"\xff\xfe\0", 2, "cannot read the configuration: it is not UTF-8 text"),
    "utf-16": (SCENE.encode("utf-16"), 2, "it is not UTF-8 text but UTF-16; save it as UTF-8"),
    "nul": (SCENE + "\0", 2, "not valid TOML"),
    "nested-tables": (SCENE + NESTED, 2, "the file: more than 16 tables and lists in each other"),
    "nested-lists": (SCENE + "[tower]\nname = " + "[" * 5000, 2, "not valid TOML"),
    "nested-less": (SCENE + "[tower]\nname = " + "[" * 90 + "]" * 90, 2, "more than 16 tables"),
    "a-number-without-end": (SCENE + "port = " + "1" * 5000, 2, "not valid TOML"),
    "a-number-of-many-bits": (SCENE + "port = 0x" + "f" * 5000, 2, "web.port: expected a number of 64 bits"),
    "a-number-for-a-float": (
        SCENE.replace("pace", f"cadence_s = 1{'0' * 400}\npace"),
        2,
        "cameras.a.cadence_s: expected a number of 64 bits",
    ),
    "a-date": (CAMERA.replace('"{}"', "1979-05-27"), 2, "cameras.a.uri: Expected `str`"),
    "a-date-for-a-path": (SCENE + "[store]\npath = 07:32:00", 2, "store.path: expected a path"),
    # names
    "camera-with-a-line-break": (SCENE.replace("cameras.a", 'cameras."a\\n"'), 2, "cameras: Expected"),
    "camera-with-an-escape": (SCENE.replace("cameras.a", 'cameras."\\u001b[2J"'), 2, "cameras: Expected"),
    "camera-with-a-slash": (SCENE.replace("cameras.a", 'cameras."a/b"'), 2, "cameras: Expected"),
    "tower-with-an-escape": (SCENE + '[tower]\nname = "\\u001b[2Jx"', 2, "tower.name: expected printable"),
    "tower-that-turns": (SCENE + '[tower]\nname = "a\\u202eb"', 2, "tower.name: expected printable text"),
    # addresses
    "host-dots": (PAGE + 'host = ".."\ntoken_file = "token"', 2, "web.host: '..' is no address"),
    "host-label": (PAGE + f'host = "{"a" * 64}.x"\ntoken_file = "token"', 2, "is no address of this machine"),
    "host-empty-label": (PAGE + 'host = "a..b"\ntoken_file = "token"', 2, "web.host: 'a..b' is no address"),
    "host-nul": (PAGE + 'host = "a\\u0000"\ntoken_file = "token"', 2, "web.host: expected printable text"),
    "host-scope": (PAGE + 'host = "fe80::1%none"\ntoken_file = "token"', 2, "is no address of this machine"),
    "host-port": (PAGE + 'host = "127.0.0.1:80"\ntoken_file = "token"', 2, "is no address of this machine"),
    "host-of-another": (PAGE + 'host = "192.0.2.1"\ntoken_file = "token"', 2, "cannot listen on 192.0.2.1"),
    "host-open": (PAGE + 'host = "0.0.0.0"', 2, "is open to others; set token_file"),
    "rtsp-without-host": (CAMERA.format("rtsp:///x"), 2, "cameras.a.uri: not an address of the form rtsp://"),
    "rtsp-dots": (CAMERA.format("rtsp://../x"), 2, "cameras.a.uri: not an address of the form rtsp://"),
    "http-label": (
        CAMERA.format(f"http://{'a' * 64}/x"),
        2,
        "cameras.a.uri: not an address of the form http:",
    ),
    "http-port": (CAMERA.format("http://u:hunter2@cam:99999/x"), 2, "cameras.a.uri: not an address"),
    "http-header": (CAMERA.format("http://cam/a\\r\\nX: y"), 2, "cameras.a.uri: not an address"),
    "scene": (CAMERA.format("scene:storm"), 2, "cameras.a.uri: 'scene:storm': unknown scene"),
    "scene-seed": (CAMERA.format(f"scene:plume?seed={'1' * 5000}"), 2, "expected seed, frames, ignition"),
    "csi": (CAMERA.format("csi:front"), 2, "cameras.a.uri: expected csi: or csi:N"),
    "csi-width": (
        CAMERA.replace("\n[web]", "\nwidth_px = 1000\nheight_px = 64\n[web]").format("csi:"),
        2,
        "cameras.a.width_px is 1000; rows of raw frames are padded",
    ),
    # secrets
    "token-pipe": (PAGE + 'token_file = "pipe"', 2, "web.token_file: {}/pipe is not a file"),
    "token-device": (PAGE + 'token_file = "/dev/zero"', 2, "web.token_file: /dev/zero is not a file"),
    "token-folder": (PAGE + 'token_file = "."', 2, "web.token_file: {} is not a file"),
    "token-socket": (PAGE + 'token_file = "socket"', 2, "web.token_file: {}/socket is not a file"),
    "token-large": (PAGE + 'token_file = "large"', 2, "cannot read {}/large: it is longer than 4096 bytes"),
    "token-short": (PAGE + 'token_file = "short"', 2, "web.token_file: {}/short holds 5 characters"),
    "token-open": (PAGE + 'token_file = "open"', 2, "web.token_file: {}/open has mode 0644"),
    "password-pipe": (SECRET.format("pipe"), 2, "cameras.a.password_file: {}/pipe is not a file"),
    "password-device": (SECRET.format("/dev/zero"), 2, "cameras.a.password_file: /dev/zero is not a file"),
    "password-large": (
        SECRET.format("large"),
        2,
        "cameras.a.password_file: cannot read {}/large: it is longer",
    ),
    "password-noise": (
        SECRET.format("noise"),
        2,
        "cameras.a.password_file: cannot read {}/noise: it is not UTF-8 text but UTF-16; save it as UTF-8",
    ),
    "password-open": (SECRET.format("open"), 2, "cameras.a.password_file: {}/open has mode 0644"),
    # other paths
    "recording-pipe": (CAMERA.format("file:pipe"), 2, "cameras.a.uri: {}/pipe is not a file or a folder"),
    "recording-device": (CAMERA.format("file:///dev/zero"), 2, "cameras.a.uri: /dev/zero is not a file or"),
    "recording-none": (CAMERA.format("folder:none"), 2, "cameras.a.uri: {}/none does not exist"),
    "times-folder": (
        CAMERA.replace("\n[web]", '\ntimes_csv = "."\n[web]').format("folder:."),
        2,
        "cameras.a.times_csv: {} is not a file",
    ),
    "certificates-pipe": (
        CAMERA.replace("\n[web]", '\nca_file = "pipe"\n[web]').format("https://cam/x"),
        2,
        "cameras.a.ca_file: {}/pipe is not a file",
    ),
    "a-name-too-long": (SCENE + f'[model]\nbundle = "{"x" * 300}"', 2, "model.bundle: cannot look at"),
    "model-device": (SCENE + '[model]\nbundle = "/dev/zero"', 2, "model.bundle: /dev/zero is not a file or"),
    "model-noise": (SCENE + '[model]\nbundle = "noise"', 1, "{}/noise: not a usable .zip"),
    "model-empty": (SCENE + '[model]\nbundle = "."', 1, "{}/manifest.json: cannot be read: No such file"),
    # what the model and the board decide
    "cadence": (SCENE.replace("pace", "cadence_s = 1\npace"), 2, "cameras.a.cadence_s: the model"),
    "masks-one": (
        SCENE.replace("pace", "masks = [[[0, 0], [1, 0], [1, 1], [0, 1]]]\npace"),
        2,
        "cameras.a.masks: they cover the whole frame",
    ),
    "masks-two": (
        SCENE.replace("pace", "masks = [[[0, 0], [1, 0], [0, 1]], [[1, 0], [1, 1], [0, 1]]]\npace"),
        2,
        "cameras.a.masks: they cover the whole frame",
    ),
    "sensor": (SCENE + '[energy]\nsource = "pi5-pmic"', 2, "energy.source"),
}


@pytest.fixture(autouse=True)
def signals():
    """What `run` handles is as it was for the tests that follow."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def folder(tmp_path):
    for name, data in {
        "token": b"0123456789abcdef\n",
        "large": b"x" * 5000,
        "short": b"short\n",
        "open": b"0123456789abcdef\n",
        "noise": b"\xff\xfe\0noise",
        "picture.png": b"",
    }.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o644 if name == "open" else 0o600)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(tmp_path)  # a socket's path may not be long
        listener.bind("socket")
        os.chdir(before)
        yield tmp_path


def refusal(capsys, code, *words):
    """Run a command in this process; return the one line that it says."""
    assert cli.main(words) == code
    said = capsys.readouterr()
    aside = ("ok ", "store.path is not set")
    lines = [line for line in said.err.splitlines() if not line.startswith(aside)]
    assert len(lines) == 1, said.err
    return lines[0].removeprefix("firetower: ").removeprefix("FAILED  model: ")


@pytest.mark.parametrize(("content", "code", "message"), WRONG.values(), ids=WRONG)
def test_check_and_run_say_the_same(folder, capsys, content, code, message):
    file = folder / "tower.toml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    by_check, by_run = (refusal(capsys, code, verb, str(file)) for verb in ("check", "run"))
    assert by_check == by_run
    assert message.format(folder) in by_run
    assert len(by_run) < 2100
    assert by_run.isprintable()
    assert "hunter2" not in by_run


def test_a_configuration_that_is_no_file_is_refused(folder, capsys):
    (folder / "huge").touch()
    os.truncate(folder / "huge", 1 << 30)
    for name, why in {
        ".": "it is a folder, not a file",
        "pipe": "it is a pipe, not a file",
        "socket": "it is a socket, not a file",
        "/dev/zero": "it is a device, not a file",
        "huge": "it is longer than 1048576 bytes",
        "none": "No such file or directory",
    }.items():
        for verb in ("check", "run"):
            assert refusal(capsys, 2, verb, str(folder / name)).endswith(
                f": cannot read the configuration: {why}"
            )


def test_no_other_command_waits_for_a_pipe_or_reads_a_device(folder, capsys):
    for name in ("pipe", "/dev/zero", "socket"):
        path = str(folder / name)
        for code, words in (
            (1, ("bundle", "show", path)),
            (1, ("bundle", "unpack", path, str(folder / "out"))),
            (2, ("bundle", "import", path, "--labels", path, "--out", str(folder / "out"))),
            (2, ("replay", "--expect", path, "scene:")),
            (1, ("replay", "--times-csv", path, str(folder))),
            (1, ("replay", path)),
            (2, ("bench", "compare", path, path)),
        ):
            assert path in refusal(capsys, code, *words)


def test_what_may_not_be_searched_is_an_error_of_one_line(folder):
    shut = folder / "shut"
    shut.mkdir()
    for name in ("tower.toml", "token", "labels"):
        (shut / name).write_text("0123456789abcdef\n")
    (folder / "clip").mkdir()
    rest = {
        "bundle": SCENE + '[model]\nbundle = "shut/bundle"',
        "token": PAGE + 'token_file = "shut/token"',
        "password": SECRET.format("shut/token"),
        "certificates": CAMERA.replace("\n[web]", '\nca_file = "shut/x"\n[web]').format("https://cam/x"),
        "clip": CAMERA.format("file:shut/x"),
        "pictures": CAMERA.format("folder:shut/x"),
        "times": CAMERA.replace("\n[web]", '\ntimes_csv = "shut/x"\n[web]').format("folder:clip"),
    }
    tries = [(f"{verb}|{shut}/tower.toml", 2) for verb in ("check", "run")]
    for name, text in rest.items():
        (folder / f"{name}.toml").write_text(text)
        tries += [(f"{verb}|{folder}/{name}.toml", 2) for verb in ("check", "run")]
    (folder / "store.toml").write_text(SCENE + '[store]\npath = "shut/e.sqlite"')
    tries += [
        (f"check|{folder}/store.toml", 1),
        (f"bundle|show|{shut}/x", 1),
        (f"bundle|pack|{bundled_path()}|{shut}/x.zip", 1),
        (f"bundle|unpack|{shut}/x.zip|{folder}/out", 1),
        (f"bundle|import|{shut}/x.onnx|--labels|a,b|--out|{folder}/out", 1),
        (f"bundle|import|x.onnx|--labels|{shut}/labels|--out|{folder}/out", 2),
        (f"replay|{shut}/x.mp4", 2),
        (f"replay|file:{shut}/x.mp4", 1),
        (f"replay|folder:{shut}/x", 1),
        (f"replay|--expect|{shut}/x|scene:", 2),
    ]
    shut.chmod(0o600)
    words = [word for tried in tries for word in map(str, tried)]
    done = subprocess.run(
        [sys.executable, "-c", TRIES, str(ROOT), "", *words], capture_output=True, text=True, check=False
    )
    shut.chmod(0o700)
    assert "Traceback" not in done.stderr
    assert "WRONG CODE" not in done.stdout
    assert done.returncode == 0
    refusals = [line for line in done.stderr.splitlines() if "Permission denied" in line]
    assert len(refusals) == len(tries), done.stderr


@pytest.mark.parametrize(("size", "fits"), [((64, 64), True), ((63, 640), False), ((640, 63), False)])
def test_a_camera_of_few_pixels_is_refused_by_its_key(folder, capfd, size, fits):
    (folder / "tower").mkdir()
    noise = np.random.default_rng(1).integers(60, 200, (*size, 3), np.uint8)
    cv2.imwrite(str(folder / "tower/1.png"), noise)
    (folder / "tower.toml").write_text(CAMERA.format("folder:tower"))
    why = f"cameras.a.uri: its pictures are {size[1]}x{size[0]} px; expected 64x64 or more"
    assert cli.main(["check", str(folder / "tower.toml")]) == (0 if fits else 1)
    checks = json.loads(capfd.readouterr().out)["checks"]
    assert checks["cameras.a"]["error"] == (None if fits else why)
    assert cli.main(["run", str(folder / "tower.toml")]) == (0 if fits else 1)
    last = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert last["cameras"]["a"]["scored"] == (1 if fits else 0)
    assert (why in last["health"]["cameras"]["a"]["reason"]) is not fits
