"""What is read of a file that somebody named; and damaged copies of every file that a reader takes from others."""

import ast
import errno
import io
import json
import os
import random
import socket
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks.result import read as read_result
from deploy.health import question
from edge.camera.timetable import read_times
from edge.command.replay import read_expected
from edge.document import is_deeper, open_plain, read_plain, read_text, text_of
from edge.errors import EdgeError
from edge.model.archive import extract
from edge.model.bundle import Bundle, bundled_path, file_spec
from edge.model.label import parse_labels
from edge.model.manifest import MANIFEST_NAME, decode
from edge.model.selftest import read_selftest
from edge.secret import read_secret
from edge.settings import load
from scoring.truth import decode as decode_truth
from training.cifar10.recipe import read as read_recipe

ROOT = Path(__file__).parents[1]
ROUNDS = 60
TOML = b"""
[cameras.a]
uri = "scene:"
masks = [[[0, 0.5], [1, 0], [1, 1]]]
cadence_s = 60
[web]
port = 8080
"""
MARK = b"\xef\xbb\xbf"
NUMBERS = (b"1e400", b"-1", b"9" * 30, b"9" * 5000, b"0x" + b"f" * 40, b"null", b"nan", b"1979-05-27")


def damaged(data, chance):
    """Bytes with a few faults: flipped bits, lost, repeated and moved pieces, deep nesting, odd numbers."""
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(damaged) + 1)
        end = min(len(damaged), at + chance.choice((1, 4, 40)))
        kind = chance.randrange(7)
        if kind == 0 and at < len(damaged):
            damaged[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del damaged[at:end]
        elif kind == 2:
            damaged[at:at] = damaged[at:end] * chance.choice((2, 300))
        elif kind == 3:
            damaged[at:at] = chance.choice((b"[", b'{"a":')) * chance.choice((3, 3000))
        elif kind == 4:
            digits = [place for place, byte in enumerate(damaged) if 48 <= byte < 58] or [0]
            place = chance.choice(digits)
            damaged[place : place + 1] = chance.choice(NUMBERS)
        elif kind == 5:
            damaged[at:end] = bytes(chance.randrange(256) for _ in range(end - at))
        else:
            del damaged[at:]
    return bytes(damaged)


def npy(array):
    """An array as numpy writes it."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def good():
    """Good files, by what reads them."""
    bundle = Bundle.open(Path(__file__).parent / "model/fixtures/cells")
    events = [
        {"event": {
            "id": "a", "revision": 1, "phase": "closed", "camera": "c", "label": "smoke", "bundle": "b",
            "opened": {"model_s": 1.0}, "updated": {"model_s": 2.0}, "closed": {"model_s": 3.0}, "peak": 0.5,
            "box_px": [0, 0, 1, 1], "opening_box_px": [0, 0, 1, 1], "sightings": 3,
        }},
        {"counters": {"scored": 3}},
    ]  # fmt: skip
    timing = {
        "backend": "litert", "threads": 1, "invoke_ns": [1, 2], "total_ns": [2, 3],
        "memory_after": {"peak_rss_bytes": 5},
    }  # fmt: skip
    result = {
        "schema": "firetower-latency/1.0", "machine": {"architecture": "x", "cores": 2},
        "bundle": {"name": "n", "version": "1", "digest": "d"},
        "protocol": {"runs": 2, "warmup": 1, "processes": 1}, "timings": [timing],
    }  # fmt: skip
    frame = {"file": "a.jpg", "label": "smoke", "epoch": 1e9, "offset_s": 0, "boxes": [[0, 0, 5, 5]]}
    sequence = {
        "id": "s", "camera": "c", "fire": "f", "group": "g", "width": 64, "height": 64, "frames": [frame],
        "ignition_epoch": 1e9,
    }  # fmt: skip
    return bundle, {
        "toml": TOML,
        "manifest": (bundle.folder / MANIFEST_NAME).read_bytes(),
        "selftest": bundle.read("selftest.npz"),
        "array": npy(np.zeros((2, 4, 4, 3), np.uint8)),
        "zip": b"",
        "expected": b"\n".join(map(msgspec.json.encode, events)) + b"\n",
        "result": json.dumps(result).encode(),
        "truth": json.dumps({"sequences": [sequence]}).encode(),
        "labels": b"rauch\nwolke\n",
        "secret": b"0123456789abcdef\n",
        "times": b"file,epoch\na.jpg,1600000000\n",
        "recipe": next((ROOT / "training/cifar10/recipe").glob("*.toml")).read_bytes(),
        "page": b'[web]\ntoken_file = "token"\nport = 81\n',
    }


def reader(kind, bundle, folder):
    """What reads a file of a kind, given its bytes."""
    file = folder / "file"

    def write(data):
        file.write_bytes(data)
        file.chmod(0o600)
        return file

    def unpack(data):
        for old in (folder / "out").glob("*"):
            old.unlink()
        (folder / "out").mkdir(exist_ok=True)
        extract(write(data), folder / "out")

    def selftest(data):
        (folder / "selftest.npz").write_bytes(data)
        manifest = msgspec.structs.replace(bundle.manifest, files={"selftest.npz": file_spec(data)})
        read_selftest(Bundle(folder, folder, manifest, ""))

    def array(data):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("frames.npy", data)
            archive.writestr("scores.npy", npy(np.zeros((2, 6, 8, 2), np.float32)))
        selftest(file.read_bytes())

    def page(data):
        (folder / "token").write_bytes(data[:3] * data.startswith(MARK) + b"0123456789abcdef\r\n")
        request = question(write(data))
        return request.full_url, request.header_items()

    return {
        "toml": lambda data: load(write(data)),
        "array": array,
        "manifest": decode,
        "selftest": selftest,
        "zip": unpack,
        "expected": lambda data: read_expected(write(data)),
        "result": lambda data: read_result(write(data)),
        "truth": decode_truth,
        "labels": lambda data: parse_labels(data.decode(errors="replace")),
        "labels-file": lambda data: parse_labels(read_text(write(data), 1000)),
        "secret": lambda data: read_secret(write(data), "key"),
        "times": lambda data: read_times(write(data), ["a.jpg"]),
        "recipe": lambda data: read_recipe(str(write(data))),
        "page": page,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    ["toml", "manifest", "selftest", "array", "zip", "expected", "result", "truth", "labels", "secret"],
)
def test_a_damaged_file_is_read_or_an_error_of_ours(kind, good, tmp_path):
    bundle, files = good
    data = files[kind]
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "good.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name in (MANIFEST_NAME, "card.md", "model.bin"):
                archive.writestr(name, name.encode() * 20)
        data = (tmp_path / "good.zip").read_bytes()
    read = reader(kind, bundle, tmp_path)
    read(data)
    refused = 0
    for seed in range(ROUNDS):
        try:
            read(damaged(data, random.Random(f"{kind} {seed}")))
        except EdgeError:
            refused += 1
    assert refused > (ROUNDS // 4 if kind not in {"labels", "secret"} else 0)


# Every text that people write or edit.
TEXTS = (
    "toml", "manifest", "expected", "result", "truth", "labels-file", "secret", "times", "recipe", "page",
)  # fmt: skip


@pytest.mark.parametrize("kind", TEXTS)
def test_a_byte_order_mark_and_ends_of_lines_change_nothing(kind, good, tmp_path):
    bundle, files = good
    data = files[kind.partition("-")[0]]
    read = reader(kind, bundle, tmp_path)
    plain = read(data)
    for same in (MARK + data, data.replace(b"\n", b"\r\n"), MARK + data.replace(b"\n", b"\r\n")):
        assert read(same) == plain


@pytest.mark.parametrize("kind", TEXTS)
def test_another_encoding_is_an_error_that_says_what_to_do(kind, good, tmp_path):
    bundle, files = good
    data = files[kind.partition("-")[0]]
    read = reader(kind, bundle, tmp_path)
    for encoding, named in (
        ("utf-16", " but UTF-16"), ("utf-16-le", " but NUL bytes, as UTF-16 .*"), ("utf-32", " but UTF-32"),
        ("utf-32-be", " but NUL bytes, as UTF-16 .*"), (None, ""),
    ):  # fmt: skip
        other = data + "é".encode("cp1252") if encoding is None else data.decode().encode(encoding)
        with pytest.raises((ValueError, OSError), match=rf"it is not UTF-8 text{named}; save it as UTF-8"):
            read(other)


def test_the_mark_is_no_mark_elsewhere(tmp_path):
    assert text_of(MARK + b"a" + MARK) == "a\ufeff"
    assert text_of(b"") == text_of(MARK) == ""
    (tmp_path / "secret").write_bytes(b"hunter" + MARK + b"2\n")
    (tmp_path / "secret").chmod(0o600)
    with pytest.raises(EdgeError, match=r"key: .*secret holds a byte order mark in its middle") as caught:
        read_secret(tmp_path / "secret", "key")
    assert "hunter" not in str(caught.value)


def test_what_a_power_cut_left_is_no_text():
    with pytest.raises(ValueError, match=r"NUL bytes, .* what a power cut damaged"):
        text_of(bytes(4096))


# These read what firetower itself wrote, or what lies in the checkout.
OWN = {
    "arm64/budget.py", "arm64/result.py", "benchmarks/fit.py", "benchmarks/torture/attack.py",
    "deploy/wheelhouse.py", "training/gate/plant.py", "training/gate/recording.py",
    "training/smoke/detector/rendered.py", "training/smoke/pool/picture.py", "training/step/benchmark.py",
    "training/step/step.py",
}  # fmt: skip


def test_nobody_else_decodes_a_file_of_others():
    decoders, readers, found = {"decode", "loads", "reader"}, {"read_text", "read_bytes", "read"}, set()
    for room in ("edge", "scoring", "training", "firmware_sim", "benchmarks", "deploy", "receive", "arm64"):
        for path in (ROOT / room).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Attribute)
                    and call.func.attr in decoders
                ):
                    nodes = [node for one in call.args for node in ast.walk(one)]
                    names = {node.id for node in nodes if isinstance(node, ast.Name)}
                    if "text_of" not in names and any(
                        getattr(node, "attr", None) in readers for node in nodes
                    ):
                        found.add(path.relative_to(ROOT).as_posix())
    assert found == OWN


def test_a_version_of_many_digits_is_another_version(good, tmp_path):
    _, files = good
    (tmp_path / "file").write_bytes(
        files["result"].replace(b"latency/1.0", b"latency/" + b"1" * 5000 + b".0")
    )
    with pytest.raises(EdgeError, match="is of another version"):
        read_result(tmp_path / "file")


def test_the_bundled_files_are_read():
    bundle = Bundle.open(bundled_path())
    frames, scores = read_selftest(bundle)
    assert len(frames) == len(scores) > 0


def test_a_link_is_followed_or_not(tmp_path):
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    assert read_plain(tmp_path / "link", 4) == b"text"
    with pytest.raises(OSError, match="it is a link, not a file"):
        open_plain(tmp_path / "link", follow=False)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place, kind in ((tmp_path, "folder"), (tmp_path / "pipe", "pipe"), (Path("/dev/zero"), "device")):
        with pytest.raises(OSError, match=f"it is a {kind}, not a file"):
            read_plain(place, 10)
    with pytest.raises(OSError, match="no file can have this name"):
        read_plain(Path("a\0b"), 10)
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(tmp_path)
        listener.bind("socket")
        os.chdir(before)
        with pytest.raises(OSError, match="it is a socket, not a file"):
            read_plain(tmp_path / "socket", 10)


def test_a_long_file_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 40)
    with pytest.raises(OSError, match="it is longer than 10 bytes") as caught:
        read_plain(tmp_path / "huge", 10)
    assert caught.value.errno == errno.EFBIG
    with pytest.raises(OSError, match="it is longer than 10 bytes"):
        read_plain(Path("/proc/self/status"), 10)  # whose length nobody knows before
    (tmp_path / "text").write_bytes(b"\xff")
    with pytest.raises(OSError, match="it is not UTF-8 text"):
        read_text(tmp_path / "text", 10)


def test_depth():
    assert not is_deeper(5, 0)
    assert is_deeper([], 0)
    assert not is_deeper({"a": [1]}, 2)
    assert is_deeper({"a": [1, {}]}, 2)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert is_deeper(deep, 99_999)
    while deep:  # freed piece by piece
        deep = deep.pop()
