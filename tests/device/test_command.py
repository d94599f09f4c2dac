import sys

import pytest

from edge.device.command import run_bounded, run_command
from edge.errors import DeviceError


def test_the_output_is_returned():
    assert run_command([sys.executable, "-c", "print('throttled=0x0')"]) == "throttled=0x0\n"


def test_what_fails_is_a_device_error_that_names_the_program():
    with pytest.raises(DeviceError, match="firetower-no-such-program: not installed"):
        run_command(["firetower-no-such-program"])
    with pytest.raises(DeviceError, match="exit status 3: no firmware"):
        run_command([sys.executable, "-c", "import sys; sys.stderr.write('no firmware'); sys.exit(3)"])
    with pytest.raises(DeviceError):
        run_command([sys.executable, "-c", r"import os; os.write(1, b'\xff')"])


def test_an_operators_program_is_bounded_in_time_and_in_words(tmp_path):
    assert run_bounded([sys.executable, "-c", "print('charge = 0.5')"], 100) == "charge = 0.5\n"
    with pytest.raises(DeviceError, match="more than 100 bytes"):
        run_bounded([sys.executable, "-c", "while True: print('x' * 1000)"], 100)
    with pytest.raises(DeviceError, match=r"no answer within 0\.2 s"):
        run_bounded([sys.executable, "-c", "import time; time.sleep(60)"], 100, 0.2)
    with pytest.raises(DeviceError, match="no answer within"):
        run_bounded([sys.executable, "-c", "import os, time; os.close(1); time.sleep(60)"], 100, 2.0)
    with pytest.raises(DeviceError, match="exit status 3"):
        run_bounded([sys.executable, "-c", "raise SystemExit(3)"], 100)
    with pytest.raises(DeviceError, match="no-such-program"):
        run_bounded([str(tmp_path / "no-such-program")], 100)
    with pytest.raises(DeviceError):
        run_bounded([sys.executable, "-c", r"import os; os.write(1, b'\xff')"], 100)


def test_what_an_operators_program_started_ends_with_it():
    started = "import subprocess, sys; subprocess.Popen(['sleep', '60']); print('charge = 0.5')"
    with pytest.raises(DeviceError, match="no answer within"):  # it holds the pipe
        run_bounded([sys.executable, "-c", started], 100, 3.0)
