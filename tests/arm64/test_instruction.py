"""Instructions: classes by encoding, marks, and the comparison with the budget."""

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from arm64 import budget, clip, instruction
from arm64.board import BOARDS
from arm64.budget import Budget
from arm64.program import count
from edge.model.bundle import Bundle, bundled_path

HERE = Path(instruction.__file__).parent


@pytest.fixture(scope="module")
def classes_of(tmp_path_factory):
    """Compile the classifier, without QEMU; gcc and libc6-dev are in debian-packages-test.txt."""
    path = instruction.compile_shared(tmp_path_factory.mktemp("c") / "instruction.so", "instruction.c")
    count_instruction = ctypes.CDLL(str(path)).count_instruction

    def classify(word):
        counts = (ctypes.c_uint64 * len(instruction.CLASSES))()
        count_instruction(ctypes.c_uint32(word), counts)
        return {name: number for name, number in zip(instruction.CLASSES, counts, strict=True) if number}

    return classify


# Words as GNU as 2.40 assembles them (-march=armv8.6-a).
DOT_PRODUCTS = {
    "sdot v0.4s, v1.16b, v2.16b": 0x4E829420,
    "sdot v31.2s, v30.8b, v29.8b": 0x0E9D97DF,
    "udot v0.4s, v1.16b, v2.16b": 0x6E829420,
    "sdot v0.4s, v1.16b, v2.4b[3]": 0x4FA2E820,
    "udot v16.4s, v17.16b, v18.4b[0]": 0x6F92E230,
}
MULTIPLIES_LONG = {
    "smlal v0.8h, v1.8b, v2.8b": 0x0E228020,
    "smlal2 v0.4s, v1.8h, v2.8h": 0x4E628020,
    "umlal v3.2d, v4.2s, v5.2s": 0x2EA58083,
    "smlsl v0.4s, v1.4h, v2.4h": 0x0E62A020,
    "smull v0.8h, v1.8b, v2.8b": 0x0E22C020,
    "umull2 v0.4s, v1.8h, v2.8h": 0x6E62C020,
    "smlal v0.4s, v1.4h, v2.h[7]": 0x0F722820,
    "umlal2 v0.4s, v1.8h, v2.h[3]": 0x6F722020,
    "smlsl v0.2d, v1.2s, v2.s[1]": 0x0FA26020,
    "smull v0.4s, v1.4h, v2.h[1]": 0x0F52A020,
    "umull2 v0.2d, v1.4s, v2.s[3]": 0x6FA2A820,
}
LOADS_AND_STORES = {
    "ldr x0, [x1]": 0xF9400020,
    "ldr w0, [x1, x2]": 0xB8626820,
    "ldr x0, .": 0x58000000,
    "ldrb w0, [x1], #1": 0x38401420,
    "ldp x29, x30, [sp], #16": 0xA8C17BFD,
    "stp x29, x30, [sp, #-16]!": 0xA9BF7BFD,
    "ldp q0, q1, [x2]": 0xAD400440,
    "str q0, [x1, #16]": 0x3D800420,
    "ld1 {v0.16b, v1.16b}, [x0], #32": 0x4CDFA000,
    "ld1r {v0.4s}, [x0]": 0x4D40C800,
    "st1 {v0.b}[3], [x1]": 0x0D000C20,
    "ldaxr w0, [x1]": 0x885FFC20,
    "stlxr w2, w0, [x1]": 0x8802FC20,
    "ldadd w0, w1, [x2]": 0xB8200041,
    "prfm pldl1keep, [x0]": 0xF9800000,
}
OTHERS = {
    "sqdmull v0.4s, v1.4h, v2.4h": 0x0E62D020,
    "sqdmlal v0.4s, v1.4h, v2.4h": 0x0E629020,
    "sqdmlal v0.4s, v1.4h, v2.h[0]": 0x0F423020,
    "sqdmull v0.4s, v1.4h, v2.h[0]": 0x0F42B020,
    "pmull v0.8h, v1.8b, v2.8b": 0x0E22E020,
    "saddl v0.8h, v1.8b, v2.8b": 0x0E220020,
    "sadalp v0.4s, v1.8h": 0x4E606820,
    "mla v0.4s, v1.4s, v2.4s": 0x4EA29420,
    "mul v0.4s, v1.4s, v2.s[1]": 0x4FA28020,
    "fmla v0.4s, v1.4s, v2.4s": 0x4E22CC20,
    "fmla v0.4s, v1.4s, v2.s[3]": 0x4FA21820,
    "fcmla v0.4s, v1.4s, v2.4s, #90": 0x6E82CC20,
    "sqrdmlah v0.8h, v1.8h, v2.8h": 0x6E428420,
    "usdot v0.4s, v1.16b, v2.16b": 0x4E829C20,
    "smmla v0.4s, v1.16b, v2.16b": 0x4E82A420,
    "smull x0, w1, w2": 0x9B227C20,
    "smaddl x0, w1, w2, x3": 0x9B220C20,
    "add x0, x1, x2": 0x8B020020,
    "add x0, x1, #1": 0x91000420,
    "add v0.4s, v1.4s, v2.4s": 0x4EA28420,
    "b .": 0x14000000,
    "svc #0": 0xD4000001,
    "nop": 0xD503201F,
    "adrp x0, .": 0x90000000,
}
KNOWN = {
    "dot_product": DOT_PRODUCTS,
    "multiply_long": MULTIPLIES_LONG,
    "load_store": LOADS_AND_STORES,
    None: OTHERS,
}


