"""The result file: what is written is read again, old versions stay readable, others are refused."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.training.cifar10.report.fake import Shape, make
from training.cifar10.report import file
from training.cifar10.report.record import SCHEMA

RESULTS = Path(__file__).parents[4] / "docs/results"
OLD = sorted(RESULTS.glob("cifar10*.json"))
FULL = Shape(
    seeds=3, teacher=True, low_bits=True, timed=True, powered=True, replay=True, validation=True, muon=True
)


@pytest.mark.parametrize("shape", [Shape(), FULL])
def test_what_is_written_is_read_again(tmp_path, shape):
    path, result = tmp_path / "r.json", make(shape)
    file.write(path, result)
    assert file.read(path) == result
    assert json.loads(path.read_text())["schema"] == SCHEMA
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert file.read(path) == result


def leaves(value, where=""):
    """Every value of a tree, by its path."""
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves(inner, f"{where}/{key}")
    else:
        yield where, value


@pytest.mark.parametrize("path", OLD, ids=[path.stem for path in OLD])
def test_an_old_result_is_read_whole(path):
    old = json.loads(path.read_text())
    assert old["schema"] == "firetower.cifar10/1"
    digest = old["ensemble"].pop("sha256", None)
    old["ensemble"].pop("validation_accuracy", None)  # None; the teachers' is another
    now = msgspec.to_builtins(file.read(path))
    read = dict(leaves(now))
    lost = {where for where, value in leaves(old) if read.get(where, leaves) != value}
    assert lost == {"/schema"}
    assert digest in {None, now["ensemble"]["files"]["logits.pt"]}
    assert now["aims"]["loss_max_points"] == {"int8-ptq": 0.7, "int8-qat": 0.3}
    assert {found["loss_budget"] for found in now["sensitivity"].values()} <= {0.02}


def test_what_a_later_minor_version_adds_is_passed_over(tmp_path):
    path, result = tmp_path / "r.json", make(Shape())
    tree = msgspec.to_builtins(result) | {"schema": "firetower.cifar10/2.7", "moon": "full"}
    path.write_bytes(msgspec.json.encode(tree))
    assert msgspec.structs.replace(file.read(path), schema=SCHEMA) == result


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"schema": "firetower.cifar10/3.0"},
            r"r\.json: schema .*/3\.0' is of another version than 1 to 2; up",
        ),
        ({"schema": "firetower.cifar10/0"}, r"another version than 1 to 2"),
        (
            {"schema": "firetower-latency/1.0"},
            r"schema 'firetower-latency/1\.0'; expected firetower\.cifar10/2",
        ),
        ({"schema": 2}, r"no whole result .* `\$\.schema`"),
        ({"schema": "firetower.cifar10/1", "sensitivity": None}, r"version 1: AttributeError"),
        ({"rows": [{}]}, r"no whole result .* `\$\.rows\[0\]`"),
        ({"summary": None}, r"no whole result .* `\$\.summary`"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, change, said):
    path = tmp_path / "r.json"
    path.write_bytes(msgspec.json.encode(msgspec.to_builtins(make(Shape())) | change))
    with pytest.raises(ValueError, match=said):
        file.read(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b"null"])
def test_what_is_no_json_of_ours_is_refused(tmp_path, content):
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"r\.json: no whole result of `python -m training cifar10`"):
        file.read(path)


def test_a_result_that_is_cut_off_is_refused(tmp_path):
    path = tmp_path / "r.json"
    file.write(path, make(Shape()))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="no whole result"):
        file.read(path)


def test_a_file_that_is_too_long_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "r.json"
    file.write(path, make(Shape()))
    monkeypatch.setattr(file, "_BYTES_MAX", 100)
    with pytest.raises(ValueError, match="longer than 100 bytes"):
        file.read(path)
