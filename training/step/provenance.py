"""What a result was made with: the commit of the code, the machine."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from pathlib import Path
from typing import Any


@functools.cache
def commit() -> str | None:
    """Return the commit of the code, with '-dirty' if it was changed; None outside a checkout.

    Ask early: a process goes on with the code that it began with, whatever is checked out meanwhile.
    """
    try:
        here = str(Path(__file__).parent)
        status = ["git", "--no-optional-locks", "-C", here, "status", "--porcelain=v2", "--branch", "-uno"]
        shown = subprocess.run(status, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    first, *rest = shown.stdout.splitlines()
    changed = any(not line.startswith("# ") for line in rest)
    return first.removeprefix("# branch.oid ") + ("-dirty" if changed else "")


def processor() -> str:
    """Return the processor's own name, or else the architecture."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def machine() -> dict[str, Any]:
    """Describe this machine and its torch, with the GPU where there is one."""
    import torch  # noqa: PLC0415 — `python -m training` asks for the commit before it knows that the extra is there

    found: dict[str, Any] = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }
    if torch.cuda.is_available():
        found["accelerator"] = torch.cuda.get_device_name()
    return found
