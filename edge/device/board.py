"""Boards whose power under load has been published, for the model of energy from CPU time.

A coefficient is the power with all cores busy minus the idle power, over the number of cores. Sources differ
by up to a watt for one board, so what comes of it is called modelled. Boards without a figure that could be
checked are left out (the Zero 2 W among them): state `watts_per_busy_core` in [energy] for those.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Board:
    """One board's published power.

    Attributes:
        name: as it stands in the energy's source.
        model: how the device tree's model begins.
        idle_w: running, with nothing to do.
        busy_w: all cores busy.
        cores: how many.
        source: who measured it and how.
    """

    name: str
    model: str
    idle_w: float
    busy_w: float
    cores: int
    source: str

    @property
    def watts_per_busy_core(self) -> float:
        """What one busy core adds to the idle power."""
        return (self.busy_w - self.idle_w) / self.cores


_PIDRAMBLE = "pidramble.com/wiki/benchmarks/power-consumption, USB power meter, `stress --cpu 4`"
_GEERLING = "jeffgeerling.com/blog/2024/new-2gb-pi-5-has-33-smaller-die-30-idle-power-savings, stress-ng"

BOARDS = (
    Board("pi3b", "Raspberry Pi 3 Model B Rev", 1.4, 3.7, 4, _PIDRAMBLE),
    # github.com/geerlingguy/sbc-reviews issue 16 has 3.1 W and 5.6 W for the same board, at the wall.
    Board("pi3b-plus", "Raspberry Pi 3 Model B Plus", 1.9, 5.1, 4, _PIDRAMBLE),
    # github.com/geerlingguy/sbc-reviews issue 4 has 1.6 W and 5.0 W for a Rev 1.4, at the wall.
    Board("pi4", "Raspberry Pi 4 Model B", 2.7, 6.4, 4, _PIDRAMBLE),
    # The stepping of the processor differs: C1 up to Rev 1.0, D0 from Rev 1.1.
    Board("pi5", "Raspberry Pi 5 Model B Rev 1.0", 3.3, 9.8, 4, _GEERLING + ", 4 GB board"),
    Board("pi5", "Raspberry Pi 5 Model B Rev 1.1", 2.4, 8.9, 4, _GEERLING + ", 2 GB board"),
)


def find_board(model: str | None) -> Board | None:
    """Return the board that the device tree's model names; None when no figures are known for it."""
    return next((board for board in BOARDS if model is not None and model.startswith(board.model)), None)
