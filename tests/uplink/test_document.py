"""Payloads of events and notes, and their envelopes."""

from pathlib import Path

import msgspec
import pytest

from edge.alert.event import Alerted, Darkness
from edge.alert.route import Letter, Message, Note
from edge.settings import parse
from edge.uplink.document import Sending, attributes, image_attributes, render, render_event, render_note
from edge.uplink.facts import CameraFacts, tower_facts
from edge.uplink.payload import EventDocument, NoteDocument
from tests.uplink.revision import BOOT, NOW, S, image, review, revision, stamp, tower

ALERTED = Alerted(at=stamp(60), by="persistence", revision=2, box_px=(1140, 440, 1180, 470))


def message(**changes: object) -> Message:
    made = {
        "key": "5f1e.3", "sink": "ops", "kind": "updated", "role": "", "letter": Letter(event=revision()), "note": None,
        "jpeg": None, "newest": revision(), "open_alert": True, "step": 0, "again": False, "unheard": False,
        "stored": True,
    }  # fmt: skip
    return Message(**{**made, **changes})


def test_a_revision_is_told_whole() -> None:
    letter = Letter(event=revision(alerted=ALERTED), images=(image("thumbnail"), image("crop")))
    told = render(message(letter=letter), tower(), NOW, "high")
    assert isinstance(told, EventDocument)
    assert (told.schema, told.key, told.type, told.event, told.revision) == (
        "firetower.event/1", "5f1e.3", "updated", "5f1e", 3,
    )  # fmt: skip
    assert (told.tower, told.tower_name, told.camera, told.label) == (
        "tower-7",
        "Loma Prieta",
        "north",
        "smoke",
    )
    assert (told.severity, told.severity_since.model_s) == ("alert", 1060.0)
    assert told.alarm is not None
    assert (told.alarm.by, told.alarm.revision, told.fire_risk) == ("persistence", 2, "high")
    assert (told.probability, told.model, told.origin, told.drill) == (0.88, "smoke@1.0#abc", "live", False)
    assert told.box.px == (1120, 400, 1200, 480)
    assert told.box.fractions == (0.5833, 0.3704, 0.625, 0.4444)
    assert told.opening_box.fractions == (0.5938, 0.4074, 0.6146, 0.4352)
    assert (told.late_s, told.open_now, told.last_seen.model_s) == (240.0, True, 1120.0)
    assert (told.sent_at, told.sent_trusted) == ("2026-11-29T22:38:00.000+00:00", True)
    assert [one.key for one in told.images] == ["5f1e.3.thumbnail", "5f1e.3.crop"]
    assert (told.escalation, told.said, told.closed, told.darkness) == (None, None, None, None)
    again = msgspec.json.decode(msgspec.json.encode(told), type=EventDocument)
    assert again == told


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"boot": BOOT, "since_ns": 1121 * S}, 1.0),
        ({"boot": BOOT, "since_ns": 1119 * S}, 0.0),
        ({"boot": "another", "since_ns": 1121 * S}, None),
        ({"boot": BOOT, "since_ns": 1121 * S, "stored": False}, None),
        ({"boot": BOOT, "since_ns": 1121 * S, "kind": "reviewed"}, None),
        ({}, None),
    ],
)
def test_how_long_it_took_to_be_on_disk(changes: dict[str, object], seconds: float | None) -> None:
    told = render(message(**changes), tower(), NOW)
    assert isinstance(told, EventDocument)
    assert told.committed_s == seconds


def test_the_time_of_a_drill_is_the_towers_own_whatever_its_camera_shows() -> None:
    unset = stamp(utc="1970-01-01T00:16:40+00:00", utc_trusted=False)
    drill = revision(id="drill.5f1e", camera="scene", opened=unset)
    told = render_event(drill, tower(), Sending("k", NOW))
    assert (told.opened.corrected, told.opened.utc) == (True, "2026-11-29T22:32:00.000+00:00")


def test_it_has_the_bearing_of_the_opening_and_of_now_with_a_wedge_each() -> None:
    told = render_event(revision(), tower(), Sending("k", NOW))
    assert told.view is not None
    assert (told.view.heading_deg, told.view.fov_deg, told.view.heading_error_deg) == (200.0, 60.0, 2.0)
    for direction, middle in ((told.direction, 206.7), (told.opening_direction, 206.7)):
        assert direction is not None
        assert direction.bearing_deg == pytest.approx(middle, abs=0.2)
        assert direction.wedge is not None
        assert direction.wedge.geometry.coordinates[0][0] == (-121.84, 37.11)
        assert direction.wedge.properties.bearing_deg == direction.bearing_deg
    assert told.direction.error_deg > told.opening_direction.error_deg > 2.0
    body = msgspec.json.decode(msgspec.json.encode(told))
    assert body["direction"]["distance_m"] is None
    assert body["place"] == {"latitude": 37.11, "longitude": -121.84, "elevation_m": 1155.0}


