"""What every device must do, over boards made of files and over this machine."""

import pytest
from boards import PI4, PI5, answers, battery, raspberry_pi, write

from edge.device.device import Condition
from edge.device.linux import LinuxDevice

THROTTLED = "throttled=0x50005\n"


def empty(root):
    return LinuxDevice(root, answers())


def pi4(root):
    return LinuxDevice(raspberry_pi(root, PI4), answers(get_throttled=THROTTLED))


def pi5_on_battery(root):
    return LinuxDevice(battery(raspberry_pi(root, PI5)), answers())


def garbage(root):
    write(
        root,
        {
            "proc/device-tree/model": "\0",
            "proc/loadavg": "nan",
            "proc/meminfo": "MemTotal: lots\nMemAvailable:\n",
            "sys/class/thermal/thermal_zone0/temp": "hot",
            "sys/class/power_supply/BAT0/type": "Battery",
            "sys/class/power_supply/BAT0/capacity": "250",
        },
    )
    return LinuxDevice(root, answers())


def this_machine(_root):
    return LinuxDevice()


@pytest.mark.parametrize("make", [empty, pi4, pi5_on_battery, garbage, this_machine])
def test_every_device_keeps_the_contract(make, tmp_path):
    device = make(tmp_path)
    assert device.model is None or device.model.strip("\0 \n") == device.model != ""
    assert device.memory_total_bytes is None or device.memory_total_bytes > 0
    for _ in range(2):
        condition = device.read()
        assert condition.temperature_c is None or -50 < condition.temperature_c < 150
        assert condition.charge is None or 0 <= condition.charge <= 1
        assert condition.load_1min is None or condition.load_1min >= 0
        assert condition.memory_available_bytes is None or condition.memory_available_bytes > 0
        assert (condition.throttling is None) == (condition.throttled_since_boot is None)


@pytest.mark.parametrize("make", [empty, garbage])
def test_what_is_not_there_is_unknown(make, tmp_path):
    device = make(tmp_path)
    assert device.model is None
    assert device.memory_total_bytes is None
    assert device.read() == Condition()


def test_a_pi_4_tells_all_it_knows(tmp_path):
    device = pi4(tmp_path)
    assert device.model == PI4
    assert device.memory_total_bytes == 3884360 * 1024
    assert device.read() == Condition(
        temperature_c=48.312,
        throttling=("under-voltage", "throttled"),
        throttled_since_boot=("under-voltage", "throttled"),
        charge=None,
        load_1min=0.52,
        memory_available_bytes=3000000 * 1024,
    )


def test_a_battery_tells_its_charge_and_a_headset_does_not(tmp_path):
    write(
        tmp_path,
        {
            "sys/class/power_supply/A/type": "Battery",
            "sys/class/power_supply/A/scope": "Device",
            "sys/class/power_supply/A/capacity": "12",
        },
    )
    assert LinuxDevice(tmp_path, answers()).read().charge is None
    assert LinuxDevice(battery(tmp_path), answers()).read().charge == 0.87


def test_the_zone_of_the_soc_comes_before_the_first_one(tmp_path):
    write(
        tmp_path,
        {
            "sys/class/thermal/thermal_zone0/type": "acpitz",
            "sys/class/thermal/thermal_zone0/temp": "20000",
            "sys/class/thermal/thermal_zone10/type": "x86_pkg_temp",
            "sys/class/thermal/thermal_zone10/temp": "61000",
        },
    )
    assert LinuxDevice(tmp_path, answers()).read().temperature_c == 61.0


def test_the_kernels_throttling_file_comes_before_a_process(tmp_path):
    raspberry_pi(tmp_path, PI4)
    write(tmp_path, {"sys/devices/platform/soc/soc:firmware/get_throttled": "80008\n"})
    condition = LinuxDevice(tmp_path, answers()).read()
    assert condition.throttling == ("soft-temperature-limit",)
    assert condition.throttled_since_boot == ("soft-temperature-limit",)


def test_no_program_is_started_on_another_board(tmp_path):
    def run(arguments):
        raise AssertionError(arguments)

    write(tmp_path, {"proc/device-tree/model": "Radxa ROCK 5B"})
    assert LinuxDevice(tmp_path, run).read().throttling is None
