import dataclasses

import pytest

from edge.device.board import BOARDS, find_board


@pytest.mark.parametrize(
    ("model", "name", "watts"),
    [
        ("Raspberry Pi 3 Model B Rev 1.2", "pi3b", 0.575),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", "pi3b-plus", 0.8),
        ("Raspberry Pi 4 Model B Rev 1.5", "pi4", 0.925),
        ("Raspberry Pi 5 Model B Rev 1.1", "pi5", 1.625),
    ],
)
def test_a_board_is_found_by_its_model(model, name, watts):
    board = find_board(model)
    assert board.name == name
    assert board.watts_per_busy_core == pytest.approx(watts)


@pytest.mark.parametrize(
    "model", [None, "", "Raspberry Pi 400 Rev 1.0", "Raspberry Pi Zero W Rev 1.1", "ROCK 5B"]
)
def test_figures_are_never_used_on_another_board(model):
    assert find_board(model) is None


def test_a_board_of_unknown_power_has_no_watts_a_core():
    board = find_board("Raspberry Pi Zero 2 W Rev 1.0")
    assert (board.name, board.idle_w, board.busy_w) == ("zero2w", 0.6, None)
    assert board.watts_per_busy_core is None


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.model)
def test_every_figure_has_its_source(board):
    facts = {field.name for field in dataclasses.fields(board)} - {"name", "model", "sources"}
    assert set(board.sources) <= facts
    assert all(board.sources.values())
    known = {name for name in facts if getattr(board, name) is not None}
    assert known <= set(board.sources)


def test_boards_differ_where_it_matters():
    by_name = {board.name: board for board in BOARDS}
    assert {name for name, board in by_name.items() if board.dot_product} == {"pi5"}
    assert {name for name, board in by_name.items() if board.page_bytes != 4096} == {"pi5"}
    assert {name for name, board in by_name.items() if board.soft_limit_c is not None} == {"pi3b-plus"}
    assert {name for name, board in by_name.items() if not board.h264_encoder} == {"pi5"}
    assert {name for name, board in by_name.items() if not board.undervoltage_flag} == {"zero2w"}
    for board in BOARDS:
        assert board.clock_min_mhz < board.clock_mhz
        assert board.throttle_c < board.limit_c
        assert board.busy_w is None or 0 < board.idle_w < board.busy_w