def test_what_is_not_configured_is_null() -> None:
    told = render_event(revision(camera="south"), tower(place=None), Sending("k", NOW))
    assert (told.view, told.direction, told.opening_direction, told.place) == (None, None, None, None)
    without = render_event(revision(), tower(place=None), Sending("k", NOW)).direction
    assert without is not None
    assert without.wedge is None
    old = render_event(revision(frame_px=None, probability=None), tower(), Sending("k", NOW))
    assert (old.box.fractions, old.direction, old.probability, old.frame_px) == (None, None, None, None)
    gone = render_event(revision(camera="sold"), tower(), Sending("k", NOW))
    assert (gone.origin, gone.view) == (None, None)


def test_an_open_event_was_last_seen_when_the_daemon_saw_it_last() -> None:
    letter = Letter(event=revision())
    told = render(message(letter=letter, newest=revision()), tower(), NOW, sight=stamp(350))
    assert isinstance(told, EventDocument)
    assert (told.updated.model_s, told.last_seen.model_s) == (1120.0, 1350.0)
    closed = revision(revision=4, phase="closed", updated=stamp(340), closed=stamp(345))
    for newest, sight, seen in ((closed, stamp(350), 1340.0), (revision(), stamp(60), 1120.0)):
        told = render(message(letter=letter, newest=newest), tower(), NOW, sight=sight)
        assert isinstance(told, EventDocument)
        assert told.last_seen.model_s == seen


def test_an_event_that_was_open_when_it_was_sent_says_so() -> None:
    assert render_event(revision(), tower(), Sending("k", NOW)).open_now is None
    closed = revision(revision=5, phase="closed", closed=stamp(300), updated=stamp(180))
    told = render_event(revision(), tower(), Sending("k", NOW, newest=closed))
    assert (told.open_now, told.last_seen.model_s) == (False, 1180.0)
    # the store knows less than the message where it is in memory
    told = render_event(closed, tower(), Sending("k", NOW, newest=revision()))
    assert (told.open_now, told.type, told.closed.model_s) == (False, "closed", 1300.0)


def test_a_review_is_a_type_of_its_own_and_an_escalation_says_why() -> None:
    letter = Letter(event=revision(), review=review("dismissed", "dust"))
    told = render(message(key="5f1e.3.reviewed", kind="reviewed", letter=letter, step=2), tower(), NOW)
    assert isinstance(told, EventDocument)
    assert (told.key, told.type, told.escalation.step, told.escalation.after_s) == (
        "5f1e.3.reviewed", "reviewed", 2, 600.0,
    )  # fmt: skip
    assert (told.said.word, told.said.by, told.said.reason, told.said.at.model_s) == (
        "dismissed", "ann", "dust", 1300.0,
    )  # fmt: skip


def test_later_revisions_know_what_was_said() -> None:
    told = render(message(word="dismissed"), tower(), NOW)
    assert isinstance(told, EventDocument)
    assert (told.word, told.said, told.type) == ("dismissed", None, "updated")
    assert told.text.startswith("Smoke, dismissed. ")


def test_the_dark_is_told() -> None:
    told = render_event(revision(darkness=Darkness(since=stamp(150))), tower(), Sending("k", NOW))
    assert (told.darkness.since.model_s, told.darkness.until, told.at.model_s) == (1150.0, None, 1150.0)


def test_the_envelope_of_an_event() -> None:
    told = render(message(), tower(), NOW)
    assert attributes(told) == {
        "specversion": "1.0",
        "id": "5f1e.3",
        "source": "/firetower/tower-7",
        "type": "firetower.event.updated",
        "subject": "north/5f1e",
        "time": "2026-11-29T22:34:00+00:00",
        "dataschema": "urn:firetower:protocol:1",
        "event": "5f1e",
        "revision": "3",
        "severity": "alert",
    }
    unset = stamp(120, utc="1970-01-01T00:18:40+00:00", utc_trusted=False, boot_id="another")
    told = render(message(letter=Letter(event=revision(updated=unset))), tower(), NOW)
    assert "time" not in attributes(told)  # better none than a wrong one
    drill = render(message(key="drill.5f1e.3", letter=Letter(event=revision(id="drill.5f1e"))), tower(), NOW)
    assert attributes(drill)["drill"] == "true"


