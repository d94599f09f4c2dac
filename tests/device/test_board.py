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
    "model", [None, "", "Raspberry Pi Zero 2 W Rev 1.0", "Raspberry Pi 400 Rev 1.0", "ROCK 5B"]
)
def test_figures_are_never_used_on_another_board(model):
    assert find_board(model) is None


def test_every_figure_has_its_source():
    for board in BOARDS:
        assert board.source
        assert 0 < board.idle_w < board.busy_w
