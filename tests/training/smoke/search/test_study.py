"""Trials out of one journal: what is tried first, how many, by whom, and what becomes of an interrupted one."""

import threading

import pytest

from tests.training.smoke.search import made
from training.distill.loop import DivergedError
from training.smoke.search.space import TODAY, TODAY_OF_ARM
from training.smoke.search.study import DIVERGING, open_study

MS = 14.0


def opened(tmp_path, trials=6, arm=None, seed=0, **more):
    return open_study(made.side(tmp_path), made.terms(arm, **more), trials, seed)


def run(study, rehearse=made.tried):
    study.run(rehearse, lambda: MS)
    return study


def test_todays_design_of_each_backbone_comes_first_and_of_the_first_one_with_two_seeds(tmp_path) -> None:
    done = run(opened(tmp_path)).done()
    assert [(one.params, one.user_attrs["seed"]) for one in done[:3]] == [
        ({"backbone": "lite0-third", **TODAY}, 0),
        ({"backbone": "lite0-third", **TODAY}, 1),
        ({"backbone": "lite0-coarse", **TODAY}, 0),
    ]
    assert len(done) == 6
    assert all(one.user_attrs["seed"] == 0 for one in done[3:])


def test_delay_and_milliseconds_are_the_objectives(tmp_path) -> None:
    (first,) = run(opened(tmp_path, trials=1)).done()
    assert first.values == pytest.approx([15.0, 0.96 * MS])


@pytest.mark.parametrize("arm", ["labels", "distilled"])
def test_an_arm_begins_with_todays_values_and_has_the_delay_alone(tmp_path, arm) -> None:
    done = run(opened(tmp_path, trials=3, arm=arm, backbones=("lite0",))).done()
    assert done[0].params == TODAY_OF_ARM[arm]
    assert [one.values for one in done] == [[11.0]] * 3
    assert len({tuple(one.params.values()) for one in done}) == 3


def test_it_goes_on_where_it_was_and_nothing_is_tried_twice(tmp_path) -> None:
    asked = []

    def logged(parameters, seed):
        asked.append((tuple(sorted(parameters.items())), seed))
        return made.tried(parameters, seed)

    run(opened(tmp_path, trials=8), logged)
    run(opened(tmp_path, trials=16), logged)
    assert len(asked) == len(set(asked)) == 16
    run(opened(tmp_path, trials=16), logged)
    assert len(asked) == 16


def test_other_terms_are_another_study(tmp_path) -> None:
    run(opened(tmp_path, trials=2))
    assert opened(tmp_path, seed=1).done() == []
    assert opened(tmp_path, backbones=("lite0",)).done() == []
    assert len(opened(tmp_path, trials=9).done()) == 2


def test_two_at_once_share_the_trials(tmp_path) -> None:
    both, asked = threading.Barrier(2), []

    def together(parameters, seed):
        asked.append((tuple(sorted(parameters.items())), seed))
        both.wait(timeout=30)  # neither ends before the other one has begun
        return made.tried(parameters, seed)

    studies = [opened(tmp_path, trials=6) for _ in range(2)]
    threads = [threading.Thread(target=run, args=(study, together)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(asked) == len(set(asked)) == 6
    assert len(opened(tmp_path).done()) == 6


def test_what_was_interrupted_is_tried_again_with_its_seed(tmp_path) -> None:
    def interrupted(parameters, seed):
        if seed == 1:
            raise KeyboardInterrupt
        return made.tried(parameters, seed)

    with pytest.raises(KeyboardInterrupt):
        run(opened(tmp_path, trials=3), interrupted)
    done = run(opened(tmp_path, trials=3)).done()
    assert sorted((one.params["backbone"], one.user_attrs["seed"]) for one in done) == [
        ("lite0-coarse", 0), ("lite0-third", 0), ("lite0-third", 1),
    ]  # fmt: skip


def test_what_diverged_counts_as_tried_and_not_as_a_trial(tmp_path) -> None:
    asked = []

    def diverging(parameters, seed):
        asked.append((tuple(sorted(parameters.items())), seed))
        if len(asked) == 1:
            raise DivergedError
        return made.tried(parameters, seed)

    assert len(run(opened(tmp_path, trials=5), diverging).done()) == 5
    assert len(asked) == len(set(asked)) == 6


def test_a_study_of_nothing_but_divergence_ends(tmp_path) -> None:
    def diverging(parameters, seed):
        raise DivergedError

    with pytest.raises(ValueError, match=f"the last {DIVERGING} trials"):
        run(opened(tmp_path), diverging)
