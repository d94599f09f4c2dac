"""The MQTT sink: at a real mosquitto, and at a scripted broker for what no real one says on demand."""

import logging
import os
import random
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clock import SystemClock
from edge.errors import LinkError, SettingsError
from edge.uplink.mqtt import MQTT, MqttOptions
from edge.uplink.sink import Tower
from edge.uplink.transport import Transport
from tests.http.server import Certificates
from tests.uplink.mosquitto import Listener, Mosquitto, Proxy, wait
from tests.uplink.road import Road, parcel
from tests.uplink.scripted import (
    CONNECT,
    PUBLISH,
    SUBSCRIBE,
    Scripted,
    connack,
    disconnect,
    packet,
    puback,
    published,
    suback,
    text,
    usual,
)

SECRET = "correct-horse-battery"


def open_broker(url: str, tower: str = "tower-7", **keys: object) -> Transport:
    options = MqttOptions(url=url, **keys)
    options.check()
    return MQTT.open(options, Tower(id=tower, heartbeat_s=300), SystemClock())


class Roads:
    """Transports that are closed at the end of a test."""

    def __init__(self) -> None:
        self.made: list[Road] = []

    def __call__(self, url: str, tower: str = "tower-7", *, connect: bool = True, **keys: object) -> Road:
        road = Road(open_broker(url, tower, **keys))
        self.made.append(road)
        if connect:
            road.connect()
        return road


@pytest.fixture
def roads():
    made = Roads()
    yield made
    for road in made.made:
        road.transport.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    made = Mosquitto(tmp_path_factory.mktemp("broker"), "max_packet_size 4000", "max_inflight_messages 1")
    yield made
    made.kill()


@pytest.fixture
def url(broker) -> str:
    return f"mqtt://127.0.0.1:{broker.port}"


def secret_file(folder: Path, text: str = SECRET, mode: int = 0o600) -> Path:
    path = folder / "password"
    path.write_text(text)
    path.chmod(mode)
    return path


# What it says, and where


def test_each_channel_has_its_topic_and_what_is_retained_expires(broker, url, roads):
    road = roads(url, "topics", home_assistant=True)
    seen = {
        "event": ("firetower/topics/event", False),
        "health": ("firetower/topics/health", True),
        "smoke": ("firetower/topics/camera/north/smoke", True),
        "image": ("firetower/topics/camera/north/image", True),
        "discovery": ("homeassistant/device/firetower_topics/config", True),
    }
    with Listener(broker.port, "firetower/topics/#", "homeassistant/#") as early:
        for channel in seen:
            said = parcel(
                f"{channel}.1", channel=channel, attributes={"type": "x", "sha256": "ab"}, expires_s=899.2
            )
            assert road.carry(said).word == "delivered"
        wait(lambda: len(early.keys()) == len(seen))
        with Listener(broker.port, "firetower/topics/#", "homeassistant/#") as late:
            wait(lambda: len(late.keys()) == len(seen) - 1)
            for channel, (topic, retained) in seen.items():
                (got,) = [one for one in early.on(topic) if one.key]
                assert (got.body, got.qos, got.content_type) == (b'{"schema": "x"}', 1, "application/json")
                assert got.attributes == {"id": f"{channel}.1", "type": "x", "sha256": "ab"}
                assert 890 < got.expires_s <= 900
                assert bool(late.on(topic)) == retained
            assert [one.body for one in late.on("firetower/topics/available")] == [b"online"]


def test_the_broker_says_offline_when_the_tower_is_cut_off_and_when_it_leaves(broker, roads):
    proxy = Proxy(broker.port)
    road = roads(f"mqtt://127.0.0.1:{proxy.port}", "will")
    with Listener(broker.port, "firetower/will/#") as listener:
        available = lambda: [one.body for one in listener.on("firetower/will/available")]  # noqa: E731
        wait(lambda: available() == [b"online"])
        proxy.cut()
        wait(lambda: available() == [b"online", b"offline"])
        road.until(lambda: not road.transport.link().up)
        road.connect()
        wait(lambda: available() == [b"online", b"offline", b"online"])
        road.transport.close(parcel("last", channel="health"))
        wait(lambda: available() == [b"online", b"offline", b"online", b"offline"])
        assert listener.keys() == ["last"]
        assert listener.got[-1].body == b"offline"
    proxy.close()


