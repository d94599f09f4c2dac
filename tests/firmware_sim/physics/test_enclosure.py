import pytest

from firmware_sim.physics.enclosure import Enclosure, inside_c

BOX = Enclosure()


def test_it_ends_where_gain_and_loss_meet():
    assert inside_c(BOX, 10.0, 10.0, 0.0, 3.0, 1e9) == pytest.approx(10 + 3 / BOX.loss_w_k)
    assert inside_c(BOX, 10.0, 10.0, 1000.0, 0.0, 1e9) == pytest.approx(10 + 1000 * BOX.sun_m2 / BOX.loss_w_k)


def test_many_short_steps_are_one_long_one():
    celsius = 10.0
    for _ in range(60):
        celsius = inside_c(BOX, celsius, 30.0, 500.0, 4.0, 60.0)
    assert celsius == pytest.approx(inside_c(BOX, 10.0, 30.0, 500.0, 4.0, 3600.0))


def test_a_heavier_box_warms_more_slowly():
    heavy = Enclosure(heat_j_k=100_000.0)
    assert inside_c(heavy, 10.0, 30.0, 0.0, 0.0, 3600.0) < inside_c(BOX, 10.0, 30.0, 0.0, 0.0, 3600.0)
