import tempfile
from pathlib import Path

import pytest
from boards import rapl
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.device.rapl import find_rapl
from edge.errors import DeviceError


def test_the_packages_count_and_their_parts_do_not(tmp_path):
    meter = find_rapl(rapl(tmp_path, "1000000"))
    rapl(tmp_path, "3500000")
    assert meter.source == "measured:rapl"
    assert meter.read().joules == pytest.approx(2.5)


@settings(deadline=None)
@given(st.lists(st.integers(0, 999), max_size=20), st.integers(0, 999))
def test_a_counter_that_wraps_around_is_counted_on(steps_uj, start_uj):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        meter = find_rapl(rapl(root, str(start_uj), "1000"))
        total_uj = start_uj
        for step_uj in steps_uj:
            total_uj += step_uj
            (root / "sys/class/powercap/intel-rapl:0/energy_uj").write_text(str(total_uj % 1000))
            assert meter.read().joules == pytest.approx((total_uj - start_uj) / 1e6)


def test_without_leave_to_read_there_is_none(tmp_path):
    assert find_rapl(tmp_path) is None
    rapl(tmp_path, "")
    assert find_rapl(tmp_path) is None


def test_a_failed_reading_is_an_error_and_loses_nothing(tmp_path):
    meter = find_rapl(rapl(tmp_path, "0"))
    rapl(tmp_path, "")
    with pytest.raises(DeviceError, match="udev rule"):
        meter.read()
    rapl(tmp_path, "7000000")
    assert meter.read().joules == pytest.approx(7.0)
