"""Counts of what is known alone, a mean of both shares, and the device's own slow decision."""

import numpy as np
import pytest

from tests.training.smoke.detector import made
from training.smoke.detector import balance, condition, held
from training.smoke.detector.balance import Counts, Row
from training.smoke.lesson import inner
from training.smoke.pool.condition import NAMES


def row(name: str, camera: str, source: str, **frame: int) -> Row:
    return Row(
        fold="1", sequence=name, camera=camera, group=camera, source=source, weather="clear", condition="night",
        frame=Counts(**frame), standing=Counts(hits=1),
    )  # fmt: skip


def test_frames_of_unknown_truth_count_nowhere() -> None:
    truth = np.array([1, 1, 0, 0, np.nan, np.nan], np.float32)
    told = np.array([True, False, True, False, True, False])
    assert balance.counts(told, truth) == Counts(hits=1, misses=1, false_alarms=1, rejections=1)


def test_balanced_is_the_mean_of_both_shares_and_unknown_without_one() -> None:
    assert Counts(hits=9, misses=1, false_alarms=50, rejections=50).balanced() == pytest.approx(0.7)
    assert Counts(hits=9, misses=1).balanced() is None
    assert Counts(false_alarms=1, rejections=1).balanced() is None


def test_standing_is_slow_and_knows_the_first_frame_at_once() -> None:
    odd = np.array([[0.9], [0.0], [0.9], [0.9]], np.float32)
    assert balance.standing(odd, ["night"])[:, 0].tolist() == [True] * 4
    late = np.array([[0.0]] + [[1.0]] * 5, np.float32)  # .2, .36, .49, .59, .67
    assert balance.standing(late, ["night"])[:, 0].tolist() == [False] * 5 + [True]


def test_real_and_rendered_frames_and_cameras_stand_apart() -> None:
    rows = [
        row("a", "north", "real", hits=4),
        row("b", "south", "real", rejections=3, false_alarms=1),
        row("c", "north", "planted", misses=2),
        row("d", "north", "weather", hits=1),
    ]
    pooled = balance.pooled(rows, ["night", "fog"])["night"]
    assert pooled["real"].frame == Counts(hits=4, rejections=3, false_alarms=1)
    assert pooled["real"].frame_balanced == pytest.approx((1 + 0.75) / 2)
    assert pooled["rendered"].frame == Counts(hits=1, misses=2)
    assert pooled["rendered"].frame_balanced is None
    assert pooled["all"].standing == Counts(hits=4)
    cameras = balance.by_camera(rows, ["night"])["night"]
    assert set(cameras) == {"north", "south"}
    assert cameras["south"]["real"].frame == Counts(rejections=3, false_alarms=1)
    assert balance.pooled(rows, ["fog"])["fog"]["all"].frame == Counts()


def test_each_group_is_told_by_the_student_that_has_not_seen_it(tmp_path, monkeypatch) -> None:
    """Real and rendered; `clear` is known of every made frame, and holds in group `bright`."""
    built = made.build(tmp_path, monkeypatch)
    found = list(held.students(built.shop, built.folds, made.recipe()))
    opened = built.opened(built.side())
    rows = list(condition.rows_of(opened, found))
    assert len(rows) == len(built.sequences) * len(NAMES)
    assert {(one.fold, one.group) for one in rows} == {("1", "bright"), ("2", "dull"), ("road", "road")}
    one = next(r for r in rows if (r.sequence, r.condition) == ("bright-weather", "clear"))
    assert (one.source, one.weather, one.camera) == ("weather", "fog", "camera-bright")
    told = inner.scored_one(opened.side, found[0].student, opened.sequences[1], opened.examples[1]).conditions
    hits = int((told[:, 0] >= 0.5).sum())
    assert one.frame == Counts(hits=hits, misses=12 - hits)
