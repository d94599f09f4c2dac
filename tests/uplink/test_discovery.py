"""What Home Assistant is told: topics that the tower writes, words that it writes, and every entity once."""

import re

import msgspec

from edge.uplink.discovery import discovery
from edge.uplink.topic import available, topic
from tests.uplink.revision import tower

TOLD = msgspec.json.decode(discovery(tower(), "0.1.0", 900.4))


def test_the_device_is_the_tower() -> None:
    assert TOLD["device"]["identifiers"] == ["firetower_tower-7"]
    assert TOLD["device"]["name"] == "Loma Prieta"
    assert TOLD["origin"]["name"] == "firetower"  # without it nothing is discovered
    assert TOLD["availability_topic"] == available("tower-7")
    assert (TOLD["payload_available"], TOLD["payload_not_available"]) == ("online", "offline")


def test_every_camera_has_smoke_and_a_picture() -> None:
    for name in tower().cameras:
        smoke, image = TOLD["components"][f"{name}_smoke"], TOLD["components"][f"{name}_image"]
        assert (smoke["platform"], smoke["device_class"]) == ("binary_sensor", "smoke")
        assert smoke["state_topic"] == topic("tower-7", "smoke", name)
        assert (smoke["payload_on"], smoke["payload_off"], smoke["expire_after"]) == ("ON", "OFF", 900)
        assert "'None' if value == 'unknown'" in smoke["value_template"]
        assert (image["platform"], image["image_topic"]) == ("image", topic("tower-7", "image", name))


def test_the_heartbeat_is_a_problem_or_none() -> None:
    problem, unsent = TOLD["components"]["problem"], TOLD["components"]["unsent"]
    assert problem["state_topic"] == unsent["state_topic"] == topic("tower-7", "health", None)
    assert problem["expire_after"] == 900
    assert "value_json.healthy" in problem["value_template"]
    assert "value_json.queue.unsent" in unsent["value_template"]


def test_entities_have_names_that_are_allowed_and_their_own() -> None:
    components = TOLD["components"].values()
    assert len({one["unique_id"] for one in components}) == len(components) == 2 + 2 * len(tower().cameras)
    for one in components:
        assert re.fullmatch(rf"{one['platform']}\.[a-z0-9_]+", one["default_entity_id"])
        assert "object_id" not in one
    assert TOLD["components"]["north_smoke"]["default_entity_id"] == "binary_sensor.tower_7_north_smoke"
