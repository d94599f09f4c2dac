"""From a survey to a verdict."""

from dataclasses import replace

import pytest

from deploy.board import Board, judge, judge_space, parse
from deploy.errors import TargetError

NOW_S = 1_800_000_000


def texts(board: Board, level: str = "refuse", *, trial: bool = False) -> str:
    found = judge(board, NOW_S, trial=trial)
    return "; ".join(finding.text for finding in found if finding.level == level)


def test_a_good_board_is_taken_without_a_word(survey: str) -> None:
    board = parse(survey)
    assert judge(board, NOW_S) == []
    assert board.summary() == (
        "Raspberry Pi 4 Model B Rev 1.4, Debian GNU/Linux 12 (bookworm), Python 3.11.2, 3978 MB"
    )
    assert board.python_minor == "3.11"
    assert board.current is None
    assert board.glibc == 36


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"architecture": "armhf"}, "install the 64-bit Raspberry Pi OS"),
        ({"architecture": "armhf", "kernel_machine": "armv7l"}, "architecture armhf; expected arm64"),
        ({"glibc": None}, "install Debian 12 or 13"),
        ({"glibc": 27}, "install Debian 12 or 13"),
        ({"systemd": None}, "systemd is missing"),
        ({"memory_bytes": 200_000_000}, "expected a board of 512 MB or more"),
        ({"page_bytes": 1 << 17}, "memory pages of 131072 bytes"),
        ({"python_version": "3.9.2"}, "Python 3.9.2; expected one of 3.11, 3.12, 3.13"),
        ({"python_version": ""}, "Python none"),
        ({"venv": False}, "sudo apt install python3-venv"),
        ({"rights": "no"}, "NOPASSWD"),
        ({"read_only": ("/opt/firetower",)}, "mount -o remount,rw /"),
        ({"overlay_root": True}, "raspi-config"),
        ({"foreign_unit": "/etc/systemd/system/firetower.service"}, "was not made by a deployment"),
    ],
)
def test_an_unfit_board_is_refused_and_the_reason_says_what_to_do(
    pi4: Board, changes: dict, advice: str
) -> None:
    assert advice in texts(replace(pi4, **changes))


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"architecture": "amd64"}, "x86-64"),
        ({"os_codename": "bullseye"}, "neither Debian 12"),
        ({"memory_bytes": 300 << 20}, "is little"),
        ({"clock_synchronised": False}, "not synchronised"),
        ({"epoch_s": NOW_S - 3600}, "3600 s behind"),
        ({"throttled": "throttled=0x50005"}, "under-voltage, throttled; see to its power supply"),
        ({"throttled": "0x50000"}, "since it booted: under-voltage"),
    ],
)
def test_a_doubtful_board_is_taken_with_a_warning(pi4: Board, changes: dict, doubt: str) -> None:
    board = replace(pi4, **changes)
    assert doubt in texts(board, "warn")
    assert texts(board) == ""


def test_a_pi5_with_pages_of_16_kib_and_an_unknown_board_are_taken(pi4: Board) -> None:
    board = replace(
        pi4,
        page_bytes=16384,
        model=None,
        throttled=None,
        epoch_s=None,
        clock_synchronised=None,
        memory_bytes=None,
    )
    assert texts(board) + texts(board, "warn") == ""


def test_a_trial_needs_no_rights(pi4: Board) -> None:
    assert texts(replace(pi4, rights="no"), trial=True) == ""


def test_wheels_must_fit_on_the_disk(pi4: Board) -> None:
    assert judge_space(pi4, 10**9) == []
    (finding,) = judge_space(replace(pi4, free_bytes=500_000_000), 400_000_000)
    assert "500 MB are free, 610 MB are needed" in finding.text


def test_what_is_no_survey_is_an_error() -> None:
    with pytest.raises(TargetError, match="incomplete"):
        parse("Welcome to tower-7!")


@pytest.mark.parametrize(
    ("said", "active"), [("activating", True), ("active", True), ("failed", False), ("", False)]
)
def test_a_service_that_tries_to_run_is_active(survey: str, said: str, active: bool) -> None:
    assert parse(survey.replace("active=inactive", f"active={said}")).active is active
