"""The heartbeat: what a tower says of itself at every interval. Its silence is what a receiver must notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from msgspec import UNSET

from edge.alert.route import Queue
from edge.counter.counters import Snapshot
from edge.governor.report import Governed
from edge.health import Health
from edge.text import plain
from edge.uplink.facts import TowerFacts
from edge.uplink.governed import GovernorBeat, governor_beat
from edge.uplink.moment import Now
from edge.uplink.standing import FireRisk, Snooze
from edge.uplink.transport import Link

_NS = 1e9


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a heartbeat."""


class Silence(_Record, frozen=True, kw_only=True):
    """A camera that a person has silenced.

    Attributes:
        left_s: until it speaks again.
        by: who.
        reason: in their words.
        held: events of which nothing was told meanwhile.
    """

    left_s: float
    by: str
    reason: str
    held: int


class CameraBeat(_Record, frozen=True, kw_only=True):
    """How a camera does.

    Attributes:
        state: `ok`, `starting`, `stale`, `frozen`, `dark`, `corrupt`, `governed`, `finished`.
        age_s: of its last scored frame; null where there was none.
        due_s: until the next one is due; where the governor has closed it, until it is opened; null where unknown.
        reason: for people.
        silence: null where nobody has silenced it.
        view: number of what it looks at: 0 at first; one that it comes back to keeps its number. Where masks, privacy
            or a heading were made for another view, `reason` says so.
        conditions: of its scene that stand, such as `fog`; null where the model tells none.
        held: those of them that hold its alerts back, such as `night`; `smoke` of the camera is not `OFF` then.
    """

    state: str
    age_s: float | None
    due_s: float | None
    reason: str
    silence: Silence | None
    view: int = 0
    conditions: tuple[str, ...] | None = None
    held: tuple[str, ...] = ()


class QueueBeat(_Record, frozen=True, kw_only=True):
    """How the outbox stands; deliveries of all sinks together.

    Attributes:
        unsent: that wait.
        oldest_s: since the oldest of them was committed; null where none waits, or nobody knows.
        unheard: messages that nobody heard, and that are sent again.
        shed: that were given up for want of room, ever.
        bytes: of what waits.
        words: deliveries by what became of them, ever.
    """

    unsent: int
    oldest_s: float | None
    unheard: int
    shed: int
    bytes: int
    words: dict[str, int]


class Candidates(_Record, frozen=True, kw_only=True):
    """Candidates that nobody has looked at.

    Attributes:
        unreviewed: how many.
        oldest_s: since the oldest of them was committed; null where there is none, or nobody knows.
    """

    unreviewed: int
    oldest_s: float | None


class RiskBeat(_Record, frozen=True, kw_only=True):
    """The fire risk, as somebody named it.

    Attributes:
        level: `low`, `neutral` or `high`.
        by: who.
        left_s: until it is neutral again.
    """

    level: str
    by: str
    left_s: float | None


class Power(_Record, frozen=True, kw_only=True):
    """What is known of power and heat; null is unknown.

    Attributes:
        source: how the watts are known.
        watts: now.
        charge: of the battery, 0 to 1.
        temperature_c: of the processor.
        throttling: what holds the processor back now.
        voltage_v: of the battery, as the governor believes it; null without one.
        load_w, panel_w: what the tower draws and the panel gives, as a charge controller says.
    """

    source: str
    watts: float | None = None
    charge: float | None = None
    temperature_c: float | None = None
    throttling: list[str] | None = None
    voltage_v: float | None = None
    load_w: float | None = None
    panel_w: float | None = None


class SinkBeat(_Record, frozen=True, kw_only=True):
    """How the way to a sink is.

    Attributes:
        up: whether a message could go.
        why: why not.
        notice: what somebody should see to all the same; empty where there is nothing.
        sent_bytes, received_bytes: over the link since the daemon began, as far as they are known.
    """

    up: bool
    why: str
    notice: str
    sent_bytes: int
    received_bytes: int


