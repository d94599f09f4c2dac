"""The figures of a set of sequences, from the results of each; those may come from different runs and machines.

What is counted and how stands in `scoring.score`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np

from scoring import statistic
from scoring.score import SequenceResult
from scoring.statistic import Rate, Share


class Auc(msgspec.Struct, frozen=True, kw_only=True):
    """How well a score ranks smoke above no smoke; None where a class is missing.

    Attributes:
        pooled: over all frames of all sequences.
        within: mean of the sequences' own.
        low, high: 95% bootstrap interval of `pooled` over groups; None for fewer than two groups.
    """

    pooled: float | None
    within: float | None
    low: float | None
    high: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What events did, of all of them or of alerts alone; medians are None where the median view was missed.

    Attributes:
        found_views, found_fires: a fire is found in any of its views.
        found_views_any: the looser count.
        false_alarms: per hour of scored time without smoke.
        mislocalised: openings, see the module.
        openings_left_out: openings that count neither way.
        ignition_to_event_s: median over all boxed views, misses counted as never.
        first_box_to_event_s: the same from the first human box; negative: before anybody drew one.
        f1, precision, recall: of frames, at the thresholds as shipped; None where they are undefined.
    """

    found_views: Share
    found_views_any: Share
    found_fires: Share
    false_alarms: Rate
    mislocalised: int
    openings_left_out: int
    ignition_to_event_s: float | None
    first_box_to_event_s: float | None
    f1: float | None
    precision: float | None
    recall: float | None


class Summary(Figures, frozen=True, kw_only=True):
    """The figures of a set of sequences; its own figures of events are of all openings, candidates' and alerts'.

    Attributes:
        views, fires, groups: that can be found: boxed views, their fires, their groups.
        alerts: the same figures of the events that became alerts; None in results from before there were severities.
        auc: of the frames' scores.
        clock_auc: of a score that knows only the frame's index: an AUC that is not above it shows nothing.
        bootstrap: how the AUCs' intervals were drawn.
    """

    sequences: int
    views: int
    fires: int
    groups: int
    smoke_frames: int
    no_smoke_frames: int
    auc: Auc
    clock_auc: Auc
    bootstrap: str
    alerts: Figures | None = None


def summarise(results: Sequence[SequenceResult], *, draws: int = 1000, seed: int = 0) -> Summary:
    """Add up the results of sequences.

    Args:
        results: each sequence once, in any order.
        draws: of the bootstrap; 0 for no intervals of the AUC.
        seed: of the bootstrap.
    Raises:
        ValueError: a sequence that comes twice.
    """
    results = sorted(results, key=lambda result: result.id)
    for before, after in pairwise(results):
        if before.id == after.id:
            raise ValueError(f"sequence '{after.id}' comes twice; summarise each once")
    boxed = [result for result in results if result.boxed]
    smoke = [frame.smoke for result in results for frame in result.frames]
    return Summary(
        sequences=len(results),
        views=len(boxed),
        fires=len({result.fire for result in boxed}),
        groups=len({result.group for result in boxed}),
        smoke_frames=smoke.count(True),
        no_smoke_frames=smoke.count(False),
        auc=_auc(results, clock=False, draws=draws, seed=seed),
        clock_auc=_auc(results, clock=True, draws=draws, seed=seed),
        bootstrap=f"{draws} draws of whole groups, seed {seed}, 95% percentiles",
        alerts=_figures([_of_alerts(result) for result in results]),
        **msgspec.structs.asdict(_figures(results)),
    )


def _of_alerts(result: SequenceResult) -> SequenceResult:
    """Return a result whose events are its alerts."""
    frames = tuple(
        frame if frame.alert is None else msgspec.structs.replace(frame, open=frame.alert)
        for frame in result.frames
    )
    known = {} if result.alerts is None else msgspec.structs.asdict(result.alerts)
    return msgspec.structs.replace(result, frames=frames, **known)


def _figures(results: Sequence[SequenceResult]) -> Figures:
    boxed = [result for result in results if result.boxed]
    openings = [opening for result in results for opening in result.openings]
    found = [result for result in boxed if result.found_s is not None]
    waits = [(_or_never(result.found_s), result.first_box_s or 0.0) for result in boxed]
    hits, false, missed = _confusion(results)
    fires = {result.fire for result in boxed}
    return Figures(
        found_views=statistic.share(len(found), len(boxed)),
        found_views_any=statistic.share(sum(r.found_any_s is not None for r in boxed), len(boxed)),
        found_fires=statistic.share(len({result.fire for result in found}), len(fires)),
        false_alarms=statistic.rate(
            sum(opening.counts for opening in openings), sum(result.quiet_s for result in results) / 3600
        ),
        mislocalised=sum(opening.verdict == "mislocalised" for opening in openings),
        openings_left_out=sum(opening.verdict == "left_out" for opening in openings),
        ignition_to_event_s=statistic.median([wait for wait, _ in waits]),
        first_box_to_event_s=statistic.median([wait - box for wait, box in waits]),
        f1=_part(2 * hits, 2 * hits + false + missed),
        precision=_part(hits, hits + false),
        recall=_part(hits, hits + missed),
    )


def _or_never(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds


def _part(count: int, total: int) -> float | None:
    return count / total if total else None


def _confusion(results: Sequence[SequenceResult]) -> tuple[int, int, int]:
    """Return the frames that are (open and smoke, open and not, closed and smoke)."""
    pairs = [(frame.open, frame.smoke) for result in results for frame in result.frames]
    return pairs.count((True, True)), pairs.count((True, False)), pairs.count((False, True))


def _auc(results: Sequence[SequenceResult], *, clock: bool, draws: int, seed: int) -> Auc:
    """Rank the frames by their scores, or by their index alone."""
    scores = [np.array([f.index if clock else f.score for f in r.frames], np.float64) for r in results]
    smoke = [np.array([f.smoke for f in r.frames], bool) for r in results]
    if not results:
        return Auc(pooled=None, within=None, low=None, high=None)
    within = [one for s, y in zip(scores, smoke, strict=True) if (one := statistic.auc(s, y)) is not None]
    groups = [result.group for result in results for _ in result.frames]
    everything = np.concatenate(scores), np.concatenate(smoke)
    interval = statistic.auc_interval(*everything, groups, draws=draws, seed=seed)
    low, high = interval or (None, None)
    mean = statistics.fmean(within) if within else None
    return Auc(pooled=statistic.auc(*everything), within=mean, low=low, high=high)
