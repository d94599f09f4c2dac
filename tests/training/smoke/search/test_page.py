"""A result as a page: what is on the front, what noise is, what it stands on."""

import msgspec
import pytest

from tests.training.smoke.search import made
from training.smoke.search import page
from training.smoke.search.result import Result, result_of
from training.smoke.search.study import open_study


def result(tmp_path, trials=6, arm=None, **more):
    side = made.side(tmp_path)
    study = open_study(side, made.terms(arm, **more), trials, 0)
    study.run(made.tried, lambda: 14.0)
    return result_of(study, side, "python -m training search")


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