def test_commands_that_were_sent_while_it_was_away_arrive_and_are_answered(broker, url, roads):
    roads(url, "away").transport.close()
    with Listener(broker.port, "firetower/away/answer/#") as operator:
        operator.publish("firetower/away/command", b"one", "firetower/away/answer/me", b"\0\xff")
        operator.publish("firetower/away/command", b"two")
        operator.publish("firetower/away/command", b"three", "homeassistant/light/x", b"")
        road = roads(url, "away")
        road.until(lambda: len(road.commands) == 3)
        told = [(one.body, one.answer_to) for one in road.commands]
        assert told == [
            (b"one", ("firetower/away/answer/me", b"\0\xff")),
            (b"two", None),
            (b"three", None),  # a stranger's word does not make it publish elsewhere
        ]
        said = parcel("answer.1", b"done", channel="answer", camera=None, answers=told[0][1])
        assert road.carry(said).word == "delivered"
        wait(lambda: operator.got)
        got = operator.got[0]
        assert (got.topic, got.body, got.correlation, got.retained) == (
            "firetower/away/answer/me",
            b"done",
            b"\0\xff",
            False,
        )
        assert [one.body for one in road.commands].count(b"one") == 1


# Who listens


def test_an_event_that_nobody_hears_is_unheard_and_what_is_retained_is_delivered(broker, url, roads):
    road = roads(url, "quiet")
    assert road.carry(parcel("e.1")).word == "unheard"
    assert "No matching subscribers" in road.outcomes[-1].why
    assert road.carry(parcel("h", channel="health", camera=None)).word == "delivered"
    with Listener(broker.port, "firetower/quiet/event"):
        assert road.carry(parcel("e.1")).word == "delivered"
    assert road.carry(parcel("e.1")).word == "unheard"


def test_who_listens_to_smoke_is_enough_where_the_operator_says_so(broker, url, roads):
    enough, strict = roads(url, "smoke-1", heard_topics=("smoke",)), roads(url, "smoke-2")
    with Listener(broker.port, "firetower/+/camera/+/smoke"):
        for road in (enough, strict):
            assert road.carry(parcel("e.1")).word == "unheard"
            assert road.carry(parcel("s", channel="smoke")).word == "delivered"
        assert enough.carry(parcel("e.1")).word == "delivered"
        assert enough.carry(parcel("e.2", camera="south")).word == "unheard"
        assert strict.carry(parcel("e.1")).word == "unheard"
    assert enough.carry(parcel("s", channel="smoke")).word == "delivered"
    assert enough.carry(parcel("e.1")).word == "unheard"


# What the broker allows


def test_a_packet_as_large_as_the_broker_takes_goes_and_one_byte_more_is_not_even_sent(broker, url, roads):
    road = roads(url, "large")
    with Listener(broker.port, "firetower/large/event"):
        head = len(b"\x32") + 2 + 2 + len("firetower/large/event") + 2
        head += 1 + 3 + len("application/json") + 5 + len("id") + len("l.1")
        assert road.carry(parcel("l.1", bytes(4000 - head))).word == "delivered"
        sent_bytes = road.transport.link().sent_bytes
        outcome = road.carry(parcel("l.1", bytes(4001 - head)))
        assert (outcome.word, outcome.bytes) == ("refused", 0)
        assert "4001" in outcome.why
        assert "4000" in outcome.why
        assert road.transport.link().sent_bytes - sent_bytes < 1000
        assert road.transport.link().up
        assert road.carry(parcel("l.2", bytes(road.transport.link().largest_bytes))).word == "delivered"
    assert "disconnected due to" not in broker.log


def test_receive_maximum_of_one_is_kept(broker, url, roads):
    road = roads(url, "one")
    for number in range(5):
        assert road.transport.send(parcel(f"m.{number}"), road.now_ns)
        assert not road.transport.send(parcel("more"), road.now_ns)
        road.take(f"m.{number}")
    assert road.transport.link().up


