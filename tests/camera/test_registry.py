"""The records of the kinds of cameras: whole, light, and what the documentation says of them."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge.camera.option import NetworkOptions, Options, RecordingOptions
from edge.camera.registry import KINDS, KNOWN, kind_of, kind_with, kinds_that_know, tidy

ROOT = Path(__file__).parents[2]
COMMON = frozenset(Options.__struct_fields__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schemes[0])
def test_a_record_is_whole(kind):
    for scheme in kind.schemes:
        assert f"{scheme}:" in kind.written
        assert kind_of(f"{scheme}:x") is kind
    assert kind.written in KNOWN
    assert kind.keys >= COMMON
    assert kind.options.__struct_config__.frozen
    assert kind_with(kind.options(uri="x")) is kind
    assert issubclass(kind.options, RecordingOptions) == (not kind.live)
    assert issubclass(kind.options, NetworkOptions) == (kind.address == "url")


def test_no_two_kinds_share_a_scheme_or_a_class():
    schemes = [scheme for kind in KINDS for scheme in kind.schemes]
    assert len(set(schemes)) == len(schemes)
    assert len({kind.options for kind in KINDS}) == len(KINDS)


def test_an_address_names_its_kind(tmp_path, monkeypatch):
    assert kind_of(f"file:{tmp_path}") is kind_of("folder:x")
    assert kind_of("file:frames", tmp_path) is kind_of("file:x")
    (tmp_path / "frames").mkdir()
    assert kind_of("file:frames", tmp_path) is kind_of("folder:x")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kind_of("file:~/frames", tmp_path) is kind_of("folder:x")
    assert kind_of("file:~nobody-here/x") is kind_of("file:x")
    assert kind_of(f"file:{'x' * 5000}") is kind_of("file:\0") is kind_of("file:x")
    for uri in ("", "rtsp", "ftp://x", "RTSP//x"):
        assert kind_of(uri) is None
    assert kind_of(" RTSP://x") is kind_of("rtsp://x")


@pytest.mark.parametrize(
    ("address", "neat"),
    [
        ("RTSP://Cam/X ", "rtsp://Cam/X"),
        ("\n Scene:plume", "scene:plume"),
        (" clip.mp4 ", " clip.mp4 "),
        ("FTP://x", "FTP://x"),
    ],
)
def test_an_address_is_tidied_where_it_names_a_kind(address, neat):
    assert tidy(address) == neat


LIGHT = """
import sys
from pathlib import Path
from edge.camera.registry import KINDS
from edge.settings import parse
addresses = {"path": sys.argv[1], "url": "//cam/x", "name": ""}
cameras = {kind.schemes[0]: {"uri": f"{kind.schemes[0]}:{addresses[kind.address]}"} for kind in KINDS}
assert len(parse({"cameras": cameras}, Path()).cameras) == len(KINDS)
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"av", "cv2", "ai_edge_litert", "onnxruntime"}))
"""


def test_a_configuration_is_read_without_a_camera_library(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("path", sorted((ROOT / "edge/camera").glob("*.py")), ids=lambda path: path.stem)
def test_no_source_reads_a_clock_of_its_own(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(alias.name for alias in node.names)}
    assert not names & {"time", "datetime", "SystemClock"}


def documented() -> dict[str, str]:
    """The keys of a camera in the documentation, with the text of their kinds; empty for every kind."""
    page = (ROOT / "docs/configuration.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()]
    result: dict[str, str] = {}
    for row in rows:
        if row[0].startswith("`cameras.NAME."):
            for key in re.findall(r"`[A-Za-z.]*\.([a-z_0-9]+)`", row[0]):
                result[key] = row[1] if len(row) == 4 else ""
    return result


def test_the_documentation_has_every_key_and_whose_it_is():
    said = documented()
    assert set(said) == {key for kind in KINDS for key in kind.keys}
    for key, kinds in said.items():
        owners = {scheme for kind in kinds_that_know(key) for scheme in kind.schemes}
        assert set(re.findall(r"`([a-z0-9]+):`", kinds)) == (set() if key in COMMON else owners), key


def test_the_documentation_has_every_address():
    page = (ROOT / "docs/configuration.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith("| `cameras.NAME.uri`")]
    for kind in KINDS:
        for address in kind.written.split(", "):
            assert f"`{address}`" in row
