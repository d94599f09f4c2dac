"""The edge test suite in the userland: all of it as a Pi 4, what exercises the model also as a Pi 3 and a Pi 5.

What cannot run there is in `EXCLUDED`, each with its reason; nothing else is left out.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from arm64 import userland
from arm64.board import BOARDS
from arm64.guest import OUT, PROJECT, Guest
from arm64.say import say

# What computes with the model; what reads, probes and imports bundles is the same code on every board, and the golden
# scores are compared on each.
MODEL = (
    *(f"tests/model/test_{part}.py" for part in ("pattern", "preprocess", "runtime", "scores")),
    "tests/test_pipeline.py",
)
SCOPES = {"pi4": ("tests",), "pi3": MODEL, "pi5": MODEL}
_REASONS = {
    "the emulation's own": ("tests/arm64",),
    "a benchmark measures, which emulation cannot": ("tests/benchmarks",),
    "deploy runs on a host, with ssh and sshd": ("tests/deploy",),
    "simulated cameras run on a host, under its system's Python with GStreamer": (
        "tests/firmware_sim",
        "tests/camera/test_reader.py::test_a_real_camera_comes_back_after_its_server_was_restarted",
        "tests/camera/test_access_unit.py::test_a_camera_in_slices_passes_its_check",
        "tests/camera/test_access_unit.py::test_a_live_camera_with_parameter_sets_before_each_slice_is_seen_whole",
        "tests/camera/test_address.py::test_a_stream_is_opened_by_an_address_in_capitals",
        *(
            f"tests/camera/test_rtsp.py::test_{test}"
            for test in (
                "pictures_come_over_the_transport_that_is_asked_for",
                "aspect_mirror_and_the_best_of_several_tracks_come_over_rtsp",
            )
        ),
        *(
            f"tests/camera/test_conformance.py::{test}[{kind}]"
            for kind in ("rtsp", "http")
            for test in (
                "test_a_picture_is_rgb_of_its_stated_size",
                "test_a_source_takes_the_clock_that_it_is_given",
                "test_a_live_camera_does_not_end_and_its_wall_time_is_the_captures",
                "test_a_live_camera_shows_the_clip",
            )
        ),
    ),
    "brokers and receivers are a host's; what goes to them is made in pure Python and kept in SQLite, as events are": (
        "tests/uplink",
        "tests/receive",
        "tests/alert/test_drill.py",
        "tests/alert/test_outbox.py",
        "tests/alert/test_post.py",
    ),
    "training runs on a host, with torch": ("tests/training",),
    "builds and installs a wheel: hatchling and a package registry are a host's": ("tests/test_wheel.py",),
    "the gate is a host's": ("tests/test_gate.py",),
    "networks and what listens to files are the kernel's, which a host asks": ("tests/network",),
    "page faults are counted with those of the emulator": ("tests/camera/test_room.py",),
    "reads the checkout's own sources, which are the same on a host": (
        "tests/test_import_rule.py",
        "tests/test_link.py",
        "tests/test_lock.py",
        "tests/test_sbom.py",
        "tests/test_document.py::test_nobody_else_decodes_a_file_of_others",
    ),
    "a command of another package, found where firetower is installed; the userland has the checkout": (
        *(
            f"tests/test_cli.py::test_help_of_every_command[{name}]"
            for name in ("sim", "bench", "train", "deploy", "watch", "command", "drill")
        ),
        "tests/test_cli.py::test_verbose_may_stand_before_a_command_of_another_package",
    ),
    "whole commands, each after many seconds of imports; what they say and refuse has tests of its own": (
        "tests/command/test_names.py",
        "tests/command/test_check.py",
        "tests/test_cli.py::test_check_tells_which_camera_fails",
        "tests/test_cli.py::test_usage_and_configuration_errors_exit_with_2",
        "tests/test_cli.py::test_what_cannot_be_replayed_exits_with_2_or_1_and_tells_no_password",
        "tests/test_text.py::test_no_escape_of_a_stranger_reaches_a_terminal",
    ),
    "collects the suite without the extra for training, which the userland does not have anyway": (
        "tests/test_extra.py",
    ),
    "QEMU's user mode makes up /proc/self/stat, with no CPU time in it": (
        "tests/device/test_process.py::test_this_process_is_known",
    ),
    "whole daemons over many frames of more than a second each; tests/alert tries the parts": (
        "tests/command/test_run.py",
    ),
    "two commands for each of fifty wrong configurations, of many seconds each; tests/test_settings.py reads them": (
        "tests/command/test_wrong.py",
    ),
    "bounds the resident memory of a process, to which QEMU adds its own": ("tests/camera/test_bomb.py",),
    "two thousand connections to a daemon that scores; tests/web tries places and connections one by one": (
        "tests/web/test_strangers.py",
    ),
    "sixty frames and more, of two seconds each; the golden scores are compared bit for bit": (
        "tests/test_cli.py::test_run_without_a_file_ends_with_an_event_and_the_counters",
        "tests/test_cli.py::test_replay_is_the_same_byte_for_byte_and_expect_tells",
        "tests/test_cli.py::test_check_and_run_say_the_same_of_a_store",
        "tests/test_replay.py::test_the_bundled_model_gives_the_same_bytes_on_the_scene",
        "tests/test_replay.py::test_a_real_sequence_replays_the_same",
        "tests/test_cli.py::test_every_frame_of_a_replay_is_accounted_for",
        "tests/test_cli.py::test_replay_tells_each_frame_as_a_line_of_json",
        "tests/test_daemon.py::test_events_are_on_disk_before_they_are_announced",
        "tests/test_daemon.py::test_a_commit_that_hangs_holds_up_neither_frames_nor_the_end",
        "tests/test_daemon.py::test_a_daemon_that_stands_still_ends_at_once_whatever_holds_its_store",
        "tests/test_daemon.py::test_an_open_event_stays_open_through_the_night_and_says_so",
        "tests/test_daemon.py::test_a_candidate_becomes_an_alert_in_the_store_the_announcements_and_the_counts",
        "tests/test_daemon.py::test_one_frame_that_cannot_be_scored_is_dropped_and_the_next_goes_on",
        "tests/camera/test_darkness.py::test_a_camera_from_dusk_to_dawn",
        "tests/command/test_replay.py",
    ),
    "imports some fifty models, of many seconds each; tests/model/test_probe.py opens many": (
        "tests/model/test_importer.py",
    ),
    "fifty damaged model files, each opened by a process of many seconds; tests/model/test_load.py opens some": (
        "tests/model/test_probe.py::test_a_truncated_file_is_an_error_that_names_it",
        "tests/model/test_probe.py::test_a_file_with_wrong_bytes_loads_or_is_an_error_that_names_it",
    ),
    "QEMU's user mode passes on no TCP_INFO": (
        "tests/http/test_client.py::test_what_goes_over_the_link_is_counted_with_its_handshakes",
        "tests/camera/test_inflow.py::test_only_new_connections_to_the_host_with_too_much_are_shut",
    ),
}
EXCLUDED = {test: why for why, tests in _REASONS.items() for test in tests}
_TEST_TIMEOUT_S = 900
_SESSION_TIMEOUT_S = 1800  # what a loaded machine may take; two idle cores take a fraction
_TIMEOUT_S = _SESSION_TIMEOUT_S + _TEST_TIMEOUT_S + 60
_ENDED, _FAILED, _INTERRUPTED = 0, 1, 2  # pytest's exit codes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What pytest tells of one test that did not pass.

    Attributes:
        test: its node id.
        why: the reason of a skip, or the message of a failure.
    """

    test: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """One run of pytest; `complete` unless its time ran out."""

    passed: int
    failed: tuple[Outcome, ...]
    skipped: tuple[Outcome, ...]
    complete: bool

    @property
    def good(self) -> bool:
        """Whether all tests ran, some passed and none failed."""
        return self.complete and self.passed > 0 and not self.failed


