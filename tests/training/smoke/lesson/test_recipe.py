"""Both arms: who is trained on which groups, by which seed, from which teacher; and the arguments of the command."""

import argparse
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge.model.alert import AlertRule
from edge.model.manifest import Threshold
from tests.training.smoke.lesson import made
from training.smoke.fold import main
from training.smoke.fold.command import register
from training.smoke.fold.recipe import Shipped
from training.smoke.lesson import asked, inner, material, point, recipe
from training.smoke.lesson import trained as steps
from training.smoke.lesson.inner import Half, halves
from training.smoke.lesson.point import Figures, Point
from training.smoke.lesson.recipe import Distilled, Ground, Labels
from training.smoke.lesson.setting import Setting
from training.smoke.lesson.teacher import Kind
from training.smoke.pool import picture
from training.smoke.pool.condition import Condition
from training.smoke.side import TrainingSide
from training.step.workshop import Workshop

SHORT = Setting(steps=4, batch=4, projected=4, width=8, depth=1)
NONE = Figures(found=0, views=0, delay_min=None, before=0, before_h=0, quiet=0, quiet_h=0)
CHOSEN = Point(
    threshold=Threshold(open=2.0, keep=1.0), alert=AlertRule(escalate_s=1800), calm=None, candidates=NONE,
    alerts=NONE, within=True,
)  # fmt: skip
GROUND = Ground((), ())


