"""What people told the tower and what stands until it expires: the fire risk, and cameras that are to be silent.

All of it is in monotonic time, and a reboot ends it. The owner keeps `kept()` on disk: a daemon that is started anew in
the same boot goes on with it, and after a reboot the events that were held back are told all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Literal, TypeAlias

import msgspec

from edge.alert.event import Event
from edge.detect.severity import Risk
from edge.errors import CommandError
from edge.uplink.command import SNOOZE_MAX_S, OfFireRisk, OfSnooze
from edge.uplink.gate import Given

RISK_S = 24 * 3600.0
GROWTH = 1.5  # by which the box of an event that is held back must grow, to be told
HELD_MAX = 200  # events of a snooze; further ones are told
_NS = 1_000_000_000
Why: TypeAlias = Literal["over", "ended", "renewed", "rebooted"]


class FireRisk(msgspec.Struct, frozen=True, kw_only=True):
    """The risk that somebody named.

    Attributes:
        level: in one word.
        by: who; empty where nobody did.
        until_ns: monotonic; None where nobody did.
    """

    level: Risk = "neutral"
    by: str = ""
    until_ns: int | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is held back.

    Attributes:
        area_px: of its box when it was first held.
        told: whether it grew meanwhile and was told.
        closed: whether it has ended.
    """

    area_px: int
    told: bool = False
    closed: bool = False


