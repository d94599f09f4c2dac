import sys

import pytest

from edge.device.command import run_command
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