def sequenced(name: str, group: str, real: bool = True, boxes: bool = True):
    frames = [SimpleNamespace(boxes=((0, 0, 9, 9),) if boxes else ())]
    return SimpleNamespace(
        variant=SimpleNamespace(name=name, real=real), pictures=None,
        drawn=SimpleNamespace(truth=SimpleNamespace(group=group, frames=frames)),
    )  # fmt: skip


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Train arms on made-up maps; what is exported and chosen stands still. Returns the log of trainings."""
    pool = made.pool(tmp_path)
    sequences = [sequenced(e.name, e.group) for e in pool]
    side = TrainingSide(Workshop(tmp_path / "work", recipe.METHODS), [], {}, tmp_path / "out")
    log = []
    real = steps.trained

    def logged(shop, name, examples, setting, method=None):
        log.append((name, sorted(e.name for e in examples), setting.seed, method, examples[0].soft != {}))
        return real(shop, name, examples, setting, method)

    def opened(self, door):
        cut = [
            Half("A", frozenset({"bright"}), frozenset({"dull"})),
            Half("B", frozenset({"dull"}), frozenset({"bright"})),
        ]
        return recipe.Opened(door, sequences, SimpleNamespace(name="lite0-third"), pool, cut)

    monkeypatch.setattr(steps, "trained", logged)
    monkeypatch.setattr("training.smoke.lesson.teacher.trained", logged)
    monkeypatch.setattr(Labels, "open", opened)
    monkeypatch.setattr(
        Distilled, "_views",
        lambda self, door, some, kind: [replace(e, sha256=f"{kind.network} {e.sha256}") for e in pool
                                        if e.name in {one.variant.name for one in some}],
    )  # fmt: skip
    monkeypatch.setattr(inner, "scored", lambda _side, student, *_: [student])
    monkeypatch.setattr(point, "choose", lambda scored, _: log.append(("point", len(scored))) or CHOSEN)
    monkeypatch.setattr(picture, "paths", lambda *_: ())
    monkeypatch.setattr(recipe, "export", lambda *_: SimpleNamespace(calibration_sha256="c"))
    monkeypatch.setattr(
        recipe, "write", lambda out, manifest, *_: log.append(manifest) or SimpleNamespace(folder=out)
    )
    return side, log


def students(log):
    return [line for line in log if isinstance(line, tuple) and line[0].startswith("student")]


def test_each_half_is_scored_by_a_student_that_has_not_seen_it(trained) -> None:
    side, log = trained
    assert Labels(GROUND, SHORT).train(side) == side.out
    assert [line[:3] for line in students(log)] == [
        ("student-labels-without-A-0", ["b", "d"], 0),
        ("student-labels-without-B-0", ["a", "c"], 0),
        ("student-labels-all-0", ["a", "b", "c", "d"], 0),
    ]
    assert ("point", 2) in log
    manifest = log[-1]
    assert manifest.thresholds == {"smoke": CHOSEN.threshold}
    assert manifest.conditions == tuple(Condition.__struct_fields__)
    assert manifest.provenance["inner_folds"]["within"] is True


def test_other_seeds_use_the_point_of_seed_0_and_train_no_inner_student_again(trained) -> None:
    side, log = trained
    Labels(GROUND, SHORT).train(side)
    made_before = set(side.shop.made)
    Labels(GROUND, replace(SHORT, seed=2)).train(side)
    assert [line[0] for line in students(log)[3:]] == [
        "student-labels-without-A-0", "student-labels-without-B-0", "student-labels-all-2",
    ]  # fmt: skip
    assert len(side.shop.made - made_before) == 1


def test_a_teacher_never_sees_more_than_its_students_groups(trained) -> None:
    side, log = trained
    kinds = [Kind("lite0", 1 / 15, replace(SHORT, quantized_share=0, seed=101))]
    Distilled(GROUND, SHORT, kinds=kinds).train(side)
    lessons = [line for line in log if isinstance(line, tuple) and line[0] != "point"]
    for teacher, student in zip(lessons[::2], lessons[1::2], strict=True):
        assert teacher[0].startswith("teacher-lite0")
        assert teacher[1] == student[1]
        assert student[3] == recipe.METHOD
        assert student[4]
        assert not teacher[4]


def test_both_arms_start_and_draw_alike() -> None:
    kinds = [Kind("lite0", 1 / 15, replace(SHORT, quantized_share=0))]
    labels, distilled = Labels(GROUND, SHORT), Distilled(GROUND, SHORT, kinds=kinds)
    assert labels.setting == distilled.setting
    apart = {k for k in labels.stated() if labels.stated()[k] != distilled.stated()[k]}
    for arm in (labels, distilled):  # what compare-arms asks of both
        assert arm.stated()["steps"] == arm.setting.steps
        assert type(arm.stated()["trials"]) is int
    assert apart == {"name", "method", "kinds"}
    assert labels.trains_on_quiet
    assert distilled.trains_on_quiet


def test_groups_that_burn_and_those_that_do_not_are_dealt_each_evenly() -> None:
    some = [sequenced(f"s{n}", f"g{n}") for n in range(4)]
    some += [sequenced("highway", "highway", boxes=False), sequenced("desert", "desert", boxes=False)]
    some.append(sequenced("highway-fire", "highway", real=False))
    a, b = halves(some)
    assert a.held | b.held == {"g0", "g1", "g2", "g3", "highway", "desert"}
    assert not a.held & b.held
    assert a.groups == b.held
    for half in (a, b):
        assert len(half.held & {"highway", "desert"}) == 1
        assert len(half.held) == 3


def test_unknown_conditions_are_no_number() -> None:
    got = material.conditions_of([Condition(clear=True, fog=False), Condition()])
    assert got.shape == (2, 6)
    assert got[0, :2].tolist() == [1.0, 0.0]
    assert np.isnan(got[0, 2:]).all()
    assert np.isnan(got[1]).all()


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    return parser.parse_args(["cross-validate", "--data", "d", "--result", "r.json", *words])


@pytest.fixture
def stills(tmp_path: Path) -> str:
    (tmp_path / "one.jpg").touch()
    return str(tmp_path)


def test_the_command_chooses_a_recipe(stills, monkeypatch) -> None:
    monkeypatch.setattr(asked, "parts_of", lambda _: [])
    assert isinstance(main._recipe(parsed(), []), Shipped)
    words = parsed("--recipe", "distilled", "--stills", stills, "--seed", "2", "--temperature", "3")
    found = main._recipe(words, [])
    assert isinstance(found, Distilled)
    assert (found.setting.seed, found.method.temperature, found.method.alpha) == (2, 3.0, 0.7)
    words_of_labels = ["--recipe", "labels", "--stills", stills, "--learning-rate", "0.001", "--batch", "8"]
    labels = main._recipe(parsed(*words_of_labels), [])
    assert type(labels) is Labels
    assert (labels.setting.learning_rate, labels.setting.batch) == (0.001, 8)
    assert (found.setting.learning_rate, found.setting.batch) == (Setting().learning_rate, Setting().batch)
    assert "--batch 8" in main._command(parsed(*words_of_labels))
    assert "--recipe distilled" in main._command(words)
    assert "--temperature 3.0" in main._command(words)
    assert stills not in main._command(words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--recipe", "labels"], "--stills"),
        (["--recipe", "labels", "--alpha", "0.5"], "--recipe distilled"),
        (["--learning-rate", "1"], "a student's"),
        (["--batch", "8"], "a student's"),
    ],
)
def test_arguments_that_do_not_belong_are_refused(words, said) -> None:
    with pytest.raises(ValueError, match=said):
        main._recipe(parsed(*words), [])


def test_an_unknown_backbone_is_refused(stills, monkeypatch) -> None:
    monkeypatch.setattr(asked, "parts_of", lambda _: [])
    with pytest.raises(ValueError, match="lite0-third"):
        main._recipe(parsed("--recipe", "labels", "--stills", stills, "--backbone", "vgg"), [])
