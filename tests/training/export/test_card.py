"""Cards: one layout, what each experiment says in it."""

import json
from pathlib import Path

import jinja2
import pytest

from training.cifar10 import bundle as cifar10
from training.export import card
from training.smoke import bundle as smoke

ROOT = Path(__file__).parents[3]


@pytest.fixture
def result():
    return json.loads((ROOT / "docs/results/smoke.json").read_text())


def test_the_shipped_card_is_what_the_committed_result_gives(result):
    assert smoke.card_of(result) == (ROOT / "edge/model/smoke/card.md").read_text()


def test_what_is_unknown_is_a_dash_or_missed(result):
    result["int8"]["summary"] |= {"first_box_to_event_s": None, "f1": None}
    row = next(line for line in smoke.card_of(result).splitlines() if line.startswith("| INT8 |"))
    assert "| missed | – |" in row


def test_a_card_of_cifar10_names_row_and_recipe():
    text = cifar10.card_of("student-full-0-int8-qat", "tiny")
    assert text.startswith("# student-full-0-int8-qat\n\nA classifier of 32 × 32")
    assert "--recipe tiny`" in text
    assert "\n\n\n" not in text


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="recipe"):
        card.render(Path(cifar10.__file__).with_name("card.md.jinja"), name="x")
