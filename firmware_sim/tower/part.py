"""Parts of the daemon as a simulated tower has them: without threads, and with a camera that shows footage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from edge.camera.source import Session
from edge.settings import Settings
from edge.uplink.uplink import Reports, Uplink
from firmware_sim.footage.shot import Shot
from firmware_sim.footage.source import FootageSource
from firmware_sim.tower.world import World

_WAIT_S = 1.0  # of a camera whose picture does not come
_Got = TypeVar("_Got")


class Inline:
    """Does what the disk may keep waiting at once."""

    def call(self, call: Callable[[], _Got]) -> _Got:
        """Do it."""
        return call()


class SteppedUplink(Uplink):
    """An uplink without a thread."""

    def start(self, reports: Reports, beat: Callable[[float], None]) -> None:  # noqa: ARG002 — as the daemon's
        """Begin to carry; `step` does it."""
        self.open(reports)

    @property
    def over(self) -> bool:
        """Whether it has let go of the links."""
        return self._stopping.is_set()


class SimCamera(FootageSource):
    """One open camera, which the board feeds as long as it is open."""

    def __init__(self, world: World, name: str, session: Session) -> None:
        view, clock = world.plan.cameras[name], world.clock
        self._board, self._fed = world.board, False

        def seen(shot: Shot) -> None:
            world.eyes[name].saw(shot, clock.now_s())

        super().__init__(
            view.footage, session, clock.now_s, faults=view.faults, step_s=_WAIT_S, patient=True, seen=seen
        )
        self._feed(fed=True)

    def close(self) -> None:
        """End it."""
        self._feed(fed=False)
        super().close()

    def _feed(self, *, fed: bool) -> None:
        if fed != self._fed:
            self._board.pass_time()
            self._board.doing.cameras += 1 if fed else -1
            self._fed = fed


def plain(settings: Settings) -> Settings:
    """Return a tower's settings without what only a real one has."""
    return msgspec.structs.replace(
        settings,
        model=msgspec.structs.replace(settings.model, threads=1),
        store=msgspec.structs.replace(settings.store, path=None),
        web=msgspec.structs.replace(settings.web, enabled=False),
        operators={},
    )
