"""Times as they are told: what a clock that was set later puts right, and what nobody can know."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alert.event import Alerted, Darkness, Event, Stamp
from edge.uplink.moment import Now, age_s, date_of, latest, moment

S = 1_000_000_000
BOOT = "7d6e0f4a-0000"
CLOCK = 1_795_900_000 * S  # 2026-11-28T21:06:40Z
UNSET = Stamp(
    model_s=100.0, mono_ns=100 * S, utc="1970-01-01T00:01:40+00:00", utc_trusted=False, boot_id=BOOT
)
NOW = Now(mono_ns=460 * S, boot_id=BOOT, wall_ns=CLOCK, wall_trusted=True)


def test_a_clock_that_was_set_meanwhile_puts_a_time_right() -> None:
    told = moment(UNSET, NOW, live=True)
    assert (told.utc, told.trusted, told.corrected) == ("2026-11-28T21:00:40.000+00:00", True, True)
    assert (told.mono_ns, told.boot_id, told.model_s) == (100 * S, BOOT, 100.0)
    assert age_s(UNSET, NOW, live=True) == 360


@pytest.mark.parametrize(
    ("now", "live"),
    [
        (NOW, False),
        (Now(460 * S, BOOT, CLOCK, wall_trusted=False), True),
        (Now(460 * S, BOOT, CLOCK, wall_trusted=None), True),
        (Now(460 * S, "another", CLOCK, wall_trusted=True), True),
        (Now(460 * S, None, CLOCK, wall_trusted=True), True),
    ],
    ids=["a recording", "not set", "not known", "another boot", "no boot"],
)
def test_else_it_stays_as_it_was_taken_and_says_so(now: Now, live: bool) -> None:
    told = moment(UNSET, now, live=live)
    assert (told.utc, told.trusted, told.corrected) == (UNSET.utc, False, False)


def test_a_trusted_time_is_not_touched() -> None:
    trusted = msgspec.structs.replace(UNSET, utc="2026-11-28T20:00:00+00:00", utc_trusted=True)
    told = moment(trusted, NOW, live=True)
    assert (told.utc, told.trusted, told.corrected) == (trusted.utc, True, False)


def test_an_age_is_monotonic_else_of_two_trusted_clocks_else_unknown() -> None:
    trusted = msgspec.structs.replace(UNSET, utc="2026-11-28T21:00:40+00:00", utc_trusted=True)
    jumped = Now(460 * S, BOOT, CLOCK + 86_400 * S, wall_trusted=True)
    assert age_s(trusted, jumped, live=True) == 360  # whatever the wall clock did
    rebooted = Now(5 * S, "another", CLOCK, wall_trusted=True)
    assert age_s(trusted, rebooted, live=True) == 360
    assert age_s(trusted, rebooted, live=False) is None  # a recording's date is no age
    assert age_s(UNSET, rebooted, live=True) is None
    assert age_s(trusted, Now(5 * S, "another", CLOCK, wall_trusted=False), live=True) is None
    assert age_s(trusted, Now(5 * S, "another", CLOCK - 86_400 * S, wall_trusted=True), live=True) == 0


def test_a_replay_has_neither_boot_nor_monotonic_time() -> None:
    bare = Stamp(model_s=7.0)
    assert age_s(bare, NOW, live=False) is None
    assert moment(bare, NOW, live=False).utc is None
    assert age_s(bare, Now(5, None, CLOCK, wall_trusted=True), live=True) is None


def revision(**changes: object) -> Event:
    event = Event(
        id="e", revision=2, phase="updated", camera="north", label="smoke", bundle="m@1#0",
        opened=Stamp(model_s=1.0), updated=Stamp(model_s=5.0), closed=None, peak=0.5,
        box_px=(0, 0, 1, 1), opening_box_px=(0, 0, 1, 1), sightings=2,
    )  # fmt: skip
    return msgspec.structs.replace(event, **changes)


@pytest.mark.parametrize(
    ("changes", "model_s"),
    [
        ({}, 5.0),
        ({"phase": "closed", "closed": Stamp(model_s=9.0)}, 9.0),
        ({"phase": "closed", "closed": Stamp(model_s=5.0)}, 5.0),
        ({"alerted": Alerted(at=Stamp(model_s=7.0), by="escalation", revision=2, box_px=(0, 0, 1, 1))}, 7.0),
        ({"darkness": Darkness(since=Stamp(model_s=6.0))}, 6.0),
        ({"darkness": Darkness(since=Stamp(model_s=2.0), until=Stamp(model_s=8.0))}, 8.0),
    ],
)
def test_what_a_revision_says_is_its_newest_moment(changes: dict[str, object], model_s: float) -> None:
    assert latest(revision(**changes)).model_s == model_s


@given(st.none() | st.text(max_size=30))
def test_whatever_stands_for_a_date_is_one_or_none(text: str | None) -> None:
    found = date_of(text)
    assert found is None or found.isoformat()
