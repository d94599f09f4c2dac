"""Health is the age of the last scored frame of each camera, never of a cached one (promise 1 of the design).

A camera is corrupt when it was opened again for its damage and has given no whole picture since. It is stale when
nothing was seen for more than three cadences, or a cadence and thirty seconds where that is more: no frame was scored,
and no picture was looked at and found dark. Night explains a silence, not a dead camera. One that the governor has
closed is governed, and its silence counts from its opening again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from edge.governor.report import Governed

State = Literal["ok", "starting", "stale", "frozen", "dark", "corrupt", "governed", "finished"]
UNHEALTHY: tuple[State, ...] = ("stale", "frozen", "corrupt")


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What is known of one camera; times are monotonic.

    Attributes:
        last_scored_mono_ns: when a frame of it last went through the model; None if none did.
        started_mono_ns: when its thread began.
        condition: what its pictures look like, judged over several.
        cadence_s: seconds between scored frames, by its schedule; the longer one while a governor changes it.
        error: why it cannot be read now, without credentials; None when it can.
        finished: whether it was a recording that has ended.
        last_dark_mono_ns: when a picture of it was last found dark; None if none was.
        corrupt: whether it was opened again for its damage and has given no whole picture since.
        conditions: of its scene that stand, as the model tells them; None where it tells none.
        held: those of them that hold its alerts back.
        turns: how often it was found to look elsewhere.
        view: number of what it looks at, 0 at first.
        turned_utc: when it was last found to look elsewhere; None if it never was.
        of_view: keys of its configuration that hold for view 0 alone.
        governed: whether the governor has it closed.
        woke_mono_ns: when it was opened again after that; None if it never was.
        due_s: until its next frame is due, where there is a governor; None where that is unknown.
        paced_s: cadence that the governor has set; None without one.
    """

    last_scored_mono_ns: int | None
    started_mono_ns: int
    condition: Literal["ok", "dark", "frozen"]
    cadence_s: float
    error: str | None = None
    finished: bool = False
    last_dark_mono_ns: int | None = None
    corrupt: bool = False
    conditions: tuple[str, ...] | None = None
    held: tuple[str, ...] = ()
    turns: int = 0
    view: int = 0
    turned_utc: str | None = None
    of_view: tuple[str, ...] = ()
    governed: bool = False
    woke_mono_ns: int | None = None
    due_s: float | None = None
    paced_s: float | None = None

    @property
    def notice(self) -> str | None:
        """What people must look at on another view; None where there is nothing."""
        if self.view == 0 or not self.of_view:
            return None
        return f"view changed at {self.turned_utc}; made for another view: {', '.join(self.of_view)}"


class CameraHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement on one camera.

    Attributes:
        state: in one word.
        age_s: since its last scored frame; None if there was none.
        reason: for people.
        conditions: of its scene that stand, such as `fog`; absent where the model tells none.
        held: those of them that hold its alerts back, such as `night`.
        turns: how often it was found to look elsewhere.
        view: number of what it looks at: 0 at first; one that it comes back to keeps its number.
        cadence_s: between its scored frames, as it is now; absent without a governor.
        due_s: until its next frame is due; absent without a governor.
    """

    state: State
    age_s: float | None
    reason: str
    conditions: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    held: tuple[str, ...] = ()
    turns: int = 0
    view: int = 0
    cadence_s: float | msgspec.UnsetType = msgspec.UNSET
    due_s: float | msgspec.UnsetType | None = msgspec.UNSET


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement on the tower.

    Attributes:
        healthy: whether no camera is stale, frozen or corrupt, events reach the disk, and whoever carries messages goes
            on; `/health` answers 200 then, else 503.
        reasons: why, a line for the store where events do not reach it, for messages where they are not carried, and
            for each camera that is not simply ok, has its alerts held back, or looks elsewhere than its masks were
            made for.
        cameras: each one's.
        governor: what it spares, and why; absent without one.
    """

    healthy: bool
    reasons: list[str]
    cameras: dict[str, CameraHealth]
    governor: Governed | msgspec.UnsetType = msgspec.UNSET


