"""Fires that were found, and false alarms: of real sequences, of given clips and of rendered scenes, always apart.

Counted as `scoring` does: a false alarm counts again for every 15 minutes of its age in which it is still open and no
fire burns in view, a miss counts 30 minutes in the capped delay, and an alert is judged apart from its opening.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping

import msgspec

from firmware_sim.tower.run import Fire, Kind, Run, Seen
from scoring.score import RECOUNT_S
from scoring.statistic import Rate, Share, rate, share

CAP_S = 1800.0
KINDS: tuple[Kind, ...] = ("real", "clip", "rendered")
EVIDENCE: Mapping[Kind, str] = {
    "real": "real sequences",
    "clip": "given clips",
    "rendered": "rendered, no evidence",
}
_DAY_H = 24.0


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One fire as one camera could see it.

    Attributes:
        fire, camera: which.
        kind: of its footage.
        ignition_s: when it began to smoke, seconds since 1970 UTC.
        shown_s: from ignition to the first box of the truth; None where the truth has none.
        candidate_s, alert_s: from ignition to the first find, as any event and as an alert; None: missed.
        shown_candidate_s, shown_alert_s: the same from the first box; None also without a box.
    """

    fire: str
    camera: str
    kind: Kind
    ignition_s: float
    shown_s: float | None
    candidate_s: float | None
    alert_s: float | None
    shown_candidate_s: float | None
    shown_alert_s: float | None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """How often, and how late, fires were found; once for any event, once for alerts alone.

    Attributes:
        views: of each fire by each camera that could see it.
        fires: found by any camera.
        median_s: from ignition, of views; a miss is never. None where half or more were missed.
        capped_s: mean of the delays after the first box, at most 30 minutes, which a miss counts; not before ignition.
            None where there is no box.
    """

    views: Share
    fires: Share
    median_s: float | None
    capped_s: float | None


