"""The memory of the hour in the pipeline: what it holds back, what breaks through, and what it may learn from."""

import itertools
import logging
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.alert.event import Stamp
from edge.clock import utc_text, wall_synchronised
from edge.detect.memory import SLOT_S
from edge.frame import Frame
from edge.hour import SAVE_S, trusted_s
from edge.image import RgbImage
from edge.model.alert import AlertRule
from edge.model.bundle import Bundle
from edge.model.loaded import Model
from edge.model.manifest import Confirmation, FileSpec, Manifest, TensorSpec, Threshold
from edge.model.memory import MemoryRule
from edge.model.runtime import Inference
from edge.pipeline import Pipeline

DAY_S = 86_400
NOON_S = 20_000 * DAY_S + 43_200
GRID = (6, 8)
SPEC = FileSpec(
    sha256="0" * 64, bytes=1, backend="litert",
    tensors=(
        TensorSpec(
            name="f", role="frame", shape=(1, 96, 128, 3), dtype="uint8", layout="NHWC", scale=1 / 255, zero_point=0
        ),
        TensorSpec(name="y", role="scores", shape=(1, *GRID, 1), dtype="float32"),
    ),
)  # fmt: skip
ALERT = AlertRule(escalate_s=3600.0, growth=4.0, scores={"smoke": 5.0})
PLACE = (2, 3)
RULE = MemoryRule()
QUIET = (0, 1, 2, 16, 30, 44, 58, 72, 86, 100)  # minutes, closer than the gap of the state


class Told:
    """A runtime that hands out the map that it was told."""

    name = "litert"

    def __init__(self):
        self.map = None

    def zero_state(self):
        return ()

    def infer(self, write_frame, state):
        write_frame(np.zeros((1, 96, 128, 3), np.uint8))
        return Inference(self.map, state, 0)


