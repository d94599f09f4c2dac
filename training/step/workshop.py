"""What all steps of an experiment share: folder, processes, and how they make a step together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list

from training.step.process import processes
from training.step.step import Step, find_step


class Workshop:
    """The folder that all steps share, and the processes that work in it.

    Args:
        work: of all steps; shared by all processes.
        methods: a number for each kind of step, raised when it would give something else from the same inputs.

    Attributes:
        made: keys of the steps that this process has made itself, not found done.
    """

    def __init__(self, work: Path, methods: Mapping[str, int]) -> None:
        self.work = work
        self.processes = processes()
        self._methods = methods
        self._left = False
        self.made: set[str] = set()

    def step(self, kind: str, name: str, inputs: dict[str, Any]) -> Step:
        """Find or name a step; the number of its kind's method is always among its inputs."""
        assert "method" not in inputs
        return find_step(self.work, kind, name, {"method": self._methods[kind]} | inputs)

    def _done(self, step: Step) -> bool:
        """Return whether a step has its record: the main process looks, all agree."""
        known = [step.record() is not None]
        if self.processes.num_processes > 1 and not self._left:
            broadcast_object_list(known)
        return known[0]

    def once(self, step: Step, make: Callable[[], dict[str, Any]]) -> Step:
        """Let the main process make a step's record if there is none; the others wait for it."""
        if self.processes.is_main_process and step.record() is None:
            with step.alone(), self._apart():
                if step.record() is None:
                    step.finish(self._timed(step, make))
        self.wait()
        return step

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Ask and wait for nobody meanwhile: what the main process makes alone may look for other steps."""
        before, self._left = self._left, True
        try:
            yield
        finally:
            self._left = before

    def together(self, step: Step, make: Callable[[], dict[str, Any]]) -> Step:
        """Let all processes make a step, of which the main one writes the record, or find it done."""
        if self._done(step):
            return step
        with step.alone() if self.processes.is_main_process else nullcontext():
            if not self._done(step):  # another command has made it meanwhile
                found = self._timed(step, make)
                if self.processes.is_main_process:
                    step.finish(found)
            self.wait()
        return step

    def _timed(self, step: Step, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Make a step; its record says how long that took, `took_s`: by the last try, where one was interrupted."""
        began = time.monotonic()
        found = make()
        self.made.add(step.key)
        return {"took_s": round(time.monotonic() - began, 3), **found}

    def wait(self) -> None:
        """Wait for all processes."""
        if not self._left:
            self.processes.wait_for_everyone()

    def leave(self) -> bool:
        """Part from the other processes; return whether this is the main one, which goes on alone."""
        self._left = True
        return bool(self.processes.is_main_process)
