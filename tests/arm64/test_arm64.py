"""The emulation's own parts that need no emulation; `make arm64` is the real thing."""

import hashlib
import itertools
import json
import platform
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from arm64 import elf, golden, instruction, need, result
from arm64.__main__ import CHECKS, LONG
from arm64.board import BOARDS, CORES, write_views
from arm64.userland import DEVICE, GUEST
from edge.device.board import BOARDS as KNOWN
from edge.model.bundle import Bundle, bundled_path
from scripts.locked import read

PROJECT = Path(__file__).parents[2]


def a_shared_object() -> Path:
    return next(elf.shared_objects(Path(np.__file__).parent))


def test_a_shared_object_of_another_machine_is_not_a_boards():
    foreign = [fault for fault in elf.faults(a_shared_object()) if fault.startswith("built for")]
    assert bool(foreign) == (platform.machine() != "aarch64")


def test_other_files_are_no_shared_objects(tmp_path):
    (tmp_path / "a.so").write_bytes(b"\x7fEL")
    (tmp_path / "b.txt").write_text("text")
    (tmp_path / "c.so").symlink_to(a_shared_object())
    assert list(elf.shared_objects(tmp_path)) == []


def test_an_emulated_board_is_as_the_table_of_boards_says():
    for board in BOARDS:
        (known,) = (one for one in KNOWN if board.model.startswith(one.model))
        clock_mhz = known.boost_mhz or known.clock_mhz
        assert board.khz == (known.clock_min_mhz * 1000, clock_mhz * 1000)
        assert board.cpu == known.core.lower()
        assert ("asimddp" in board.features.split()) == known.dot_product
        assert known.cores == CORES


def record(*scores):
    digests = [hashlib.sha256(bytes([score])).hexdigest() for score in scores]
    return {"litert": {"machine": "aarch64", "sha256": digests, "scores": list(scores)}}


def test_one_frame_that_differs_is_seen():
    (same,) = golden.compare(record(1, 2, 3), record(1, 2, 3))
    assert (same["equal"], same["frames"], same["difference_max"]) == (3, 3, 0)
    (other,) = golden.compare(record(1, 2, 3), record(1, 5, 3))
    assert (other["equal"], other["difference_max"]) == (2, 3)


def test_golden_frames_are_a_sequence_with_a_plume(tmp_path):
    golden.write_frames(tmp_path / "f.npy")
    frames = np.load(tmp_path / "f.npy")
    assert frames.shape == (golden.FRAMES, 480, 640, 3)
    assert frames.dtype == np.uint8
    assert all((a != b).any() for a, b in itertools.pairwise(frames))


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_board_looks_like_itself(board, tmp_path):
    write_views(board, tmp_path)
    cpuinfo = (tmp_path / "cpuinfo").read_text()
    assert cpuinfo.count("processor\t:") == 4
    assert board.model in cpuinfo
    assert ("asimddp" in cpuinfo) == (board.cpu == "cortex-a76")
    assert (tmp_path / "cpu/possible").read_text() == "0-3\n"


def test_what_a_device_installs_is_the_projects_own_list():
    names = {line.name for line in read(PROJECT / DEVICE)}
    assert {"ai-edge-litert", "av", "onnxruntime", "numpy"} <= names
    assert "torch" not in names
    assert names | {"pytest", "pytest-xdist"} <= {line.name for line in read(PROJECT / GUEST)}


def test_what_is_missing_is_said():
    assert need.missing_packages(("nosuchpackage-firetower",)) == ["nosuchpackage-firetower"]
    assert any("nosuchpackage" in problem for problem in need.problems(("nosuchpackage-firetower",)))


def test_each_check_asks_for_what_it_needs():
    assert "qemu-user" in need.packages(full=False)
    assert "docker.io" not in need.packages(full=False)
    assert {"qemu-user", "docker.io", "qemu-system-arm"} <= set(need.packages(full=True))


