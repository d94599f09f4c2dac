"""What a charger says is read back byte by byte, with a reader written from the protocol alone."""

import os
import select
from dataclasses import replace
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.device.ve_direct import VeDirect
from firmware_sim.physics.panel import Panel
from firmware_sim.vedirect import Cable, Charger, SerialLine, block
from tests.firmware_sim.test_body import MOMENT

PANEL = Panel(peak_w=60.0, tilt_deg=65.0)


def read_block(data):
    """Return the fields of the first block, whose bytes add up to 0."""
    end = data.index(b"\r\nChecksum\t") + len(b"\r\nChecksum\t") + 1
    assert sum(data[:end]) % 256 == 0
    lines = data[: end - 1].split(b"\r\n")
    assert lines[0] == b""
    return dict(line.decode("ascii").split("\t") for line in lines[1:-1])


def heard(line, count, wait_s=5.0):
    """Return so many bytes of what a reader gets."""
    data = b""
    reader = os.open(line.path, os.O_RDONLY | os.O_NOCTTY)
    try:
        while len(data) < count and select.select([reader], [], [], wait_s)[0]:
            data += os.read(reader, 4096)
    finally:
        os.close(reader)
    return data


def test_a_block_adds_up_to_nothing():
    assert sum(block({"V": "12800", "I": "-15"})) % 256 == 0
    assert read_block(block({"V": "12800", "I": "-15"})) == {"V": "12800", "I": "-15"}


def test_a_charger_says_how_it_is():
    fields = Charger(PANEL).fields(MOMENT)
    assert (fields["V"], fields["I"], fields["IL"]) == ("13210", "40", "290")
    assert (fields["PPV"], fields["CS"], fields["MPPT"], fields["LOAD"]) == ("20", "3", "2", "ON")
    assert "SOC" not in fields  # it alone knows none
    assert Charger(PANEL, shunt=True).fields(MOMENT)["SOC"] == "732"


@pytest.mark.parametrize(
    ("stage", "state"), [("off", "0"), ("bulk", "3"), ("absorption", "4"), ("float", "5")]
)
def test_the_stages_have_the_protocols_numbers(stage, state):
    assert Charger(PANEL).fields(replace(MOMENT, stage=stage))["CS"] == state


def test_the_load_output_is_off_after_the_cut_off():
    assert Charger(PANEL).fields(replace(MOMENT, on=False))["LOAD"] == "OFF"


def test_its_counters_go_by_the_day():
    charger = Charger(PANEL)
    for hour in range(7):  # from noon to 18 h
        fields = charger.fields(replace(MOMENT, time_s=MOMENT.time_s + 3600 * hour, panel_w=20.0 + hour))
    assert (fields["H20"], fields["H21"], fields["HSDS"]) == ("14", "26", "0")  # 141 Wh
    fields = charger.fields(replace(MOMENT, time_s=MOMENT.time_s + 13 * 3600, panel_w=0.0))
    assert (fields["H19"], fields["H20"], fields["H22"], fields["H23"], fields["HSDS"]) == (
        "14",
        "0",
        "14",
        "26",
        "1",
    )


def test_a_line_speaks_once_a_second_of_simulated_time():
    line = SerialLine(Charger(PANEL))
    try:
        for tenth in range(25):
            line.show(replace(MOMENT, time_s=MOMENT.time_s + tenth / 10, charge=0.5))
        size = len(block(Charger(PANEL).fields(MOMENT)))
        data = heard(line, 3 * size)
        assert data.count(b"\r\nChecksum\t") == 3
        assert read_block(data)["V"] == "13210"
    finally:
        line.close()


def test_nobody_need_listen():
    line = SerialLine(Charger(PANEL))
    try:
        for second in range(500):
            line.show(replace(MOMENT, time_s=MOMENT.time_s + second))
        assert heard(line, 1)
    finally:
        line.close()


def test_a_cable_says_the_block_of_now_or_nothing():
    said = [MOMENT, None]
    device = VeDirect(
        Path("/dev/ttyUSB0"), SystemClock(), lambda _: Cable(Charger(PANEL), lambda: said.pop(0))
    )
    assert device.read()["V"] == "13210"
    assert device.read()["V"] == "13210"  # the newest one that came
    assert not said
