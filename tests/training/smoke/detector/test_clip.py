"""A camera that takes every k-th frame: other frames are never seen, and the daemon is told of the cadence."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from edge.model.alert import AlertRule
from edge.model.manifest import Threshold
from scoring.truth import TruthFrame, TruthSequence
from tests.training.smoke.detector import made
from training.gate.stream import Part
from training.smoke.detector import clip
from training.smoke.detector.clip import Clip, day, thinned
from training.smoke.detector.delay import told
from training.smoke.lesson.point import Scored
from training.smoke.lesson.recipe import METHODS
from training.smoke.lesson.trained import load_quantized
from training.smoke.pool import picture
from training.smoke.pool.change import changes
from training.smoke.side import LeakError
from training.smoke.student.score import score
from training.step.workshop import Workshop

BOX = (160.0, 160.0, 224.0, 224.0)
LIT = 40
POINT = msgspec.structs.replace(
    made.CHOSEN,
    threshold=Threshold(open=2.0, keep=1.0),
    calm=None,
    alert=AlertRule(escalate_s=1800, persistence_s=600, scores={"smoke": 4.0}),
)


def part(frames: int = 80, spacing_s: float = 60.0, **more) -> Part:
    """A sequence whose smoke is lit 30 s before frame 40 and boxed from there on."""
    listed = tuple(
        TruthFrame(
            f"a-{i:03}.jpg", "smoke" if i >= LIT else "no_smoke", 1e9 + spacing_s * i,
            boxes=(BOX,) if i >= LIT else (),
        )
        for i in range(frames)
    )  # fmt: skip
    known = {"ignition_epoch": 1e9 + spacing_s * (LIT - 0.5), "box_annotated": True}
    truth = TruthSequence("a", "a", "a", "a", 640, 480, listed, **(known | more))
    return Part(truth, tuple(Path(frame.file) for frame in listed))


def clip_of(one: Part) -> Clip:
    return Clip(one, "real", np.zeros((1, 1, 1, 1), np.float16), np.ones((30, 40), bool), "x", frozenset())


def scored(one: Part, every: int, offset: int, smoke: float = 3.0) -> Scored:
    """What a student sees of every k-th frame: smoke at once where it burns."""
    maps = np.full((len(one.truth.frames), 30, 40, 1), -6.0, np.float32)
    maps[LIT:, 10:14, 10:14] = smoke
    conditions = np.zeros((len(maps), 6), np.float32)
    return Scored(thinned(one, every, offset), maps[offset::every], conditions[offset::every])


@pytest.mark.parametrize(
    ("spacing_s", "expected"),
    [(60, (None, 1, 2, 3, 5)), (62, (None, 1, 2, 3, 5)), (30, (1, 2, 4, 6, 10)), (180, (None, None, None, 1, None))],
)  # fmt: skip
def test_frames_are_a_cadence_apart_by_their_own_spacing(spacing_s, expected) -> None:
    one = clip_of(part(spacing_s=spacing_s))
    assert tuple(one.every(cadence_s) for cadence_s in (30, 60, 120, 180, 300)) == expected


def test_a_single_frame_has_no_cadence() -> None:
    assert clip_of(part(frames=1)).every(60) is None


def test_thinned_frames_keep_their_times() -> None:
    one = thinned(part(frames=10), 3, 2)
    assert [frame.epoch - 1e9 for frame in one.truth.frames] == [120, 300, 480]
    assert [path.name for path in one.paths] == ["a-002.jpg", "a-005.jpg", "a-008.jpg"]


def test_a_late_first_frame_costs_what_it_costs() -> None:
    """Three of four frames open a candidate; the delay counts from the whole sequence's first box."""
    one = part()
    delays = [
        told(day(clip_of(one), scored(one, 5, offset), POINT, 300), alerts=False).delay_min
        for offset in range(5)
    ]
    assert delays == [10, 11, 12, 13, 14]
    assert told(day(clip_of(one), scored(one, 1, 0), POINT, 60), alerts=False).delay_min == 2


def test_a_view_whose_boxes_were_not_taken_is_missed_and_not_left_out() -> None:
    short = part(frames=LIT + 1)
    seen = day(clip_of(short), scored(short, 2, 1), POINT, 120)
    assert told(seen, alerts=False).delay_min == 30
    assert told(seen, alerts=False).found is False


def test_time_between_frames_is_watched_at_the_cadence_that_is_tried() -> None:
    """Ten minutes seen make an alert: two frames of a bundle made for 300 s, four of one made for 200 s at most."""
    one = part()
    found = told(day(clip_of(one), scored(one, 5, 0), POINT, 300), alerts=True)
    assert found.delay_min == 20


def test_thinning_takes_no_hours_away() -> None:
    one = part(ignition_epoch=None, box_annotated=False)
    quiet = replace(
        one,
        truth=msgspec.structs.replace(
            one.truth,
            frames=tuple(msgspec.structs.replace(f, label="no_smoke", boxes=()) for f in one.truth.frames),
        ),
    )
    for every, cadence_s in ((1, 60), (5, 300)):
        found = day(clip_of(quiet), scored(quiet, every, 0, smoke=-6.0), POINT, cadence_s)
        warm_h = 2 * cadence_s / 3600  # no event can open in the first two frames
        assert found.quiet_h == pytest.approx(80 / 60 - warm_h)
        assert told(found, alerts=False).delay_min is None


@pytest.fixture
def taught(tmp_path, monkeypatch):
    """A student that has not seen `bright`, and that group's clip."""
    built = made.build(tmp_path, monkeypatch)
    built.shop = Workshop(tmp_path / "work", METHODS | clip.METHODS)
    built.shop.leave()
    paths = {one.variant.name: one.paths for one in built.sequences}
    monkeypatch.setattr(picture, "paths", lambda _, variant: paths[variant.name])
    recipe = made.recipe()
    student = recipe.student(recipe.open(built.side_of(built.folds[0])))
    clips = list(clip.real_clips(built.opened(built.side())))
    return SimpleNamespace(shop=built.shop, student=student, clips=clips, opened=built.opened(built.side()))


def test_the_student_sees_every_kth_frame_against_its_own_background(taught) -> None:
    one = taught.clips[0]
    for every, offset in ((1, 0), (2, 1), (5, 3)):
        found = clip.scored(taught.shop, taught.student, one, every, offset)
        features = np.asarray(one.features)[offset::every]
        change = np.stack(list(changes(features, one.inside)))  # as if no other frame had ever been
        expected = score(load_quantized(taught.student), features, change, one.inside)
        assert np.array_equal(found.maps, expected.maps())
        assert found.conditions.shape == (len(features), 6)
        assert found.part.truth.frames == one.part.truth.frames[offset::every]
    before = set(taught.shop.made)
    clip.scored(taught.shop, taught.student, one, 2, 1)
    assert taught.shop.made == before


def test_a_student_that_has_seen_the_pictures_is_refused(taught) -> None:
    with pytest.raises(LeakError, match="dull: student-labels-all-2 was made from its pictures"):
        clip.scored(taught.shop, taught.student, taught.clips[1], 1, 0)


def test_clips_are_real_and_at_true_times(taught) -> None:
    assert [one.part.truth.id for one in taught.clips] == list(made.GROUPS)
    assert {one.leg for one in taught.clips} == {"real"}
    drawn = taught.opened.sequences[0].drawn
    drawn.truth = msgspec.structs.replace(drawn.truth, accelerated=True)
    assert [one.part.truth.id for one in clip.real_clips(taught.opened)] == list(made.GROUPS[1:])
