"""One waiting frame a camera."""

import threading

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.camera.slots import Slots
from edge.counter.drops import Account
from edge.frame import Frame
from edge.image import RgbImage

IMAGE = RgbImage(np.zeros((1, 1, 3), np.uint8))


def frame(number: int) -> Frame:
    return Frame(IMAGE, number, 0, 0, None, 0)


def slots_of(*names: str) -> tuple[Slots, dict[str, Account]]:
    accounts = {name: Account() for name in names}
    return Slots(accounts), accounts


def put(slots: Slots, accounts: dict[str, Account], name: str) -> int:
    number = accounts[name].decode()
    slots.offer(name, frame(number))
    return number


def test_the_longest_waiting_camera_comes_first_and_keeps_its_place_when_overwritten():
    slots, accounts = slots_of("a", "b")
    put(slots, accounts, "a")
    put(slots, accounts, "b")
    put(slots, accounts, "a")
    camera, newest = slots.take_oldest(0)
    assert (camera, newest.sequence) == ("a", 1)
    assert slots.take_oldest(0)[0] == "b"
    assert slots.take_oldest(0) is None
    assert accounts["a"].balance().dropped["overwritten"] == 1


def test_closing_drops_what_waits_and_what_comes_later():
    slots, accounts = slots_of("a")
    put(slots, accounts, "a")
    slots.close()
    put(slots, accounts, "a")
    assert slots.take_oldest(10) is None
    assert slots.wait_empty("a", 10)
    assert accounts["a"].balance().dropped["stopped"] == 2
    assert accounts["a"].balance().waiting == 0


def test_waiting_ends_when_a_frame_comes_and_when_it_is_taken():
    slots, accounts = slots_of("a")
    assert slots.wait_empty("a", 0)
    threading.Timer(0.02, put, (slots, accounts, "a")).start()
    assert slots.take_oldest(30)[0] == "a"
    put(slots, accounts, "a")
    assert not slots.wait_empty("a", 0)
    threading.Timer(0.02, slots.take_oldest, (0,)).start()
    assert slots.wait_empty("a", 30)


class SlotsMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.slots, self.accounts = slots_of("a", "b", "c")
        self.queue: list[str] = []
        self.newest: dict[str, int] = {}
        self.closed = False

    @rule(name=st.sampled_from("abc"))
    def offer(self, name):
        self.newest[name] = put(self.slots, self.accounts, name)
        if not self.closed and name not in self.queue:
            self.queue.append(name)

    @rule()
    def take(self):
        taken = self.slots.take_oldest(0)
        if not self.queue:
            assert taken is None
            return
        name = self.queue.pop(0)
        assert (taken[0], taken[1].sequence) == (name, self.newest[name])
        self.accounts[name].score()

    @rule()
    def close(self):
        self.slots.close()
        self.queue.clear()
        self.closed = True

    @invariant()
    def waiting_is_what_is_in_the_slots(self):
        for name, account in self.accounts.items():
            assert account.balance().waiting == (name in self.queue)


TestSlots = SlotsMachine.TestCase