class Tower:
    """A pipeline that is played maps, a minute apart; its clock may be trusted or not."""

    def __init__(self, alert=ALERT, rule=RULE, memory=None):
        manifest = Manifest(
            schema="1.4", name="m", version="1", task="cells", kind="logits", labels=("smoke",), cell_stride_px=16,
            files={"model.tflite": SPEC}, thresholds={"smoke": Threshold(open=1.0, keep=0.0)},
            confirmation=Confirmation(hits=2, window=3, close_after=2), alert=alert, memory=rule, state_gap_s=900.0,
        )  # fmt: skip
        self.runtime = Told()
        model = Model(Bundle(Path("b"), Path("b"), manifest, "d" * 64), SPEC, self.runtime)
        self.trusted = True
        self.pipeline = Pipeline(
            model,
            lambda frame: Stamp(model_s=frame.model_ns / 1e9, utc=utc_text(frame.captured_wall_ns)),
            lambda _stage, _ns: None,
            memory=memory,
            wall_s=lambda frame: frame.captured_wall_ns / 1e9 if self.trusted else None,
        )
        self.events = {}

    def play(self, begin_s, maps, camera="c"):
        """Play maps and then quiet ones; return the minutes after `begin_s` at which events opened."""
        opened = []
        played = [*enumerate(maps), *((len(maps) + after, plain()) for after in QUIET)]
        for minute, plane in played:
            self.runtime.map = plane
            for event in self.frame(begin_s + 60 * minute, camera):
                self.events[event.id] = event
                if event.phase == "opened":
                    opened.append(minute)
        return opened

    def frame(self, when_s, camera="c"):
        ns = round(when_s * 1e9)
        image = RgbImage(np.full((96, 128, 3), round(when_s) // 60 % 251, np.uint8))
        return self.pipeline.score(camera, Frame(image, 0, ns, ns, ns, ns)).events

    def counted(self, camera="c"):
        held = self.pipeline.hours.counted[camera]
        return held.held, held.released


def plain():
    return np.full((*GRID, 1), -6.0, np.float32)


def patch(score=2.0, height=1, width=2, at=PLACE):
    """Return a map with a region."""
    plane = plain()
    plane[at[0] : at[0] + height, at[1] : at[1] + width] = score
    return plane


def edged(cells):
    """Return the same region with so many more cells at its end that are above `keep` alone."""
    return np.maximum(patch(), patch(0.5, width=cells, at=(PLACE[0], PLACE[1] + 2)))


def cloud(minutes=10):
    """A region that comes, stays as it is, and goes."""
    return [patch()] * minutes


def fire(minutes=30):
    """A small plume that grows and grows brighter."""
    return [patch(1.2 + 0.1 * minute, 1 + minute // 5, 2 + minute // 6) for minute in range(minutes)]


def test_what_came_yesterday_at_this_hour_is_held_back_and_counted():
    tower = Tower()
    assert tower.play(NOON_S, cloud()) == [1]
    assert tower.counted() == (0, 0)
    assert tower.play(NOON_S + DAY_S, cloud()) == []
    assert tower.counted() == (1, 0)
    assert tower.play(NOON_S + DAY_S + 4 * 3600, cloud()) == [1]  # another hour


def test_off_is_as_if_there_were_none():
    for tower in (Tower(rule=None), Tower(memory=False)):
        assert [tower.play(NOON_S + day * DAY_S, cloud()) for day in range(3)] == [[1]] * 3
        assert tower.pipeline.hours.counted == {}
        assert tower.pipeline.hours.save(last=True) == {}


def test_the_operator_turns_it_on_for_a_bundle_that_says_nothing():
    tower = Tower(rule=None, memory=True)
    assert [tower.play(NOON_S + day * DAY_S, cloud()) for day in range(2)] == [[1], []]


@pytest.mark.parametrize("minutes", [12, 30])
@pytest.mark.parametrize(("alert", "latest"), [(None, 6), (ALERT, 10)])
def test_a_fire_at_the_same_hour_on_three_days_is_found_on_each(alert, latest, minutes):
    tower = Tower(alert=alert)
    opened = [tower.play(NOON_S + day * DAY_S, fire(minutes)) for day in range(3)]
    assert opened[0] == [1]
    assert all(day and day[0] <= latest for day in opened), opened  # by when it was an alert on the first day


def test_a_fire_that_neither_grows_nor_brightens_is_found_on_each_of_three_days():
    tower = Tower()
    opened = [tower.play(NOON_S + day * DAY_S, [patch()] * 90) for day in range(3)]
    assert opened[0] == [1]
    escalated = 60  # minutes until it became an alert on the first day: what follows taught nothing
    assert all(len(day) == 1 and day[0] <= escalated + 2 for day in opened), opened


def test_a_loud_fire_is_found_at_once_whatever_was_usual():
    tower = Tower()
    for day in range(3):
        tower.play(NOON_S + day * DAY_S, [patch(4.4)] * 20)
    assert tower.play(NOON_S + 3 * DAY_S, [patch(4.6)] * 20) == [1]


def test_a_region_wider_than_ever_about_this_hour_opens_at_once():
    tower = Tower()
    tower.play(NOON_S, cloud())
    wider = [patch()] * 4 + [edged(1)] * 2 + [edged(2)] * 4
    assert tower.play(NOON_S + DAY_S, wider) == [6]  # one cell wider is as usual
    assert tower.counted() == (1, 1)


def test_a_region_that_lasts_longer_than_ever_opens():
    tower = Tower()
    tower.play(NOON_S, cloud(12))
    assert tower.play(NOON_S + DAY_S, cloud(12)) == []
    assert tower.play(NOON_S + DAY_S + 120 * 60, cloud(2)) == [1]
    assert tower.play(NOON_S + 2 * DAY_S, cloud(20)) == [12]
    assert tower.counted() == (2, 1)


def test_nothing_is_held_back_for_less_than_the_least_time_because_it_lasts():
    tower = Tower(rule=MemoryRule(least_s=240.0))
    tower.play(NOON_S, cloud(2))
    assert tower.play(NOON_S + DAY_S, cloud(20)) == [6]


def test_what_broke_through_teaches_nothing_so_that_delays_do_not_add_up():
    tower = Tower(rule=MemoryRule(half_life_days=7.0))
    tower.play(NOON_S, cloud(8))
    assert [tower.play(NOON_S + day * DAY_S, cloud(40)) for day in range(1, 4)] == [[8]] * 3


def test_an_untrusted_clock_learns_nothing_and_raises_nothing():
    tower = Tower()
    tower.trusted = False
    assert tower.play(NOON_S, cloud()) == [1]
    assert tower.pipeline.hours.counted["c"].learned == 0
    tower.trusted = True
    assert tower.play(NOON_S + DAY_S, cloud()) == [1]
    assert tower.pipeline.hours.counted["c"].learned == 20
    tower.trusted = False
    assert tower.play(NOON_S + 2 * DAY_S, cloud()) == [1]


def test_a_clock_that_loses_its_trust_releases_what_is_held_back():
    tower = Tower()
    tower.play(NOON_S, cloud())
    opened = []
    for minute in range(6):
        tower.trusted = minute < 4
        tower.runtime.map = patch()
        opened += [minute for event in tower.frame(NOON_S + DAY_S + 60 * minute) if event.phase == "opened"]
    assert opened == [4]


def test_nothing_is_learned_while_an_alert_is_open():
    tower = Tower(alert=None)  # each event is one
    elsewhere = [np.maximum(patch(), patch(0.5, at=(5, 0)))] * 10
    tower.play(NOON_S, elsewhere)
    assert tower.pipeline.hours.counted["c"].learned == 20 - (10 - 1) - 1  # until it closes
    assert tower.play(NOON_S + DAY_S, cloud(20)) == [7]  # one sight, one minute: only the least time holds


def test_what_a_person_confirms_is_struck():
    tower = Tower()
    tower.play(NOON_S, cloud())
    (event,) = tower.events.values()
    tower.pipeline.confirm(event)
    assert tower.play(NOON_S + DAY_S, cloud()) == [1]


def test_nothing_is_learned_while_a_confirmed_event_is_open():
    tower = Tower()
    tower.runtime.map = patch()
    for minute in range(3):
        for event in tower.frame(NOON_S + 60 * minute):
            tower.pipeline.confirm(event)
    for minute in range(3, 30):
        tower.frame(NOON_S + 60 * minute)
    assert tower.pipeline.hours.counted["c"].learned == 2
    tower.play(NOON_S + 30 * 60, [])
    assert tower.play(NOON_S + DAY_S, cloud()) == [1]


def test_a_confirmed_event_of_another_size_or_without_a_date_strikes_the_whole_picture():
    for changes in ({"frame_px": (1, 1)}, {"opened": Stamp(model_s=0.0)}):
        tower = Tower()
        tower.play(NOON_S, cloud())
        (event,) = tower.events.values()
        tower.pipeline.confirm(msgspec.structs.replace(event, **changes))
        assert tower.play(NOON_S + DAY_S, cloud()) == [1]


def test_cameras_remember_apart():
    tower = Tower()
    tower.play(NOON_S, cloud(), "c")
    assert tower.play(NOON_S + DAY_S, cloud(), "d") == [1]
    assert tower.play(NOON_S + DAY_S, cloud(), "c") == []
    tower.pipeline.hours.restart("d")
    assert tower.play(NOON_S + 2 * DAY_S, cloud(), "c") == []
    assert tower.play(NOON_S + 2 * DAY_S, cloud(), "d") == [1]


def test_a_memory_goes_on_in_the_next_process():
    tower = Tower()
    tower.play(NOON_S, cloud())
    saved = tower.pipeline.hours.save(last=True)
    assert set(saved) == {"c"}
    assert tower.pipeline.hours.save(last=True) == {}
    again = Tower()
    again.pipeline.hours.recall("c", saved["c"])
    assert again.play(NOON_S + DAY_S, cloud()) == []


def test_a_damaged_memory_starts_anew_with_a_warning(caplog):
    tower = Tower()
    with caplog.at_level(logging.WARNING):
        tower.pipeline.hours.recall("c", b"FTH1 and nothing more")
    assert "camera 'c': its memory of the hour starts anew: damaged" in caplog.text
    assert tower.play(NOON_S, cloud()) == [1]


def test_it_is_written_rarely():
    tower = Tower()
    written = []
    for minute in range(0, 2 * DAY_S // 60, 5):
        tower.runtime.map = patch()
        tower.frame(NOON_S + 60 * minute)
        written += [minute] * len(tower.pipeline.hours.save())
    assert 1 <= len(written) <= 2 * DAY_S / SAVE_S + 1
    assert all((later - earlier) * 60 >= SAVE_S - SLOT_S for earlier, later in itertools.pairwise(written))


def test_only_a_clock_that_the_kernel_trusts_says_the_hour() -> None:
    frame = Frame(RgbImage(np.zeros((8, 8, 3), np.uint8)), 0, 1, 1_800_000_000_000_000_000, None, 1)
    assert trusted_s(frame) == (1.8e9 if wall_synchronised() else None)


@pytest.mark.parametrize("begin_s", [-7200.0, 70_000.0 * DAY_S])
def test_a_time_that_no_memory_can_keep_is_as_an_untrusted_one(begin_s):
    tower = Tower()
    assert tower.play(begin_s, cloud()) == [1]
    assert tower.pipeline.hours.save(last=True) == {}
