import pytest

from edge.device.board import find_board
from edge.device.raspberry_pi import parse_throttled
from firmware_sim.physics.throttle import clock_share, flags_now, with_history

PI4 = find_board("Raspberry Pi 4 Model B Rev 1.4")
PI3 = find_board("Raspberry Pi 3 Model B Plus Rev 1.3")
ZERO = find_board("Raspberry Pi Zero 2 W Rev 1.0")


@pytest.mark.parametrize(
    ("board", "soc_c", "supply_v", "bits"),
    [
        (PI4, 79.9, 5.0, 0x0),
        (PI4, 80.0, 5.0, 0x2),
        (PI4, 85.0, 5.0, 0x6),
        (PI4, 40.0, 4.62, 0x5),
        (PI4, 40.0, 4.63, 0x0),
        (PI4, 85.0, 4.5, 0x7),
        (PI3, 60.0, 5.0, 0x8),
        (ZERO, 40.0, 4.0, 0x0),
    ],
)
def test_the_flags_of_now(board, soc_c, supply_v, bits):
    assert flags_now(board, soc_c, supply_v) == bits


def test_what_was_once_stays_until_the_next_boot():
    word = with_history(0x5, 0)
    assert word == 0x50005
    word = with_history(0x0, word)
    assert word == 0x50000
    word = with_history(0x2, word)
    assert word == 0x70002
    told = parse_throttled(f"throttled={word:#x}")
    assert told.now == ("frequency-capped",)
    assert set(told.since_boot) == {"under-voltage", "frequency-capped", "throttled"}


def test_the_clock_falls_step_by_step_between_the_limits():
    shares = [clock_share(PI4, celsius, 5.0) for celsius in (70, 80, 82.5, 85, 95)]
    assert shares == pytest.approx([1, 1, 0.7, 0.4, 0.4])
    assert clock_share(PI4, 40, 4.5) == pytest.approx(0.7)
    assert clock_share(ZERO, 40, 4.5) == 1
