"""Which layers get fewer bits."""

from training.quantize.bits import mixed


def row(layer, weights, four, two):
    return {"layer": layer, "weights": weights, "int4": {"loss_cost": four}, "int2": {"loss_cost": two}}


def test_the_mixed_choice_spends_its_budget_where_it_saves_most():
    layers = [
        row("big", 1000, 0.001, 0.01),
        row("small", 10, 0.001, 0.002),
        row("dear", 1000, 0.5, 0.9),
    ]
    assert mixed(layers, 0.02) == {"big": 2, "small": 2, "dear": 8}
    assert mixed(layers, 0.0015) == {"big": 4, "small": 8, "dear": 8}
    assert mixed(layers, 0.0) == {"big": 8, "small": 8, "dear": 8}


def test_the_mixed_choice_takes_steps_that_cost_nothing_or_less_than_the_one_before():
    costs = [("free", -0.01, -0.02), ("late", 0.010, 0.011), ("half", 0.0, 5.0)]
    layers = [row(name, 100, four, two) for name, four, two in costs]
    assert mixed(layers, 0.02) == {"free": 2, "late": 2, "half": 4}
    assert mixed(layers, 0.0) == {"free": 2, "late": 8, "half": 4}
