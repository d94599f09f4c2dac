"""The order of things on the board: compare, prepare, copy, install, check, switch, and back if it does not run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.answer import Health, read_check, read_health, tail
from deploy.board import Board
from deploy.errors import DeployError, StartError, TargetError
from deploy.release import Release
from deploy.script import Step
from deploy.target import Done, Target
from deploy.wheel import Wheel

_TITLES = {
    "compare": "what is there already",
    "prepare": "user and folders",
    "install": "wheels into their places, virtual environments (minutes on a small board), the configuration",
    "check": "firetower check on the board, as the service's user",
    "switch": "make it the current release and start it, until it is READY",
    "health": "wait until /health answers",
    "log": "the end of its log",
    "remove": "stop it: nothing ran before",
    "limit_log": "limits of the log",
    "prune": "note that it runs, remove releases older than the previous one",
}
_AFTER_COPY = ("install", "check", "switch", "health", "limit_log", "prune")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class State:
    """What of a release is not on the board yet.

    Attributes:
        missing: names of files to copy.
        differences: what else is not as it shall be, for people.
    """

    missing: frozenset[str]
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether there is nothing to do."""
        return not self.missing and not self.differences


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a deployment ended well.

    Attributes:
        changed: whether anything was done.
        cameras: what the board's check says of cameras, and of sinks, that fail.
        health: of the running service.
    """

    changed: bool
    cameras: tuple[str, ...]
    health: Health


class Installation:
    """Brings one release onto one board.

    Args:
        target: the board.
        board: as it was found.
        release: what it shall run.
        say: tells people what happens.
        wait_s: for how long `/health` may be silent after READY.
        settle_s: for how long it must then go on.
    """

    def __init__(
        self,
        target: Target,
        board: Board,
        release: Release,
        say: Say,
        *,
        wait_s: float = 120,
        settle_s: float = 5,
    ) -> None:
        self._target = target
        self._board = board
        self._release = release
        self._say = say
        self._times = {"wait_s": f"{wait_s:g}", "settle_s": f"{settle_s:g}"}

    def compare(self) -> State:
        """Ask the board what it has; changes nothing.

        Raises:
            TargetError: it cannot be asked.
        """
        rows = [line.partition(" ")[::2] for line in self._must("compare").out.splitlines()]
        return State(
            frozenset(what for kind, what in rows if kind == "missing"),
            tuple(what for kind, what in rows if kind == "differs"),
        )

    def copies(self, state: State) -> dict[str, Path]:
        """Return the files to copy, by their names there."""
        return {name: path for name, path in self._release.files().items() if name in state.missing}

    def lacks(self, state: State, wheel: Wheel) -> bool:
        """Say whether a wheel is yet to be installed there."""
        return f"environment of {'firetower' if wheel.own else 'the requirements'}" in state.differences

    def show(self, state: State) -> None:
        """Say every file and command of `install`, and do none."""
        self._say(f"\n## {_TITLES['prepare']}\n{self._step('prepare').shown()}")
        self._say(f"\n## copy to {self._release.layout.incoming}")
        for name, path in self.copies(state).items():
            self._say(f"{path.stat().st_size / 1e6:8.2f} MB  {name}")
        for name in _AFTER_COPY:
            self._say(f"\n## {_TITLES[name]}\n{self._step(name).shown()}")

    def install(self, state: State) -> Outcome:
        """Bring the release onto the board and start it.

        Raises:
            TargetError: a step failed before anything was switched, or in clearing up; the message says which.
            RefusedError: the board's own check says no; nothing was switched.
            StartError: it did not come up; what ran before runs again, or the message says otherwise.
        """
        self._must("prepare")
        copies = self.copies(state)
        if copies:
            self._say(
                f"copying {len(copies)} files, {sum(p.stat().st_size for p in copies.values()) / 1e6:.1f} MB"
            )
            self._target.copy(copies, self._release.layout.incoming)
        self._must("install")
        cameras = read_check(self._run("check"))
        try:
            self._start()
            health = self.health()
        except (DeployError, KeyboardInterrupt) as error:
            raise StartError(f"{str(error) or 'interrupted'}; {self._fall_back()}") from error
        try:
            self._must("limit_log")
            self._must("prune")
        except TargetError as error:
            raise TargetError(f"release {self._release.digest} runs, but {error}") from error
        return Outcome(changed=True, cameras=cameras, health=health)

    def health(self) -> Health:
        """Ask the running service how it does.

        Raises:
            StartError: it does not answer, or does not stay.
        """
        return read_health(self._must("health"))

    def _start(self) -> None:
        done = self._run("switch")
        if done.code:
            raise StartError(f"the service did not become ready: {tail(done)}")

    def _fall_back(self) -> str:
        """Start again what ran before; return what runs now. Never raises."""
        before = self._board.good or self._board.current
        try:
            self._say(f"it does not run; its last lines:\n{self._run('log').out.rstrip()}")
        except (DeployError, KeyboardInterrupt) as error:
            self._say(f"it does not run; its log could not be read: {str(error) or 'interrupted'}")
        try:
            if before is None:
                self._must("remove")
                return "nothing ran before, so it was stopped and does not start at boot"
            if before == self._release.digest:
                return "this same release ran before, so there is nothing to go back to"
            start = "yes" if self._board.active else "no"
            done = self._run("switch", release=before, start=start, remember="no")
        except (DeployError, KeyboardInterrupt) as error:
            return f"it could NOT be rolled back ({str(error) or 'interrupted'}); deploy again"
        if done.code:
            return f"rolled back to {before}, which does not start either: {tail(done)}"
        return f"rolled back to {before}, which {'runs again' if self._board.active else 'is stopped, as it was'}"

    def _must(self, name: str) -> Done:
        done = self._run(name)
        if done.code:
            raise TargetError(f"{name}.sh failed with {done.code}: {tail(done)}")
        return done

    def _run(self, name: str, **changes: str) -> Done:
        self._say(f"- {_TITLES[name]}")
        return self._target.run(self._step(name, **changes))

    def _step(self, name: str, **changes: str) -> Step:
        variables = {**self._release.variables(), **self._times, "start": "yes", "remember": "yes", **changes}
        root = self._board.rights == "sudo" and not self._release.layout.trial
        return Step(name, variables, root=root, private=self._release.private())
