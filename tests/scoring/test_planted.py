from scoring.planted import SHIPPED, Plant, planted, row


def plant(condition, *, bare, found, alert=None, contrast="faint", void=False, **more):
    values = {"background": "b", "stream": "cam", "colour": "grey", "cut": None, "small": False}
    return Plant(
        seed=0, condition=condition, contrast=contrast, grey_levels=5.0, bare=bare, void=void,
        found_s={SHIPPED: found, "off": 1.0}, alert_s={SHIPPED: alert, "off": None}, **(values | more),
    )  # fmt: skip


PLANTS = [
    plant("clear", bare=True, found=60.0, alert=120.0),
    plant("clear", bare=True, found=None, contrast="strong", void=True),
    plant("clear", bare=False, found=None),
    plant("fog", bare=True, found=60.0, small=True),
    plant("fog", bare=True, found=90.0, alert=90.0, cut="x"),
]


def test_found_and_lost_are_counted_by_condition():
    found = planted(PLANTS)
    clear, fog = found.by_condition["clear"], found.by_condition["fog"]
    assert (clear.events.count, clear.events.total, clear.bare.count, clear.void) == (1, 3, 2, 1)
    assert (clear.lost_events.count, clear.lost_events.total) == (1, 2)
    assert (fog.lost_events.count, fog.lost_alerts.count, fog.lost_alerts.total) == (0, 1, 2)
    assert (found.worst_events, found.all.events.count, found.all.alerts.count) == (None, 3, 2)
    assert (found.small.events.total, found.cut.events.total) == (1, 1)
    assert found.by_both["clear"]["strong"].events.total == 1


def test_the_worst_condition_has_enough_finds_to_tell():
    """One of one is lost at night, three of eight in fog."""
    some = [plant("night", bare=True, found=None)]
    some += [plant("fog", bare=True, found=None if i < 3 else 60.0, alert=60.0) for i in range(8)]
    found = planted(some)
    assert (found.worst_events, found.worst_alerts) == ("fog", None)


def test_another_decision_has_its_own_count():
    assert row(PLANTS, "off").events.count == 5
    assert row(PLANTS, "off").alerts.count == 0


def test_nothing_planted_is_no_share():
    assert row([]).events.share is None
