"""What a unit of work costs on a board: each figure with its source, or `assumed`."""

from __future__ import annotations

from dataclasses import dataclass, fields

from edge.device.board import Board, find_board
from firmware_sim.physics.errors import PhysicsError

# Instructions on one thread, LiteRT: of one inference, and of the rest of a frame for each of its 1440 × 1080 px
# (docs/results/arm64.json; a test holds both to arm64/budget.json).
_CONVERT_MEGAPIXELS = 1.5552
_DECODE_M = 60.0  # million instructions a megapixel


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        value: in the unit of its name.
        source: who says so; it begins with `assumed` where nobody does.
    """

    value: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A board's power by what it does.

    Attributes:
        name: `pi-zero-2w`, `pi4` or `pi5`.
        board: its published facts.
        awake_w: while the daemon watches, without the work below.
        asleep_w: while it sleeps: cameras closed, process up.
        camera_w: what one open camera adds.
        decode_j_mp: for each megapixel decoded.
        convert_j_mp: for each decoded megapixel that is fitted to the model's input.
        score_j: for each frame scored.
        send_j_byte: for each byte sent, board and radio.
        supply: share of the battery's power that reaches the board at 5 V.
        wire_ohm: of the way from the converter to the board.
        soc_k_w: by how many K each watt warms the chip above the air in the box.
    """

    name: str
    board: Board
    awake_w: Figure
    asleep_w: Figure
    camera_w: Figure
    decode_j_mp: Figure
    convert_j_mp: Figure
    score_j: Figure
    send_j_byte: Figure
    supply: Figure
    wire_ohm: Figure
    soc_k_w: Figure

    @property
    def label(self) -> str:
        """What figures by this profile are called, so that nobody takes them for measured ones."""
        return f"simulated:{self.name}"

    def figures(self) -> dict[str, Figure]:
        """Return its numbers by their names."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, Figure)}


def _profile(name: str, model: str, *, counts_m: tuple[float, float], per_clock: float, soc_k_w: float,
             core_w: Figure | None = None) -> Profile:  # fmt: skip
    """Work out a profile.

    Args:
        name: its own.
        model: of the board.
        counts_m: million instructions of an inference, and of the rest of a frame.
        per_clock: instructions that a core does a clock, assumed.
        soc_k_w: assumed.
        core_w: what a busy core adds, where nothing is published.
    """
    board = find_board(model)
    assert board is not None
    assert board.idle_w is not None
    if core_w is None:
        assert board.watts_per_busy_core is not None
        core_w = Figure(board.watts_per_busy_core, f"docs/boards.md ({board.sources['busy_w']})")
    joule_m = core_w.value / (board.clock_mhz * per_clock)  # of a million instructions
    rate = f"assumed {per_clock:g} instructions a clock; a busy core: {core_w.source}"
    counted = "instructions in docs/results/arm64.json"
    idle = f"docs/boards.md ({board.sources['idle_w']})"
    return Profile(
        name=name,
        board=board,
        awake_w=Figure(
            board.idle_w + 0.02 * core_w.value, f"idle: {idle}; assumed 2 % of a core for the daemon's loops"
        ),
        asleep_w=Figure(board.idle_w, f"idle: {idle}; assumed, for these boards cannot suspend"),
        camera_w=Figure(0.7, "assumed: a camera module on the ribbon cable, open"),
        decode_j_mp=Figure(
            _DECODE_M * joule_m, f"assumed {_DECODE_M:g} million instructions a megapixel; {rate}"
        ),
        convert_j_mp=Figure(counts_m[1] / _CONVERT_MEGAPIXELS * joule_m, f"{counted}; {rate}"),
        score_j=Figure(counts_m[0] * joule_m, f"{counted}; {rate}"),
        send_j_byte=Figure(10e-6, "assumed: a cellular modem at 1 W and 100 kB/s"),
        supply=Figure(0.9, "assumed: a converter from 12 to 5 V"),
        wire_ohm=Figure(0.15, "assumed: 50 cm of thin cable and its plugs"),
        soc_k_w=Figure(soc_k_w, "assumed: in still air in a closed box"),
    )


PROFILES = {
    profile.name: profile
    for profile in (
        _profile(
            "pi-zero-2w",
            "Raspberry Pi Zero 2 W Rev 1.0",
            counts_m=(442.414846, 33.766948),
            per_clock=0.7,
            soc_k_w=20.0,
            core_w=Figure(0.48, "assumed: a Pi 3 B's of docs/boards.md, by the clock"),
        ),
        _profile(
            "pi4",
            "Raspberry Pi 4 Model B Rev 1.4",
            counts_m=(424.784746, 33.767001),
            per_clock=1.0,
            soc_k_w=11.0,
        ),
        _profile(
            "pi5",
            "Raspberry Pi 5 Model B Rev 1.0",
            counts_m=(203.378066, 33.767027),
            per_clock=1.5,
            soc_k_w=7.0,
        ),
    )
}


def find_profile(name: str) -> Profile:
    """Return a profile by its name.

    Raises:
        PhysicsError: there is none of that name.
    """
    if name not in PROFILES:
        raise PhysicsError(f"profile: got '{name}'; there are {', '.join(PROFILES)}")
    return PROFILES[name]
