"""The points of a sweep, and what comes of them as a record: panel × battery × cadence × board, at each place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import msgspec
import numpy as np

from firmware_sim.physics.battery import Battery, Name
from firmware_sim.physics.controller import Controller, Kind
from firmware_sim.physics.enclosure import Enclosure
from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.panel import Panel
from firmware_sim.physics.place import Place, parse_place
from firmware_sim.physics.profile import find_profile
from firmware_sim.physics.weather import CLIMATES
from firmware_sim.physics.work import battery_w, steady
from firmware_sim.sweep.outcome import Outcome, live
from firmware_sim.sweep.winter import DAYS, Winter, winters

SCHEMA = "firetower-sweep/1.0"
YEARS_MIN = 10
_POINTS_MAX = 100_000
_ROWS = 2000  # points × years at once: as much as a processor's cache holds


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """What is swept, and what stays the same.

    Attributes:
        places: `LATITUDE,LONGITUDE[,ALTITUDE]` each.
        boards: names of profiles.
        panels_w: W peak.
        batteries_wh: at 25 °C.
        cadences_s: seconds between the frames of a camera.
        cameras: on the board's own connector, always open.
        other_w: of cameras and modems with a supply of their own, from the battery.
        sent_bytes_day: what goes out.
        climate: of `firmware_sim.physics.weather`.
        chemistry: of the batteries.
        controller: of the panels.
        tilt_deg: of the panels; None: the latitude and 15°, for a low sun, at most 75°.
        dirt: share of the light that dirt takes.
        years: winters, at least 10.
        seed: of the first winter; the next one has the next.
        step_s: length of a step, 60 to 3600.
    """

    places: tuple[str, ...]
    boards: tuple[str, ...]
    panels_w: tuple[float, ...]
    batteries_wh: tuple[float, ...]
    cadences_s: tuple[float, ...]
    cameras: int = 1
    other_w: float = 0.0
    sent_bytes_day: float = 5e6
    climate: str = "november"
    chemistry: Name = "lifepo4"
    controller: Kind = "mppt"
    tilt_deg: float | None = None
    dirt: float = 0.03
    years: int = YEARS_MIN
    seed: int = 1
    step_s: float = 1800.0

    @property
    def points(self) -> int:
        """How many there are."""
        axes = (self.places, self.boards, self.panels_w, self.batteries_wh, self.cadences_s)
        return math.prod(map(len, axes))

    def check(self) -> None:
        """Refuse what cannot be swept.

        Raises:
            PhysicsError: an axis is empty, a value unfit, or there are too many points or too few years.
        """
        if not 0 < self.points <= _POINTS_MAX:
            raise PhysicsError(f"sweep: got {self.points} points; expected 1 to {_POINTS_MAX}")
        if self.years < YEARS_MIN:
            raise PhysicsError(f"sweep: got {self.years} years; expected at least {YEARS_MIN}")
        if self.climate not in CLIMATES:
            raise PhysicsError(f"sweep: got climate '{self.climate}'; there are {', '.join(CLIMATES)}")
        if not 60 <= self.step_s <= 3600:
            raise PhysicsError(f"sweep: got a step of {self.step_s:g} s; expected 60 to 3600")
        values = (*self.panels_w, *self.batteries_wh, *self.cadences_s)
        if not all(0 < value < 1e6 for value in values):
            raise PhysicsError("sweep: expected panels, batteries and cadences above 0")
        if not (0 <= self.other_w < 1e4 and 0 <= self.cameras <= 100 and 0 <= self.sent_bytes_day < 1e12):
            raise PhysicsError("sweep: expected cameras, other power and bytes from 0")
        for board in self.boards:
            find_profile(board)
        for place in self.places:
            parse_place(place)


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One tower at one place, over all winters. Everything is simulated.

    Attributes:
        place, board, panel_w, battery_wh, cadence_s: which.
        load_w: mean power from the battery.
        source: `simulated:<profile>`.
        share: of the winters without cut-off.
        off_h_worst, off_h_p90: hours off in the worst winter, and in all but the worst tenth of them at most.
        charge_min_worst, charge_min_p90: lowest charge, in the worst winter, and at least in nine of ten.
    """

    place: str
    board: str
    panel_w: float
    battery_wh: float
    cadence_s: float
    load_w: float
    source: str
    share: float
    off_h_worst: float
    off_h_p90: float
    charge_min_worst: float
    charge_min_p90: float


