"""The line for people, whole, for what happens to an event."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alert.event import Alerted, Darkness, Event
from edge.uplink.document import Sending, render_event
from edge.uplink.moment import Now
from edge.uplink.payload import Direction
from edge.uplink.text import bearing_text, long, note_text
from edge.zone import zone_of
from tests.uplink.revision import BOOT, NOW, S, review, revision, stamp, tower

SOUTH = "Smoke, not confirmed. tower-7 south, first seen"
SEEN = "tower-7 south, first seen 14:32 PST (6 min ago)"
NORTH = "tower-7 north, bearing 207° ± 3°, first seen 14:32 PST (6 min ago)"
UNSEEN = "Nobody has acknowledged it. Not on the tower's disk."
OPENING = {"revision": 1, "phase": "opened", "updated": stamp(), "box_px": (1140, 440, 1180, 470)}
CLOSED = {"phase": "closed", "closed": stamp(300)}
ALERTED = Alerted(at=stamp(120), by="growth", revision=3, box_px=(1120, 400, 1200, 480), risk="high")
LATER = Alerted(at=stamp(120), by="escalation", revision=3, box_px=(1120, 400, 1200, 480))
MINUTE = Now(mono_ns=1010 * S, boot_id=BOOT, wall_ns=NOW.wall_ns - 350 * S, wall_trusted=True)
REBOOTED = Now(mono_ns=9 * S, boot_id="another", wall_ns=NOW.wall_ns, wall_trusted=True)
UNSET = {"opened": stamp(utc="1970-01-01T00:16:40+00:00", utc_trusted=False)}


def line(event: Event, now: Now = NOW, facts: Any = None, **sending: Any) -> str:
    sending = {"newest": event, **sending}
    return render_event(event, tower() if facts is None else facts, Sending("key", now, **sending)).text


@pytest.mark.parametrize(
    ("changes", "sending", "text"),
    [
        (
            {},
            {},
            f"Smoke, not confirmed. {NORTH}, still growing. Sent 4 min late.",
        ),
        (
            OPENING,
            {"now": MINUTE},
            "Smoke, not confirmed. tower-7 north, bearing 207° ± 3°, first seen 14:32 PST (10 s ago), still open.",
        ),
        (
            {**OPENING, "severity": "candidate", "camera": "south"},
            {"now": MINUTE},
            "Possible smoke, not confirmed. tower-7 south, first seen 14:32 PST (10 s ago), still open.",
        ),
        (
            {**CLOSED, "camera": "south"},
            {},
            f"Smoke, not confirmed. {SEEN}, no longer seen since 14:34 PST.",
        ),
        (
            {**CLOSED, "updated": stamp(300), "camera": "south"},
            {},
            f"Smoke, not confirmed. {SEEN}, seen until 14:37 PST at least, then the watch was interrupted.",
        ),
        (
            {"camera": "south", "updated": stamp(300), "alerted": ALERTED},
            {},
            f"Smoke, not confirmed. {SEEN}, still growing. Alert by its growth, fire risk high.",
        ),
        (
            {"camera": "south", "updated": stamp(300), "severity": "candidate", "held": ("night", "low_sun")},
            {},
            f"Possible smoke, not confirmed. {SEEN}, still growing. Held back: night, low sun.",
        ),
        (
            {"camera": "south", "updated": stamp(300), "alerted": LATER, "held": ("night",)},
            {},
            f"Smoke, not confirmed. {SEEN}, still growing. Alert since it stayed open. Held back until then: night.",
        ),
        (
            {"camera": "south", "updated": stamp(300), "darkness": Darkness(since=stamp(310))},
            {"step": 1, "stored": False},
            f"Smoke, not confirmed. {SEEN}, still open, too dark to see. {UNSEEN}",
        ),
        (
            {"camera": "south", "updated": stamp(300)},
            {"review": review("confirmed"), "type": "reviewed"},
            f"Smoke, confirmed by ann. {SEEN}, still growing.",
        ),
        (
            {"camera": "south", "updated": stamp(300)},
            {"review": review("dismissed", "dust of a tractor")},
            f"Smoke, dismissed by ann (dust of a tractor). {SEEN}, still growing.",
        ),
        (
            {"camera": "south", "updated": stamp(300)},
            {"review": review("acknowledged")},
            f"Smoke, not confirmed, ann looks. {SEEN}, still growing.",
        ),
        (
            {"camera": "south", "updated": stamp(300)},
            {"word": "confirmed"},
            f"Smoke, confirmed. {SEEN}, still growing.",
        ),
        (
            {"camera": "south", "updated": stamp(300)},
            {"word": "acknowledged"},
            f"Smoke, not confirmed, somebody looks. {SEEN}, still growing.",
        ),
        (
            {"id": "drill.5f1e", "camera": "scene", "updated": stamp(300)},
            {},
            "DRILL. SIMULATED. Smoke, not confirmed. tower-7 scene, first seen 14:32 PST (6 min ago), still growing.",
        ),
        (
            {"camera": "clip", "updated": stamp(300)},
            {"newest": None},
            "RECORDING. Smoke, not confirmed. tower-7 clip, first seen 14:32 PST.",
        ),
        (
            {**UNSET, "camera": "south", "updated": stamp(300)},
            {},
            f"Smoke, not confirmed. {SEEN}, still growing.",
        ),
        (
            {**UNSET, "camera": "south", "updated": stamp(300)},
            {"now": Now(NOW.mono_ns, BOOT, 1360 * S, wall_trusted=False)},
            f"{SOUTH} 6 min ago (the tower's clock is not set), still growing.",
        ),
        (
            {**UNSET, "camera": "south", "updated": stamp(300)},
            {"now": REBOOTED},
            f"{SOUTH} 31 Dec 1969, 16:16 PST by a clock that was not set, still growing.",
        ),
        (
            {"camera": "south", "opened": stamp(utc=None, utc_trusted=False), "updated": stamp(300)},
            {"now": REBOOTED},
            "Smoke, not confirmed. tower-7 south, first seen at an unknown time, still growing.",
        ),
        (
            {"camera": "south"},
            {"now": Now(NOW.mono_ns + 7 * 86_400 * S, BOOT, NOW.wall_ns + 7 * 86_400 * S, wall_trusted=True)},
            f"{SOUTH} 29 Nov 2026, 14:32 PST (7 days ago), still open. Sent 7 days late.",
        ),
    ],
)
def test_the_line_is(changes: dict[str, Any], sending: dict[str, Any], text: str) -> None:
    assert line(revision(**changes), **sending) == text


def test_its_times_are_in_the_towers_zone() -> None:
    said = line(revision(camera="south", updated=stamp(300)), facts=tower(zone=zone_of("UTC")))
    assert "first seen 22:32 UTC (6 min ago)" in said
    said = line(revision(camera="south", updated=stamp(300)), facts=tower(zone=zone_of("+05:30")))
    assert "first seen 04:02 UTC+05:30 (6 min ago)" in said


def test_the_newest_revision_says_whether_it_is_open() -> None:
    closed = revision(revision=4, camera="south", **CLOSED)
    document = render_event(revision(camera="south"), tower(), Sending("key", NOW, newest=closed))
    assert document.text.startswith(f"Smoke, not confirmed. {SEEN}, no longer")
    assert (document.open_now, document.closed, document.type) == (False, None, "updated")


def test_what_grew_long_ago_is_not_growing() -> None:
    later = Now(NOW.mono_ns + 3600 * S, BOOT, NOW.wall_ns + 3600 * S, wall_trusted=True)
    assert ", still open." in line(revision(), later)


@pytest.mark.parametrize(
    ("degrees", "error_deg", "text"),
    [(214.4, 2.1, "bearing 214° ± 3°"), (359.7, 0.0, "bearing 0° ± 1°"), (0.0, 3.0, "bearing 0° ± 3°")],
)
def test_a_bearing_claims_no_more_than_it_knows(degrees: float, error_deg: float, text: str) -> None:
    assert bearing_text(Direction(bearing_deg=degrees, error_deg=error_deg, wedge=None)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (99, "99 s"),
        (100, "2 min"),
        (5990, "100 min"),
        (6000, "2 h"),
        (172_799, "48 h"),
        (200_000, "2 days"),
    ],
)
def test_a_time_has_one_unit(seconds: float, text: str) -> None:
    assert long(seconds) == text


def test_a_note_has_its_lateness_and_its_disk() -> None:
    assert note_text("tower-7 north: it is dark", 30.0, stored=True) == "tower-7 north: it is dark."
    assert (
        note_text("tower-7: full.", 3700.0, stored=False)
        == "tower-7: full. Sent 62 min late. Not on the tower's disk."
    )


names = st.text(max_size=20)
texts = st.fixed_dictionaries({"label": names, "camera": names})


@given(texts, names, st.sampled_from(["score", "a word of later"]))
def test_whatever_is_written_in_it_it_is_one_printable_line(
    changes: dict[str, str], reason: str, by: str
) -> None:
    event = revision(**changes, alerted=msgspec.structs.replace(ALERTED, by=by))
    said = line(event, review=review("dismissed", reason))
    assert said.isprintable()
    assert said.encode()
