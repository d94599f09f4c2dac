"""Who makes a step where several processes work together."""

from dataclasses import dataclass, field

import pytest

from training.step import workshop
from training.step.workshop import Workshop


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
def shop(tmp_path, monkeypatch):
    def of(*, main):
        made = Workshop(tmp_path / "work", {"ptq": 1, "train": 1})
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


def test_the_number_of_its_method_is_among_the_inputs_of_a_step(tmp_path):
    keys = {Workshop(tmp_path, {"train": number}).step("train", "a", {}).key for number in (1, 2)}
    assert len(keys) == 2
