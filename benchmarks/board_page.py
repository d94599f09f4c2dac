"""The table of edge/device/board.py for people: `python -m benchmarks.board_page > docs/boards.md`."""

from __future__ import annotations

from collections.abc import Sequence

from edge.device.board import BOARDS, Board

_HEAD = """# Boards

What is published about the Raspberry Pi boards; **none of it was measured by us**. Firetower itself uses cores and
powers (the energy model) and the temperatures (the benchmark's warnings); the rest is for who chooses a board. `?` is
unknown, `–` means that the source says there is none, a number in brackets is the source below.

This page is made from [edge/device/board.py](../edge/device/board.py) by
`python -m benchmarks.board_page > docs/boards.md`; a test holds the two together. `firetower bench` measures a board's
own figures.
"""

_TITLES = {
    "soc": "SoC",
    "core": "cores, kind",
    "cores": "cores",
    "clock_min_mhz": "slowest clock, MHz",
    "clock_mhz": "clock, MHz",
    "boost_mhz": "clock with `arm_boost=1`, MHz",
    "dot_product": "INT8 dot product (`asimddp`)",
    "memory_mb": "memory, MB (2^20 bytes)",
    "memory_peak_gb_s": "memory interface, GB/s",
    "memory_copy_mb_s": "tinymembench memcpy, one core, MB/s",
    "h264_encoder": "H.264 encoder",
    "page_bytes": "page of the default 64-bit kernel, bytes",
    "idle_w": "power, idle, W",
    "busy_w": "power, all cores busy, W",
    "halt_a": "after shutdown, A at 5 V",
    "suspend": "suspend to RAM",
    "rtc_wakes": "wakes itself by a clock",
    "throttle_flags": "throttling flags (`vcgencmd get_throttled`)",
    "undervoltage_flag": "sees under-voltage (4.63 V)",
    "power_sensor": "measures its own power",
    "thermal_zone": "chip's temperature in `/sys/class/thermal`",
    "soft_limit_c": "clock lowered one step above, °C",
    "throttle_c": "cores slowed down above, °C",
    "limit_c": "cores and GPU slowed down above, °C",
}


def page(boards: Sequence[Board] = BOARDS) -> str:
    """Return the page: a row each fact, a column each board, and the sources.

    Args:
        boards: the columns.
    """
    numbers = _numbers(boards)
    head = ["", *map(_name, boards)]
    expected = [[title, *map(tell, boards)] for title, tell in _EXPECTATIONS.items()]
    rows = [[title, *(_cell(board, key, numbers) for board in boards)] for key, title in _TITLES.items()]
    names = ["name in Firetower", *(f"`{board.name}`" for board in boards)]
    table = [head, ["---"] * len(head), names, *rows]
    sources = [f"{number}. {source}" for source, number in numbers.items()]
    lines = [
        *_lines(table),
        "",
        "## What to expect of Firetower there",
        "",
        "Worked out from the rows above; no time is, since nothing has been timed on a board.",
        "",
        *_lines([head, ["---"] * len(head), *expected]),
        "",
        "## Sources",
        "",
        *sources,
    ]
    return _HEAD + "\n" + "\n".join(lines) + "\n"


def _lines(table: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in table]


def _busy_core(board: Board) -> str:
    watts = board.watts_per_busy_core
    return "?" if watts is None else f"{watts:.2f}"


def _energy(board: Board) -> str:
    if board.power_sensor:
        return "measured, by the board's own sensor"
    if board.watts_per_busy_core is None:
        return "unavailable until you state `watts_per_busy_core` or add a sensor"
    return "modelled from CPU time, until you add a sensor"


def _camera(board: Board) -> str:
    return "raw, or H.264 by choice" if board.h264_encoder else "raw"


def _cores(board: Board) -> str:
    kind = "dot products" if board.dot_product else "long multiplications"
    return f"{kind} ([counts](results/arm64.json) of a {board.core})"


_EXPECTATIONS = {
    "a busy core adds, W": _busy_core,
    "energy of a frame": _energy,
    "`csi:` streams": _camera,
    "INT8 by": _cores,
}


def _name(board: Board) -> str:
    """Return what people call it; early kernels leave the W of the Zero 2 W out."""
    name = board.model.removeprefix("Raspberry Pi ").removesuffix(" Rev")
    return "Zero 2 W" if name == "Zero 2" else name


def _numbers(boards: Sequence[Board]) -> dict[str, int]:
    """Number the sources in the order in which the table names them."""
    used = (board.sources[key] for key in _TITLES for board in boards if key in board.sources)
    return {source: number for number, source in enumerate(dict.fromkeys(used), 1)}


def _cell(board: Board, key: str, numbers: dict[str, int]) -> str:
    source = board.sources.get(key)
    return "?" if source is None else f"{_text(getattr(board, key))} [{numbers[source]}]"


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    print(page(), end="")
