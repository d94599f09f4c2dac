"""What came of messages, of alerts and of heartbeats, and what the link carried."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec

from firmware_sim.tower.demand import late
from firmware_sim.tower.figure.watching import lasting_s
from firmware_sim.tower.run import Beat, Mail, Run

GRACE_S = 60.0  # as `firetower watch` has it
Excuse: TypeAlias = Literal["link", "power", "none"]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Messages to one sink, of one kind, or all.

    Attributes:
        committed: on disk.
        delivered: had by the receiver.
        late: texts of alerts that came after the scenario's limit, or had not come though it had passed.
        escalated: sent by a step of escalation.
        twice: delivered more than once, under one key.
        waiting, unheard, lost: not delivered at the end; `unheard`: taken by a broker where nobody listened.
        why_lost: by cause, as the outbox says.
        delivered_bytes: of bodies, once each.
        median_s, p90_s, longest_s: from commit to delivery; None where nothing was delivered.
    """

    committed: int
    delivered: int
    late: int
    escalated: int
    twice: int
    waiting: int
    unheard: int
    lost: int
    why_lost: dict[str, int]
    delivered_bytes: int
    median_s: float | None
    p90_s: float | None
    longest_s: float | None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts and who heard of them.

    Attributes:
        alerts: events that became one.
        told: of which a text reached any receiver.
        late: told later than the scenario's limit.
        never: not told though the limit had passed at the end.
        longest_s: from alert to its first text at a receiver.
    """

    alerts: int
    told: int
    late: int
    never: int
    longest_s: float | None


class Overdue(msgspec.Struct, frozen=True, kw_only=True):
    """A heartbeat that did not come when the one before had promised it, and a minute.

    Attributes:
        due_s: seconds since 1970 UTC.
        heard_s: when one came; None: not before the end.
        excuse: `link`: it was away in that time; `power`: the board was; `none`.
    """

    due_s: float
    heard_s: float | None
    excuse: Excuse


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What the link carried.

    Attributes:
        sent_bytes: in the whole run; None without a sample.
        budget_bytes: that it may carry; None: no bound is known.
        budget_share: sent, of that.
        up_share: of the time; None without a sample.
        queue_high: most messages that waited at once.
        queue_bytes_high: most bytes that waited at once.
    """

    sent_bytes: int | None
    budget_bytes: int | None
    budget_share: float | None
    up_share: float | None
    queue_high: int | None
    queue_bytes_high: int | None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What came of messages.

    Attributes:
        whole: all of them.
        sinks: by sink.
        kinds: by kind.
        told: alerts.
        late_after_s: the scenario's limit.
        beats: heartbeats that arrived.
        overdue: those that did not when promised.
        link: what it carried.
    """

    whole: Sent
    sinks: dict[str, Sent]
    kinds: dict[str, Sent]
    told: Told
    late_after_s: float
    beats: int
    overdue: tuple[Overdue, ...]
    link: Link


def delivery(run: Run) -> Delivery:
    """Account for a run's messages.

    Args:
        run: with or without any.
    """
    slow = frozenset((mail.key, mail.sink) for mail in late(run))
    sinks, kinds = (sorted({getattr(mail, name) for mail in run.mails}) for name in ("sink", "kind"))
    return Delivery(
        whole=_sent(run.mails, slow),
        sinks={name: _sent([mail for mail in run.mails if mail.sink == name], slow) for name in sinks},
        kinds={name: _sent([mail for mail in run.mails if mail.kind == name], slow) for name in kinds},
        told=_told(run),
        late_after_s=run.late_s,
        beats=len(run.beats),
        overdue=tuple(_overdue(run)),
        link=_link(run),
    )


def _sent(mails: Sequence[Mail], slow: frozenset[tuple[str, str]]) -> Sent:
    lasted = sorted(mail.delivered_s - mail.committed_s for mail in mails if mail.delivered_s is not None)
    fates = [mail.fate for mail in mails]
    why: dict[str, int] = {}
    for mail in mails:
        if mail.fate == "lost":
            why[mail.why or "unknown"] = why.get(mail.why or "unknown", 0) + 1
    return Sent(
        committed=len(mails),
        delivered=len(lasted),
        late=sum((mail.key, mail.sink) in slow for mail in mails),
        escalated=sum(mail.step > 0 for mail in mails),
        twice=sum(mail.copies > 1 for mail in mails),
        waiting=fates.count("waiting"),
        unheard=fates.count("unheard"),
        lost=fates.count("lost"),
        why_lost=dict(sorted(why.items())),
        delivered_bytes=sum(mail.bytes for mail in mails if mail.delivered_s is not None),
        median_s=_quantile(lasted, 0.5),
        p90_s=_quantile(lasted, 0.9),
        longest_s=lasted[-1] if lasted else None,
    )


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the least value that so large a share does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _told(run: Run) -> Told:
    first_s: dict[str, float] = {}
    for mail in run.mails:
        if mail.kind == "event" and mail.severity == "alert" and mail.event and mail.delivered_s is not None:
            first_s[mail.event] = min(mail.delivered_s, first_s.get(mail.event, math.inf))
    alerts = [(one.id, one.alerted_s) for one in run.events if one.alerted_s is not None]
    delays = [first_s[key] - alerted_s for key, alerted_s in alerts if key in first_s]
    untold = [run.to_s - alerted_s for key, alerted_s in alerts if key not in first_s]
    return Told(
        alerts=len(alerts),
        told=len(delays),
        late=sum(delay_s > run.late_s for delay_s in delays),
        never=sum(age_s > run.late_s for age_s in untold),
        longest_s=max(delays, default=None),
    )


def _overdue(run: Run) -> Iterator[Overdue]:
    """Yield promises that were broken; a heartbeat that overtook a later one promises nothing."""
    heard: Beat | None = None
    for beat in sorted(run.beats, key=lambda one: (one.arrived_s, one.made_s)):
        if heard is not None and beat.arrived_s > heard.next_s + GRACE_S:
            yield Overdue(
                due_s=heard.next_s, heard_s=beat.arrived_s, excuse=_excuse(run, heard, beat.arrived_s)
            )
        if heard is None or beat.made_s >= heard.made_s:
            heard = beat
    if heard is not None and run.to_s > heard.next_s + GRACE_S:
        yield Overdue(due_s=heard.next_s, heard_s=None, excuse=_excuse(run, heard, run.to_s))


def _excuse(run: Run, promise: Beat, until_s: float) -> Excuse:
    """Say what was away between the heartbeat that promised and its successor, by spells and samples."""
    for spell in run.spells:
        ended = spell.to_s is not None and spell.to_s <= promise.made_s
        if spell.cause == "off" and spell.from_s < until_s and not ended:
            return "power"
    down = any(not one.link_up for one in run.samples if promise.made_s <= one.at_s <= until_s)
    return "link" if down else "none"


def _link(run: Run) -> Link:
    lasted = lasting_s(run)
    whole_s = sum(lasted)
    up_s = sum(seconds for sample, seconds in zip(run.samples, lasted, strict=True) if sample.link_up)
    sent, budget = run.samples[-1].sent_bytes if run.samples else None, run.link_budget_bytes
    return Link(
        sent_bytes=sent,
        budget_bytes=budget,
        budget_share=sent / budget if sent is not None and budget else None,
        up_share=up_s / whole_s if whole_s > 0 else None,
        queue_high=max((sample.queue for sample in run.samples), default=None),
        queue_bytes_high=max((sample.queue_bytes for sample in run.samples), default=None),
    )
