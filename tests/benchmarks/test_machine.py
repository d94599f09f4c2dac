import os
import subprocess

import pytest

from benchmarks.machine import commit, describe, warnings


@pytest.fixture
def pi(tmp_path):
    """Return a root folder that looks like a Raspberry Pi 5."""
    files = {
        "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd asimddp crc32\n\nModel\t\t: Raspberry Pi 5 Model B\n",
        "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
        "proc/loadavg": "0.10 0.20 0.30 1/100 42\n",
        "proc/meminfo": "MemTotal:        8000000 kB\nMemFree: 1 kB\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "2400000\n",
        "sys/class/thermal/thermal_zone0/temp": "51000\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_board_is_described(pi):
    about = describe(pi)
    assert about["cpu"] == "Raspberry Pi 5 Model B"
    assert about["board"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert about["int8_instructions"] == ["asimddp"]
    assert (about["governor"], about["frequency_max_khz"]) == ("ondemand", 2_400_000)
    assert (about["memory_bytes"], about["temperature_mc"]) == (8_192_000_000, 51_000)
    assert about["load_before"] == ["0.10", "0.20", "0.30"]
    assert about["page_bytes"] in {4096, 16384, 65536}
    assert about["packages"]["numpy"]


def test_a_core_without_a_name_is_told_by_its_part(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("CPU implementer\t: 0x41\nCPU part\t: 0xd0b\n")
    assert describe(tmp_path)["cpu"] == "implementer 0x41, part 0xd0b"


def test_unknown_is_none(tmp_path):
    about = describe(tmp_path)
    for key in (
        "cpu",
        "board",
        "governor",
        "frequency_max_khz",
        "memory_bytes",
        "temperature_mc",
        "load_before",
    ):
        assert about[key] is None
    assert warnings(about) == []


def test_what_makes_figures_doubtful_is_told(pi):
    assert [line.split(":")[0] for line in warnings(describe(pi))] == ["the governor is 'ondemand'"]
    busy = describe(pi) | {"cores": 4, "load_before": ["3.5", "1", "1"], "governor": "performance"}
    assert warnings(busy) == ["the machine was busy before: load 3.5 on 4 cores"]


def test_the_commit_of_somebody_elses_checkout_is_not_ours(tmp_path):
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    commands = ("commit", "-q", "--allow-empty", "--no-verify", "-m", "x")
    subprocess.run(["git", "-C", tmp_path, *who, *commands], check=True)
    package = tmp_path / "venv/site-packages/benchmarks"
    package.mkdir(parents=True)
    assert commit(package) is None


def test_a_changed_checkout_is_dirty_and_is_only_read(tmp_path):
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    package = tmp_path / "benchmarks"
    package.mkdir()
    (package / "one.py").touch()
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "--no-verify", "-m", "x")):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    head = subprocess.run(
        ["git", "-C", tmp_path, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    os.utime(
        package / "one.py", (1, 1)
    )  # as touched, which makes git look again and would be noted in its index
    before = (tmp_path / ".git/index").read_bytes()
    assert commit(package) == head.stdout.strip()
    assert (tmp_path / ".git/index").read_bytes() == before
    (package / "one.py").write_text("changed")
    assert commit(package) == f"{head.stdout.strip()}-dirty"
