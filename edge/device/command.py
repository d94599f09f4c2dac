"""Running a small program, such as vcgencmd; given in, so that a simulated board can answer."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

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


def run_bounded(arguments: Sequence[str], bytes_max: int, timeout_s: float = _TIMEOUT_S) -> str:
    """Run a program of the operator's without a shell, and return its standard output.

    It and what it started are ended when it takes too long, or says too much.

    Args:
        arguments: the program and what it is given.
        bytes_max: that it may say.
        timeout_s: that it may take.

    Raises:
        DeviceError: it cannot be started, fails, takes longer, says more, or writes no text.
    """
    name = arguments[0]
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise DeviceError(f"{name}: {error.strerror}") from error
    with process:
        try:
            data = _said(process, name, bytes_max, timeout_s)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        raise DeviceError(f"{name}: exit status {process.returncode}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DeviceError(f"{name}: {error}") from error


def _said(process: subprocess.Popen[bytes], name: str, bytes_max: int, timeout_s: float) -> bytes:
    """Return what a program says until it ends."""
    assert process.stdout is not None
    until_s, data = time.monotonic() + timeout_s, bytearray()
    while True:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, until_s - time.monotonic()))
        came = os.read(process.stdout.fileno(), bytes_max + 1) if ready else b""
        data += came
        if len(data) > bytes_max:
            raise DeviceError(f"{name}: it says more than {bytes_max} bytes")
        if ready and not came:
            break
        if time.monotonic() >= until_s:
            raise DeviceError(f"{name}: no answer within {timeout_s:g} s")
    try:
        process.wait(max(0.0, until_s - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{name}: no answer within {timeout_s:g} s") from error
    return bytes(data)
