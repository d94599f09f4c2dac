"""The unit and the log's limits."""

from pathlib import PurePosixPath

import pytest

from deploy.layout import Layout
from deploy.unit import journal_limits, render_unit
from edge.errors import SettingsError

BOARD = Layout(PurePosixPath("/"), "pi", "pi")


def test_the_service_is_watched_confined_and_never_given_up() -> None:
    unit = render_unit(BOARD, video=True).splitlines()
    for line in (
        "Type=notify", "WatchdogSec=60", "Restart=always", "StartLimitIntervalSec=0", "User=firetower",
        "StateDirectory=firetower", "ProtectSystem=strict", "NoNewPrivileges=yes", "SupplementaryGroups=video",
        "ExecStart=/opt/firetower/current/venv/bin/firetower run /opt/firetower/current/config/tower.toml",
    ):  # fmt: skip
        assert line in unit
    assert "ProtectClock=yes" not in unit  # the daemon asks adjtimex whether the clock is synchronised
    assert not any("$" in line or line.startswith(("MemoryMax", "ReadWritePaths")) for line in unit)


def test_options() -> None:
    unit = render_unit(BOARD, video=False, store=PurePosixPath("/data/events.sqlite"), memory_max_mib=300)
    assert "ReadWritePaths=/data\nMemoryMax=300M\n" in unit
    assert "SupplementaryGroups" not in unit
    inside = render_unit(BOARD, video=False, store=PurePosixPath("/var/lib/firetower/events.sqlite"))
    assert "ReadWritePaths" not in inside
    with pytest.raises(SettingsError, match=r"store\.path"):
        render_unit(BOARD, video=False, store=PurePosixPath("/da ta%n/e.sqlite"))


def test_a_serial_port_is_read_only_where_it_is_configured() -> None:
    port = "/dev/serial/by-id/usb-VictronEnergy_BV_VE_Direct_cable_VE1-if00-port0"
    unit = render_unit(BOARD, video=True, serial=port)
    assert f"SupplementaryGroups=dialout\nDeviceAllow={port} r\n" in unit
    assert "SupplementaryGroups=video\n" in unit
    without = render_unit(BOARD, video=True)
    assert "dialout" not in without
    assert "/dev/tty" not in without
    assert "/dev/serial" not in without


def test_a_trial_is_the_login_users_own() -> None:
    unit = render_unit(Layout(PurePosixPath("/srv/trial"), "pi", "users"), video=False)
    assert "User=pi\nGroup=users\n" in unit
    assert "ExecStart=/srv/trial/opt/firetower/current/venv/bin/firetower " in unit


def test_the_journal_is_bounded() -> None:
    assert "SystemMaxUse=64M" in journal_limits()


@pytest.mark.parametrize(
    "store",
    [
        "/events.sqlite", "//events.sqlite", "//etc/events.sqlite", "/etc/events.sqlite", "/etc/firetower/x/e.sqlite",
        "/usr/local/e.sqlite", "/boot/e.sqlite", "/boot/firmware/e.sqlite", "/home/e.sqlite", "/home/pi/e.sqlite",
        "/root/e.sqlite", "/opt/firetower/e.sqlite", "/opt/firetower/releases/x/e.sqlite", "/opt/e.sqlite",
        "/var/lib/e.sqlite", "/var/e.sqlite", "/var/log/e.sqlite", "/tmp/e.sqlite", "/var/tmp/e.sqlite",
        "/run/e.sqlite",
        "/dev/shm/e.sqlite", "/proc/e.sqlite", "/sys/e.sqlite", "/lib/e.sqlite", "/bin/e.sqlite", "/srv/e.sqlite",
        "/mnt/e.sqlite", "/data/../etc/e.sqlite",
    ],
)  # fmt: skip
def test_a_store_in_a_folder_of_the_system_is_refused(store: str) -> None:
    with pytest.raises(SettingsError, match=r"^store\.path: "):
        render_unit(BOARD, video=False, store=PurePosixPath("/", *PurePosixPath(store).parts[1:]))


@pytest.mark.parametrize(
    "store", ["/data/e.sqlite", "/srv/firetower/e.sqlite", "/mnt/usb/e.sqlite", "/opt/tower/e"]
)
def test_a_store_in_a_folder_of_its_own_is_let_in(store: str) -> None:
    unit = render_unit(BOARD, video=False, store=PurePosixPath(store))
    assert f"ReadWritePaths={PurePosixPath(store).parent}\n" in unit