def test_results_of_other_checks_are_kept(tmp_path):
    path, run_on = tmp_path / "results/arm64.json", {"commit": "abc"}
    result.merge(path, "golden", {"good": False, "records": []}, {"commit": "old"})
    result.merge(path, "wheels", {"good": True, "records": [1]}, run_on)
    result.merge(path, "golden", {"good": True, "records": [2]}, run_on)
    checks = json.loads(path.read_text())["checks"]
    assert checks["wheels"]["records"] == [1]
    assert checks["golden"]["records"] == [2]
    assert checks["golden"]["run_on"] == run_on
    path.write_text('{"schema": 9}')
    with pytest.raises(ValueError, match="schema 9, expected 1"):
        result.read(path)


def test_scores_are_printed_exactly(tmp_path):
    golden.write_frames(tmp_path / "f.npy")
    np.save(tmp_path / "two.npy", np.load(tmp_path / "f.npy")[:2])
    first, again = (golden.native(PROJECT, tmp_path / "two.npy") for _ in range(2))
    assert first == again
    assert first.keys() == {"litert", "onnx"}
    assert sys.byteorder == "little"  # the digests are of little-endian floats, here as on a board


RESULT = json.loads((PROJECT / "docs/results/arm64.json").read_text())["checks"]
PAGE = (PROJECT / "docs/arm64.md").read_text()


def test_the_committed_result_is_whole_and_good():
    assert {name: check["good"] for name, check in RESULT.items()} == dict.fromkeys([*CHECKS, *LONG], True)


def test_the_page_has_the_instructions_that_were_counted():
    counts = {row["key"]: row["counts"] for row in RESULT["instructions"]["records"]["rows"]}
    columns = [("inference", "total"), *(("frame", name) for name in instruction.CLASSES)]
    for board in BOARDS:
        cells = [
            " / ".join(
                f"{counts[f'{board.name} {backend.name} {scope}'][name] / 1e6:.1f}"
                for backend in Bundle.open(bundled_path()).backends()
            )
            for scope, name in columns
        ]
        assert f"| {board.cpu.title()} | {' | '.join(cells)} |" in PAGE


def test_the_page_has_the_images_parts():
    records = RESULT["image"]["records"]
    rows = dict(re.findall(r"^\| (.+) \| (\d+) \|$", PAGE.replace("**", ""), re.MULTILINE))
    parts = records["bytes"] | {"onnxruntime": records["bytes_with_onnx"]["onnxruntime"]}
    found = sorted(round(size / 1e6) for size in parts.values())
    wholes = [round(sum(records[kind].values()) / 1e6) for kind in ("bytes", "bytes_with_onnx")]
    assert [int(rows["all"]), int(rows["all with it"])] == wholes
    assert sorted(int(size) for name, size in rows.items() if not name.startswith("all")) == found
    assert f"It is {wholes[0]} MB unpacked, {wholes[1]} with ONNX" in (PROJECT / "docs/deploy.md").read_text()


def test_the_page_has_what_the_board_and_the_suite_found():
    text = " ".join(PAGE.split())
    a72, a53, a76 = RESULT["suite"]["records"]
    assert f"{a72['passed']} passed as a Cortex-A72, {a53['passed']} each as A53 and A76, none failed" in text
    assert a53["passed"] == a76["passed"]
    assert [len(one["skipped"]) for one in (a72, a53, a76)] == [0, 0, 0]
    assert f"{len(a72['excluded'])} entries are excluded" in text
    board, trials = RESULT["system"]["records"], RESULT["image"]["records"]["trials"]
    cuts = board["power_cuts"]
    points = cuts["points"]
    owed = max(point["promised_events"] for point in points)
    lost = [point["lost_writes"] for point in points]
    assert f"{board['image']['memory']['rss_bytes'] / 1e6:.0f} MB resident" in text
    assert f"{max(trial['peak_rss_bytes'] for trial in trials) / 1e6:.0f} MB at the most" in text
    assert f"{cuts['promises']} revisions of events promised" in text
    assert (
        f"{len(points)} of {len(points)} points good, of which {cuts['points_owing']} owed up to {owed} events"
        in text
    )
    careless = sum(point["careless"] for point in points)
    assert (
        f"{careless} were a careless card's, which lost {sum(lost)} unflushed writes at {sum(map(bool, lost))}"
        in text
    )
    assert f"back after {board['watchdog']['back_after_s']:.0f} s" in text
