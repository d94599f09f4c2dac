"""Spells without a watch."""

from edge.governor.band import Band
from edge.governor.spell import CUT_NOTICE_S, NOTICE_S, Spells
from edge.governor.table import RETURN_S

SLEEP = Band(name="sleep", economy="sleep", charge=(0.2, 0.3), sleep_s=1800, watch_s=900)
LAST = Band(name="last", economy="cut_off", charge=(0.1, 0.2))
NS = 1_000_000_000


def test_a_spell_is_announced_before_it_begins() -> None:
    spells = Spells()
    assert not spells.step((SLEEP, "low"), 0)
    assert spells.spell is not None
    assert (spells.spell.from_ns, spells.spell.to_ns) == (60 * NS, 1860 * NS)
    assert not spells.step((SLEEP, "low"), 59 * NS)
    assert spells.step((SLEEP, "low"), 60 * NS)


def test_after_a_spell_it_watches_and_announces_the_next_one() -> None:
    spells, slept = Spells(), []
    for second in range(0, 6000, 10):
        slept.append(spells.step((SLEEP, "low"), second * NS))
        if slept[-1]:
            assert spells.spell is not None
            assert spells.spell.from_ns <= second * NS < spells.spell.to_ns
    edges = [10 * at for at in range(1, len(slept)) if slept[at] != slept[at - 1]]
    assert edges[0] == NOTICE_S
    assert edges[1] - edges[0] == 1800
    assert edges[2] - edges[1] == 900
    assert edges[3] - edges[2] == 1800


def test_it_wakes_when_the_band_is_left() -> None:
    spells = Spells()
    spells.step((SLEEP, "low"), 0)
    assert spells.step((SLEEP, "low"), 100 * NS)
    assert not spells.step(None, 110 * NS)
    assert spells.spell is None


def test_a_cut_off_comes_sooner_and_has_no_end_but_an_earliest() -> None:
    spells = Spells()
    assert not spells.step((LAST, "empty"), 0)
    assert spells.spell is not None
    assert spells.spell.from_ns == CUT_NOTICE_S * NS
    assert spells.spell.at_least
    for second in range(20, 4 * 3600, 10):
        assert spells.step((LAST, "empty"), second * NS)
        assert spells.spell.to_ns > second * NS


def test_a_cut_off_begins_at_once_where_nothing_is_open() -> None:
    spells = Spells()
    assert spells.step((LAST, "empty"), 0, begun=False)
    asleep = Spells()
    asleep.step((SLEEP, "low"), 0)
    assert asleep.step((SLEEP, "low"), 60 * NS)
    assert asleep.step((LAST, "empty"), 70 * NS)


def test_after_a_cut_off_it_looks_before_it_sleeps() -> None:
    spells = Spells()
    spells.step((LAST, "empty"), 0, begun=False)
    after = round(RETURN_S) + 10
    assert not spells.step((SLEEP, "low"), after * NS)
    assert spells.spell is None
    assert not spells.step((SLEEP, "low"), (after + 840) * NS)
    assert spells.spell is not None
    assert not spells.step((SLEEP, "low"), (after + 899) * NS)
    assert spells.step((SLEEP, "low"), (after + 900) * NS)
