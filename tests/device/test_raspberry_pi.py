import contextlib

import pytest
from boards import PI4, PI5, PMIC, PMIC_WATTS, answers
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.device.raspberry_pi import find_pmic, parse_pmic, parse_throttled
from edge.errors import DeviceError


def test_the_power_is_the_sum_over_the_rails_with_a_current():
    assert parse_pmic(PMIC) == pytest.approx(PMIC_WATTS)


@pytest.mark.parametrize(
    "output", ["", 'error=1 error_msg="Command not registered"', "EXT5V_V volt(24)=5.05V"]
)
def test_an_answer_without_rails_is_an_error(output):
    with pytest.raises(DeviceError, match="no rail has a current"):
        parse_pmic(output)


def test_an_answer_that_is_cut_off_is_an_error_and_no_small_power():
    with pytest.raises(DeviceError, match="no voltage of 3V3_DAC, VDD_CORE; the output is cut off"):
        parse_pmic(PMIC[: PMIC.index("  VDD_CORE_V")])


@settings(deadline=None)
@given(st.text())
def test_any_text_gives_watts_or_a_device_error(text):
    with contextlib.suppress(DeviceError):
        assert isinstance(parse_pmic(text), float)


@settings(deadline=None)
@given(st.integers(0, 0xFFFFF), st.sampled_from(["{:x}", "0x{:x}", "throttled=0x{:x}\n"]))
def test_flags_are_the_bits(bits, form):
    flags = parse_throttled(form.format(bits))
    names = ("under-voltage", "frequency-capped", "throttled", "soft-temperature-limit")
    assert flags.now == tuple(name for index, name in enumerate(names) if bits & (1 << index))
    assert flags.since_boot == tuple(name for index, name in enumerate(names) if bits & (1 << (index + 16)))


@pytest.mark.parametrize("output", ["", "throttled=", "throttled=0xzz", "VCHI initialization failed"])
def test_other_text_is_no_flags(output):
    with pytest.raises(DeviceError, match="get_throttled"):
        parse_throttled(output)


def test_only_a_pi_5_that_answers_has_a_pmic():
    run = answers(pmic_read_adc=PMIC)
    assert find_pmic(PI5, run).read().watts == pytest.approx(PMIC_WATTS)
    assert find_pmic("Raspberry Pi Compute Module 5 Rev 1.0", run) is not None
    assert find_pmic(PI5, answers()) is None
    assert find_pmic(PI4, run) is None
    assert find_pmic(None, run) is None
