import pytest

from training.step.step import find_step


def test_a_step_is_done_when_its_record_is_there(tmp_path):
    one = find_step(tmp_path, "k", "a/b", {"x": 1})
    assert one.record() is None
    one.finish({"found": 3})
    assert find_step(tmp_path, "k", "a/b", {"x": 1}).record()["found"] == 3
    assert "/" not in one.folder.name


def test_every_input_counts_and_their_order_does_not(tmp_path):
    base = find_step(tmp_path, "k", "a", {"x": 1, "y": [2]}).key
    assert find_step(tmp_path, "k", "a", {"y": [2], "x": 1}).key == base
    others = [
        find_step(tmp_path, "l", "a", {"x": 1, "y": [2]}),
        find_step(tmp_path, "k", "a", {"x": 1, "y": [3]}),
        find_step(tmp_path, "k", "a", {"x": 1}),
    ]
    assert len({base, *(other.key for other in others)}) == 4


def test_a_step_is_found_under_another_name(tmp_path):
    find_step(tmp_path, "k", "teacher", {"x": 1}).finish({})
    found = find_step(tmp_path, "k", "baseline", {"x": 1})
    assert found.record()["made"].keys() == {"commit", "date", "machine"}
    assert found.folder.name.startswith("teacher-")


def test_a_damaged_record_names_its_file(tmp_path):
    one = find_step(tmp_path, "k", "a", {})
    one.finish({})
    (one.folder / "record.json").write_text("{")
    with pytest.raises(ValueError, match=r"record\.json: damaged .*; remove .* to make the step again"):
        one.record()
