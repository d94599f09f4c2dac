"""What every part of the whole-system check needs: where it works, what is booted, and a board that is on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from arm64.say import say
from arm64.system.kernel import Kernel
from arm64.system.machine import Disk, Machine
from arm64.system.root import Root


@dataclass(frozen=True, slots=True)
class Rig:
    """What every part of the check needs.

    Attributes:
        project: the checkout.
        folder: scratch of this run.
        kernel, root: what is booted.
    """

    project: Path
    folder: Path
    kernel: Kernel
    root: Root

    @contextlib.contextmanager
    def board(self, name: str, *disks: Disk, read_only: bool = False) -> Iterator[Machine]:
        """Switch a board on and wait for its ssh."""
        machine = Machine(self.kernel, disks, self.root.key, self.folder / f"{name}.console", read_only)
        with machine:
            say(f"system {name}: ssh after {machine.boot():.0f} s of this host")
            yield machine
