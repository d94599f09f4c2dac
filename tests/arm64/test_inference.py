"""Counts of files: one inference each, kept by the file's digest; the emulation itself is run by hand."""

import hashlib
import json
import subprocess
import sys

import pytest

from arm64 import __main__ as command
from arm64 import inference, instruction
from arm64.program import infer
from edge.model.bundle import Bundle, bundled_path

WHEELS = {"ai-edge-litert": "2.3.0", "numpy": "2.4.6"}
RUN_ON = {"cpu": "a processor", "date": "2026-11-30", "commit": "abc"}


def counts(total):
    return dict.fromkeys(instruction.CLASSES, 0) | {"total": total}


def counted(asked=None):
    """Count by the size of a file, dearer without dot products; the first inference a little more."""

    def count(file, board):
        if asked is not None:
            asked.append((file.name, board.cpu))
        total = file.stat().st_size * (2 if board.cpu == "cortex-a72" else 1)
        return [counts(total + 9), counts(total), counts(total)]

    return count


def files(folder, *sizes):
    for size in sizes:
        (folder / f"step-{size}").mkdir()
        (folder / f"step-{size}/model.tflite").write_bytes(b"x" * size)
    return [folder / f"step-{size}/model.tflite" for size in sizes]


def count(some, path, by=None, wheels=WHEELS):
    return inference.count_all(some, path, by or counted(), wheels, RUN_ON)


def test_a_file_has_raw_counts_and_their_median_of_both_cpus(tmp_path):
    (file,) = files(tmp_path, 7)
    assert count([file], tmp_path / "out/counts.json")
    document = json.loads((tmp_path / "out/counts.json").read_text())
    (row,) = document["files"]
    assert row["sha256"] == hashlib.sha256(b"x" * 7).hexdigest()
    assert row["file"] == "step-7/model.tflite"
    assert set(row["counts"]) == {"cortex-a72", "cortex-a76"}
    assert [one["total"] for one in row["counts"]["cortex-a72"]["raw"]] == [23, 14, 14]
    assert row["counts"]["cortex-a72"]["median"] == counts(14)
    assert row["counts"]["cortex-a76"]["median"] == counts(7)
    assert (row["run_on"], row["wheels"]) == (RUN_ON, WHEELS)
    assert str(tmp_path) not in json.dumps(document)
    assert (document["warm_up"], document["inferences"]) == (1, 3)


def test_what_is_counted_is_kept_until_a_wheel_changes(tmp_path):
    path, asked = tmp_path / "counts.json", []
    some = files(tmp_path, 5, 6)
    count(some[:1], path)
    count(some, path, counted(asked))
    assert {name for name, _ in asked} == {"model.tflite"}
    assert len(asked) == len(inference.COUNTED_ON)
    count(some, path, counted(asked), WHEELS | {"numpy": "2.5"})
    assert len(asked) == 3 * len(inference.COUNTED_ON)
    rows = json.loads(path.read_text())["files"]
    assert [row["wheels"]["numpy"] for row in rows] == ["2.5", "2.5"]


def test_one_that_fails_is_said_and_the_others_are_counted(tmp_path, capsys):
    some, path = files(tmp_path, 5, 6), tmp_path / "counts.json"

    def failing(file, board):
        if file.stat().st_size == 5:
            raise RuntimeError(f"as {board.cpu}: LiteRT refuses it")
        return counted()(file, board)

    assert not count(some, path, failing)
    assert "LiteRT refuses it" in capsys.readouterr().err
    assert [row["file"] for row in json.loads(path.read_text())["files"]] == ["step-6/model.tflite"]


@pytest.mark.parametrize("text", ['{"schema": 1, "checks": {}}', "[]", "{"])
def test_a_result_of_something_else_is_left_alone(tmp_path, text):
    (tmp_path / "arm64.json").write_text(text)
    with pytest.raises(ValueError, match="give another --json"):
        count(files(tmp_path, 5), tmp_path / "arm64.json")
    assert (tmp_path / "arm64.json").read_text() == text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["instructions", "a.tflite"], "--json"),
        (["golden", "a.tflite", "--json", "x"], "alone"),
        (["a.tflite", "--json", "x"], "alone"),
        (["instructions", "a.tflite", "--all", "--json", "x"], "alone"),
    ],
)
def test_files_are_counted_alone_and_into_a_file(words, said, capsys):
    with pytest.raises(SystemExit):
        command.main(words)
    assert said in capsys.readouterr().err


def bundled():
    bundle = Bundle.open(bundled_path())
    return bundle, *bundle.model_file("litert")


def test_a_file_is_described_by_its_tensors_names():
    bundle, file, spec = bundled()
    found = infer.spec_of(file, bundle.read(file))
    assert found.sha256 == spec.sha256
    assert {one.name: one for one in found.tensors} == {one.name: one for one in spec.tensors}


def test_the_program_runs_a_file_here():
    bundle, file, _ = bundled()
    command = [sys.executable, infer.__file__, str(bundle.folder / file)]
    subprocess.run(command, check=True)


def test_the_boards_are_a_pi_4_and_a_pi_5():
    assert [board.name for board in inference.COUNTED_ON] == ["pi4", "pi5"]
