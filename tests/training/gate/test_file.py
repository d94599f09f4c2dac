"""Reading results back, and the ones that are committed."""

from pathlib import Path

import pytest

from training.gate import folds, ledger, page, result

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": "firetower.gate/2.0"}', r"r\.json: schema 'firetower\.gate/2\.0'; expected firetower\.gate/1\.0"),
        ('{"schema": "firetower.folds/1.0"}', r"schema 'firetower\.folds/1\.0'; expected"),
        ('{"schema": "firetower.gate/1.7"}', r"r\.json: no whole result of `python -m training evaluate`"),
        ('{"schema": 1}', r"no whole result .* `\$\.schema`"),
        ('{"schema": "firetower.gate/1.0", "da', "no whole result"),
        ("[" * 100_000, "no whole result"),
    ],
    ids=["newer", "another", "fields missing", "type", "cut", "nested"],
)  # fmt: skip
def test_what_is_no_result_is_told(tmp_path, text, said):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ValueError, match=said):
        result.read(tmp_path / "r.json")


def test_the_committed_page_is_that_of_the_committed_result():
    found = result.read(DOCS / "results/smoke-baseline.json")
    rendered = page.render(found, Path("smoke/curve.svg"), Path("results/smoke-baseline.json"))
    assert (DOCS / "smoke.md").read_text() == rendered


def test_the_committed_results_are_looks_in_the_ledger():
    found = result.read(DOCS / "results/smoke-baseline.json")
    looks = ledger.read(DOCS / "results/smoke-ledger.jsonl")
    alone = folds.read(DOCS / "results/smoke-fold-time.json")
    assert [one.ledger[-1].key for one in (*found.folds, alone)] == [look.key for look in looks]
    assert [one.by_mast for one in found.folds] == [False, True]
    assert all(row.seconds <= 1200 for row in alone.folds)
