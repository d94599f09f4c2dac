"""Faults as data: strict, on schedule, the same lots for the same moment."""

import msgspec
import pytest

from firmware_sim.footage.fault import PICTURE_KINDS, STREAM_KINDS, Fault, StreamFaults


def read(text: str) -> Fault:
    return msgspec.toml.decode(text, type=Fault)


def test_a_fault_is_read_strictly():
    assert read('kind = "freeze"\nfrom = 60\nto = 120.5\nstrength = 0.5') == Fault(
        kind="freeze", from_s=60, to_s=120.5, strength=0.5
    )
    for text, wrong in (
        ('kind = "melt"\nfrom = 0', "melt"),
        ('kind = "black"\nfrom = 0\nuntil = 3', "until"),
        ('kind = "black"', "from"),
        ('kind = "black"\nfrom = 5\nto = 5', "expected seconds that rise"),
        ('kind = "black"\nfrom = nan', "expected seconds that rise"),
        ('kind = "black"\nfrom = 0\nstrength = 0', "expected above 0"),
        ('kind = "black"\nfrom = 0\nstrength = 1.5', "expected above 0"),
    ):
        with pytest.raises(msgspec.ValidationError, match=wrong):
            read(text)


def test_it_holds_from_its_begin_to_before_its_end():
    fault = Fault(kind="black", from_s=10, to_s=20)
    assert [fault.holds(at) for at in (9.9, 10, 19.9, 20)] == [False, True, True, False]
    assert Fault(kind="black", from_s=10).holds(1e9)


def test_kinds_are_of_the_picture_or_of_the_stream():
    assert not set(PICTURE_KINDS) & set(STREAM_KINDS)
    assert len(PICTURE_KINDS) + len(STREAM_KINDS) == 11


def test_of_stream_faults_the_worst_counts():
    faults = StreamFaults(
        (
            Fault(kind="corrupt", from_s=0, to_s=40),
            Fault(kind="stall", from_s=10, to_s=40),
            Fault(kind="cut", from_s=20, to_s=30),
            Fault(kind="black", from_s=50),
        ),
        1000.0,
    )
    assert [faults.at(1000 + at) for at in (-1, 5, 15, 25, 35, 45, 55)] == [
        None,
        "corrupt",
        "stall",
        "cut",
        "stall",
        None,
        None,
    ]


def test_strength_is_the_share_of_damaged_pictures():
    faults = StreamFaults((Fault(kind="corrupt", from_s=0, strength=0.3),), 0.0, 5)
    lots = [faults.at(60.0 * at) for at in range(1000)]
    assert 250 < lots.count("corrupt") < 350
    assert lots == [faults.at(60.0 * at) for at in reversed(range(1000))][::-1]
    assert lots != [StreamFaults(faults.faults, 0.0, 6).at(60.0 * at) for at in range(1000)]
