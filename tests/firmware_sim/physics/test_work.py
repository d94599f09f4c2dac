import json
from pathlib import Path

import pytest

from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.profile import PROFILES, Figure, find_profile
from firmware_sim.physics.work import Work, battery_w, energy_of, steady

ROOT = Path(__file__).parents[3]
COUNTS = json.loads((ROOT / "arm64/budget.json").read_text())["counts"]
PI4 = PROFILES["pi4"]


@pytest.mark.parametrize("name", PROFILES)
def test_every_figure_says_where_it_is_from(name):
    figures = find_profile(name).figures()
    assert len(figures) == 10
    for figure in figures.values():
        assert isinstance(figure, Figure)
        assert figure.value > 0
        assert "assumed" in figure.source or "docs/" in figure.source
    assert find_profile(name).label == f"simulated:{name}"


@pytest.mark.parametrize(
    ("name", "counted", "core_w"), [("pi-zero-2w", "pi3", 0.48), ("pi4", "pi4", None), ("pi5", "pi5", None)]
)
def test_energies_are_the_counted_instructions_times_a_cores_power(name, counted, core_w):
    profile = find_profile(name)
    inference = COUNTS[f"{counted} litert inference"]["total"]
    rest = COUNTS[f"{counted} litert frame"]["total"] - inference
    per_clock = {"pi-zero-2w": 0.7, "pi4": 1.0, "pi5": 1.5}[name]
    joule = (core_w or profile.board.watts_per_busy_core) / (profile.board.clock_mhz * 1e6 * per_clock)
    assert profile.score_j.value == pytest.approx(inference * joule, rel=1e-6)
    assert profile.convert_j_mp.value == pytest.approx(rest * joule / 1.5552, rel=1e-6)
    assert profile.asleep_w.value == profile.board.idle_w


def test_energy_is_counts_times_costs_and_each_count_counts():
    counts = {
        "awake_s": 60,
        "asleep_s": 5,
        "camera_s": 30,
        "decoded_mp": 4,
        "converted_mp": 3,
        "scored": 2,
        "sent_bytes": 1e6,
    }
    costs = (
        PI4.awake_w,
        PI4.asleep_w,
        PI4.camera_w,
        PI4.decode_j_mp,
        PI4.convert_j_mp,
        PI4.score_j,
        PI4.send_j_byte,
    )
    energy = energy_of(PI4, Work(**counts))
    assert list(energy.joules.values()) == pytest.approx(
        [count * cost.value for count, cost in zip(counts.values(), costs, strict=True)]
    )
    assert energy.total_j == pytest.approx(sum(energy.joules.values()))
    assert energy.source == "simulated:pi4"


def test_work_adds_up():
    assert steady(30.0) + steady(30.0) == Work(
        awake_s=2, camera_s=2, decoded_mp=2 * 2.0736 / 30, converted_mp=2 * 2.0736 / 30, scored=2 / 30
    )


def test_a_faster_cadence_and_a_second_camera_cost_more():
    assert battery_w(PI4, steady(30)) > battery_w(PI4, steady(300)) > PI4.awake_w.value
    assert battery_w(PI4, steady(30, cameras=2)) > battery_w(PI4, steady(30)) + 0.7
    assert battery_w(PI4, steady(30), 5.0) == pytest.approx(battery_w(PI4, steady(30)) + 5)


def test_what_is_no_work_or_profile_is_refused():
    with pytest.raises(PhysicsError, match="below 0"):
        Work(scored=-1)
    for cadence_s in (0, -1, float("nan")):
        with pytest.raises(PhysicsError, match="cadence"):
            steady(cadence_s)
    with pytest.raises(PhysicsError, match="pi-zero-2w, pi4, pi5"):
        find_profile("pi6")
