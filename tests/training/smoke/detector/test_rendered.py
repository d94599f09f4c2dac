"""Fires with rendered motion: each real frame is shown twice, and the plume has grown in between."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import msgspec
import numpy as np
import pytest

from tests.training.smoke.pool import made
from training.smoke.detector import rendered
from training.smoke.detector.rendered import chosen, clips, dense, drawn
from training.smoke.pool import map as pool_map
from training.smoke.pool.variant import METHODS, variants
from training.smoke.side import MADE_OF, made_of_step
from training.step.step import picture_digest
from training.step.workshop import Workshop


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    return made.part(tmp_path_factory.mktemp("data"), "a", quiet=26, smoke=4)


@pytest.fixture(scope="module")
def fire(part):
    return next(one for one in variants([part]) if one.fire is not None and one.weather == "clear")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = Workshop(tmp_path_factory.mktemp("work"), METHODS | rendered.METHODS | {"frozen": 1})
    shop.leave()
    return shop


@pytest.fixture(scope="module")
def network(shop):
    step = shop.step("frozen", "frozen", {})
    step.folder.mkdir(parents=True)
    step.finish({MADE_OF: ["a still"]})
    return SimpleNamespace(step=step, name="none", tflite=step.folder / "none", channels=(2,), pools=(1,))


@pytest.fixture
def clip(shop, fire, network, monkeypatch):
    """One fire, seen by a network that reads the mean of a picture."""

    def features(_, paths):
        for path in paths:
            yield np.full((2, 30, 40), cv2.imread(str(path)).mean(), np.float16)

    monkeypatch.setattr(pool_map, "features", features)
    (one,) = clips(shop, [fire], network)
    return one


def test_a_second_frame_comes_half_a_spacing_later() -> None:
    assert dense([0, 60, 120]) == (0, 30, 60, 90, 120, 150)
    assert dense([0, 60, 120, 600, 640, 700]) == (0, 30, 60, 90, 120, 150, 600, 620, 640, 670, 700, 730)


def test_a_fire_is_seen_each_30_s_and_each_minute_at_the_real_times(clip, part, fire) -> None:
    assert (clip.leg, clip.spacing_s) == ("rendered", 30)
    assert (clip.every(30), clip.every(60)) == (1, 2)
    frames, real = clip.part.truth.frames, part.truth.frames[: len(fire.frames)]
    assert [frame.epoch for frame in frames[::2]] == [frame.epoch for frame in real]
    assert len(clip.features) == len(frames) == 2 * len(real)
    assert clip.features.dtype == np.float16
    assert clip.part.truth.box_annotated
    assert clip.inside.shape == (30, 40)


def test_between_two_real_frames_the_plume_alone_moves(clip, part) -> None:
    frames = clip.part.truth.frames
    lit = next(index for index, frame in enumerate(frames) if frame.boxes)
    assert frames[0].label == "no_smoke"
    assert {frame.label for frame in frames[lit:]} == {"smoke"}
    seen = [cv2.imread(str(path)).astype(int) for path in clip.part.paths]
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[1], seen[2])  # another real frame, with a noise of its own
    last = len(frames) - 2
    x0, y0, x1, y1 = map(int, frames[last + 1].boxes[0])
    moved = np.abs(seen[last] - seen[last + 1]).mean(2)
    assert moved[y0:y1, x0:x1].mean() > 10 * np.delete(moved, slice(x0, x1), axis=1).mean()
    real = cv2.imread(str(part.paths[0])).astype(int)
    assert np.abs(seen[0] - real).mean() < 3  # JPEG alone


def test_it_says_of_which_pictures_it_was_made_and_is_drawn_once(clip, shop, fire, part) -> None:
    used = {picture_digest(path) for path in part.paths[: len(fire.frames)]}
    assert clip.pictures == used
    step = drawn(shop, fire)
    assert made_of_step(step) == used
    written = step.file(rendered.TRUTH).stat().st_mtime_ns
    assert drawn(shop, fire).file(rendered.TRUTH).stat().st_mtime_ns == written


def test_fires_are_clear_drawn_and_of_each_group_in_turn(fire) -> None:
    def like(name, group, **more):
        truth = msgspec.structs.replace(fire.part.truth, group=group, **more)
        return replace(fire, name=name, part=replace(fire.part, truth=truth))

    some = [like(f"a{number}", "a") for number in range(3)] + [like("b0", "b"), like("c0", "c")]
    assert [one.name for one in chosen(some, 4)] == ["a0", "b0", "c0", "a1"]
    assert [one.name for one in chosen(some[::-1], 9)] == ["a0", "b0", "c0", "a1", "a2"]
    slow = tuple(msgspec.structs.replace(f, epoch=f.epoch * 3) for f in fire.part.truth.frames)
    other = [
        replace(fire, weather="fog"),
        replace(fire, fire=None),
        replace(fire, cut=fire.part),
        like("fast", "a", accelerated=True),
        like("slow", "a", frames=slow),
    ]
    assert chosen(other, 9) == []
