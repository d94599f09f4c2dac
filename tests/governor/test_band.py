"""Rows of the table, and what is none."""

from pathlib import Path

import msgspec
import pytest

from edge.governor.band import ECONOMIES, Band, built_in, check_bands


def test_the_built_in_table_is_one_and_ends_with_the_cut_off() -> None:
    bands = built_in()
    check_bands(bands)
    assert [band.name for band in bands if band.economy == "cut_off"] == ["last"]
    assert bands[-1].name == "last"


def cell(value: object) -> str:
    if not value:
        return "–"
    if isinstance(value, tuple):
        return ", ".join(one if isinstance(one, str) else f"{one:g}" for one in value)
    return f"{value:g}"


def test_the_page_shows_the_built_in_table() -> None:
    page = (Path(__file__).parents[2] / "docs/governor.md").read_text()
    for band in built_in():
        slow, sleeps = "cadence" in band.economies, band.economy == "sleep"
        cells = (
            band.charge, band.voltage_v, band.temperature_c, band.throttling, band.risk, band.hours,
            band.cadence if slow else None, band.sleep_s if sleeps else None, band.watch_s if sleeps else None,
        )  # fmt: skip
        row = f"| `{band.name}` | `{band.economy}` | {' | '.join(map(cell, cells))} |"
        assert row in page


def test_a_harsher_economy_holds_all_before_it() -> None:
    assert ECONOMIES == ("pictures", "page", "threads", "cadence", "sleep", "cut_off")
    assert Band(name="a", economy="cadence", charge=(0.1, 0.2)).economies == ECONOMIES[:4]


def test_the_limits_of_a_battery_of_24_v_are_twice_those_of_12_v() -> None:
    for twelve, double in zip(built_in(), built_in(24.0), strict=True):
        if twelve.voltage_v is not None:
            assert double.voltage_v == pytest.approx([2 * volts for volts in twelve.voltage_v])


def test_a_lifepo4_battery_has_voltages_of_its_own_which_the_page_shows() -> None:
    page = (Path(__file__).parents[2] / "docs/governor.md").read_text()
    for band, other in zip(built_in(chemistry="lifepo4"), built_in(), strict=True):
        assert band.charge == other.charge
        if band.voltage_v is not None:
            assert band.voltage_v != other.voltage_v
            assert f"`{band.name}` {cell(band.voltage_v)}" in page


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"charge": (0.3, 0.3)}, "charge"),
        ({"charge": (0.3, 1.2)}, "charge"),
        ({"voltage_v": (12.2, 12.0)}, "voltage_v"),
        ({"temperature_c": (70, 80)}, "temperature_c"),
        ({"hours": ("21:00", "21:00")}, "hours"),
        ({"hours": ("21:00", "24:00")}, "hours"),
        ({}, "no limit"),
        ({"economy": "cut_off", "temperature_c": (90, 80)}, "cut_off"),
        ({"economy": "cut_off", "charge": (0.1, 0.2), "risk": ("low",)}, "cut_off"),
        ({"economy": "cut_off", "hours": ("21:00", "05:00")}, "cut_off"),
    ],
)
def test_what_is_no_row_says_which_key(row: dict[str, object], said: str) -> None:
    band = Band(**{"name": "a", "economy": "sleep", **row})
    with pytest.raises(ValueError, match=said) as error:
        check_bands([band])
    assert str(error.value).startswith("[0].")


def test_two_rows_have_two_names() -> None:
    band = built_in()[0]
    with pytest.raises(ValueError, match=r"^\[1\]\.name"):
        check_bands([band, band])


def test_rows_come_from_a_file_and_are_strict() -> None:
    row = {"name": "a", "economy": "sleep", "charge": [0.2, 1], "hours": ["21:00", "05:00"]}
    assert msgspec.convert(row, Band).charge == (0.2, 1.0)
    with pytest.raises(msgspec.ValidationError, match="voltage"):
        msgspec.convert({**row, "voltage": [11, 12]}, Band)
