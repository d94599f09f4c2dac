from pathlib import Path

from benchmarks.board_page import _TITLES, page
from edge.device.board import BOARDS

PAGE = Path(__file__).parents[2] / "docs/boards.md"


def test_the_page_is_that_of_the_table():
    assert PAGE.read_text() == page(), "python -m benchmarks.board_page > docs/boards.md"


def test_every_fact_and_every_source_stands_on_it():
    text = page()
    for board in BOARDS:
        for key, source in board.sources.items():
            assert key in _TITLES
            assert f". {source}\n" in text


def test_unknown_and_none_are_told_apart():
    rows = {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in _cells(page([BOARDS[0]]))}
    assert rows["memory interface, GB/s"] == ["?"]
    assert rows["clock lowered one step above, °C"][0].startswith("– [")
    assert rows["H.264 encoder"][0].startswith("yes [")


def _cells(text):
    return [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
