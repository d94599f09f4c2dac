"""Who makes a step where several processes work together."""

from dataclasses import dataclass, field

import pytest

from training.cifar10 import workshop
from training.cifar10.recipe import read
from training.cifar10.workshop import Workshop
from training.distill.images import load


@dataclass
class Processes:
    """Stands in for accelerate's: two processes, of which this is one; the other agrees to everything."""

    is_main_process: bool
    num_processes: int = 2
    waited: int = 0
    said: list = field(default_factory=list)

    def wait_for_everyone(self):
        self.waited += 1


@pytest.fixture
def shop(strips, tmp_path, monkeypatch):
    def of(*, main):
        made = Workshop(load(strips, 100, tmp_path), read("tiny"), tmp_path / "work")
        made.processes = Processes(main)
        monkeypatch.setattr(workshop, "broadcast_object_list", made.processes.said.append)
        return made

    return of


def test_what_one_makes_the_others_wait_for(shop):
    first, second = shop(main=True), shop(main=False)
    step = first.step("ptq", "a", {})
    second.once(step, pytest.fail)
    assert (step.record(), second.processes.waited) == (None, 1)
    first.once(step, lambda: {"found": 1})
    assert (step.read()["found"], first.processes.waited) == (1, 1)
    first.once(step, pytest.fail)


@pytest.mark.parametrize("main", [True, False])
def test_what_all_make_one_records(shop, main):
    one = shop(main=main)
    step = one.step("train", "a", {})
    made = []
    one.together(step, lambda: made.append(1) or {"found": 1})
    assert made == [1]
    assert (step.record() is not None) == main
    assert one.processes.waited == 1


def test_what_one_makes_alone_asks_nobody(shop):
    """A collective in there would wait for the others for ever, who wait for this one."""
    one = shop(main=True)
    outer, inner = one.step("ptq", "outer", {}), one.step("train", "inner", {})

    def make():
        one.together(inner, dict)
        assert (one.processes.said, one.processes.waited) == ([], 0)
        return {}

    one.once(outer, make)
    assert inner.record() is not None
    assert one.processes.waited == 1


def test_who_has_left_asks_nobody(shop):
    one = shop(main=True)
    assert one.leave()
    one.together(one.step("train", "a", {}), dict)
    assert (one.processes.said, one.processes.waited) == ([], 0)
    assert not shop(main=False).leave()
