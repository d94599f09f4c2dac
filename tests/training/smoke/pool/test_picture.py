"""A drawn variant: pictures with their truth and conditions, made once, known by what it was made of."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.training.smoke.pool import made
from training.smoke.pool.picture import draw_all, paths, read, step_of, within
from training.smoke.pool.variant import METHODS, Variant, variants
from training.smoke.side import made_of_step, pictures_of
from training.step.step import picture_digest
from training.step.workshop import Workshop


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    return made.part(tmp_path_factory.mktemp("data"), "a", quiet=26, smoke=4)


@pytest.fixture
def shop(tmp_path):
    return Workshop(tmp_path, METHODS)


def under(part, weather, frames=range(22, 30)):
    return Variant(f"a-{weather}", part, frames, weather, 0.8, 5)


def drawn(shop, variant):
    (step,) = draw_all(shop, [variant], 1)
    return read(step), paths(step, variant), step


def pixels(files):
    return np.stack([cv2.imread(str(path))[..., ::-1] for path in files]).astype(int)


def test_a_real_sequence_is_not_copied(part, shop):
    known, files, _ = drawn(shop, next(one for one in variants([part]) if one.real))
    assert files == part.paths
    assert known.truth.frames == part.truth.frames
    assert all(one.clear for one in known.conditions)


def test_a_planted_fire_is_boxed_where_it_can_be_seen(part, shop):
    variant = next(one for one in variants([part]) if one.fire is not None and one.weather == "clear")
    known, files, _ = drawn(shop, variant)
    after = pixels(files)
    before = pixels(part.paths[: len(files)])
    labels = [frame.label for frame in known.truth.frames]
    first = labels.index("smoke")
    assert 8 <= first <= 14
    assert set(labels[:first]) <= {"no_smoke", "uncertain"}
    assert (np.abs(after[:8] - before[:8])).mean() < 3  # JPEG alone
    assert known.truth.ignition_epoch < known.truth.frames[first].epoch
    assert known.plume == "drawn"
    ((x0, y0, x1, y1),) = known.truth.frames[-1].boxes
    change = np.abs(after[-1] - before[-1]).mean(2)
    assert change[int(y0) : int(y1), int(x0) : int(x1)].mean() > 3 * change[:, : int(x0) - 8].mean()


def test_smoke_that_nobody_could_see_is_no_smoke_to_learn(part, shop, monkeypatch):
    monkeypatch.setattr("training.smoke.pool.picture.SEEN", 200.0)
    variant = next(one for one in variants([part]) if one.fire is not None and one.weather == "clear")
    known, _, _ = drawn(shop, variant)
    assert not any(frame.boxes for frame in known.truth.frames)
    assert known.truth.frames[-1].label == "uncertain"


def test_a_cut_plume_is_recorded_with_its_source(part, shop, tmp_path):
    other = made.part(tmp_path / "data", "b", quiet=6, smoke=4)
    variant = next(one for one in variants([part]) if one.fire is not None)
    known, _, step = drawn(shop, replace(variant, cut=other, fire=replace(variant.fire, cut=other.truth.id)))
    assert known.plume == "cut"
    assert made_of_step(step) >= set(map(picture_digest, other.paths))


@pytest.mark.parametrize("weather", ["fog", "lit_night"])
def test_weather_over_smoke_keeps_its_boxes(part, shop, weather):
    known, _, _ = drawn(shop, under(part, weather))
    assert [frame.boxes for frame in known.truth.frames] == [f.boxes for f in part.truth.frames[22:]]
    assert known.truth.ignition_epoch == part.truth.ignition_epoch
    assert all(getattr(one, weather.removeprefix("lit_")) for one in known.conditions)


def test_boxes_move_with_a_turned_camera(part, shop):
    known, files, _ = drawn(shop, under(part, "turn", range(30)))
    ((x0, y0, x1, y1),) = known.truth.frames[-1].boxes
    assert abs(x0 - made.BOX[0]) > 10
    inner = pixels(files)[-1][int(y0) + 6 : int(y1) - 6, int(x0) + 6 : int(x1) - 6]
    assert abs(inner.mean() - 190) < 6


def test_a_monochrome_camera_stays_without_colour(tmp_path, shop):
    grey = made.part(tmp_path / "data", "m", quiet=26)
    for path in grey.paths:
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    _, files, _ = drawn(shop, under(grey, "lit_night", range(4)))
    assert np.ptp(pixels(files), axis=3).max() == 0


def test_it_is_drawn_once_and_the_same_each_time(part, shop, tmp_path):
    variant = under(part, "fog", range(22, 25))
    _, _, step = drawn(shop, variant)
    record = step.read()
    assert draw_all(shop, [variant], 1) == [step]
    assert step.read() == record
    again, _, _ = drawn(Workshop(tmp_path / "again", METHODS), variant)
    assert again == read(step)
    other = step_of(shop, replace(variant, severity=0.5))
    assert other.key != step.key


def test_a_damaged_picture_is_left_out_and_truth_keeps_in_step(tmp_path, shop):
    broken = made.part(tmp_path / "data", "x", quiet=5, smoke=3)
    broken.paths[1].write_bytes(b"no picture")
    known, files, _ = drawn(shop, under(broken, "fog", range(8)))
    assert known.of == (0, 2, 3, 4, 5, 6, 7)
    assert [bool(frame.boxes) for frame in known.truth.frames] == [False] * 4 + [True] * 3
    assert len(files) == 7


def test_a_fold_takes_what_is_made_of_its_own_side_alone(part, shop, tmp_path):
    other = made.part(tmp_path / "data", "b", quiet=4)
    steps = draw_all(shop, [under(part, "fog", range(2)), under(other, "fog", range(2))], 1)
    assert within(steps, pictures_of([part])) == [steps[0]]
    assert within(steps, pictures_of([part, other])) == steps