class Alarms(msgspec.Struct, frozen=True, kw_only=True):
    """False alarms; once for any event, once for alerts alone.

    Attributes:
        events: how many there were, false or not.
        hourly: how often they count, in how many watched hours without fire.
        daily: the same per 24 watched hours.
        elsewhere: events that began elsewhere while there was smoke, which are no false alarms.
        left_out: events of which the truth does not tell.
    """

    events: int
    hourly: Rate
    daily: float | None
    elsewhere: int
    left_out: int


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of footage.

    Attributes:
        evidence: what it is evidence of, for people.
        cameras: how many.
        candidates, alerts: fires found, as any event and as an alert.
        false_candidates, false_alerts: false alarms, as any event and as an alert.
        views: each fire by each camera, in order of ignition.
        never_shown: rendered views that the truth never had a box of, which nobody could have found: they do not count.
    """

    evidence: str
    cameras: int
    candidates: Found
    alerts: Found
    false_candidates: Alarms
    false_alerts: Alarms
    views: tuple[View, ...]
    never_shown: int


def finding(run: Run) -> dict[str, Finding]:
    """Judge a run's events by its fires, by kind of footage; kinds that it does not have are absent.

    Args:
        run: each fire has one entry per camera that could see it.
    """
    kinds = {camera.kind for camera in run.cameras.values()} | {fire.kind for fire in run.fires}
    return {kind: _finding(run, kind) for kind in KINDS if kind in kinds}


def _finding(run: Run, kind: Kind) -> Finding:
    cameras = {name for name, camera in run.cameras.items() if camera.kind == kind}
    all_views = [_view(run, fire) for fire in run.fires if fire.kind == kind]
    views = [view for view in all_views if _counts(view)]
    quiet_h = sum(run.cameras[name].watched_s - run.cameras[name].fire_watched_s for name in cameras) / 3600
    events = [event for event in run.events if event.camera in cameras]
    alerts = [event for event in events if event.alerted_s is not None]
    return Finding(
        evidence=EVIDENCE[kind],
        cameras=len(cameras),
        candidates=_found([(one, one.candidate_s, one.shown_candidate_s) for one in views]),
        alerts=_found([(one, one.alert_s, one.shown_alert_s) for one in views]),
        false_candidates=_alarms(run, [(one, one.opened_s) for one in events], quiet_h),
        false_alerts=_alarms(run, [(one, one.alerted_s or one.opened_s) for one in alerts], quiet_h),
        views=tuple(sorted(all_views, key=lambda one: (one.ignition_s, one.fire, one.camera))),
        never_shown=len(all_views) - len(views),
    )


def _counts(view: View) -> bool:
    return view.kind != "rendered" or view.shown_s is not None or view.candidate_s is not None


def _view(run: Run, fire: Fire) -> View:
    met = [event for event in run.events if event.camera == fire.camera and fire.fire in event.fires]
    opened = [event.opened_s for event in met if event.opened_s >= fire.ignition_s]
    alerted = [one.alerted_s for one in met if one.alerted_s is not None and one.alerted_s >= fire.ignition_s]
    shown_s = None if fire.shown_s is None else fire.shown_s - fire.ignition_s
    candidate_s, alert_s = (min(some) - fire.ignition_s if some else None for some in (opened, alerted))
    return View(
        fire=fire.fire,
        camera=fire.camera,
        kind=fire.kind,
        ignition_s=fire.ignition_s,
        shown_s=shown_s,
        candidate_s=candidate_s,
        alert_s=alert_s,
        shown_candidate_s=_less(candidate_s, shown_s),
        shown_alert_s=_less(alert_s, shown_s),
    )


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _found(views: list[tuple[View, float | None, float | None]]) -> Found:
    """Sum up (view, delay from ignition, delay from the first box)."""
    fires = {view.fire for view, _, _ in views}
    found = {view.fire for view, delay_s, _ in views if delay_s is not None}
    known = sorted(delay_s for _, delay_s, _ in views if delay_s is not None)
    delays = known + [float("inf")] * (len(views) - len(known))
    median_s = statistics.median_high(delays) if delays else None
    boxed = [
        CAP_S if delay_s is None else min(CAP_S, max(delay_s, -view.shown_s))
        for view, _, delay_s in views
        if view.shown_s is not None
    ]
    return Found(
        views=share(len(known), len(views)),
        fires=share(len(found), len(fires)),
        median_s=None if median_s == float("inf") else median_s,
        capped_s=statistics.fmean(boxed) if boxed else None,
    )


def _alarms(run: Run, events: list[tuple[Seen, float]], quiet_h: float) -> Alarms:
    """Count (event, when it began to count)."""
    false = [(event, begun_s) for event, begun_s in events if event.verdict == "false_alarm"]
    count = sum(recounted(run, event, begun_s) for event, begun_s in false)
    hourly = rate(count, quiet_h)
    return Alarms(
        events=len(events),
        hourly=hourly,
        daily=None if hourly.per_hour is None else hourly.per_hour * _DAY_H,
        elsewhere=sum(event.verdict == "mislocalised" for event, _ in events),
        left_out=sum(event.verdict == "left_out" for event, _ in events),
    )


def recounted(run: Run, event: Seen, begun_s: float) -> int:
    """Return how often a false alarm counts: once, and again per 15 minutes of its age if it is open without fire.

    Args:
        run: says when fires burnt in view of its camera.
        event: a false alarm.
        begun_s: when it opened, or became an alert.
    """
    end_s = run.to_s if event.closed_s is None else event.closed_s
    ages = {0}
    for from_s, to_s in _quiet(run, event.camera, begun_s, end_s):
        ages |= set(range(int((from_s - begun_s) // RECOUNT_S), math.ceil((to_s - begun_s) / RECOUNT_S)))
    return len(ages)


def _quiet(run: Run, camera: str, from_s: float, to_s: float) -> Iterator[tuple[float, float]]:
    """Yield the times between two moments in which no fire burnt in view of a camera."""
    burning = sorted(
        (fire.ignition_s, run.to_s if fire.end_s is None else fire.end_s)
        for fire in run.fires
        if fire.camera == camera
    )
    for begin_s, end_s in burning:
        if begin_s > from_s:
            yield from_s, min(begin_s, to_s)
        from_s = max(from_s, end_s)
        if from_s >= to_s:
            return
    if from_s < to_s:
        yield from_s, to_s
