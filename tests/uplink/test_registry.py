"""The kinds of sinks: whole, light, read from a configuration by their keys, and documented."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from edge.errors import SettingsError
from edge.settings import Settings, Tower, Uplink, parse
from edge.uplink.registry import KINDS, kind_of, kind_with, redact
from edge.uplink.sink import Kind, SinkOptions
from edge.uplink.transport import Channel

ROOT = Path(__file__).parents[2]
COMMON = frozenset(SinkOptions.__struct_fields__)
CARRIED: frozenset[Channel] = frozenset(["event"])


class PigeonOptions(SinkOptions, frozen=True, kw_only=True):
    ring_file: Path | None = None
    wings: int = 2


class SmokeOptions(SinkOptions, frozen=True, kw_only=True):
    blanket: Literal["wool", "hide"] = "wool"


def unopened(*_: object) -> Any:
    raise AssertionError("a configuration opens nothing")


PIGEON = Kind(
    ("pigeons", "pigeon"), "pigeons://loft, pigeon://loft", PigeonOptions, CARRIED, unopened, unopened
)
SMOKE = Kind(("smoke",), "smoke://hill", SmokeOptions, CARRIED, unopened, unopened)


def tower(folder: Path, sinks: dict[str, Any], **keys: Any) -> Settings:
    document = {"cameras": {"a": {"uri": "scene:"}}, "tower": {"id": "tower-7"}, "sinks": sinks, **keys}
    return parse(document, folder, (PIGEON, SMOKE))


def test_a_sink_is_read_by_the_keys_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "ring").touch()
    table = {
        "url": " Pigeons://Loft/7 ",
        "ring_file": "ring",
        "severities": ["alert"],
        "origins": ["live", "simulated"],
    }
    read = tower(tmp_path, {"north": table, "hill": {"url": "smoke://hill", "escalation": 1}})
    assert read.sinks["north"] == PigeonOptions(
        url="pigeons://Loft/7",
        ring_file=tmp_path / "ring",
        severities=("alert",),
        origins=("live", "simulated"),
    )
    assert kind_with(read.sinks["hill"], (PIGEON, SMOKE)) is SMOKE
    assert read.uplink == Uplink(heartbeat_s=300, acknowledge_s=600)
    assert "Loft" not in repr(read)


@pytest.mark.parametrize(
    ("sinks", "keys", "message"),
    [
        ({"a": {}}, {}, "sinks.a: .*url"),
        ({"a b": {"url": "smoke://x"}}, {}, "sinks: .*regex"),
        ({"a": {"url": "ftp://me:hunter2@x"}}, {}, "sinks.a.url: expected pigeons://loft, pigeon://loft, smoke://hill$"),
        ({"a": {"url": "smoke:hunter2"}}, {}, "sinks.a.url: expected pigeons:"),
        ({"a": {"url": "smoke:///hunter2"}}, {}, "sinks.a.url: expected a host"),
        ({"a": {"url": "smoke://:1883"}}, {}, "sinks.a.url: expected a host"),
        ({"a": {"url": "smoke://x y"}}, {}, "sinks.a.url: .*blanks"),
        ({"a": {"url": "smoke://x\n"}}, {"tower": {}}, "tower.id: missing"),
        ({"a": {"url": "smoke://me:hunter2@x"}}, {}, "sinks.a.url: expected no user"),
        ({"a": {"url": "smoke://x", "wings": 2}}, {}, "sinks.a.wings: belongs to pigeons://, pigeon:// sinks, this"),
        ({"a": {"url": "smoke://x", "wigns": 2}}, {}, "sinks.a: unknown key 'wigns'"),
        ({"a": {"url": "smoke://x", "blanket": "silk"}}, {}, "sinks.a.blanket: Invalid"),
        ({"a": {"url": "smoke://x", "escalation": 0}}, {}, "sinks.a.escalation: Expected"),
        ({"a": {"url": "smoke://x", "origins": ["dreamt"]}}, {}, r"sinks.a.origins\[0\]: Invalid"),
        (
            {"a": {"url": "smoke://x", "escalation": 1, "severities": ["candidate"]}},
            {},
            "sinks.a.escalation: a sink without alerts",
        ),
        (
            {"a": {"url": "smoke://x", "escalation": 1}, "b": {"url": "smoke://x", "severities": []}},
            {},
            "sinks: .*nobody gets an alert at once",
        ),
        ({"a": {"url": "pigeon://x", "ring_file": "absent"}}, {}, "sinks.a.ring_file: .*absent does not exist"),
        ({"a": {"url": "smoke://x"}}, {"tower": {"id": "Tower 7"}}, "tower.id: Expected"),
        ({}, {"tower": {"id": "x" * 33}}, "tower.id: Expected"),
        ({}, {"tower": {"timezone": "Athens"}}, "tower.timezone: 'Athens' is no time zone"),
        ({}, {"tower": {"latitude": 38.0}}, "tower.longitude: missing"),
        ({}, {"tower": {"longitude": 38.0}}, "tower.latitude: missing"),
        ({}, {"tower": {"latitude": 91}}, "tower.latitude: Expected"),
        ({}, {"cameras": {"a": {"uri": "scene:", "fov_deg": 60}}}, "cameras.a.heading_deg: missing"),
        ({}, {"cameras": {"a": {"uri": "scene:", "heading_deg": 60}}}, "cameras.a.fov_deg: missing"),
        ({}, {"cameras": {"a": {"uri": "scene:", "heading_deg": 360, "fov_deg": 60}}}, "cameras.a.heading_deg: Expec"),
        ({}, {"cameras": {"a": {"uri": "scene:", "heading_deg": 0, "fov_deg": 180}}}, "cameras.a.fov_deg: Expected"),
        ({}, {"uplink": {"heartbeat_s": 0}}, "uplink.heartbeat_s: Expected"),
        ({}, {"uplink": {"heartbeat": 5}}, "uplink: unknown key 'heartbeat'; did you mean 'heartbeat_s'"),
    ],
)  # fmt: skip
def test_errors_name_the_key_and_no_secret(
    tmp_path: Path, sinks: dict[str, Any], keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        tower(tmp_path, sinks, **keys)
    assert re.match(message, str(caught.value)), caught.value
    assert "hunter2" not in str(caught.value)


def read(folder: Path, *urls: str) -> Settings:
    """A tower with these sinks, of the kinds that there are."""
    (folder / "secret").touch()
    sinks = {
        name: {"url": url, **({"secret_file": "secret"} if url.startswith("https") else {})}
        for name, url in zip("abc", urls, strict=False)
    }
    return parse({"cameras": {"n": {"uri": "scene:"}}, "tower": {"id": "t"}, "sinks": sinks}, folder)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mqtt://broker", "mqtt://broker"),
        ("mqtts://broker", "mqtts://Broker.:8883/"),
        ("mqtt://broker:8883", "mqtts://broker"),
        ("mqtt://[::1]", "mqtt://[::1]:1883"),
    ],
)
def test_two_sinks_at_one_broker_are_refused_since_they_would_throw_each_other_out(
    tmp_path: Path, one: str, other: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "mqtt://elsewhere", one, other)
    assert str(caught.value).startswith("sinks.c.url: it is where sinks.b is, ")


def test_other_brokers_and_webhooks_may_be_several(tmp_path: Path) -> None:
    assert len(read(tmp_path, "mqtt://broker", "mqtt://broker:1884", "mqtts://broker").sinks) == 3
    assert len(read(tmp_path, "https://hooks/x", "https://hooks/x", "mqtt://hooks").sinks) == 3


def test_without_a_sink_a_tower_needs_no_name_of_its_own(tmp_path: Path) -> None:
    assert tower(tmp_path, {}, tower={}).tower.id is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("HTTPS://hooks.example:8443/T0/secret?token=x", "https://hooks.example:8443"),
        ("mqtts://broker#x", "mqtts://broker"),
        ("mqtts://me:hunter2@broker", "mqtts://…"),
        ("hunter2", "hunter2://…"),
    ],
)
def test_of_a_url_people_see_scheme_and_host(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_every_record_is_whole_and_its_own() -> None:
    schemes = [scheme for kind in KINDS for scheme in kind.schemes]
    assert len(set(schemes)) == len(schemes)
    assert len({kind.options for kind in KINDS}) == len(KINDS)
    for kind in (*KINDS, PIGEON, SMOKE):
        assert kind.keys >= COMMON
        assert kind.options.__struct_config__.frozen
        assert "event" in kind.channels
        assert any(f"{scheme}://" in kind.written for scheme in kind.schemes)
        for scheme in kind.schemes:
            assert kind_of(f"{scheme.upper()}://x", (*KINDS, PIGEON, SMOKE)) is kind


LIGHT = """
import sys
from pathlib import Path
from msgspec.structs import fields
from edge.settings import parse
from edge.uplink.registry import KINDS
needed = {kind: {one.name: "LICENSE" for one in fields(kind.options) if one.required} for kind in KINDS}
sinks = {kind.schemes[0]: {**needed[kind], "url": f"{kind.schemes[0]}://host"} for kind in KINDS}
read = parse({"cameras": {"a": {"uri": "scene:"}}, "tower": {"id": "t"}, "sinks": sinks}, Path())
assert len(read.sinks) == len(KINDS)
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"paho", "urllib3", "av", "cv2"}))
"""


def test_a_configuration_is_read_without_a_library_of_the_uplink() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


OPENED = """
import sys
from pathlib import Path
import edge.command.run
from edge.clock import SystemClock
from edge.settings import parse
from edge.uplink.configured import ways_of
sinks = {} if sys.argv[1] == "none" else {"s": {"url": f"{sys.argv[1]}://127.0.0.1:9", **eval(sys.argv[2])}}
tower = {"id": "t"} if sinks else {}
for way in ways_of(parse({"cameras": {"a": {"uri": "scene:"}}, "tower": tower, "sinks": sinks}, Path()), SystemClock()):
    way.transport.step(0)
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"paho", "urllib3"}))
"""


@pytest.mark.parametrize(
    ("scheme", "other"), [("none", {"paho", "urllib3"}), ("mqtt", {"urllib3"}), ("https", {"paho"})]
)
def test_nothing_is_loaded_for_a_sink_that_is_not_configured(
    scheme: str, other: set[str], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_" + "A" * 44 + "\n")
    secret.chmod(0o600)
    keys = {"secret_file": str(secret)} if scheme == "https" else {}
    words = [sys.executable, "-c", OPENED, scheme, repr(keys)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not other & set(done.stdout.split())


def documented(section: str) -> dict[str, str]:
    """The keys of a section in the documentation, with the text of their kinds; empty for every kind."""
    page = (ROOT / "docs/configuration.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()]
    result: dict[str, str] = {}
    for row in rows:
        if row[0].startswith(f"`{section}."):
            for key in re.findall(r"`[A-Za-z.]*\.([a-z_0-9]+)`", row[0]):
                result[key] = row[1] if len(row) == 4 else ""
    return result


def test_the_documentation_has_every_key_of_a_sink_and_whose_it_is() -> None:
    said = documented("sinks.NAME")
    assert set(said) == COMMON.union(*(kind.keys for kind in KINDS))
    for key, kinds in said.items():
        owners = {scheme for kind in KINDS if key in kind.keys for scheme in kind.schemes}
        assert set(re.findall(r"`([a-z0-9]+)://`", kinds)) == (set() if key in COMMON else owners), key


@pytest.mark.parametrize(("section", "table"), [("tower", Tower), ("uplink", Uplink)])
def test_the_documentation_has_every_key_of_the_tower(section: str, table: type[msgspec.Struct]) -> None:
    assert set(documented(section)) == set(table.__struct_fields__)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"severities": [], "maintenance": False}, "sinks.a.severities: none, and maintenance is false"),
        ({"origins": []}, "sinks.a.origins: none"),
    ],
)
def test_a_sink_that_would_get_nothing_is_refused(tmp_path: Path, keys: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        tower(tmp_path, {"a": {"url": "smoke://hill", **keys}})
    for fit in ({"severities": []}, {"severities": [], "origins": []}):
        assert tower(tmp_path, {"a": {"url": "smoke://hill", **fit}}).sinks["a"].maintenance
