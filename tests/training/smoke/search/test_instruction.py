"""Counts as the emulation writes them, read by the search."""

import json

import pytest

from tests.arm64.test_inference import count, files
from training.smoke.search import instruction
from training.smoke.search.instruction import Instructions

ONE_CPU = '{"sha256": "abc", "counts": {"cortex-a72": {"median": {"total": 1}}}}'


def test_what_the_emulation_wrote_is_read_by_digest(tmp_path) -> None:
    some, path = files(tmp_path, 5, 6), tmp_path / "counts.json"
    count(some, path)
    digests = {row["file"]: row["sha256"] for row in json.loads(path.read_text())["files"]}
    assert instruction.read(path) == {
        digests["step-5/model.tflite"]: Instructions(a72=10, a76=5),
        digests["step-6/model.tflite"]: Instructions(a72=12, a76=6),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no result of `python -m arm64 instructions"),
        ('{"schema": "firetower.instructions/2"}', "expected firetower.instructions/1"),
        (
            f'{{"schema": "firetower.instructions/1", "files": [{ONE_CPU}]}}',
            "lacks cortex-a76",
        ),
    ],
)
def test_something_else_is_refused(tmp_path, text, said) -> None:
    (tmp_path / "counts.json").write_text(text)
    with pytest.raises(ValueError, match=said):
        instruction.read(tmp_path / "counts.json")
