"""A trial: which students are trained, on which groups, and what of their point counts."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.training.smoke.lesson import made as examples
from tests.training.smoke.search import made
from training.distill.setting import Distillation
from training.smoke.lesson import inner, point, recipe
from training.smoke.lesson import trained as steps
from training.smoke.lesson.inner import Half
from training.smoke.lesson.recipe import Distilled, Labels
from training.smoke.search import rehearsal, space
from training.smoke.search.rehearsal import CAP_MIN, Rehearsal, delay_of
from training.smoke.side import LeakError

SMALL = {
    "backbone": "lite0-coarse",
    "projected": 4,
    "width": 8,
    "depth": 1,
    "kernel": 3,
    "plain": False,
}
HALVES = [
    Half("A", frozenset({"bright"}), frozenset({"dull"})),
    Half("B", frozenset({"dull"}), frozenset({"bright"})),
]


@pytest.fixture
def rehearsed(tmp_path, monkeypatch):
    """Try on made-up maps; maps of the held half, the point and the file stand still. Returns side and log."""
    pool, side, log = examples.pool(tmp_path), made.side(tmp_path), []
    real = steps.trained

    def logged(shop, name, some, setting, method=None):
        log.append((name, sorted(one.name for one in some), setting, method))
        return real(shop, name, some, setting, method)

    def opened(self, door):
        log.append(f"open {self.ground.backbone}")
        sequences = [SimpleNamespace(drawn=None) for _ in pool]
        return recipe.Opened(door, sequences, SimpleNamespace(name="any"), pool, HALVES)

    monkeypatch.setattr(steps, "trained", logged)
    monkeypatch.setattr(Labels, "open", opened)
    monkeypatch.setattr(inner, "scored", lambda _side, student, *_: [student.key])
    monkeypatch.setattr(point, "choose", lambda scored, _: log.append(tuple(scored)) or made.point(9.0, 13.0))
    monkeypatch.setattr(rehearsal, "cost_of", lambda _, setting: made.tried({"width": setting.width}, 0).cost)
    return side, log


def test_both_halves_students_give_one_point(rehearsed) -> None:
    side, log = rehearsed
    tried = Rehearsal(side, made.terms()).tried(SMALL, 1)
    trained = [line for line in log if isinstance(line, tuple) and isinstance(line[1], list)]
    assert [(name, some, setting.seed) for name, some, setting, _ in trained] == [
        ("student-labels-without-A-1", ["b", "d"], 1),
        ("student-labels-without-B-1", ["a", "c"], 1),
    ]
    assert all(replace(setting, seed=0) == replace(
        made.SETTING, projected=4, width=8, depth=1, kernel=3) for *_, setting, _ in trained)  # fmt: skip
    assert len(log[-1]) == 2
    assert tried.delay_min == 11.0
    assert tried.cost.macs == 8_000_000


def test_a_side_is_opened_once_a_backbone(rehearsed) -> None:
    side, log = rehearsed
    trials = Rehearsal(side, made.terms())
    for parameters in (SMALL, SMALL, SMALL | {"backbone": "lite0-third"}):
        trials.tried(parameters, 0)
    assert [line for line in log if str(line).startswith("open")] == ["open lite0-coarse", "open lite0-third"]


def test_an_arm_searches_its_own_alone(rehearsed) -> None:
    side, _ = rehearsed
    labels = Rehearsal(side, made.terms("labels", ("lite0",)))
    found = labels.recipe({"learning_rate": 2e-3, "weight_decay": 5e-2})
    assert type(found) is Labels
    assert found.setting == replace(made.SETTING, learning_rate=2e-3, weight_decay=5e-2)
    distilled = Rehearsal(side, made.terms("distilled", ("lite0",))).recipe(
        {"temperature": 4.0, "alpha": 0.5}
    )
    assert isinstance(distilled, Distilled)
    assert distilled.method == Distillation(temperature=4.0, alpha=0.5)
    assert distilled.setting == made.SETTING
    assert labels.tried({"learning_rate": 2e-3, "weight_decay": 5e-2}, 0).cost is None


def test_an_ablation_leaves_out_one_thing_at_a_time(rehearsed) -> None:
    side, _ = rehearsed
    trials = Rehearsal(side, made.terms("ablation", ("lite0",)))
    seen = {}
    for parameters, seed in space.first((), "ablation"):
        recipe = trials.recipe(parameters)
        opened = recipe.open(side)
        some = recipe._learned(opened, "all", frozenset(example.group for example in opened.examples))
        seen[parameters["without"], seed] = ({one.source for one in some}, recipe.setting.context)
    every = {"real", "planted", "weather"}
    assert seen == {
        ("nothing", 0): (every, True),
        ("planted fires", 0): (every - {"planted"}, True),
        ("weather", 0): (every - {"weather"}, True),
        ("planted fires and weather", 0): ({"real"}, True),
        ("context", 0): (every, False),
        ("nothing", 1): (every, True),
    }


def test_what_was_made_of_a_left_out_picture_is_refused(rehearsed) -> None:
    side, _ = rehearsed
    side._left_out = {"picture of a": "a/000.jpg"}
    with pytest.raises(LeakError, match=r"a/000\.jpg"):
        Rehearsal(side, made.terms()).tried(SMALL, 0)


def test_a_point_beyond_the_limits_counts_as_a_miss() -> None:
    assert delay_of(made.point(9.0, 13.0)) == 11.0
    assert delay_of(made.point(9.0, 13.0, within=False)) == CAP_MIN == 30.0
    with pytest.raises(ValueError, match="no view"):
        delay_of(made.point(9.0, None))
