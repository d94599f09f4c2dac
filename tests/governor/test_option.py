"""The section `[governor]`."""

from pathlib import Path

import pytest

from edge.errors import SettingsError
from edge.governor.band import built_in
from edge.settings import Settings, load, parse

CAMERA = {"cameras": {"a": {"uri": "scene:"}}}
ROW = {"name": "a", "economy": "sleep", "voltage_v": [11.8, 12.3]}


def parsed(**governor: object) -> Settings:
    return parse({**CAMERA, "governor": governor}, Path("/"))


def test_without_the_section_there_is_no_governor_and_an_empty_one_has_the_built_in_table() -> None:
    assert parse(CAMERA, Path("/")).governor is None
    options = parsed().governor
    assert options is not None
    assert options.table == built_in()
    of_24 = parsed(battery_v=24).governor
    assert of_24 is not None
    assert of_24.table == built_in(24)
    lithium = parsed(chemistry="lifepo4").governor
    assert lithium is not None
    assert lithium.table == built_in(chemistry="lifepo4")


def test_rows_come_from_toml(tmp_path: Path) -> None:
    (tmp_path / "tower.toml").write_text(
        '[cameras.a]\nuri = "scene:"\n[governor]\nve_direct = "/dev/ttyUSB0"\ncommand = ["/usr/bin/true"]\n'
        '[[governor.bands]]\nname = "night"\neconomy = "sleep"\nhours = ["21:00", "05:00"]\ncharge = [0.3, 1]\n'
    )
    options = load(tmp_path / "tower.toml").governor
    assert options is not None
    assert [band.name for band in options.table] == ["night"]
    assert options.table[0].charge == (0.3, 1.0)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"ve_direct": "ttyUSB0"}, "governor.ve_direct: "),
        ({"ve_direct": "/dev/../etc/passwd"}, "governor.ve_direct: "),
        ({"ve_direct": "/dev/tty USB0"}, "governor.ve_direct: "),
        ({"file": "charge.toml"}, "governor.file: "),
        ({"command": "charge"}, "governor.command: "),
        ({"command": ["charge"]}, "governor.command: "),
        ({"battery_v": 0}, "governor.battery_v: "),
        ({"chemistry": "lithium"}, "governor.chemistry: "),
        ({"bands": []}, "governor.bands: "),
        (
            {"bands": [{**ROW, "voltage": [1, 2]}]},
            "governor.bands[0]: unknown key 'voltage'; did you mean 'voltage_v'",
        ),
        ({"bands": [{**ROW, "voltage_v": [12.3, 11.8]}]}, "governor.bands[0].voltage_v: "),
        ({"bands": [ROW, ROW]}, "governor.bands[1].name: "),
        ({"bands": [{**ROW, "economy": "nap"}]}, "governor.bands[0].economy: "),
        ({"band": [ROW]}, "governor: unknown key 'band'; did you mean 'bands'"),
    ],
)
def test_what_is_wrong_begins_with_its_key(section: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError) as error:
        parsed(**section)
    assert str(error.value).startswith(said)