@pytest.mark.parametrize(
    ("kind", "word"),
    [pytest.param(kind, word, id=text) for kind, words in KNOWN.items() for text, word in words.items()],
)
def test_an_instruction_is_of_its_class_alone(classes_of, kind, word):
    assert classes_of(word) == {"total": 1} | ({kind: 1} if kind else {})


def test_the_plugin_and_its_program_agree():
    plugin, header = (HERE / "plugin.c").read_text(), (HERE / "instruction.h").read_text()
    assert re.search(r"#define MARK (\d+)", plugin)[1] == str(count.MARK)
    declared = re.search(r"enum class \{ (.+), CLASSES \};", header)[1]
    assert tuple(declared.lower().split(", ")) == instruction.CLASSES


def test_the_plugin_compiles(tmp_path):
    assert instruction.compile_shared(tmp_path / "plugin.so", "plugin.c", "instruction.c").exists()


def test_the_frames_are_a_tower_cameras_and_have_a_region(tmp_path):
    instruction.write_frames(tmp_path / "f.npy")
    assert np.load(tmp_path / "f.npy").shape == (6, *clip.SIZE_PX, 3)
    command = [sys.executable, count.__file__, str(tmp_path / "f.npy"), "litert"]
    assert int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) > 0


def test_what_gcc_says_is_told(tmp_path):
    with pytest.raises(RuntimeError, match=r"gcc: .*absent\.c"):
        instruction.compile_shared(tmp_path / "x.so", "absent.c")


MARKS = """0 100 0 1 10
1 130 0 2 20
2 1130 400 3 220
3 1150 400 3 225
"""


def test_marks_become_an_inference_and_a_frame():
    (frame,) = instruction.read_frames(MARKS)
    assert frame == {
        "inference": {"total": 1000, "dot_product": 400, "multiply_long": 1, "load_store": 200},
        "frame": {"total": 1050, "dot_product": 400, "multiply_long": 2, "load_store": 215},
    }


@pytest.mark.parametrize(
    "marks", [MARKS[: MARKS.rindex("3 1150")], MARKS * 2 + "0 1 2 3 4\n", MARKS[MARKS.index("1 ") :]]
)
def test_a_missing_mark_is_an_error(marks):
    with pytest.raises(ValueError, match="expected moments"):
        list(instruction.read_frames(marks))