def test_mosquittos_limit_of_messages_refuses_one_and_keeps_the_connection(tmp_path, roads):
    broker = Mosquitto(tmp_path, "message_size_limit 1000")
    road = roads(f"mqtt://127.0.0.1:{broker.port}")
    outcome = road.carry(parcel("large.1", bytes(2000)))
    assert (outcome.word, "Packet too large" in outcome.why) == ("refused", True)
    assert road.transport.link().up
    assert road.carry(parcel("small.1")).word == "unheard"
    broker.kill()


def test_what_the_broker_forbids_is_told_and_tried_again_later(tmp_path, roads):
    (tmp_path / "acl").write_text("topic write firetower/+/health\n")
    broker = Mosquitto(tmp_path, f"acl_file {tmp_path / 'acl'}")
    road = roads(f"mqtt://127.0.0.1:{broker.port}")
    notice = road.transport.link().notice
    assert "does not let us say that we are there" in notice
    assert road.carry(parcel("h", channel="health")).word == "delivered"
    outcome = road.carry(parcel("e.1"))
    assert outcome.word == "failed"
    assert "Not authorized (0x87)" in outcome.why
    assert outcome.retry_s > 60
    assert outcome.alone
    assert road.carry(parcel("h.2", channel="health")).word == "delivered"
    broker.kill()


def test_a_user_with_a_password_and_one_with_a_wrong_one(tmp_path, roads, caplog):
    caplog.set_level(logging.DEBUG)
    users = tmp_path / "users"
    users.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", users, "tower", SECRET], check=True)
    broker = Mosquitto(tmp_path, f"password_file {users}")
    keys = {"user": "tower", "password_file": secret_file(tmp_path)}
    road = roads(f"mqtt://127.0.0.1:{broker.port}", **keys)
    assert road.carry(parcel()).word == "unheard"
    (tmp_path / "password").write_text(f"{SECRET}-no")
    wrong = roads(f"mqtt://127.0.0.1:{broker.port}", "other", connect=False, **keys)
    wrong.until(lambda: "0x8" in wrong.transport.link().why)
    assert "Not authorized (0x87)" in wrong.transport.link().why
    for shown in (repr(wrong.transport.link()), repr(vars(wrong.transport)), caplog.text):
        assert SECRET not in shown
    broker.kill()


def reach(url: str, tower: str = "tower-7", **keys: object) -> str:
    options = MqttOptions(url=url, **keys)
    return MQTT.reach(options, Tower(id=tower, heartbeat_s=300), SystemClock())


def test_a_trial_disturbs_no_daemon_and_leaves_nothing_behind(broker, url, roads):
    road = roads(url, "tried")
    with Listener(broker.port, "firetower/tried/#") as others:
        assert reach(url, "tried") == ""
        assert road.carry(parcel()).word == "delivered"
        assert {one.body for one in others.on("firetower/tried/available")} <= {b"online"}
    assert road.transport.link().notice == ""
    assert reach(url, "never") == ""
    with Listener(broker.port, "firetower/never/#") as others:
        others.publish("firetower/never/health", b"last")
        wait(lambda: others.got)
        assert [one.body for one in others.got] == [b"last"]


def test_a_trial_says_why_a_broker_does_not_let_it_in(tmp_path):
    users = tmp_path / "users"
    users.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", users, "tower", f"{SECRET}-no"], check=True)
    broker = Mosquitto(tmp_path, f"password_file {users}")
    keys = {"user": "tower", "password_file": secret_file(tmp_path)}
    with pytest.raises(LinkError, match="Not authorized") as raised:
        reach(f"mqtt://127.0.0.1:{broker.port}", **keys)
    assert SECRET not in str(raised.value)
    broker.kill()
    with pytest.raises(LinkError, match="refused"):
        reach(f"mqtt://127.0.0.1:{broker.port}", **keys)


