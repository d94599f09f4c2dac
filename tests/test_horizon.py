"""The horizon in the pipeline: what it holds back, what it never touches, when it starts anew."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.alert.event import Stamp
from edge.detect.horizon import PICTURES
from edge.frame import Frame
from edge.image import RgbImage
from edge.model.bundle import Bundle
from edge.model.horizon import HorizonRule
from edge.model.loaded import Model
from edge.model.manifest import Confirmation
from edge.model.memory import MemoryRule
from edge.pipeline import Pipeline
from tests.detect.test_horizon import picture
from tests.test_hour import NOON_S, SPEC, Told, Tower, patch, plain

RULE = HorizonRule(above=1, below=1, rise=1.5)  # of six rows, the horizon between the third and the fourth
SKY, NEAR, LAND = (0, 3), (2, 3), (5, 3)


def rgb(**more):
    return np.repeat(picture(**more)[:, :, None], 3, axis=2)


class Watched(Tower):
    """The same, whose pictures show a horizon in their middle."""

    def __init__(self, rule=RULE, memory=None, confirmation=None):
        super().__init__(rule=memory)
        manifest = msgspec.structs.replace(self.pipeline._manifest, horizon=rule)
        if confirmation is not None:
            manifest = msgspec.structs.replace(manifest, confirmation=confirmation)
        self.runtime = Told()
        self.encoded = []
        self.at_s, self.turns, self.shown, self.size = NOON_S, 0, 0.5, (120, 160)
        self.pipeline = Pipeline(
            Model(Bundle(Path("b"), Path("b"), manifest, "d" * 64), SPEC, self.runtime),
            lambda frame: Stamp(model_s=frame.model_ns / 1e9),
            lambda _stage, _ns: None,
            wall_s=lambda frame: frame.model_ns / 1e9,
        )

    def show(self, *maps):
        """Score maps a minute apart; return the phases of the events of each."""
        told = []
        for plane in maps:
            self.runtime.map = plane
            self.at_s += 60
            ns = round(self.at_s * 1e9)
            number = round(self.at_s) // 60
            pixels = rgb(number=number, share=self.shown)[: self.size[0]]
            frame = Frame(RgbImage(pixels), 0, ns, ns, ns, ns, turns=self.turns)
            events = self.pipeline.score("c", frame).events
            told.append([event.phase for event in events])
            self.encoded.append(msgspec.json.encode(events))
        return told

    def known(self):
        self.show(*[plain()] * PICTURES)
        assert self.held() == (True, 0)
        return self

    def held(self):
        one = self.pipeline.horizons.counted["c"]
        return one.known, one.held


@pytest.mark.parametrize("at", [SKY, LAND])
def test_what_is_far_from_the_horizon_is_held_and_counted_once(at):
    tower = Watched().known()
    assert tower.show(*[patch(2.0, at=at)] * 5) == [[]] * 5
    assert tower.held() == (True, 1)


@pytest.mark.parametrize(("at", "score"), [(NEAR, 1.0), (SKY, 2.5), (LAND, 2.5)])
def test_what_is_near_or_strong_enough_opens_at_once(at, score):
    tower = Watched().known()
    assert tower.show(*[patch(score, at=at)] * 3) == [[], ["opened"], []]
    assert tower.held() == (True, 0)


def test_a_plume_that_reaches_near_the_horizon_is_not_far():
    tower = Watched().known()
    tall = patch(2.0, height=3, at=SKY)
    assert tower.show(tall, tall) == [[], ["opened"]]


def test_what_is_held_opens_when_it_comes_near():
    tower = Watched().known()
    far, tall = patch(2.0, at=SKY), patch(2.0, height=3, at=SKY)
    assert tower.show(far, far, tall, tall) == [[], [], [], ["opened"]]


def test_an_open_event_is_neither_closed_nor_shrunk():
    steps = [patch(2.0, at=NEAR)] * 2 + [patch(2.0, height=3, at=SKY)] + [patch(1.1, at=SKY)] * 8
    steps += [plain()] * 3
    with_it, without = Watched().known(), Watched(rule=None)
    with_it.show(*steps)
    without.show(*[plain()] * PICTURES, *steps)
    assert with_it.encoded == without.encoded
    assert b"".join(with_it.encoded).count(b'"phase":"closed"') == 1


def test_without_the_rule_no_picture_is_looked_at_and_nothing_is_held():
    tower = Watched(rule=None)
    assert tower.show(*[plain()] * PICTURES, *[patch(1.0, at=SKY)] * 2)[-1] == ["opened"]
    assert tower.pipeline.horizons.counted == {}
    assert not tower.pipeline.horizons.on


def test_an_unknown_horizon_holds_nothing():
    tower, without = Watched(), Watched(rule=None)
    tower.shown = without.shown = 0.0
    for one in (tower, without):
        assert one.show(*[plain()] * PICTURES, *[patch(1.0, at=SKY)] * 2)[-1] == ["opened"]
    assert tower.encoded == without.encoded
    assert tower.held() == (False, 0)


def test_it_starts_anew_when_the_camera_turned_and_with_another_size():
    tower = Watched().known()
    tower.turns = 1
    tower.show(plain())
    assert tower.held() == (False, 0)
    tower.known()
    tower.size = (100, 160)
    tower.show(plain())
    assert tower.held() == (False, 0)


def test_it_outlasts_a_night_but_neither_a_jump_back_nor_an_end():
    tower = Watched().known()
    tower.at_s += 43_200
    assert tower.show(*[patch(2.0, at=SKY)] * 2) == [[], []]
    assert tower.held() == (True, 1)
    tower.at_s -= 600
    tower.show(plain())
    assert tower.held() == (False, 1)
    tower = Watched().known()
    ns = round(tower.at_s * 1e9)
    tower.pipeline.close("c", Frame(RgbImage(rgb()), 0, ns, ns, ns, ns))
    assert tower.show(*[patch(1.0, at=SKY)] * 2) == [[], ["opened"]]


def test_a_memory_of_the_hour_releases_nothing_that_is_far():
    tower = Watched(memory=MemoryRule()).known()
    assert tower.show(*[patch(2.0, at=SKY)] * 12) == [[]] * 12  # nothing is known about this hour
    assert tower.held() == (True, 1)
    held = tower.pipeline.hours.counted["c"]
    assert (held.held, held.released) == (0, 0)


def test_both_raise_a_threshold():
    tower = Watched(memory=MemoryRule(), confirmation=Confirmation(hits=1, window=1, close_after=2)).known()
    tower.show(*[patch(2.0, at=SKY)] * 5)
    tower.at_s += 86_400 - 360
    tower.show(plain())
    assert tower.show(*[patch(2.6, at=SKY)] * 3) == [[]] * 3  # above either, and below both together
    assert tower.pipeline.hours.counted["c"].held == 1
