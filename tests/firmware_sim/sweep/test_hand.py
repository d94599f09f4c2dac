"""The panel and battery for `november-week`, by hand, against the simulation: within 15 %.

The hand knows no pvlib, no steps and no voltages: two formulas for a clear sky, seven cloud covers, and sums.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from firmware_sim.physics.battery import Battery
from firmware_sim.physics.controller import Controller
from firmware_sim.physics.enclosure import Enclosure
from firmware_sim.physics.panel import Panel
from firmware_sim.physics.place import Place
from firmware_sim.physics.profile import PROFILES
from firmware_sim.physics.weather import NOVEMBER_WEEK, of_days
from firmware_sim.physics.work import battery_w, steady
from firmware_sim.sweep.outcome import live
from firmware_sim.sweep.winter import under

ROOT = Path(__file__).parents[3]
BOARDS = ("pi-zero-2w", "pi4", "pi5")
CADENCES_S = (30, 60, 120, 300)
CASES = [(board, cadence_s) for board in BOARDS for cadence_s in CADENCES_S]
START = datetime(2026, 11, 14, tzinfo=UTC)
STEP_S = 600.0

# The inputs of the hand, each stated in docs/decisions/0036-physics.md.
FIRST_DAY = 318  # 14 November
ALBEDO, DIRT, CONTROLLER, OWN_W = 0.25, 0.03, 0.95, 0.12
COOL = 1.0  # the cells of a bright hour are about as warm as in the test, 25 °C
STORED, CHARGING = (
    0.75,
    0.96,
)  # share of the load that goes through the battery, and what of it comes out again
LOCKED = 0.1  # charge at the cut-off's voltage
COLD = {40: 0.95, 50: 0.93}  # capacity left at 12 °C and 7 °C in the box
# W at 5 V by hand: idle, 2 % of a core and the camera; then J a frame: decoded, fitted, scored; 90 % of it arrives.
BOARD_W = {"pi-zero-2w": (0.6096 + 0.7, 0.42), "pi4": (2.7185 + 0.7, 0.37), "pi5": (3.3325 + 0.7, 0.17)}


def hand_load_w(board, cadence_s):
    """W from the battery."""
    still_w, frame_j = BOARD_W[board]
    return (still_w + frame_j / cadence_s) / 0.9


def tilt(latitude):
    return min(75, latitude + 15)


def hand_sun_h(latitude):
    """Hours of full sun on the panel's plane on each of the week's days (kWh/m²), and when the sun rises.

    Haurwitz 1945 for a clear sky's light on level ground, Meinel 1976 for the sun itself, Kasten and Czeplak 1980 for
    clouds, the sun through their gaps, Liu and Jordan 1963 for the tilt; summed over the quarters of an hour.
    """
    phi, beta = math.radians(latitude), math.radians(tilt(latitude))
    sky, ground = (1 + math.cos(beta)) / 2, ALBEDO * (1 - math.cos(beta)) / 2
    hours = []
    for day, cover in enumerate(NOVEMBER_WEEK, FIRST_DAY):
        delta = math.radians(23.45) * math.sin(2 * math.pi * (284 + day) / 365)
        clear = beam = turned = 0.0
        for quarter in range(96):
            angle = math.pi * (quarter + 0.5 - 48) / 48
            height = math.sin(phi) * math.sin(delta) + math.cos(phi) * math.cos(delta) * math.cos(angle)
            facing = math.sin(phi - beta) * math.sin(delta) + math.cos(phi - beta) * math.cos(
                delta
            ) * math.cos(angle)
            if height > 0:
                sun = 1.353 * 0.7 ** (height**-0.678) / 4
                clear += 1.098 * height * math.exp(-0.057 / height) / 4
                beam, turned = beam + sun * height, turned + sun * max(0.0, facing)
        whole, gaps = clear * (1 - 0.75 * cover**3.4), 1 - cover
        hours.append(gaps * turned + (whole - gaps * beam) * sky + whole * ground)
    sunset = math.acos(-math.tan(phi) * math.tan(delta))
    return hours, 12 - sunset * 12 / math.pi


def by_hand(latitude, load_w):
    """Return W peak whose week gives what the week takes, and Wh that last through its grey days."""
    hours, sunrise_h = hand_sun_h(latitude)
    usable = [each * COOL * (1 - DIRT) * CONTROLLER for each in hours]  # Wh a day for each W peak
    taken_w = (load_w + OWN_W) * (1 - STORED + STORED / CHARGING)
    panel_w = taken_w * 24 * 7 / sum(usable)
    missing = deepest = 0.0
    for day in usable:
        deepest = max(deepest, missing + load_w * sunrise_h)  # before the sun rises
        missing += taken_w * 24 - panel_w * day
    return panel_w, deepest / (COLD[latitude] * (1 - LOCKED))


def simulated(latitude):
    """Return the same of every case, in the order of CASES."""
    place = Place(latitude, 8.0)
    one = Panel(peak_w=1.0, tilt_deg=tilt(latitude))
    week = under(place, one, [of_days(NOVEMBER_WEEK, START.timestamp())], STEP_S)
    loads = np.array([[battery_w(PROFILES[board], steady(cadence_s))] for board, cadence_s in CASES])
    guess = np.array([by_hand(latitude, float(load[0])) for load in loads])

    def lived(panels_w, batteries_wh, loads_w, charge):
        panel = Panel(peak_w=panels_w, tilt_deg=one.tilt_deg)
        return live(
            week, panel, Battery(capacity_wh=batteries_wh), loads_w, Controller(), Enclosure(), charge
        )

    # A battery so large that it is never full or empty: its charge at the end is a straight line of the panel's size.
    large = loads * 24 * 60
    ends = [lived(guess[:, :1] * scale, large, loads, 0.6).end_charge[:, 0] for scale in (0.7, 1.3)]
    panels_w = guess[:, 0] * (0.7 + 0.6 * (0.6 - ends[0]) / (ends[1] - ends[0]))
    scales = np.linspace(0.7, 1.4, 71)
    many = [np.repeat(each, len(scales))[:, None] for each in (panels_w, loads[:, 0])]
    sizes = np.outer(guess[:, 1], scales)
    off_s = lived(many[0], sizes.reshape(-1, 1), many[1], 1.0).off_s.reshape(sizes.shape)
    assert (off_s[:, 0] > 0).all()
    assert (off_s[:, -1] == 0).all()
    smallest = [size[off == 0].min() for size, off in zip(sizes, off_s, strict=True)]
    return list(zip(panels_w, smallest, strict=True))


@pytest.mark.parametrize("latitude", [40, 50])
def test_the_simulation_meets_the_hand(latitude):
    found = simulated(latitude)
    rows = []
    for (board, cadence_s), (panel_w, battery_wh) in zip(CASES, found, strict=True):
        load_w = hand_load_w(board, cadence_s)
        assert battery_w(PROFILES[board], steady(cadence_s)) == pytest.approx(load_w, rel=0.01)
        hand_w, hand_wh = by_hand(latitude, load_w)
        assert panel_w == pytest.approx(hand_w, rel=0.15)
        assert battery_wh == pytest.approx(hand_wh, rel=0.15)
        rows.append((board, cadence_s, load_w, hand_w, panel_w, hand_wh, battery_wh))
    page = (ROOT / "docs/simulate.md").read_text(encoding="utf-8")
    told = [
        line.strip("| ").split(" | ")[1:]
        for line in page.splitlines()
        if line.startswith(f"| {latitude}° N |")
    ]
    assert [name for name, *_ in told] == [name for name, *_ in rows]
    for (_, *said), (_, *numbers) in zip(told, rows, strict=True):
        assert [float(word) for word in said] == pytest.approx(numbers, abs=1)
