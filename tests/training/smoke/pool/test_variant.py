"""The list of the pool: repeatable, even, of the training side, and cut from its own groups alone."""

from collections import Counter
from pathlib import Path

import pytest

from firmware_sim.scene.fire import CONDITIONS
from firmware_sim.scene.side import side_of
from scoring.truth import TruthFrame, TruthSequence
from training.gate.stream import Part
from training.smoke.pool.variant import QUIET_LEAST, quiet_of, variants


def listed(name, labels, group="g", camera="c"):
    frames = tuple(
        TruthFrame(f"{i}.jpg", label, 60.0 * i, None, ((0.0, 0.0, 9.0, 9.0),) if label == "smoke" else ())
        for i, label in enumerate(labels)
    )
    ignition = None if "smoke" not in labels else 60.0 * labels.index("smoke") - 1
    truth = TruthSequence(name, camera, name, group, 640, 480, frames, ignition)
    return Part(truth, tuple(Path(frame.file) for frame in frames))


def many():
    fires = [listed(f"fire{i:02}", ["no_smoke"] * 40 + ["smoke"] * 40, f"g{i % 6}") for i in range(33)]
    return fires + [listed(f"quiet{i:02}", ["no_smoke"] * 64, "road") for i in range(26)]


def test_the_pool_is_of_the_stated_size_and_the_same_each_time():
    made = variants(many())
    assert made == variants(many()[::-1])
    assert made != variants(many(), seed=1)
    assert 200 < len(made) <= 230
    assert len({one.name for one in made}) == len(made)
    assert sum(one.real for one in made) == 59
    planted = Counter(one.part.truth.id for one in made if one.fire is not None)
    assert {planted[f"fire{i:02}"] for i in range(33)} == {2}
    assert {planted[f"quiet{i:02}"] for i in range(26)} == {1}


def test_a_sequence_keeps_its_seeds_whatever_comes_beside_it():
    alone = variants(many()[:1])
    assert [one.seed for one in alone] == [one.seed for one in variants(many()) if "fire00" in one.name]


def test_all_seeds_train():
    made = variants(many())
    seeds = [one.seed for one in made if not one.real]
    assert {side_of(seed) for seed in seeds} == {"train"}
    assert all(one.fire is None or one.fire.seed == one.seed for one in made)


def test_weather_is_spread_and_half_of_the_fires_are_clear():
    made = variants(many())
    alone = Counter(one.weather for one in made if one.fire is None and not one.real)
    assert set(alone) == set(CONDITIONS) - {"clear"}
    assert min(alone.values()) >= 3
    assert alone["lit_night"] > 8
    over = Counter(one.weather for one in made if one.fire is not None)
    assert set(over) == set(CONDITIONS)
    assert over["clear"] == sum(over.values()) // 2


def test_a_plume_is_cut_from_the_same_group_alone():
    cuts = [one for one in variants(many()) if one.cut is not None]
    assert len(cuts) >= 8
    assert all(one.cut.truth.group == one.part.truth.group for one in cuts)
    assert all(one.fire is not None and one.fire.cut == one.cut.truth.id for one in cuts)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["no_smoke"] * QUIET_LEAST, range(QUIET_LEAST)),
        (["no_smoke"] * (QUIET_LEAST - 1), None),
        (["uncertain"] + ["no_smoke"] * 30 + ["smoke"] + ["no_smoke"] * 50, range(1, 31)),
        (["smoke"] * 40, None),
    ],
)
def test_a_fire_needs_a_stretch_without_smoke(labels, found):
    assert quiet_of(listed("a", labels).truth) == found
    fires = [one for one in variants([listed("a", labels)]) if one.fire is not None]
    assert {one.frames for one in fires} == ({found} if found else set())
