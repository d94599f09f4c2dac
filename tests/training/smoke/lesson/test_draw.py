"""Batches: what is drawn how often, the same by the seed, from any step on, and read where the maps lie."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.smoke.lesson import made
from training.smoke.lesson.draw import Drawn, batch_of, draws
from training.smoke.lesson.setting import Setting

SETTING = Setting(batch=8, seed=3)


@pytest.fixture
def pool(tmp_path):
    return made.pool(tmp_path)


def shown(batches):
    return [[(d.example.name, d.every, d.start, d.mirrored) for d in batch] for batch in batches]


def test_batches_are_fixed_by_the_seed_and_go_on_from_any_step(pool) -> None:
    whole = shown(draws(pool, SETTING, 0, 6))
    assert shown(draws(pool, SETTING, 4, 6)) == whole[4:]
    assert shown(draws(pool, replace(SETTING, seed=4), 0, 6)) != whole


def test_half_of_the_windows_are_smoky_and_a_smoky_one_ends_in_smoke(pool) -> None:
    for batch in draws(pool, SETTING, 0, 20):
        last = [d.example.positive[(d.start + 1) * d.every].any() for d in batch]
        assert sum(last) == SETTING.batch / 2


def test_sources_and_groups_come_evenly_however_many_examples_they_have(pool, tmp_path) -> None:
    crowd = [made.example(tmp_path, f"crowd {n}", "dull", smoky_from=None) for n in range(5)]
    drawn = [d for batch in draws([*pool, *crowd], SETTING, 0, 200) for d in batch]
    quiet = [d for d in drawn if not d.example.positive.any() or d.start * d.every < 5]
    names = [d.example for d in quiet if not d.example.positive.any()]
    of_weather = sum(example.source == "weather" for example in names)
    alone = sum(example.name == "d" for example in names)
    assert of_weather > 3 * max(Counter(e.name for e in names if e in crowd).values())
    assert alone > 3 * max(Counter(e.name for e in names if e in crowd).values())


def test_most_windows_are_of_every_frame_and_some_are_thinned_out(pool) -> None:
    cadences = Counter(d.every for batch in draws(pool, SETTING, 0, 100) for d in batch)
    assert set(cadences) == {1, 3}
    assert 0.6 < cadences[1] / cadences.total() < 0.9


def test_a_cadence_that_no_example_has_is_not_drawn(pool) -> None:
    slow = [replace(example, changes={1: example.changes[1]}) for example in pool]
    assert {d.every for batch in draws(slow, SETTING, 0, 10) for d in batch} == {1}


def test_a_window_holds_its_own_frames_mirrored_with_everything_that_belongs_to_them(pool) -> None:
    named = [replace(e, soft={k: c[:, 0] for k, c in e.changes.items()}) for e in pool]
    drawn = [Drawn(named[0], 3, 1, mirrored=True), Drawn(named[1], 1, 4, mirrored=False)]
    batch = batch_of(drawn)
    features, change, inside = batch.inputs
    positive, negative, conditions, soft = batch.targets
    assert features.shape == change.shape == (2, 2, made.CHANNELS, 30, 40)
    assert features[0, 0].is_contiguous(memory_format=torch.channels_last) or features.stride()[2] == 1
    a = named[0]
    np.testing.assert_array_equal(features[0], np.flip(a.features[[3, 6]], -1))
    np.testing.assert_array_equal(change[0], np.flip(a.changes[3][1:3], -1))
    np.testing.assert_array_equal(positive[0], np.flip(a.positive[[3, 6]], -1))
    np.testing.assert_array_equal(features[1], named[1].features[4:6])
    np.testing.assert_array_equal(conditions[1], named[1].conditions[4:6])
    assert torch.equal(soft, change[:, :, 0])
    assert inside.shape == (2, 1, 30, 40)
    assert negative.shape == positive.shape


def test_training_needs_smoke_and_quiet(pool) -> None:
    with pytest.raises(ValueError, match="boxes"):
        next(draws(pool[2:], SETTING, 0, 1))


def test_without_a_teacher_there_are_no_logits(pool) -> None:
    assert batch_of([Drawn(pool[0], 1, 0, mirrored=False)]).targets[3] is None


def test_smoke_that_weather_may_hide_is_neither_smoke_nor_free(tmp_path) -> None:
    example = made.example(tmp_path, "hidden", "dull", "weather")
    unsure = example.unsure()
    assert not len(unsure.starts(1, smoky=True))
    quiet = unsure.starts(1, smoky=False)
    assert set(quiet) == set(example.starts(1, smoky=False))
    assert not unsure.negative[example.positive.any(axis=(1, 2))].any()
    assert unsure.sha256 != example.sha256
    still = made.example(tmp_path, "still", "dull", smoky_from=None)
    assert still.unsure() is still
