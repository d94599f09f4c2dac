"""The governor's hand on a running tower: cadences, closed cameras, pictures and threads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from edge.camera.schedule import Schedule
from edge.clock import Clock
from edge.counter.drops import Account
from edge.detect.severity import Risk
from edge.errors import EdgeError
from edge.governor.governor import Governor
from edge.governor.pace import Pace
from edge.governor.report import Governed
from edge.governor.ruling import Ruling
from edge.health import CameraFacts, Health
from edge.model.manifest import Cadence
from edge.model.runtime import Runtime

_log = logging.getLogger(__name__)


class Rests(Protocol):
    """What reads a camera."""

    def rest(self, *, resting: bool) -> None:
        """Have it closed, or opened again."""
        ...


@dataclass(frozen=True, slots=True)
class Lever:
    """What a tower lets be done to one camera.

    Attributes:
        pace: of it.
        reader: of it.
        account: of its frames.
    """

    pace: Pace
    reader: Rests
    account: Account

    @property
    def pictures(self) -> int:
        """How many of it were looked at so far."""
        balance = self.account.balance()
        return balance.scored + balance.dropped["dark"] + balance.dropped["frozen"]


class Scheduled(Protocol):
    """A camera, as it is read."""

    @property
    def schedule(self) -> Schedule:
        """Of its pictures."""
        ...


def levers_of(
    cameras: Mapping[str, Scheduled],
    readers: Mapping[str, Rests],
    account: Callable[[str], Account],
    trained: Cadence | None,
) -> dict[str, Lever]:
    """Return a lever for each camera, whose cadence is its own still.

    Args:
        cameras: by their names.
        readers: of them.
        account: returns the account of frames of one.
        trained: cadence that the model was trained for.
    """
    return {
        name: Lever(Pace(camera.schedule, trained), readers[name], account(name))
        for name, camera in cameras.items()
    }


class Gear:
    """The model with all its threads, or with one; its scores are the same.

    Args:
        use: has the pipeline go on with a runtime.
        usual: with all threads.
        lean: loads one with one thread; None where the usual one has no more.
    """

    def __init__(
        self, use: Callable[[Runtime], None], usual: Runtime, lean: Callable[[], Runtime] | None
    ) -> None:
        self._use, self._usual, self._load = use, usual, lean
        self._lean: Runtime | None = None
        self._shifted = False

    def shift(self, lean: bool) -> None:  # noqa: FBT001 — one or all
        """Go over to one thread, or back; where that cannot be loaded, all stay."""
        if self._load is None or lean == self._shifted:
            return
        self._shifted = lean
        if lean and self._lean is None:
            try:
                self._lean = self._load()
            except EdgeError:
                _log.exception("governor: the model cannot be loaded with one thread")
                return
        self._use(self._lean if lean and self._lean is not None else self._usual)


class Hand:
    """Does to one tower what its governor decides. One thread steps it; `facts` is for any.

    Args:
        governor: that decides.
        clock: monotonic time.
        levers: by camera.
        spare: told whether pictures are to be spared.
        lean: told whether the model is to take one thread.
    """

    def __init__(
        self,
        governor: Governor,
        clock: Clock,
        levers: Mapping[str, Lever],
        *,
        spare: Callable[[bool], None],
        lean: Callable[[bool], None],
    ) -> None:
        self.governor = governor
        self._clock = clock
        self._levers = levers
        self._spare, self._lean = spare, lean
        self._asleep = False
        self._woke_ns: int | None = None

    def step(self, risk: Risk, *, open_event: bool) -> Ruling:
        """Let the governor decide, and do it; call it each second or so.

        Args:
            risk: of fire.
            open_event: whether an event is open, of any camera.
        """
        ruling = self.governor.step(risk, open_event=open_event)
        self._spare("pictures" in ruling.economies)
        self._lean("threads" in ruling.economies)
        now_ns = self._clock.mono_ns()
        if ruling.asleep != self._asleep:
            self._turn(ruling.asleep, now_ns)
        for lever in self._levers.values():
            lever.pace.step(ruling.cadence, lever.pictures, now_ns)
        return ruling

    def report(self) -> Governed:
        """Return how the governor stands; from any thread."""
        return self.governor.report()

    def amended(self, judged: Health) -> Health:
        """Return the judgement on the tower with what is spared, and why; from any thread."""
        reasons = [*self.governor.notices(), *judged.reasons]
        return msgspec.structs.replace(judged, reasons=reasons, governor=self.report())

    def page_off(self) -> str | None:
        """Return why the page is not shown; None where it is."""
        ruling = self.governor.ruling
        return "; ".join(ruling.why) if "page" in ruling.economies else None

    def due_s(self) -> float | None:
        """Return the seconds until cameras are opened again; None while they are open."""
        return self.governor.due_s() if self._asleep else None

    def facts(self, facts: CameraFacts, cadence_s: float, due_s: float | None) -> CameraFacts:
        """Return what is known of a camera, with what the governor did to it.

        Args:
            facts: without that.
            cadence_s: by which it is stale.
            due_s: until its next frame is due.
        """
        return replace(
            facts,
            cadence_s=cadence_s,
            governed=self._asleep,
            woke_mono_ns=self._woke_ns,
            due_s=due_s,
            paced_s=facts.cadence_s,
        )

    def _turn(self, asleep: bool, now_ns: int) -> None:  # noqa: FBT001 — closed or open
        self._asleep = asleep
        if not asleep:
            self._woke_ns = now_ns
        for lever in self._levers.values():
            lever.reader.rest(resting=asleep)
            if not asleep:
                lever.pace.wake(lever.pictures, now_ns)
        _log.info(
            "governor: cameras are %s", "closed" if asleep else "opened again, at the fastest cadence first"
        )
