"""This Python's own pip, as a program."""

from __future__ import annotations

import subprocess
import sys

from deploy.errors import WheelError


def run_pip(*arguments: str) -> None:
    """Run one of its commands.

    Raises:
        WheelError: it is missing or fails; with its last lines.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "--quiet"]
    done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        said = "; ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
        raise WheelError(f"pip {arguments[0]} failed: {said}")