def sweep(grid: Grid) -> Iterator[list[Point]]:
    """Yield the points of each place.

    Raises:
        MissingExtraError: pvlib is not installed.
        PhysicsError: the grid is unfit.
    """
    grid.check()
    for text in grid.places:
        place = parse_place(text)
        panel = Panel(peak_w=1.0, tilt_deg=tilt_deg(grid, place), azimuth_deg=facing(place), dirt=grid.dirt)
        winter = winters(place, panel, grid.climate, grid.seed, grid.years, grid.step_s)
        yield list(_points(grid, text, panel, winter))


def tilt_deg(grid: Grid, place: Place) -> float:
    """Return how steep the panels stand."""
    return min(75.0, abs(place.latitude_deg) + 15) if grid.tilt_deg is None else grid.tilt_deg


def facing(place: Place) -> float:
    """Return where panels face: to the equator."""
    return 180.0 if place.latitude_deg >= 0 else 0.0


def load_of(grid: Grid, board: str, cadence_s: float) -> float:
    """Return the mean power from the battery, W."""
    work = steady(cadence_s, cameras=grid.cameras, sent_bytes=grid.sent_bytes_day / 86_400)
    return battery_w(find_profile(board), work, grid.other_w)


def _points(grid: Grid, place: str, panel: Panel, winter: Winter) -> Iterator[Point]:
    asked = list(product(grid.boards, grid.panels_w, grid.batteries_wh, grid.cadences_s))
    at_once = max(1, _ROWS // grid.years)
    for first in range(0, len(asked), at_once):
        yield from _batch(grid, place, panel, winter, asked[first : first + at_once])


def _batch(
    grid: Grid, place: str, panel: Panel, winter: Winter, asked: Sequence[tuple[str, float, float, float]]
) -> Iterator[Point]:
    panels_w, batteries_wh = (np.array([[each[axis]] for each in asked], dtype=np.float64) for axis in (1, 2))
    load_w = np.array([[load_of(grid, board, cadence_s)] for board, _, _, cadence_s in asked])
    outcome = live(
        winter,
        Panel(peak_w=panels_w, tilt_deg=panel.tilt_deg, azimuth_deg=panel.azimuth_deg, dirt=panel.dirt),
        Battery(capacity_wh=batteries_wh, chemistry=grid.chemistry),
        load_w,
        Controller(kind=grid.controller),
        Enclosure(),
    )
    for row, (board, panel_w, battery_wh, cadence_s) in enumerate(asked):
        yield Point(
            place=place, board=board, panel_w=panel_w, battery_wh=battery_wh, cadence_s=cadence_s,
            load_w=round(float(load_w[row, 0]), 3), source=find_profile(board).label, **_told(outcome, row),
        )  # fmt: skip


def _told(outcome: Outcome, row: int) -> dict[str, float]:
    off_h, least = np.sort(outcome.off_s[row]) / 3600, np.sort(outcome.least_charge[row])
    tenth = len(off_h) // 10  # as many winters may be worse
    return {
        "share": round(float(outcome.share[row]), 4),
        "off_h_worst": round(float(off_h[-1]), 1),
        "off_h_p90": round(float(off_h[-1 - tenth]), 1),
        "charge_min_worst": round(float(least[0]), 3),
        "charge_min_p90": round(float(least[tenth]), 3),
    }


def report(grid: Grid, points: Sequence[Point]) -> dict[str, Any]:
    """Return what is written as JSON: the grid, the figures behind it with their sources, the points."""
    return {
        "schema": SCHEMA,
        "what": f"simulated, no evidence: {grid.years} winters of {DAYS} days, each from a full battery, no governor",
        "grid": msgspec.to_builtins(grid),
        "profiles": {
            find_profile(board).label: {
                name: {"value": round(figure.value, 6), "source": figure.source}
                for name, figure in find_profile(board).figures().items()
            }
            for board in grid.boards
        },
        "points": [msgspec.to_builtins(point) for point in points],
    }
