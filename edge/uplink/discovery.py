"""What Home Assistant is told of a tower, so that it shows up there by itself: one retained message for all of it.

Source: home-assistant.io, MQTT integration, device discovery payload; `default_entity_id` replaced `object_id` there.
Never tried with a real Home Assistant.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from edge.uplink.facts import TowerFacts
from edge.uplink.topic import OFFLINE, ONLINE, available, topic

_KEYS = "firetower"
# its own word for a state that nobody knows; any other is an error there
_UNKNOWN = "{{ 'None' if value == 'unknown' else value }}"


def discovery(facts: TowerFacts, version: str, lasts_s: float) -> bytes:
    """Return the payload.

    Args:
        facts: of the tower.
        version: of firetower.
        lasts_s: after which a heartbeat, and a state that comes with it, say nothing any more.
    """
    components = _tower(facts, lasts_s)
    for name in facts.cameras:
        components |= _camera(facts, name, lasts_s)
    return msgspec.json.encode(
        {
            "device": {
                "identifiers": [f"{_KEYS}_{facts.id}"],
                "name": facts.name,
                "manufacturer": "firetower",
                "model": "wildfire lookout",
                "sw_version": version,
            },
            "origin": {"name": "firetower", "sw_version": version},
            "availability_topic": available(facts.id),
            "payload_available": ONLINE.decode(),
            "payload_not_available": OFFLINE.decode(),
            "qos": 1,
            "components": components,
        }
    )


def _tower(facts: TowerFacts, lasts_s: float) -> dict[str, Any]:
    health = {"state_topic": topic(facts.id, "health", None), "expire_after": round(lasts_s)}
    return _component(
        facts,
        "problem",
        "binary_sensor",
        {
            **health,
            "name": "Problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "value_template": "{{ 'OFF' if value_json.healthy else 'ON' }}",
            "json_attributes_topic": health["state_topic"],
            "json_attributes_template": "{{ {'reasons': value_json.reasons} | tojson }}",
        },
    ) | _component(
        facts,
        "unsent",
        "sensor",
        {
            **health,
            "name": "Messages that wait",
            "entity_category": "diagnostic",
            "state_class": "measurement",
            "value_template": "{{ value_json.queue.unsent if value_json.queue else 'None' }}",
        },
    )


def _camera(facts: TowerFacts, name: str, lasts_s: float) -> dict[str, Any]:
    return _component(
        facts,
        f"{name}_smoke",
        "binary_sensor",
        {
            "name": f"{name} smoke",
            "device_class": "smoke",
            "state_topic": topic(facts.id, "smoke", name),
            "payload_on": "ON",
            "payload_off": "OFF",
            "value_template": _UNKNOWN,
            "expire_after": round(lasts_s),
        },
    ) | _component(
        facts,
        f"{name}_image",
        "image",
        {
            "name": f"{name} picture",
            "image_topic": topic(facts.id, "image", name),
            "content_type": "image/jpeg",
        },
    )


def _component(facts: TowerFacts, key: str, platform: str, options: dict[str, Any]) -> dict[str, Any]:
    entity = re.sub(r"[^a-z0-9]+", "_", f"{facts.id}_{key}".lower()).strip("_")
    named = {
        "platform": platform,
        "unique_id": f"{_KEYS}_{facts.id}_{key}",
        "default_entity_id": f"{platform}.{entity}",
    }
    return {key: {**named, **options}}
