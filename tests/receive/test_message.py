"""What a watch reads of a tower's messages."""

import msgspec

from edge.uplink.document import Sending, render_event
from edge.uplink.heartbeat import HealthDocument
from edge.uplink.payload import EventDocument, NoteDocument
from receive.message import Heartbeat, WatchDocument, beat_of, event_of
from receive.session import Delivered
from receive.silence import Beat
from tests.uplink.revision import NOW, revision, tower


def delivered(expires_s):
    body = b'{"tower": "tower-7", "boot_id": "boot", "sequence": 4, "next_due_s": 300.0, "more": []}'
    return Delivered("firetower/tower-7/health", body, True, {}, None, expires_s, None, (0, 0))


def test_heartbeats_of_towers_and_watches_have_what_is_read_of_them():
    for record in (HealthDocument, WatchDocument):
        assert set(Heartbeat.__struct_fields__) <= set(record.__struct_fields__)
    for record in (EventDocument, NoteDocument):
        assert {"schema", "key", "tower", "text"} <= set(record.__struct_fields__)


def test_the_age_of_a_heartbeat_is_what_the_broker_counted():
    beat = Beat("boot", 4, 300.0)
    for left_s, age_s in ((900, 0.0), (600, 300.0), (0, 900.0), (5000, 0.0), (None, 0.0)):
        assert beat_of("tower-7", delivered(left_s)) == (beat, age_s)


def sent(record, **changes):
    """An event's message; `changes` are fields of it, None takes one away."""
    fields = {**msgspec.json.decode(msgspec.json.encode(record)), **changes}
    body = msgspec.json.encode(
        {key: value for key, value in fields.items() if value is not None or key not in changes}
    )
    return Delivered("firetower/tower-7/event", body, False, {"id": record.key}, None, None, None, (0, 0))


def test_events_of_older_and_newer_towers_have_no_fault():
    held = render_event(
        revision(severity="candidate", held=("night",), threshold=-1.5), tower(), Sending("k", NOW)
    )
    assert held.held == ("night",)
    for delivered in (sent(held), sent(held, threshold=None, held=None), sent(held, of_a_later_version=[1])):
        message = event_of("tower-7", delivered)
        assert message.fault is None
        assert "Held back: night." in message.text
    assert event_of("tower-7", sent(held, held="night")).fault is not None