def limit_s(cadence_s: float) -> float:
    """Return the age from which on a camera is stale."""
    return max(3 * cadence_s, cadence_s + 30)


def judge(facts: CameraFacts, now_ns: int) -> CameraHealth:
    """Return the health of one camera at a moment."""
    last_ns = facts.last_scored_mono_ns
    age_s = None if last_ns is None else (now_ns - last_ns) / 1e9
    seen_ns = max(
        (ns for ns in (last_ns, facts.last_dark_mono_ns, facts.woke_mono_ns) if ns is not None),
        default=facts.started_mono_ns,
    )
    silent_s = (now_ns - seen_ns) / 1e9
    state = _state(facts, silent_s)
    reason = _reason(state, facts, silent_s)
    return CameraHealth(
        state=state,
        age_s=age_s,
        reason=reason,
        turns=facts.turns,
        view=facts.view,
        conditions=msgspec.UNSET if facts.conditions is None else facts.conditions,
        held=facts.held,
        cadence_s=msgspec.UNSET if facts.paced_s is None else facts.paced_s,
        due_s=msgspec.UNSET if facts.paced_s is None else facts.due_s,
    )


def judge_all(cameras: Mapping[str, CameraFacts], now_ns: int, trouble: str | None = None) -> Health:
    """Return the health of the tower at a moment; `trouble` is why events do not reach the disk."""
    judged = {name: judge(facts, now_ns) for name, facts in cameras.items()}
    reasons = [
        f"{name}: {camera.reason}"
        for name, camera in judged.items()
        if camera.state != "ok" or camera.held or cameras[name].notice
    ]
    return Health(
        healthy=trouble is None and not any(camera.state in UNHEALTHY for camera in judged.values()),
        reasons=reasons if trouble is None else [trouble, *reasons],
        cameras=judged,
    )


def with_messages(judged: Health, trouble: str | None, notices: list[str]) -> Health:
    """Return the judgement on the tower with that on its messages.

    Args:
        judged: without them.
        trouble: why they are not carried; None where they are.
        notices: what somebody should see to all the same.
    """
    return msgspec.structs.replace(
        judged,
        healthy=judged.healthy and trouble is None,
        reasons=[*([] if trouble is None else [trouble]), *judged.reasons, *notices],
    )


def _state(facts: CameraFacts, silent_s: float) -> State:
    """Return the state; `silent_s` since the last picture that was scored or found dark, or the start."""
    if facts.finished or facts.governed:
        return "finished" if facts.finished else "governed"
    if facts.corrupt:
        return "corrupt"
    if facts.condition == "frozen":
        return "frozen"
    if silent_s > limit_s(facts.cadence_s):
        return "stale"
    if facts.condition == "dark":
        return "dark"
    return "starting" if facts.last_scored_mono_ns is None else "ok"


def _reason(state: State, facts: CameraFacts, silent_s: float) -> str:
    """Return the reason for people, with the source's error where there is one."""
    scored_ns, dark_ns = facts.last_scored_mono_ns, facts.last_dark_mono_ns
    if dark_ns is not None and (scored_ns is None or dark_ns > scored_ns):
        since, now = "since a dark picture", "; the newest picture is dark"
    else:
        since, now = "since the start" if scored_ns is None else "since the last one", ""
    text = {
        "ok": f"frames are scored{now}",
        "starting": f"no frame scored yet{now}",
        "stale": f"no frame scored for {silent_s:.0f} s {since} (limit {limit_s(facts.cadence_s):.0f} s)",
        "frozen": "the same picture again and again, but for a small part at most",
        "dark": "too dark to see smoke",
        "corrupt": "no whole picture since it was opened again",
        "governed": f"closed by the governor{_until(facts.due_s)}",
        "finished": "the recording has ended",
    }[state]
    held = f"alerts held back: {', '.join(facts.held)}" if state == "ok" and facts.held else None
    return "; ".join(part for part in (text, held, facts.error, facts.notice) if part is not None)


def _until(due_s: float | None) -> str:
    return "" if due_s is None else f", its next frame is due in {due_s:.0f} s"