class HealthDocument(_Record, frozen=True, kw_only=True):
    """A heartbeat.

    Attributes:
        schema: of this record.
        tower: its id.
        tower_name: for people.
        text: one line for people.
        boot_id: of the boot; a command names it and `sequence`.
        sequence: its number in that boot.
        next_due_s: until the next one; overdue is who stays away for much longer.
        sent_at: by the tower's clock; null where no calendar has it.
        clock_trusted: whether that is synchronised; null when unknown.
        uptime_s: of the daemon.
        healthy: as `/health` says.
        reasons: why not, and of each camera that is not simply ok.
        cameras: by their names.
        queue: of messages; null where that is not known.
        candidates: that nobody has looked at; null where that is not known.
        fire_risk: null where nobody named one, or that was too long ago.
        commands: `done`, and those that were refused or failed by their reasons.
        sinks: by their names.
        power: null where nothing is known.
        model: bundle that scores, as name@version#digest; empty where none is loaded yet.
        version: of firetower.
        governor: what it spares, and why; null where there is none.
    """

    schema: Literal["firetower.health/1"] = "firetower.health/1"
    tower: str
    tower_name: str
    text: str
    boot_id: str
    sequence: int
    next_due_s: float
    sent_at: str | None
    clock_trusted: bool | None
    uptime_s: float
    healthy: bool
    reasons: list[str]
    cameras: dict[str, CameraBeat]
    queue: QueueBeat | None
    candidates: Candidates | None
    fire_risk: RiskBeat | None
    commands: dict[str, int]
    sinks: dict[str, SinkBeat]
    power: Power | None
    model: str
    version: str
    governor: GovernorBeat | None = None


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a heartbeat is made of.

    Attributes:
        sequence: its number in this boot.
        next_due_s: until the next one.
        uptime_s: of the daemon.
        health: of the cameras and the store.
        queue: of the outbox; None where that is not known.
        due_s: until each camera's next frame is due.
        fire_risk: that stands.
        snoozes: that stand.
        commands: counts of the gate.
        links: to each sink.
        power: as far as it is known.
        model: bundle that scores.
        version: of firetower.
    """

    sequence: int
    next_due_s: float
    uptime_s: float
    health: Health
    queue: Queue | None
    model: str
    version: str
    due_s: Mapping[str, float | None] = field(default_factory=dict)
    fire_risk: FireRisk = field(default_factory=FireRisk)
    snoozes: Sequence[Snooze] = ()
    commands: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    power: Power | None = None


def render_health(vitals: Vitals, facts: TowerFacts, now: Now) -> HealthDocument:
    """Return the payload of a heartbeat."""
    health, queue, risk = vitals.health, vitals.queue, vitals.fire_risk
    silences = {one.camera: _silence(one, now) for one in vitals.snoozes}
    cameras = {
        name: CameraBeat(
            state=camera.state,
            age_s=_tenths(camera.age_s),
            due_s=_tenths(vitals.due_s.get(name)),
            reason=camera.reason,
            silence=silences.get(name),
            view=camera.view,
            conditions=None if camera.conditions is UNSET else camera.conditions,
            held=camera.held,
        )
        for name, camera in health.cameras.items()
    }
    left_s = None if risk.until_ns is None else (risk.until_ns - now.mono_ns) / _NS
    reasons = [*health.reasons, *_warnings(vitals)]
    return HealthDocument(
        tower=facts.id,
        tower_name=facts.name,
        text=plain(f"{facts.id}: {'; '.join(reasons) or 'all is well'}."),
        boot_id=now.boot_id or "",
        sequence=vitals.sequence,
        next_due_s=vitals.next_due_s,
        sent_at=now.utc,
        clock_trusted=now.wall_trusted,
        uptime_s=round(vitals.uptime_s, 1),
        healthy=health.healthy,
        reasons=reasons,
        cameras=cameras,
        queue=None if queue is None else _queue(queue),
        candidates=None
        if queue is None
        else Candidates(unreviewed=queue.candidates, oldest_s=_tenths(queue.candidate_s)),
        fire_risk=None
        if risk.until_ns is None
        else RiskBeat(level=risk.level, by=risk.by, left_s=_tenths(left_s)),
        commands=dict(vitals.commands),
        sinks={name: _sink(link) for name, link in vitals.links.items()},
        power=vitals.power,
        model=vitals.model,
        version=vitals.version,
        governor=None if health.governor is UNSET else governor_beat(health.governor),
    )


def _warnings(vitals: Vitals) -> list[str]:
    """Return what of messages people should know, though no camera suffers from it."""
    silent = [f"{one.camera}: silenced by {one.by}: {one.reason}" for one in vitals.snoozes]
    unheard = 0 if vitals.queue is None else vitals.queue.unheard
    return [*silent, f"nobody listens to {unheard} messages"] if unheard else silent


def _queue(queue: Queue) -> QueueBeat:
    return QueueBeat(
        unsent=queue.unsent,
        oldest_s=_tenths(queue.oldest_s),
        unheard=queue.unheard,
        shed=queue.words.get("shed", 0),
        bytes=queue.bytes,
        words=queue.words,
    )


def _silence(snooze: Snooze, now: Now) -> Silence:
    return Silence(
        left_s=round((snooze.until_ns - now.mono_ns) / _NS, 1),
        by=snooze.by,
        reason=snooze.reason,
        held=len(snooze.silent),
    )


def _sink(link: Link) -> SinkBeat:
    return SinkBeat(
        up=link.up,
        why=link.why,
        notice=link.notice,
        sent_bytes=link.sent_bytes,
        received_bytes=link.received_bytes,
    )


def power_of(snapshot: Snapshot, governed: Governed | None = None) -> Power | None:
    """Return what is known of power and heat; None where nothing is. What a governor believes goes before."""
    energy, board = snapshot.energy, snapshot.device.condition
    charge, voltage_v, load_w, panel_w = board.charge, None, None, None
    if governed is not None:
        charge, voltage_v = governed.charge, governed.voltage_v
        load_w, panel_w = governed.load_w, governed.panel_w
    readings = (energy.watts, charge, board.temperature_c, board.throttling, voltage_v, load_w, panel_w)
    if all(reading is None for reading in readings):
        return None
    return Power(
        source=energy.source,
        watts=energy.watts,
        voltage_v=voltage_v,
        load_w=load_w,
        panel_w=panel_w,
        charge=charge,
        temperature_c=board.temperature_c,
        throttling=None if board.throttling is None else list(board.throttling),
    )


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