# TLS


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A broker with TLS that wants certificates, and the files for it."""
    folder = tmp_path_factory.mktemp("tls")
    made = Certificates(folder)
    server, client = made.make("server", "IP:127.0.0.1,DNS:localhost"), made.make("client", "DNS:tower-7")
    client.chmod(0o600)
    lines = [f"certfile {server}", f"keyfile {server}", f"cafile {client}", "require_certificate true"]
    broker = Mosquitto(folder, *lines)
    yield broker, server, client, made
    broker.kill()


def test_tls_with_a_certificate_of_the_tower(secure, roads):
    broker, server, client, _ = secure
    keys = {"ca_file": server, "certificate_file": client, "key_file": client}
    for host in ("127.0.0.1", "localhost"):
        road = roads(f"mqtts://{host}:{broker.port}", f"tls-{len(host)}", **keys)
        assert road.carry(parcel(body=bytes(100_000), channel="image")).word == "delivered"


def test_a_broker_that_is_not_trusted_is_not_talked_to(secure, roads):
    broker, _, _, made = secure
    other = made.make("other", "IP:127.0.0.1")
    road = roads(f"mqtts://127.0.0.1:{broker.port}", ca_file=other, connect=False)
    road.until(lambda: "certificate" in road.transport.link().why)
    assert "its certificate is not trusted" in road.transport.link().why
    assert road.transport.link().sent_bytes == 0


def test_a_broker_under_another_name_is_not_talked_to(tmp_path, roads):
    certificate = Certificates(tmp_path).make("elsewhere", "DNS:elsewhere.example")
    broker = Mosquitto(tmp_path, f"certfile {certificate}", f"keyfile {certificate}")
    road = roads(f"mqtts://127.0.0.1:{broker.port}", ca_file=certificate, connect=False)
    road.until(lambda: "certificate" in road.transport.link().why)
    assert "not valid for '127.0.0.1'" in road.transport.link().why
    broker.kill()


def test_a_tower_without_its_certificate_hears_why(secure, roads):
    broker, server, _, _ = secure
    road = roads(f"mqtts://127.0.0.1:{broker.port}", ca_file=server, connect=False)
    road.until(lambda: "certificate" in road.transport.link().why)
    assert not road.transport.link().up


def test_what_is_unfit_is_told_when_it_opens(tmp_path, secure):
    _, server, client, _ = secure
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    empty.chmod(0o600)
    loose = tmp_path / "loose.pem"
    loose.write_bytes(client.read_bytes())
    loose.chmod(0o644)
    locked = tmp_path / "locked.pem"
    words = ["openssl", "pkey", "-in", client, "-aes256", "-passout", "pass:x", "-out", locked]
    subprocess.run(words, check=True)
    locked.chmod(0o600)
    url = "mqtts://127.0.0.1:1"
    for keys, word in (
        ({"ca_file": empty}, "ca_file"),
        ({"ca_file": server, "certificate_file": client, "key_file": empty}, "certificate_file"),
        ({"ca_file": server, "certificate_file": client, "key_file": loose}, "key_file: .* has mode 0644"),
        ({"ca_file": server, "certificate_file": client, "key_file": locked}, "without a password"),
        ({"user": "u", "password_file": secret_file(tmp_path, mode=0o640)}, "password_file: .* mode 0640"),
    ):
        with pytest.raises(SettingsError, match=word):
            open_broker(url, **keys)


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"url": "mqtt://broker", "ca_file": Path("/x")}, "ca_file"),
        ({"url": "mqtts://broker/path"}, "url"),
        ({"url": "mqtts://broker:0"}, "url"),
        ({"url": "mqtts://broker:70000"}, "url"),
        ({"url": "mqtts://broker?x=1"}, "url"),
        ({"url": "mqtts://broker", "password_file": Path("/x")}, "user"),
        ({"url": "mqtts://broker", "key_file": Path("/x")}, "certificate_file"),
        ({"url": "mqtts://broker", "certificate_file": Path("/x")}, "key_file"),
    ],
)
def test_options_that_do_not_go_together(keys, word):
    with pytest.raises(ValueError, match=f"^{word}"):
        MqttOptions(**keys).check()


def test_options_that_do():
    for url in ("mqtts://broker", "mqtt://broker:1884", "mqtts://[::1]:8883", "mqtts://b/"):
        MqttOptions(url=url).check()


# Two towers


def test_two_towers_under_one_id_are_told_though_the_broker_says_nothing(url, roads, caplog):
    first, second = roads(url, "twin"), roads(url, "twin")
    told = "no two towers may have tower.id = 'twin'"
    for road in (first, second, first, second):
        road.until(lambda road=road: not road.transport.link().up)
        road.connect()
        road.step()
    for road in (first, second):
        road.until(lambda road=road: told in road.transport.link().notice)
    assert caplog.text.count(told) == 2
    first.pass_time(3700)
    first.step()
    assert first.transport.link().notice == ""


def test_a_broker_that_says_so_is_believed_at_once(roads):
    with Scripted(to(PUBLISH, disconnect(0x8E))) as said:
        road = roads(said.url)
        assert road.transport.link().notice == ""
        assert "Session taken over (0x8e)" in road.carry(parcel()).why
        assert "tower.id = 'tower-7'" in road.transport.link().notice


@pytest.mark.parametrize(
    ("marks", "told"), [("aa.1 aa.1 aa.1", False), ("aa.1 aa.2", True), ("aa.1 bb.1", True)]
)
def test_one_mark_may_be_our_own_of_an_earlier_run_and_two_are_not(roads, marks, told):
    """A broker that was set back has what we left there long ago, whenever we come back."""
    left = marks.split()

    def say(sent):
        if sent.kind == SUBSCRIBE and b"available" in sent.body and said.connections > 1 and left:
            mark = b"\x26" + text("instance") + text(left.pop(0))
            return suback(sent.number) + published("firetower/tower-7/available", b"online", mark)
        return b"" if sent.kind == PUBLISH and sent.topic.endswith("event") else usual(sent)

    with Scripted(say) as said:
        road = roads(said.url)
        while left:
            road.carry(parcel())
            road.connect()
            road.step()
        road.until(lambda: not told or road.transport.link().notice)
        assert ("tower.id = 'tower-7'" in road.transport.link().notice) == told
        assert road.commands == []


def test_who_comes_back_or_is_started_anew_is_not_its_own_twin(broker, roads):
    proxy = Proxy(broker.port)
    for _ in range(2):
        road = roads(f"mqtt://127.0.0.1:{proxy.port}", "again")
        for number in range(3):
            proxy.cut()
            road.until(lambda road=road: not road.transport.link().up)
            road.connect()
            assert road.carry(parcel(f"again.{number}", channel="health")).word == "delivered"
            assert road.transport.link().notice == ""
    proxy.close()


# What only a scripted broker says


def to(kind: int, answer):
    """A broker that answers packets of a kind so, and else as usual; `available` is always taken."""

    def say(sent):
        if sent.kind == kind and not sent.topic.endswith("available"):
            return answer(sent) if callable(answer) else answer
        return usual(sent)

    return say


@pytest.mark.parametrize(
    ("code", "channel", "word"),
    [
        (0x00, "event", "delivered"),
        (0x00, "image", "delivered"),
        (0x10, "event", "unheard"),
        (0x10, "smoke", "delivered"),
        (0x80, "event", "failed"),
        (0x83, "event", "failed"),
        (0x87, "image", "failed"),
        (0x90, "event", "refused"),
        (0x95, "image", "shed"),
        (0x95, "event", "refused"),
        (0x97, "event", "failed"),
        (0x99, "event", "refused"),
    ],
)
def test_what_a_puback_means(roads, code, channel, word):
    with Scripted(
        to(PUBLISH, lambda sent: puback(sent.number, code, "because\nof it" if code else ""))
    ) as said:
        road = roads(said.url)
        outcome = road.carry(parcel(channel=channel))
        assert (outcome.word, outcome.alone) == (word, word == "failed")
        if word == "delivered":
            assert outcome.why == ""
        else:
            assert f"(0x{code:02x}): because\\nof it" in outcome.why
        assert road.transport.link().up


@pytest.mark.parametrize(("channel", "word"), [("image", "shed"), ("event", "refused")])
def test_a_disconnect_for_its_size_sheds_the_picture_in_hand_and_refuses_a_text(roads, channel, word):
    with Scripted(to(PUBLISH, disconnect(0x95))) as said:
        road = roads(said.url)
        outcome = road.carry(parcel("a.1.x", channel=channel))
        assert outcome.word == word
        assert "Packet too large (0x95)" in outcome.why
        road.connect()
        assert [one.word for one in road.outcomes] == [word]


@pytest.mark.parametrize("code", [0x8B, 0x93, 0x97, 0x98])
def test_a_disconnect_for_another_reason_fails_it(roads, code):
    with Scripted(to(PUBLISH, disconnect(code))) as said:
        road = roads(said.url)
        outcome = road.carry(parcel())
        assert (outcome.word, outcome.alone) == ("failed", False)
        assert f"0x{code:02x}" in outcome.why


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (connack(0x88), "Server unavailable (0x88)"),
        (connack(0x97), "Quota exceeded (0x97)"),
        (connack(0x86, b"\x1f" + text("no such\x1b[31m user")), "(0x86): no such\\x1b[31m user"),
        (packet(2, b"\0\x01"), "Unsupported protocol version"),
        (packet(2, b"\0\x05"), "no MQTT 5"),
        (connack(0, b"\x24\x00"), "acknowledges nothing"),
        (connack(0, b"\x27" + struct.pack("!I", 20)), "takes nothing of use"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "did not let us in in time"),
        (b"", "hung up"),
    ],
)
def test_a_broker_that_does_not_let_us_in(roads, answer, why):
    with Scripted(to(CONNECT, answer)) as said:
        road = roads(said.url, connect=False)
        road.until(lambda: said.of(CONNECT))
        for _ in range(20):
            road.step()
        road.pass_time(61)
        road.until(lambda: road.transport.link().why not in {"not connected yet", "it has not let us in yet"})
        link = road.transport.link()
        assert not link.up
        assert why in link.why
        assert link.why.isprintable()
        assert not road.transport.send(parcel(), road.now_ns)


def test_a_broker_that_retains_nothing_still_gets_events(roads):
    def say(sent):
        if sent.kind == CONNECT:
            retained_will = sent.body[7] & 0x20
            return connack(0x9A) if retained_will else connack(0, b"\x25\x00")
        return usual(sent)

    with Scripted(say) as said:
        road = roads(said.url)
        assert road.carry(parcel("h", channel="health")).word == "delivered"
        assert all(not sent.flags & 1 for sent in said.of(PUBLISH))
        assert said.connections == 2


def test_what_it_says_of_itself(roads):
    with Scripted() as said:
        roads(said.url, keepalive_s=77)
        body = said.of(CONNECT)[0].body
        assert body[:7] == text("MQTT") + b"\x05"
        assert not body[7] & 0x02  # clean start
        assert body[7] & 0x3C == 0x2C  # a will, QoS 1, retained
        assert struct.unpack("!H", body[8:10]) == (77,)
        assert b"\x11" + struct.pack("!I", 7 * 86_400) in body
        assert text("firetower-tower-7") in body
        assert text("firetower/tower-7/available") + text("offline") in body


def test_each_connection_is_a_fresh_one_with_the_same_terms(roads):
    with Scripted(to(PUBLISH, b"")) as said:
        road = roads(said.url)
        for number in range(3):
            assert road.carry(parcel(f"x.{number}")).word == "failed"
            road.connect()
        assert len({sent.body[: sent.body.index(b"instance")] for sent in said.of(CONNECT)}) == 1
        assert [sent.number for sent in said.of(PUBLISH) if sent.topic.endswith("event")] == [b"\0\x04"] * 3
        assert all(not sent.flags & 8 for sent in said.of(PUBLISH))  # nothing is a duplicate of paho's


def test_a_session_that_the_broker_cuts_short_is_told(roads):
    with Scripted(to(CONNECT, connack(0, b"\x11" + struct.pack("!I", 60)))) as said:
        assert "keeps commands for 60 s only" in roads(said.url).transport.link().notice


def test_a_subscription_that_is_refused_is_told(roads):
    with Scripted(to(SUBSCRIBE, lambda sent: suback(sent.number, 0x87))) as said:
        road = roads(said.url)
        assert "gives no commands: Not authorized (0x87)" in road.transport.link().notice
        assert road.carry(parcel()).word == "delivered"


def test_a_packet_larger_than_was_asked_for_is_not_taken_in(roads):
    with Scripted(to(PUBLISH, b"\x30\xff\xff\xff\x7f" + bytes(1000))) as said:
        road = roads(said.url)
        outcome = road.carry(parcel())
        assert outcome.word == "failed"
        assert "268435455 bytes" in outcome.why


def test_a_broker_that_says_nothing_after_the_handshake_is_given_up(roads):
    with Scripted(to(CONNECT, None)) as said:
        road = roads(said.url, connect=False)
        road.until(lambda: said.of(CONNECT))
        road.pass_time(61)
        road.step()
        assert road.transport.link().why == "it did not let us in in time"


def test_a_slow_link_is_waited_for_while_it_gets_on(roads):
    """A picture whose bytes arrive has more time than one of which none does."""
    with Scripted(to(PUBLISH, None)) as said:
        road = roads(said.url)
        assert road.transport.send(parcel(body=bytes(50_000)), road.now_ns)
        road.until(lambda: len(said.of(PUBLISH)) == 2)
        road.step()
        road.pass_time(50)
        road.step()
        assert road.transport.link().up
        road.pass_time(11)
        assert road.take("ab12.1").why == "it did not acknowledge in time"


def test_commands_that_come_in_a_burst_all_come(roads):
    burst = b"".join(published("firetower/tower-7/command", b"%d" % number) for number in range(100))
    with Scripted(to(PUBLISH, lambda sent: burst + puback(sent.number))) as said:
        road = roads(said.url)
        assert road.carry(parcel()).word == "delivered"
        assert [one.body for one in road.commands] == [b"%d" % number for number in range(100)]


@settings(max_examples=15)
@given(st.binary(min_size=1, max_size=300), st.sampled_from([CONNECT, SUBSCRIBE, PUBLISH]), st.booleans())
def test_whatever_a_broker_says_never_raises(noise, after, whole):
    kind = random.Random(noise).randrange(1, 16)
    answer = packet(kind, noise) if whole else noise
    with Scripted(to(after, answer)) as said:
        road = Road(open_broker(said.url))
        for _ in range(4):
            road.step(0.002)
            road.transport.send(parcel(), road.now_ns)
        road.until(lambda: said.of(CONNECT))
        for _ in range(8):
            road.step(0.002)
            road.transport.send(parcel(), road.now_ns)
        assert road.transport.link().why.isprintable()
        road.transport.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"camera": None, "channel": "smoke"},
        {"attributes": {"a": "\0"}},
        {"attributes": {"a": "x" * 70_000}},
        {"channel": "answer", "answers": None},
        {"channel": "answer", "answers": ("a/#", b"")},
        {"channel": "answer", "answers": ("a", bytes(70_000))},
        {"expires_s": 1e12},
    ],
)
def test_a_parcel_that_cannot_be_published_is_refused_and_the_link_stays(roads, changes):
    with Scripted() as said:
        road = roads(said.url)
        outcome = road.carry(parcel(**changes))
        assert outcome.word == "refused"
        assert outcome.why
        assert road.transport.link().up
        assert road.carry(parcel()).word == "delivered"


def test_what_waits_is_known_without_a_busy_loop(roads):
    """While the kernel takes no more, `fileno` tells when it does, and not before."""
    with Scripted(to(PUBLISH, None)) as said:
        road = roads(said.url)
        assert road.transport.fileno() == road.transport.fileno()
        assert os.get_blocking(road.transport.fileno())
        for _ in range(3):
            road.step()
        assert road.transport.wake_ns(road.now_ns) - road.now_ns == pytest.approx(30e9)
