"""What judges is never among what trains."""

import numpy as np
import pytest

from firmware_sim.scene.errors import MixError, SceneError
from firmware_sim.scene.side import SEEDS, Sources, digest, refuse_mix, seed_of, side_of

TRAIN = Sources("train", frozenset((1, 2)), frozenset(("g01",)), frozenset(("a",)), frozenset(("00ff",)))
JUDGE = Sources(
    "judge", frozenset((seed_of("judge", 1),)), frozenset(("g02",)), frozenset(("b",)), frozenset(("11ff",))
)


def test_what_is_apart_passes():
    refuse_mix(TRAIN, JUDGE)


@pytest.mark.parametrize(
    ("met", "message"),
    [
        (Sources("judge", groups=frozenset(("g01",))), "groups both train and judge: g01"),
        (Sources("judge", names=frozenset(("a",))), "names both train and judge: a"),
        (Sources("judge", digests=frozenset(("00ff",))), "digests both train and judge: 00ff"),
    ],
)
def test_what_met_is_named(met, message):
    with pytest.raises(MixError, match=message):
        refuse_mix(TRAIN, JUDGE | met)


def test_a_seed_of_the_other_side_is_refused():
    with pytest.raises(MixError, match="seeds of 'judge' are of the other side's range: 2"):
        refuse_mix(TRAIN, JUDGE | Sources("judge", frozenset((2,))))
    with pytest.raises(MixError, match=str(seed_of("judge", 1))):
        refuse_mix(TRAIN | Sources("train", frozenset((seed_of("judge", 1),))), JUDGE)


def test_sides_are_not_joined_nor_exchanged():
    with pytest.raises(MixError, match="joined"):
        TRAIN | JUDGE
    with pytest.raises(MixError, match="'judge' stand for 'train'"):
        refuse_mix(JUDGE, TRAIN)


def test_the_ranges_do_not_meet():
    assert SEEDS["train"].stop <= SEEDS["judge"].start
    for side in ("train", "judge"):
        assert side_of(seed_of(side, 0)) == side
        assert side_of(SEEDS[side].stop - 1) == side
        for wrong in (-1, len(SEEDS[side])):
            with pytest.raises(SceneError, match="expected 0 to"):
                seed_of(side, wrong)
    with pytest.raises(SceneError, match="no side"):
        side_of(SEEDS["judge"].stop)


def test_a_digest_is_of_pixels_shape_and_order():
    a, b = np.zeros((4, 6, 3), np.uint8), np.ones((4, 6, 3), np.uint8)
    assert digest([a, b]) == digest([a.copy(), b[::-1][::-1]])
    assert len({digest([a, b]), digest([b, a]), digest([a.reshape(6, 4, 3), b]), digest([a])}) == 4
