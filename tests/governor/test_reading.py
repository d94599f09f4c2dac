"""What is believed of sensors that may lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.governor.reading import NEEDED, SAMPLES, Belief, Flags, Quantity, Sample, Trust, bounds_of

HOUR_NS = 3_600_000_000_000
VOLTS = bounds_of(12.0)["voltage_v"]


def trust(*values: float | None, quantity: Quantity = "voltage_v") -> Trust:
    made = Trust(quantity, bounds_of(12.0)[quantity])
    for number, value in enumerate(values):
        made.see(value, number * 10_000_000_000)
    return made


def test_so_many_of_the_last_samples_make_a_reading() -> None:
    assert trust(12.1, 12.2).value is None
    assert trust(12.1, 12.2, 12.3).value == 12.2
    assert trust(*[12.0] * 3, 0.0, 0.0).value == 12.0
    assert trust(*[12.0] * 2, 0.0, 0.0, 0.0).value is None


def test_one_reading_that_is_off_moves_nothing() -> None:
    assert trust(12.5, 12.5, 12.4, 9.5, 12.5).value == 12.5


@pytest.mark.parametrize("value", [0.0, 5.0, 17.0, -12.0])
def test_an_implausible_voltage_is_unknown_and_said(value: float) -> None:
    made = trust(*[value] * SAMPLES)
    assert made.value is None
    assert made.doubt == f"{value:g} V is implausible"


def test_an_empty_battery_that_feeds_a_board_is_implausible() -> None:
    assert trust(*[0.0] * SAMPLES, quantity="charge").value is None
    assert trust(*[1.0] * SAMPLES, quantity="charge").value == 1.0


def test_a_sensor_that_never_was_is_no_doubt_but_one_that_went_is() -> None:
    assert trust(*[None] * SAMPLES).doubt is None
    gone = trust(*[12.0] * SAMPLES, *[None] * NEEDED)
    assert gone.value is None
    assert gone.doubt == "it says nothing any more"


def test_what_never_changes_is_stuck_until_it_does() -> None:
    made = Trust("voltage_v", VOLTS)
    for minute in range(3 * 60 + 1):
        made.see(12.34, minute * HOUR_NS // 60)
    assert made.value is None
    assert made.doubt == "12.34 V to the last digit for 3 h: it is stuck"
    made.see(12.35, 4 * HOUR_NS)
    assert made.value == 12.34
    assert made.doubt is None


def test_a_full_battery_may_stay_full() -> None:
    for value, known in ((1.0, True), (0.4, False)):
        made = Trust("charge", bounds_of(12.0)["charge"])
        for hour in range(60):
            made.see(value, hour * HOUR_NS)
        assert (made.value is not None) is known


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=30))
def test_what_is_believed_is_always_plausible(values: list[float | None]) -> None:
    value = trust(*values).value
    assert value is None or VOLTS.least < value <= VOLTS.most


def test_a_flag_counts_that_most_samples_have() -> None:
    flags = Flags()
    flags.see(("throttled",))
    flags.see(("throttled", "under-voltage"))
    assert flags.value is None
    flags.see(("throttled",))
    assert flags.value == ("throttled",)
    flags.see(None)
    flags.see(None)
    flags.see(None)
    assert flags.value is None


def test_doubts_name_the_quantity_and_faults_of_sensors_stand_beside_them() -> None:
    belief = Belief(12.0)
    for number in range(SAMPLES):
        readings = belief.see(Sample(voltage_v=0.0, temperature_c=50.0 + number), number, {"file": "gone"})
    assert readings.temperature_c == 52.0
    assert readings.voltage_v is None
    assert readings.doubts == {"voltage_v": "0 V is implausible", "file": "gone"}