class Snooze(msgspec.Struct, frozen=True, kw_only=True):
    """A camera that is to be silent.

    Attributes:
        camera: its name.
        by: who said so.
        reason: in their words.
        since_ns, until_ns: monotonic.
        held: events by their ids.
    """

    camera: str
    by: str
    reason: str
    since_ns: int
    until_ns: int
    held: dict[str, Held] = {}

    @property
    def silent(self) -> list[str]:
        """The events of which nothing was told."""
        return [event for event, held in self.held.items() if not held.told]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A snooze that is over, and is to be told in one message.

    Attributes:
        snooze: with what was held back.
        why: `over`, `ended` or `renewed` (by a command), or `rebooted`.
    """

    snooze: Snooze
    why: Why


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """All that stands, for the disk.

    Attributes:
        boot_id: that the times belong to.
        risk: the newest.
        snoozes: that have not ended.
        ended: snoozes whose end is not told yet.
    """

    boot_id: str
    risk: FireRisk = FireRisk()
    snoozes: list[Snooze] = []
    ended: list[Ended] = []


class Standing:
    """What stands on one tower. Several threads may ask.

    Args:
        boot_id: of now.
        cameras: names of those that it has.
        kept: of before, if there is any; of another boot the risk is forgotten and each snooze has ended.
    """

    def __init__(self, boot_id: str, cameras: Collection[str], kept: Kept | None = None) -> None:
        self._boot_id = boot_id
        self._cameras = frozenset(cameras)
        self._lock = threading.Lock()
        self._risk = FireRisk()
        self._snoozes: dict[str, Snooze] = {}
        self._ended: list[Ended] = []
        if kept is not None:
            self.resume(kept)

    def resume(self, kept: Kept) -> None:
        """Go on with what stood before; what people said since goes before it."""
        same = kept.boot_id == self._boot_id
        with self._lock:
            if same and not self._risk.by:
                self._risk = kept.risk
            ended = [*kept.ended, *(Ended(snooze=one, why="rebooted") for one in kept.snoozes if not same)]
            if same:
                renewed = [one for one in kept.snoozes if one.camera in self._snoozes]
                ended += [Ended(snooze=one, why="renewed") for one in renewed]
                self._snoozes = {**{one.camera: one for one in kept.snoozes}, **self._snoozes}
            self._ended = [*ended, *self._ended]

    def set_fire_risk(self, given: Given) -> str:
        """Do the command `fire_risk`."""
        assert isinstance(given.arguments, OfFireRisk)
        level = given.arguments.level
        with self._lock:
            until_ns = None if level == "neutral" else given.mono_ns + round(RISK_S * _NS)
            self._risk = FireRisk(level=level, by=given.by.name, until_ns=until_ns)
        return f"fire risk is {level}{'' if until_ns is None else ' for 24 h, then neutral'}"

    def fire_risk(self, now_ns: int) -> FireRisk:
        """Return the risk; neutral where nobody named one within 24 h."""
        with self._lock:
            risk = self._risk
            if risk.until_ns is not None and now_ns >= risk.until_ns:
                risk = self._risk = FireRisk()
            return risk

    def set_snooze(self, given: Given) -> str:
        """Do the command `snooze`; a further one for the same camera ends the one before and counts from now.

        Raises:
            CommandError: there is no such camera, or it is to end and there is none.
        """
        assert isinstance(given.arguments, OfSnooze)
        asked, now_ns = given.arguments, given.mono_ns
        if asked.camera not in self._cameras:
            raise CommandError("unfit", f"there is no camera {asked.camera}")
        with self._lock:
            self._expire(now_ns)
            known = self._snoozes.pop(asked.camera, None)
            if known is not None:
                self._ended.append(Ended(snooze=known, why="renewed" if asked.duration_s else "ended"))
            if asked.duration_s:
                self._snoozes[asked.camera] = Snooze(
                    camera=asked.camera,
                    by=given.by.name,
                    reason=asked.reason,
                    since_ns=now_ns,
                    until_ns=now_ns + round(min(asked.duration_s, SNOOZE_MAX_S) * _NS),
                    held=_still_open(known),
                )
            elif known is None:
                raise CommandError("unfit", f"camera {asked.camera} is not silent")
            else:
                return f"camera {asked.camera} is no longer silent; events held back: {len(known.silent)}"
        return f"camera {asked.camera} is silent for {asked.duration_s / 60:.0f} min"

    def snoozes(self, now_ns: int) -> tuple[Snooze, ...]:
        """Return the cameras that are silent now, for every heartbeat."""
        with self._lock:
            self._expire(now_ns)
            return tuple(self._snoozes.values())

    def holds(self, event: Event, now_ns: int) -> bool:
        """Say whether a revision is to be held back, and note it.

        One that grew since it was first held breaks through, and so do all its later revisions.
        """
        with self._lock:
            self._expire(now_ns)
            snooze = self._snoozes.get(event.camera)
            if snooze is None:
                return False
            held = snooze.held.get(event.id)
            if held is None:
                if len(snooze.held) >= HELD_MAX:
                    return False
                held = Held(area_px=_area_px(event.box_px))
            told = held.told or _grew(event, held.area_px)
            held = msgspec.structs.replace(held, told=told, closed=event.phase == "closed")
            held_now = {**snooze.held, event.id: held}
            self._snoozes[event.camera] = msgspec.structs.replace(snooze, held=held_now)
            return not told

    def ended(self, now_ns: int) -> tuple[Ended, ...]:
        """Return the snoozes that are over and not yet told: each makes one message, then `tell` forgets it."""
        with self._lock:
            self._expire(now_ns)
            return tuple(self._ended)

    def tell(self, ended: Ended) -> None:
        """Forget a snooze whose message is on disk."""
        with self._lock:
            self._ended = [one for one in self._ended if one is not ended]

    def kept(self) -> Kept:
        """Return what is to be kept on disk."""
        with self._lock:
            return Kept(
                boot_id=self._boot_id,
                risk=self._risk,
                snoozes=list(self._snoozes.values()),
                ended=list(self._ended),
            )

    def _expire(self, now_ns: int) -> None:
        for one in [one for one in self._snoozes.values() if now_ns >= one.until_ns]:
            del self._snoozes[one.camera]
            self._ended.append(Ended(snooze=one, why="over"))


def _grew(event: Event, before_px: int) -> bool:
    """Say whether an event is worth telling though its camera is to be silent."""
    by_rule = event.alerted is not None and event.alerted.by == "growth" and event.is_new_alert
    return by_rule or _area_px(event.box_px) >= GROWTH * before_px


def _area_px(box_px: tuple[int, int, int, int]) -> int:
    x0, y0, x1, y1 = box_px
    return max(1, (x1 - x0) * (y1 - y0))


def _still_open(snooze: Snooze | None) -> dict[str, Held]:
    """Return what a snooze goes on with from the one before: growth counts from the first sight."""
    return {} if snooze is None else {id_: held for id_, held in snooze.held.items() if not held.closed}
