"""Running a small program of the board, such as vcgencmd; given in, so that a simulated board can answer."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from edge.errors import DeviceError

RunCommand = Callable[[Sequence[str]], str]
_TIMEOUT_S = 2.0


def run_command(arguments: Sequence[str]) -> str:
    """Run a program without a shell and return its standard output.

    Raises:
        DeviceError: it is not installed, fails, writes no text, or takes longer than two seconds.
    """
    name = arguments[0]
    try:
        done = subprocess.run(arguments, capture_output=True, timeout=_TIMEOUT_S, check=True, text=True)
    except FileNotFoundError as error:
        raise DeviceError(f"{name}: not installed") from error
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{name}: no answer within {_TIMEOUT_S:g} s") from error
    except subprocess.CalledProcessError as error:
        raise DeviceError(f"{name}: exit status {error.returncode}: {error.stderr.strip()}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DeviceError(f"{name}: {error}") from error
    return done.stdout
