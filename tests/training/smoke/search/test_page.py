"""A result as a page: what is on the front, what noise is, what it stands on."""

import msgspec
import pytest

from tests.training.smoke.search import made
from training.smoke.search import page
from training.smoke.search.instruction import Instructions
from training.smoke.search.landmark import Landmark
from training.smoke.search.result import Result, result_of
from training.smoke.search.space import TODAY
from training.smoke.search.study import open_study

TAUGHT = {"setting": {"steps": 500, "batch": 8}, "sequences": 40, "frames": {"learned": 1900, "held": 80},
          "error": 0.25, "took_s": 900.0}  # fmt: skip


def result(tmp_path, trials=6, arm=None, instructions=None, landmark=None, tried=made.tried, **more):
    side = made.side(tmp_path)
    study = open_study(side, made.terms(arm, **more), trials, 0)
    study.run(tried, lambda: 14.0)
    return result_of(study, side, "python -m training search", instructions, landmark)


def filed(parameters, seed):
    """Try as `made.tried`; each width has a file of its own."""
    tried = made.tried(parameters, seed)
    cost = msgspec.structs.replace(tried.cost, sha256=f"width {parameters['width']}")
    return msgspec.structs.replace(tried, cost=cost)


def point(width, delay_min):
    """A landmark as fast as a trial of that width, with a file of its own."""
    chosen = made.point(delay_min, delay_min)
    tried = msgspec.structs.replace(made.tried({"width": width}, 0), delay_min=delay_min, point=chosen)
    parameters = {"backbone": "resnet18", **TODAY}
    return Landmark("ResNet-18", parameters, tried, TAUGHT)


def rows_of(text):
    return [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| trial")]


def test_counts_come_by_the_files_digest_and_have_a_front_of_their_own(tmp_path) -> None:
    """Wider is earlier and slower: all counted ones are on both fronts, whatever they take."""
    widths = {64: 100, 96: 300, 128: 200}  # 48 nobody counted
    known = {f"width {width}": Instructions(a72=total * 10**6, a76=10**6) for width, total in widths.items()}
    found = result(tmp_path, trials=12, tried=filed, instructions=known)
    for row in found.trials:
        width = row.parameters["width"]
        assert (row.counted is None) is (width not in widths)
        if row.counted is not None:
            assert row.counted.instructions.a72 == widths[width] * 10**6
            assert row.counted.front is (row.seed == 0)
    page.write(found, tmp_path / "search.md", None)
    text = (tmp_path / "search.md").read_text(encoding="utf-8")
    assert "million instructions, A72 / A76 | front with these |" in text
    assert "| 300.0 / 1.0 | yes |" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    written = msgspec.json.encode(found)
    assert msgspec.json.encode(msgspec.json.decode(written, type=Result)) == written


def test_a_dearer_file_of_the_same_delay_and_time_leaves_the_front_with_counts_alone(tmp_path) -> None:
    def by_backbone(parameters, seed):
        tried = made.tried(parameters | {"width": 96}, 0)
        cost = msgspec.structs.replace(tried.cost, sha256=str(parameters["backbone"]))
        return msgspec.structs.replace(tried, cost=cost)

    known = {"lite0-third": Instructions(a72=2, a76=2), "lite0-coarse": Instructions(a72=2, a76=1)}
    found = result(tmp_path, tried=by_backbone, instructions=known)
    for row in found.trials:
        assert row.front is (row.seed == 0)
        assert row.counted.front is (row.seed == 0 and row.parameters["backbone"] == "lite0-coarse")


def test_without_counts_there_are_no_columns_and_older_results_are_read(tmp_path) -> None:
    found = result(tmp_path)
    assert all(row.counted is None for row in found.trials)
    assert "instructions" not in page.render(found, None, None)
    old = msgspec.to_builtins(found)
    for name in ("landmark", "taught"):
        del old[name]
    for row in old["trials"]:
        del row["counted"], row["label"]
    assert msgspec.json.encode(msgspec.convert(old, Result)) == msgspec.json.encode(found)


def test_a_landmark_is_labelled_and_takes_no_trial_off_the_front(tmp_path) -> None:
    plain = result(tmp_path, trials=12)
    found = result(tmp_path, trials=12, landmark=point(48, 1.0))
    assert [row.front for row in found.trials] == [row.front for row in plain.trials]
    assert (found.landmark.name, found.landmark.number, found.landmark.front) == ("ResNet-18", None, True)
    assert (found.hours, found.spread) == (plain.hours, plain.spread)
    page.write(found, tmp_path / "search.md", None)
    text = (tmp_path / "search.md").read_text(encoding="utf-8")
    assert "**ResNet-18** is no trial" in text
    assert "from 1900 frames of 40 real sequences in 500 steps of 8" in text
    assert "0.25 of their variance" in text
    assert rows_of(text)[-1].startswith("| ResNet-18 | resnet18 | ")
    assert "ResNet-18, no trial" in (tmp_path / "search/front.svg").read_text()
    assert not result(tmp_path, trials=12, landmark=point(128, 29.0)).landmark.front


def test_the_front_leaves_the_second_seed_out(tmp_path) -> None:
    found = result(tmp_path, trials=12)
    widths = [row.parameters["width"] for row in found.trials]
    best = [row.parameters["width"] for row in found.trials if row.front]
    assert {min(widths), max(widths)} <= set(best)
    assert not any(row.front for row in found.trials if row.seed)
    assert found.hours == pytest.approx(12 * 2 / 3600, abs=1e-3)
    written = msgspec.json.encode(found)
    assert msgspec.json.encode(msgspec.json.decode(written, type=Result)) == written


def test_two_seeds_say_what_noise_is(tmp_path) -> None:
    found = result(tmp_path)
    assert found.spread.numbers == (0, 1)
    assert found.spread.apart_min == 1.0
    page.write(found, tmp_path / "search.md", tmp_path / "results/search.json")
    text = (tmp_path / "search.md").read_text(encoding="utf-8")
    assert "Inner folds of fold 1's training side alone" in text
    assert "one seed" in text
    assert "Differences below about 1.0 minutes are noise" in text
    assert "[search.json](results/search.json)" in text
    assert "](search/front.svg)" in text
    drawn = (tmp_path / "search/front.svg").read_text()
    page.write(found, tmp_path / "search.md", None)
    assert (tmp_path / "search/front.svg").read_text() == drawn
    rows = [line for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == 6
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_an_arms_page_has_no_plot_and_knows_no_noise(tmp_path) -> None:
    found = result(tmp_path, trials=2, arm="distilled", backbones=("lite0",))
    page.write(found, tmp_path / "arm.md", None)
    text = (tmp_path / "arm.md").read_text(encoding="utf-8")
    assert "nobody knows how large noise is" in text
    assert "svg" not in text
    assert "ms:" not in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
