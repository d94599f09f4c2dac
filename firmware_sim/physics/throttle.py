"""What a Raspberry Pi's firmware does about heat and a weak supply, and the bits in which it says so."""

from __future__ import annotations

from edge.device.board import Board

UNDER_VOLTAGE, CAPPED, THROTTLED, SOFT_LIMIT = 1, 2, 4, 8
_SINCE_BOOT = 16  # bits further up
_LOW_V = 4.63


def flags_now(board: Board, soc_c: float, supply_v: float) -> int:
    """Return bits 0 to 3 of `vcgencmd get_throttled`.

    Args:
        board: whose limits count; one that does not see its supply never tells of it.
        soc_c: temperature of its chip.
        supply_v: at its 5 V input.

    Source: Raspberry Pi documentation, frequency-management.adoc and power-supplies.adoc; that a weak supply also sets
    bit 2, and 80 °C bit 1 alone, is what owners report (0x50005, 0x20002).
    """
    bits = 0
    if board.undervoltage_flag and supply_v < _LOW_V:
        bits |= UNDER_VOLTAGE | THROTTLED
    if board.soft_limit_c is not None and soc_c >= board.soft_limit_c:
        bits |= SOFT_LIMIT
    if soc_c >= board.throttle_c:
        bits |= CAPPED
    if soc_c >= board.limit_c:
        bits |= THROTTLED
    return bits


def with_history(now: int, before: int) -> int:
    """Return the whole word: bits 0 to 3 as they are, bits 16 to 19 also as they ever were since boot."""
    return now | now << _SINCE_BOOT | before >> _SINCE_BOOT << _SINCE_BOOT


def clock_share(board: Board, soc_c: float, supply_v: float) -> float:
    """Return the clock as a share of the fastest: step by step down between the two limits, slowest above.

    Source: as `flags_now`; that a weak supply halves the way to the slowest is assumed.
    """
    slowest = board.clock_min_mhz / board.clock_mhz
    hot = min(1.0, max(0.0, (soc_c - board.throttle_c) / (board.limit_c - board.throttle_c)))
    weak = 0.5 if board.undervoltage_flag and supply_v < _LOW_V else 0.0
    return 1.0 - max(hot, weak) * (1.0 - slowest)