def test_the_envelope_of_a_picture() -> None:
    letter = Letter(event=revision(), images=(image("crop"),))
    told = render(message(key="5f1e.3.crop", kind="picture", role="crop", letter=letter), tower(), NOW)
    assert isinstance(told, EventDocument)
    said = image_attributes(told, "crop")
    assert (said["id"], said["type"], said["role"], said["sha256"]) == (
        "5f1e.3.crop", "firetower.image", "crop", "ab" * 32,
    )  # fmt: skip
    assert (said["event"], said["revision"], said["subject"]) == ("5f1e", "3", "north/5f1e")
    assert "dataschema" not in said  # it is a JPEG
    with pytest.raises(KeyError):
        image_attributes(told, "full")


def test_names_of_attributes_are_those_that_cloudevents_allows() -> None:
    letter = Letter(event=revision(id="drill.5f1e"), images=(image("crop"),))
    told = render(message(letter=letter), tower(), NOW)
    assert isinstance(told, EventDocument)
    for name, value in {**attributes(told), **image_attributes(told, "crop")}.items():
        assert name.isascii()
        assert name.isalnum()
        assert name == name.lower()
        assert value.isprintable()


def test_a_note_is_told_with_the_events_that_it_lists() -> None:
    note = Note(
        subject="storm", state="raging", text="13 alerts within an hour", at=stamp(300), camera="north",
        events=(revision(), revision(id="77aa", phase="closed", closed=stamp(200))), count=13,
    )  # fmt: skip
    told = render(
        message(key="note.7d6e0f4a.1", kind="storm", letter=None, note=note, stored=False), tower(), NOW
    )
    assert isinstance(told, NoteDocument)
    assert told.text == "tower-7 north: 13 alerts within an hour. Not on the tower's disk."
    assert (told.type, told.state, told.camera, told.count, told.late_s) == (
        "storm",
        "raging",
        "north",
        13,
        60.0,
    )
    assert [(one.event, one.open_now) for one in told.events] == [("5f1e", True), ("77aa", False)]
    assert told.events[0].opening_direction.bearing_deg == pytest.approx(206.7, abs=0.2)
    assert attributes(told)["type"] == "firetower.storm"
    assert attributes(told)["subject"] == "north"
    own = render_note(
        Note(subject="clock", state="set", text="the clock was set", at=stamp()),
        tower(),
        "k",
        NOW,
        stored=True,
    )
    assert own.text == "tower-7: the clock was set. Sent 6 min late."
    assert attributes(own)["subject"] == "tower-7"


def test_the_facts_are_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    settings = parse(
        {
            "tower": {"id": "tower-7", "name": "Loma", "timezone": "+02:00", "latitude": 1, "longitude": 2},
            "cameras": {
                "a": {"uri": "rtsp://x/", "heading_deg": 10, "fov_deg": 60},
                "b": {"uri": "folder:frames"},
                "c": {"uri": "scene:", "heading_deg": 10, "fov_deg": 60, "heading_error_deg": 0.5},
            },
            "uplink": {"acknowledge_s": 90},
        },
        tmp_path,
    )
    facts = tower_facts(settings)
    assert (facts.id, facts.name, facts.acknowledge_s) == ("tower-7", "Loma", 90)
    assert (facts.place.latitude, facts.place.longitude, facts.place.elevation_m) == (1, 2, None)
    assert {name: camera.origin for name, camera in facts.cameras.items()} == {
        "a": "live", "b": "recording", "c": "simulated",
    }  # fmt: skip
    assert facts.cameras["b"] == CameraFacts("recording", None)
    assert (facts.cameras["c"].view.error_deg, facts.cameras["a"].view.error_deg) == (0.5, 2.0)
    assert str(facts.zone) == "UTC+02:00"


def test_an_event_is_small_without_its_pictures() -> None:
    letter = Letter(event=revision(alerted=ALERTED), images=tuple(image(f"series.{n}") for n in range(8)))
    body = msgspec.json.encode(render(message(letter=letter), tower(), NOW))
    assert len(body) < 8000  # a webhook takes 20 kB


def test_of_one_boot_times_are_reckoned_from_its_monotonic_clock() -> None:
    unset = {"utc": "1970-01-01T00:16:40+00:00", "utc_trusted": False}
    event = revision(opened=stamp(**unset), updated=stamp(120, **unset))
    told = render_event(event, tower(), Sending("k", NOW))
    assert (told.opened.utc, told.opened.trusted, told.opened.corrected) == (
        "2026-11-29T22:32:00.000+00:00",
        True,
        True,
    )
    assert (told.opened.boot_id, told.opened.mono_ns) == (BOOT, 1000 * S)
