from dataclasses import replace
from datetime import UTC, datetime

import pytest

from firmware_sim.physics.battery import Battery
from firmware_sim.physics.enclosure import Enclosure
from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.panel import Panel
from firmware_sim.physics.place import Place
from firmware_sim.physics.plant import Plant, Site
from firmware_sim.physics.profile import PROFILES, Figure
from firmware_sim.physics.weather import draw, of_days

PI4 = PROFILES["pi4"]
START_S = datetime(2026, 11, 10, tzinfo=UTC).timestamp()
HEAT_S = datetime(2026, 7, 10, tzinfo=UTC).timestamp()
SITE = Site(
    place=Place(50.0, 8.0), panel=Panel(peak_w=60.0, tilt_deg=65.0), battery=Battery(capacity_wh=300.0)
)


def plant(site=SITE, profile=PI4, covers=(0.1, 0.1, 1.0), start_s=START_S, **options):
    return Plant(site, profile, of_days(covers, start_s), **options)


def test_time_is_what_it_is_told_and_one_seed_gives_one_life():
    lives = [Plant(SITE, PI4, draw("november", seed, START_S, 3)) for seed in (1, 1, 2)]
    told = [[one.advance(1800.0, 3.0) for _ in range(60)] for one in lives]
    assert told[0] == told[1] != told[2]
    assert told[0][-1].time_s == START_S + 60 * 1800


def test_short_steps_and_long_ones_tell_the_same_story():
    fine, coarse = plant(), plant()
    for _ in range(24 * 60):
        fine.advance(60.0, 3.0)
    coarse.advance(86_400.0, 3.0)
    assert fine.moment.charge == pytest.approx(coarse.moment.charge, abs=0.01)
    assert fine.moment.soc_c == pytest.approx(coarse.moment.soc_c, abs=1)


def test_a_day_and_a_night():
    tower = plant(charge=0.7)
    night = tower.advance(5 * 3600.0, 3.0)
    assert (night.plane_w_m2, night.panel_w, night.stage) == (0, 0, "off")
    assert night.battery_a < 0
    assert night.load_w == pytest.approx(3.0 / 0.9)
    noon = tower.advance(7 * 3600.0, 3.0)
    assert noon.plane_w_m2 > 400
    assert noon.stage == "bulk"
    assert noon.battery_a > 0
    assert noon.charge > night.charge


def test_energy_is_neither_lost_nor_made():
    tower = plant(charge=0.5, covers=(1.0, 0.5))
    site = SITE
    before = tower.moment.charge * 300
    given_wh = taken_wh = charged_wh = 0.0
    for _ in range(288):
        moment = tower.advance(300.0, 3.0)
        given_wh += moment.panel_w / 12
        taken_wh += (moment.load_w + site.controller.own_w) / 12
        charged_wh += max(0.0, moment.panel_w - moment.load_w - site.controller.own_w) / 12
    held_wh = moment.charge * 300 - before
    assert held_wh == pytest.approx(given_wh - taken_wh - 0.04 * charged_wh, abs=0.3)


def test_an_empty_battery_ends_the_board_and_the_sun_brings_it_back():
    small = replace(SITE, battery=Battery(capacity_wh=60.0))
    tower = plant(small, covers=(1.0, 1.0, 0.0), charge=0.5)
    seen = [tower.advance(600.0, 4.0) for _ in range(3 * 144)]
    dark = [moment for moment in seen if not moment.on]
    assert dark
    assert seen[-60].on or seen[-72].on
    assert {moment.board_w for moment in dark} == {0}
    assert all(moment.throttled == 0 for moment in dark)
    assert min(moment.charge for moment in seen) >= 0


def test_a_box_in_the_sun_throttles_the_board_and_it_stays_known_until_the_board_loses_power():
    hot = replace(SITE, enclosure=Enclosure(sun_m2=0.09, loss_w_k=1.2))
    tower = plant(hot, covers=(0.0, 0.0, 0.0), start_s=HEAT_S)
    seen = [tower.advance(600.0, 4.5) for _ in range(144)]
    hottest = max(seen, key=lambda moment: moment.soc_c)
    assert hottest.soc_c > 80
    assert hottest.throttled & 0x2
    assert hottest.clock_share < 1
    assert tower.advance(7200.0, 1.0).throttled == hottest.throttled & 0xF0000 != 0
    mild = plant(covers=(0.0, 0.0, 0.0), start_s=HEAT_S)
    assert max(mild.advance(600.0, 3.0).soc_c for _ in range(144)) < 80


def test_thin_wire_and_a_peak_make_the_board_see_a_weak_supply():
    thin = replace(PI4, wire_ohm=Figure(0.5, "assumed"))
    assert plant(profile=thin).advance(60.0, 3.0).throttled == 0
    assert plant(profile=thin).advance(60.0, 3.0, peak_w=6.4).throttled == 0x50005


def test_snow_on_the_panel_takes_its_light_until_the_sun_is_strong():
    high = replace(SITE, place=Place(50.0, 8.0, 1000.0))
    january_s = datetime(2026, 1, 10, tzinfo=UTC).timestamp()
    tower, bare = (plant(high, covers=(1.0, 0.0), start_s=january_s, charge=0.6) for _ in range(2))
    tower.cover_panel(1.0)
    for one in (tower, bare):
        one.advance(12 * 3600.0, 3.0)
    assert tower.moment.panel_w == 0 < bare.moment.panel_w
    assert tower.moment.snow == 1
    assert tower.advance(36 * 3600.0, 3.0).snow == 0
    with pytest.raises(PhysicsError, match="snow"):
        tower.cover_panel(1.1)


def test_other_devices_hang_on_the_battery_too():
    assert plant().advance(600.0, 3.0, other_w=5.0).load_w == pytest.approx(3.0 / 0.9 + 5)


def test_time_does_not_run_backwards_or_past_the_weather():
    tower = plant()
    for seconds in (-1.0, 3 * 86_400 + 1.0):
        with pytest.raises(PhysicsError, match="cannot advance"):
            tower.advance(seconds, 3.0)
    tower.advance(3 * 86_400.0, 3.0)
    with pytest.raises(PhysicsError, match="charge"):
        plant(charge=1.1)
