from training.classify.step import step


def test_a_step_is_done_when_its_record_is_there(tmp_path):
    one = step(tmp_path, "k", "a/b", {"x": 1})
    assert one.record() is None
    one.finish({"found": 3})
    assert step(tmp_path, "k", "a/b", {"x": 1}).record()["found"] == 3
    assert "/" not in one.folder.name


def test_every_input_counts_and_their_order_does_not(tmp_path):
    base = step(tmp_path, "k", "a", {"x": 1, "y": [2]}).key
    assert step(tmp_path, "k", "a", {"y": [2], "x": 1}).key == base
    others = [
        step(tmp_path, "l", "a", {"x": 1, "y": [2]}),
        step(tmp_path, "k", "a", {"x": 1, "y": [3]}),
        step(tmp_path, "k", "a", {"x": 1}),
    ]
    assert len({base, *(other.key for other in others)}) == 4


def test_a_step_is_found_under_another_name(tmp_path):
    step(tmp_path, "k", "teacher", {"x": 1}).finish({})
    found = step(tmp_path, "k", "baseline", {"x": 1})
    assert found.record()["made"].keys() == {"commit", "date", "machine"}
    assert found.folder.name.startswith("teacher-")