def check(project: Path, work: Path) -> tuple[bool, list[dict[str, Any]]]:
    """Run the suite; return whether all is good, and a record a board."""
    made, out = userland.make(work, project), work / "suite"
    out.mkdir(exist_ok=True)
    boards, good, records = {board.name: board for board in BOARDS}, True, []
    for name, scope in SCOPES.items():
        started = time.monotonic()
        report = run(Guest(made, boards[name], project, out, work / f"views-{name}"), scope)
        seconds = round(time.monotonic() - started)
        good = good and report.good
        left = excluded(scope)
        found = {**asdict(report), "excluded": left, "seconds": seconds}
        records.append({"board": name, "cpu": boards[name].cpu, "scope": scope, **found})
        counts = f"{report.passed} passed, {len(report.failed)} failed, {len(report.skipped)} skipped"
        say(f"suite {boards[name].cpu} {' '.join(scope)}: {counts}, {len(left)} excluded, {seconds} s")
        for failure in report.failed:
            say(f"  {failure.test}: {failure.why}")
        if not report.complete:
            say("  its time ran out before all tests ran")
    return good, records


def run(guest: Guest, scope: tuple[str, ...]) -> Report:
    """Run pytest in the userland, one process more than cores, for some tests wait.

    Args:
        guest: a board.
        scope: files and folders of the project.

    Raises:
        RuntimeError: pytest itself failed; its last lines.
    """
    results = guest.out / f"{guest.board.name}.xml"
    results.unlink(missing_ok=True)
    command = [
        *("env", "-C", PROJECT, "/usr/bin/python3", "-m", "pytest", "--quiet", "--tb=short"),
        *("-n", str((os.cpu_count() or 1) + 1), "--dist=worksteal", "-p", "no:cacheprovider"),
        *("-p", "arm64.program.hypothesis_profile", "--hypothesis-profile=emulated"),
        *("-o", f"timeout={_TEST_TIMEOUT_S}", f"--session-timeout={_SESSION_TIMEOUT_S}"),
        *("-o", "junit_family=xunit1", f"--junitxml={OUT}/{results.name}"),
        *(f"--{'deselect' if '::' in test else 'ignore'}={test}" for test in EXCLUDED),
        *scope,
    ]
    done = guest.run(command, _TIMEOUT_S)
    (guest.out / f"{guest.board.name}.log").write_text(done.stdout + done.stderr)
    if done.returncode not in {_ENDED, _FAILED, _INTERRUPTED} or not results.exists():
        raise RuntimeError(f"{guest.board.name}: pytest failed: {(done.stdout + done.stderr).strip()[-600:]}")
    return read_report(results.read_text(), complete=done.returncode != _INTERRUPTED)


def read_report(text: str, *, complete: bool) -> Report:
    """Read what pytest wrote.

    Args:
        text: JUnit's XML, of the family `xunit1`, which has the files.
        complete: whether all tests ran.

    Raises:
        xml.etree.ElementTree.ParseError: not XML.
    """
    passed, failed, skipped = 0, [], []
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314 — our own pytest wrote it
        test = f"{case.get('file', case.get('classname'))}::{case.get('name')}"
        bad = [
            Outcome(test, said.get("message", "")) for said in (*case.iter("failure"), *case.iter("error"))
        ]
        left = [Outcome(test, said.get("message", "")) for said in case.iter("skipped")]
        failed += bad
        skipped += left
        passed += not (bad or left)
    return Report(passed, tuple(failed), tuple(skipped), complete)


def excluded(scope: tuple[str, ...]) -> dict[str, str]:
    """Return what a scope leaves out, and why."""
    within = tuple(f"{part}{mark}" for part in scope for mark in ("/", "::"))
    return {test: why for test, why in EXCLUDED.items() if test.startswith(within)}