def frame_of(total):
    counts = dict.fromkeys(instruction.CLASSES, 0) | {"total": total}
    return dict.fromkeys(instruction.SCOPES, counts)


def test_a_row_is_the_mean_of_frames_and_the_median_of_repetitions():
    counted = [
        [frame_of(1000), frame_of(2000)],
        [frame_of(1000), frame_of(2002)],
        [frame_of(1100), frame_of(2100)],
    ]
    row = next(iter(instruction.summarize("pi4 litert", counted)))
    assert row.key == "pi4 litert inference"
    assert row.counts["total"] == 1501
    assert row.spread == pytest.approx(99 / 1501)
    assert [frame["total"] for frame in row.raw[0]] == [1000, 2000]


@pytest.mark.parametrize(
    ("total", "verdict"),
    [
        (100_000, "same"),
        (100_100, "same"),
        (99_900, "same"),
        (100_101, "changed"),
        (99_899, "changed"),
        (102_000, "changed"),
        (98_000, "changed"),
        (102_001, "grown"),
        (97_999, "fallen"),
    ],
)
def test_a_budget_is_exceeded_by_more_than_two_percent(total, verdict):
    assert budget.judge({"total": total}, {"total": 100_000}) == verdict
    assert budget.judge({"total": total}, None) == "unknown"


def test_more_of_a_class_is_growth_though_the_total_is_the_same():
    allowed = {"total": 100_000, "load_store": 20_000}
    assert budget.judge({"total": 100_000, "load_store": 20_401}, allowed) == "grown"
    assert budget.judge({"total": 100_000, "load_store": 20_400}, allowed) == "same"
    assert budget.judge({"total": 100_000, "dot_product": 1}, {"total": 100_000, "dot_product": 0}) == "grown"


def compare(*, total=100, spread=0.0, key="pi4 litert frame", now="2.0"):
    row = instruction.Row(key, [], {"total": total}, spread)
    found = Budget({"numpy": now}, {row.key: row.counts})
    allowed = Budget({"numpy": "2.0"}, {"pi4 litert frame": {"total": 100}})
    return instruction.compare([row], found, allowed, Path("new.json"))


def test_growth_a_fall_an_unknown_row_a_missing_one_and_unsteady_counts_fail():
    nothing = Budget({}, {})
    assert not instruction.compare([], nothing, Budget({}, {"pi4 litert frame": {"total": 100}}), Path("x"))[
        0
    ]
    assert compare()[0]
    assert not compare(total=90)[0]
    assert not compare(total=103)[0]
    assert not compare(key="pi6 litert frame")[0]
    assert compare(spread=0.001)[0]
    assert not compare(spread=0.0011)[0]


def test_another_wheel_is_named_as_the_likely_reason(capsys):
    _, records = compare(total=103, now="2.1")
    assert records["differences"] == ["numpy: the budget was counted with 2.0, this run with 2.1"]
    said = capsys.readouterr().err
    assert "the likely reason: numpy" in said
    assert "cp new.json" in said
    compare(now="2.1")
    assert "likely reason" not in capsys.readouterr().err


def test_a_budget_is_read_as_it_was_written(tmp_path):
    one = Budget({"numpy": "2.0"}, {"pi4 litert frame": {"total": 100}})
    budget.write(one, tmp_path / "b.json")
    assert budget.read(tmp_path / "b.json") == one


def test_the_committed_budget_is_whole():
    committed = budget.read(instruction.BUDGET)
    backends = Bundle.open(bundled_path()).backends()
    wheels = {backend.distribution for backend in backends}
    assert set(committed.counted_with) == {"bundle", *instruction.WHEELS, *wheels}
    assert set(committed.counts) == {
        f"{board.name} {backend.name} {scope}"
        for board in BOARDS
        for backend in backends
        for scope in instruction.SCOPES
    }
    assert all(set(counts) == set(instruction.CLASSES) for counts in committed.counts.values())
