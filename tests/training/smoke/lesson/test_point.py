"""The operating point: by the daemon's own decision, most views within the limits, then the least delay."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.model.calm import Calm
from edge.model.manifest import Threshold
from scoring.truth import TruthFrame, TruthSequence
from training.gate.stream import Part
from training.smoke.bundle import manifest_of
from training.smoke.lesson import point
from training.smoke.lesson.point import Scored, choose, tried

BOX = (160.0, 160.0, 224.0, 224.0)
BLANK = manifest_of(Threshold(open=0.0, keep=0.0))
FRAMES = 60


def scored(
    name: str, smoke: float | None, noise: float = -6.0, base: float = -6.0, fast: bool = False
) -> Scored:
    """A sequence, its smoke from frame 40 on; noise stands in a corner in frames 20 to 25."""
    lit = 40 if smoke is not None else FRAMES
    frames = tuple(
        TruthFrame(
            f"{name}-{i:03}.jpg", "smoke" if i >= lit else "no_smoke", 1e9 + 60.0 * i,
            boxes=(BOX,) if i >= lit else (),
        )
        for i in range(FRAMES)
    )  # fmt: skip
    truth = TruthSequence(
        name, name, name, name, 640, 480, frames, ignition_epoch=None if smoke is None else 1e9 + 60.0 * lit,
        box_annotated=smoke is not None, accelerated=fast,
    )  # fmt: skip
    maps = np.full((FRAMES, 30, 40, 1), base, np.float32)
    maps[20:26, 2:4, 30:32] = noise
    if smoke is not None:
        maps[lit:, 10:14, 10:14] = smoke
    return Scored(Part(truth, tuple(Path(f.file) for f in frames)), maps, None)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A grid of a few points; the hours of a test are few, so one false alarm breaks every limit."""
    monkeypatch.setattr(point, "OPENS", (4.0, 3.0, 2.0, 1.0, 0.0))
    monkeypatch.setattr(point, "ALERT_ABOVES", (0.5,))
    monkeypatch.setattr(point, "CALMS", (None,))


def test_the_point_finds_most_within_the_limits() -> None:
    found = choose([scored("a", 2.6), scored("b", 5.0), scored("q", None, noise=1.4)], BLANK)
    assert found.within
    assert found.threshold == Threshold(open=2.0, keep=1.0)
    assert (found.candidates.found, found.candidates.views) == (2, 2)
    assert found.alerts.found == 2
    assert (found.candidates.quiet, found.candidates.before) == (0, 0)


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet_streams_and_what_is_before_a_fire_limit_it_each(quiet) -> None:
    noisy = scored("q", None, noise=3.5) if quiet else scored("n", 6.0, noise=3.5)
    found = choose([scored("a", 2.6), scored("b", 5.0), noisy], BLANK)
    assert found.threshold.open == 4.0
    assert found.candidates.found == (1 if quiet else 2)


def test_many_quiet_hours_do_not_pay_for_alarms_before_fires() -> None:
    """Pooled, one false alarm over so many hours would be within the limit; before the fire it is not."""
    calm = [scored(f"q{n}", None) for n in range(14)]
    pooled = sum(len(one.maps) for one in calm) / 60
    assert 1 / pooled < point.CANDIDATES_PER_HOUR
    found = choose([scored("a", 2.6), scored("n", 6.0, noise=3.5), *calm], BLANK)
    assert found.threshold.open == 4.0


def test_laid_streams_set_no_threshold() -> None:
    assert choose([scored("a", 2.6), scored("d", None, noise=9.0, fast=True)], BLANK).threshold.open < 4


def test_of_equal_finds_the_earlier_one_is_taken() -> None:
    early = scored("a", 5.0)
    early.maps[40:50, 10:14, 10:14] = 1.5  # faint at first
    found = choose([early], BLANK)
    assert found.threshold.open <= 1.0
    late = tried([point._recorded(early)], BLANK, 3.0, 0.5, None)
    assert late.candidates.delay_min > found.candidates.delay_min


def test_without_any_point_within_the_limits_the_quietest_is_told_apart() -> None:
    found = choose([scored("a", 2.6), scored("q", None, noise=9.0)], BLANK)
    assert not found.within
    assert found.candidates.rate() > point.CANDIDATES_PER_HOUR


def test_calm_thresholds_are_tried_by_the_daemons_rule(monkeypatch) -> None:
    monkeypatch.setattr(point, "CALMS", (None, Calm(margin=2.0, fall=3.5)))
    found = choose([scored("a", 0.6), scored("q", None, noise=0.8, base=-1.0)], BLANK)
    assert found.calm is not None
    assert found.candidates.found == 1
    none = tried([point._recorded(scored("a", 0.6))], BLANK, found.threshold.open, 0.5, None)
    assert none.candidates.found == 0


def test_an_alert_is_a_score_or_ten_minutes_and_night_holds_it() -> None:
    told = msgspec.structs.replace(BLANK, schema="1.4", conditions=("clear", "night"))
    rule = tried([], told, 2.0, 0.5, None).alert
    assert rule.scores == {"smoke": 2.5}
    assert rule.persistence_s == 600
    assert rule.held == ("night",)
    faint = tried([point._recorded(scored("a", 2.2))], BLANK, 2.0, 0.5, None)
    assert faint.alerts.found == 1
    assert faint.alerts.delay_min > faint.candidates.delay_min + 8


def test_alerts_may_want_more_than_candidates(monkeypatch) -> None:
    monkeypatch.setattr(point, "CANDIDATES_PER_HOUR", 9.0)
    some = [scored("a", 2.6), scored("q", None, noise=3.4)]
    strict = choose(some, BLANK)
    assert strict.threshold.open == 4.0  # the noise may never be an alert
    monkeypatch.setattr(point, "ALERT_ABOVES", (0.5, 3.0))
    found = choose(some, BLANK)
    assert found.threshold.open < 2.6
    assert found.alert.scores == {"smoke": found.threshold.open + 3.0}
    assert (found.candidates.quiet, found.alerts.quiet) == (1, 0)
