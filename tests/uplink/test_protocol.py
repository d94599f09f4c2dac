"""docs/protocol.md and its schema are what the records say, and what goes out is of the schema."""

import json
import re

import jsonschema
import msgspec
import pytest

from edge.alert.event import Darkness
from edge.alert.route import Letter, Message, Note
from edge.uplink.command import KINDS, Order, new_operator, sign
from edge.uplink.document import render
from edge.uplink.payload import SCHEMA_ID
from scripts import protocol
from tests.uplink.revision import NOW, image, review, revision, stamp, tower

PAGE = protocol.PAGE.read_text(encoding="utf-8")
CHECKER = jsonschema.Draft202012Validator(json.loads(protocol.SCHEMA.read_text(encoding="utf-8")))


def test_the_schema_is_made_from_the_records() -> None:
    assert protocol.SCHEMA.read_text(encoding="utf-8") == protocol.schema_text(), (
        "run python -m scripts.protocol"
    )
    jsonschema.Draft202012Validator.check_schema(protocol.schema())
    assert protocol.schema()["$id"] == SCHEMA_ID


def test_the_page_has_the_fields_of_the_records() -> None:
    assert protocol.page_text(PAGE) == PAGE, "run python -m scripts.protocol"


def test_every_field_says_what_it_is() -> None:
    for name, part in protocol.schema()["$defs"].items():
        for field, said in part["properties"].items():
            assert said.get("description"), f"{name}.{field}"


def test_every_version_is_of_one_record_and_required() -> None:
    parts = protocol.schema()["$defs"]
    versions = [
        part["properties"]["schema"]["enum"] for part in parts.values() if "schema" in part["properties"]
    ]
    assert len({version[0] for version in versions}) == len(versions) == 5
    assert all("schema" in part["required"] for part in parts.values() if "schema" in part["properties"])


def message(**changes: object) -> Message:
    made = {
        "key": "5f1e.3", "sink": "ops", "kind": "updated", "role": "", "letter": Letter(event=revision()), "note": None,
        "jpeg": None, "newest": revision(), "open_alert": True, "step": 0, "again": False, "unheard": False,
        "stored": True,
    }  # fmt: skip
    return Message(**{**made, **changes})


FULL = revision(phase="closed", closed=stamp(300), darkness=Darkness(since=stamp(200), until=stamp(250)))
MESSAGES = (
    message(),
    message(letter=Letter(event=FULL, images=(image("thumbnail"), image("crop"))), step=1, stored=False),
    message(letter=Letter(event=revision(severity="candidate", threshold=-1.5, held=("night", "infrared")))),
    message(kind="reviewed", letter=Letter(event=revision(camera="south"), review=review())),
    message(letter=Letter(event=revision(camera="sold", frame_px=None, probability=None)), newest=None),
    message(
        letter=None,
        note=Note(
            subject="storm", state="raging", text="13", at=stamp(), camera="north", events=(revision(),)
        ),
    ),
)


@pytest.mark.parametrize("sent", MESSAGES)
def test_what_goes_out_is_of_the_schema(sent: Message) -> None:
    body = json.loads(msgspec.json.encode(render(sent, tower(), NOW)))
    CHECKER.validate(body)
    for key in ("key", "tower", "text"):
        broken = {name: value for name, value in body.items() if name != key}
        assert not CHECKER.is_valid(broken)
    assert CHECKER.is_valid({**body, "of_a_later_version": 1})
    assert not CHECKER.is_valid({**body, "schema": "firetower.event/2"})


def test_a_command_is_of_the_schema() -> None:
    order = {
        "tower": "tower-7", "id": "0123456789", "command": "acknowledge", "arguments": {"event": "5f1e"},
        "boot_id": "7d6e", "sequence": 3, "sent_at": "2026-11-29T22:32:00Z",
    }  # fmt: skip
    body = json.loads(sign(msgspec.convert(order, Order), new_operator("ann", "operator")))
    CHECKER.validate(body)
    CHECKER.validate(json.loads(body["order"]))
    assert not CHECKER.is_valid({**body, "signature": None})


def test_the_page_names_every_command() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| \[\w+\]\(#\w+\) \| (\w+) \|", PAGE, re.MULTILINE))
    assert rows == {name: kind.role for name, kind in KINDS.items()}


def test_its_links_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
        for line in re.findall("^#+ (.*)", PAGE, re.MULTILINE)
    }
    for place in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, anchor = place.partition("#")
        assert not path or (protocol.DOCS / path).exists(), place
        assert path or anchor in anchors, place
