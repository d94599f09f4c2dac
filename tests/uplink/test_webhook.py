"""Webhooks against a real HTTPS receiver: what is asked, what its answers mean, and what is never said."""

import logging
import re
import threading
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.errors import HttpError, SettingsError
from edge.uplink.sink import Tower
from edge.uplink.webhook import LARGEST_BYTES, WEBHOOK, WHOLE_S, Webhook, WebhookOptions
from tests.http.server import Certificates, Server, reply
from tests.uplink.receiver import KEY, HttpsReceiver, is_genuine, secret
from tests.uplink.road import HANG_S, Road, parcel

TOWER = Tower(id="tower-7", heartbeat_s=300)
OTHER = b"another secret of its own, 32 by"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = HttpsReceiver(tmp_path_factory.mktemp("receiver"))
    yield made
    made.close()


@pytest.fixture
def receiver(running):
    """One that has heard nothing yet, and is as it began."""
    kept = {name: getattr(running, name) for name in ("answer", "clock", "key")}
    running.requests.clear()
    yield running
    for name, value in kept.items():
        setattr(running, name, value)


def options(receiver, **keys):
    return WebhookOptions(**{"url": receiver.url, **receiver.keys, **keys})


@pytest.fixture
def roads():
    made = []
    yield lambda transport: made.append(Road(transport)) or made[-1]
    for road in made:
        road.transport.close()


@pytest.fixture
def road(receiver, roads):
    return roads(WEBHOOK.open(options(receiver), TOWER, SystemClock()))


def answering(receiver, status, **fields):
    receiver.answer = lambda request: [reply(b"no, T0KEN", status, **fields)]


def test_what_is_asked(receiver, road):
    sent = parcel(
        "ab12.3",
        b'{"text": "Smoke"}',
        attributes={"specversion": "1.0", "type": "firetower.event.opened", "subject": 'n 1%"ü\r\nx: y'},
    )
    assert road.carry(sent).word == "delivered"
    (request,) = receiver.requests
    assert (request.method, request.target, request.body) == ("POST", "/hooks/T0KEN", sent.body)
    assert is_genuine(request, KEY, receiver.clock())
    moment, signature = (request.fields.pop(f"webhook-{name}") for name in ("timestamp", "signature"))
    assert moment.isdecimal()
    assert len(signature.split(" ")) == 1
    assert request.fields == {
        "host": receiver.url.split("/")[2],
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
        "user-agent": "firetower",
        "content-length": str(len(sent.body)),
        "content-type": "application/json",
        "webhook-id": "ab12.3",
        "ce-id": "ab12.3",
        "ce-specversion": "1.0",
        "ce-type": "firetower.event.opened",
        "ce-subject": "n%201%25%22%C3%BC%0D%0Ax:%20y",
        "ce-camera": "north",
    }


def test_a_trial_asks_whether_the_receiver_is_there_and_sends_nothing(receiver, tmp_path):
    assert "204 No Content" in WEBHOOK.reach(options(receiver), TOWER, SystemClock())
    (request,) = receiver.requests
    assert (request.method, request.body) == ("HEAD", b"")
    assert "webhook-signature" not in request.fields
    unknown = Certificates(tmp_path).make("another", "IP:127.0.0.1")
    with pytest.raises(HttpError, match="certificate"):
        WEBHOOK.reach(options(receiver, ca_file=unknown), TOWER, SystemClock())


def test_a_picture_is_a_request_of_its_own(receiver, road):
    picture = b"\xff\xd8" + bytes(range(256)) * 79
    assert len(picture) < LARGEST_BYTES
    attributes = {"role": "crop", "sha256": "0" * 64}
    sent = parcel("ab12.3.crop", picture, channel="image", content_type="image/jpeg", attributes=attributes)
    assert road.carry(sent).word == "delivered"
    (request,) = receiver.requests
    assert is_genuine(request, KEY, receiver.clock())
    assert (request.fields["content-type"], request.body) == ("image/jpeg", picture)
    assert (request.fields["ce-role"], request.fields["ce-sha256"]) == ("crop", "0" * 64)


def test_a_receiver_verifies_it_as_the_page_says(receiver, road):
    page = (Path(__file__).parents[2] / "docs/webhook.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    defined = {}
    exec(program, defined)
    for sent in (parcel("ab12.1"), parcel("ab12.1.crop", b"\xff\xd8\xff", content_type="image/jpeg")):
        assert road.carry(sent).word == "delivered"
        fields, body = receiver.requests[-1].fields, receiver.requests[-1].body
        assert defined["is_genuine"](fields, body, secret())
        assert not defined["is_genuine"](fields, body + b" ", secret())
        assert not defined["is_genuine"](fields, body, secret(OTHER))
        assert not defined["is_genuine"]({**fields, "webhook-id": "ab12.2"}, body, secret())
        assert not defined["is_genuine"]({**fields, "webhook-timestamp": "1764412530"}, body, secret())


@pytest.mark.parametrize("key", [KEY, OTHER], ids=["before", "after"])
def test_while_the_secret_changes_the_receiver_may_know_either(receiver, roads, key):
    receiver.key = key
    both = receiver.secrets(secret(OTHER), secret(KEY))
    road = roads(WEBHOOK.open(options(receiver, secret_file=both), TOWER, SystemClock()))
    assert road.carry(parcel()).word == "delivered"
    third = roads(
        WEBHOOK.open(options(receiver, secret_file=receiver.secrets(secret(b"3" * 32))), TOWER, SystemClock())
    )
    outcome = third.carry(parcel())
    assert (outcome.word, outcome.why) == ("failed", "400 Bad Request")


def test_each_attempt_is_signed_anew_under_the_same_id(receiver, roads):
    clock, now_s = SystemClock(), [1_800_000_000]
    clock.wall_ns = lambda: now_s[0] * 10**9
    receiver.clock = lambda: now_s[0]
    road = roads(Webhook(options(receiver), (KEY,), clock, lambda: True))
    answering(receiver, "503 Service Unavailable")
    assert road.carry(parcel("ab12.1")).word == "failed"
    now_s[0] += 3600
    answering(receiver, "202 Accepted")
    assert road.carry(parcel("ab12.1")).word == "delivered"
    fields = [request.fields for request in receiver.requests]
    assert [one["webhook-id"] for one in fields] == ["ab12.1"] * 2
    assert [one["webhook-timestamp"] for one in fields] == ["1800000000", "1800003600"]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed(receiver, road, status):
    answering(receiver, status, Location=receiver.url.replace("T0KEN", "elsewhere"))
    outcome = road.carry(parcel())
    assert outcome.word == "failed"
    assert "no redirect is followed" in outcome.why
    assert len(receiver.requests) == 1
    assert road.transport.link().up


def test_no_login_is_given(receiver, road):
    answering(receiver, "401 Unauthorized", WWW_Authenticate='Basic realm="x"')
    outcome = road.carry(parcel())
    assert (outcome.word, outcome.why) == ("failed", "401 Unauthorized; see to `secret_file`")
    assert "authorization" not in receiver.requests[0].fields


def test_one_that_is_gone_is_left_alone(receiver, road):
    answering(receiver, "410 Gone")
    outcome = road.carry(parcel())
    assert outcome.word == "gone"
    assert "wants nothing any more" in outcome.why
    for _ in range(3):
        road.pass_time(86_400)
        road.step()
        assert not road.transport.send(parcel(), road.now_ns)
    assert not road.transport.link().up
    assert road.transport.link().why == outcome.why
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"Retry_After": "120"},
        {"Retry_After": "Sat, 02 May 2026 12:02:00 GMT", "Date": "Sat, 02 May 2026 12:00:00 GMT"},
    ],
    ids=["seconds", "date"],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable", "413 Too Large"])
def test_one_that_asks_for_patience_gets_it(receiver, road, said, status):
    answering(receiver, status, **said)
    outcome = road.carry(parcel("first.1"))
    assert (outcome.word, outcome.retry_s) == ("failed", 120)
    road.pass_time(30)
    road.step()
    assert not road.transport.send(parcel("other.1"), road.now_ns)
    link = road.transport.link()
    assert not link.up
    assert link.why == outcome.why
    due_ns = road.transport.wake_ns(road.now_ns)
    assert 0 < due_ns - road.now_ns <= 90 * 10**9
    answering(receiver, "200 OK")
    road.pass_time(91)
    road.step()
    assert road.transport.link().up
    assert road.carry(parcel("other.1")).word == "delivered"
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    ("status", "word"), [("413 Too Large", "refused"), ("415 Not That", "refused"), ("500 Oops", "failed")]
)
def test_what_is_refused_is_not_what_failed(receiver, road, status, word):
    answering(receiver, status)
    outcome = road.carry(parcel())
    assert (outcome.word, outcome.retry_s) == (word, None)
    assert outcome.why.startswith(status[:3])
    assert "T0KEN" not in outcome.why


@pytest.mark.parametrize(
    ("status", "alone"),
    [("400 Bad", True), ("404 Not Found", True), ("429 Many", False), ("503 Busy", False)],
)
def test_a_no_to_one_message_leaves_the_others_alone(receiver, road, status, alone):
    answering(receiver, status)
    outcome = road.carry(parcel())
    assert (outcome.word, outcome.alone) == ("failed", alone)
    assert road.transport.link().up


def test_a_status_in_a_strangers_words_is_one_line(receiver, road):
    receiver.answer = lambda request: [b"HTTP/1.1 599 \x1b[2J" + b"x" * 5000 + b"\r\n\r\n"]
    outcome = road.carry(parcel())
    assert outcome.word == "failed"
    assert outcome.why.startswith("599 \\x1b[2Jxxx")
    assert len(outcome.why) <= 100


def test_an_answer_costs_no_more_than_its_head(receiver, road):
    receiver.answer = lambda request: [
        b"HTTP/1.1 500 Oops\r\n\r\n",
        *[b"a long page of an error " * 40] * 5000,
    ]
    outcome = road.carry(parcel())
    assert outcome.why == "500 Internal Server Error"
    assert outcome.bytes < 200_000


@pytest.mark.parametrize("behind_s", [7 * 86_400, -7 * 86_400], ids=["behind", "ahead"])
def test_a_tower_without_the_time_signs_for_the_receivers(receiver, roads, behind_s):
    """Its clock is no reason why an alert does not arrive."""
    clock = SystemClock()
    receiver.clock = lambda: 1_800_000_000
    clock.wall_ns = lambda: (1_800_000_000 - behind_s) * 10**9
    road = roads(Webhook(options(receiver), (KEY,), clock, lambda: False))
    outcome = road.carry(parcel("late.1"))
    assert (outcome.word, outcome.retry_s) == ("failed", 0)
    side = "behind" if behind_s > 0 else "ahead of"
    assert outcome.why == f"400 Bad Request; the tower's clock is 604800 s {side} the receiver's"
    for key in ("late.1", "late.2"):
        assert road.carry(parcel(key)).word == "delivered"
    receiver.key = OTHER
    outcomes = [road.carry(parcel("late.3")).retry_s for _ in range(3)]
    assert outcomes == [None, 0, None], "one of both clocks is right, so nobody tries on and on"


def test_a_clock_that_is_trusted_stays(receiver, roads):
    now_s = receiver.clock()
    receiver.clock = lambda: now_s - 86_400
    road = roads(Webhook(options(receiver), (KEY,), SystemClock(), lambda: True))
    for _ in range(2):
        outcome = road.carry(parcel())
        assert (outcome.word, outcome.retry_s) == ("failed", None)
        assert "ahead of the receiver's" in outcome.why
    receiver.clock = lambda: now_s
    assert road.carry(parcel()).word == "delivered"


def test_all_of_a_request_has_its_limit(receiver, roads):
    road = roads(Webhook(options(receiver), (KEY,), SystemClock(), whole_s=20))
    receiver.mute()
    try:
        assert road.transport.send(parcel("slow.1"), road.now_ns)
        road.until(lambda: receiver.requests)
        road.pass_time(21)  # nothing may come for longer
        outcome = road.take("slow.1")
    finally:
        receiver.unmute()
    assert (outcome.word, outcome.why) == ("failed", "it was not done within 20 s")
    assert WHOLE_S == 180
    assert road.carry(parcel("slow.1")).word == "delivered"


def test_tls_is_verified(receiver, roads, tmp_path):
    others = Certificates(tmp_path)
    for ca_file in (others.make("other", "IP:127.0.0.1"), None):
        road = roads(WEBHOOK.open(options(receiver, ca_file=ca_file), TOWER, SystemClock()))
        outcome = road.carry(parcel())
        assert outcome.word == "failed"
        assert "its certificate is not trusted" in outcome.why
        assert "`ca_file`" in outcome.why
    path = others.make("named", "DNS:receiver.example")
    with Server(lambda request: [reply()], others.serve(path)) as server:
        road = roads(WEBHOOK.open(options(receiver, ca_file=path, url=server.url), TOWER, SystemClock()))
        assert "its certificate is not for this host" in road.carry(parcel()).why
        assert server.requests == []
    assert receiver.requests == []


def test_a_name_without_an_address(receiver, roads):
    nowhere = options(receiver, url="https://[fe80::1%25nope]/T0KEN")
    nowhere.check()
    road = roads(WEBHOOK.open(nowhere, TOWER, SystemClock()))
    outcome = road.carry(parcel())
    assert outcome.word == "failed"
    assert outcome.why.startswith("its name has no address: ")


def test_nothing_secret_is_said(receiver, road, caplog):
    caplog.set_level(logging.DEBUG)
    whys = []
    for status in ("302 Found", "400 Bad", "404 Not Found", "500 Oops"):
        answering(receiver, status, Location=receiver.url)
        whys.append(road.carry(parcel()).why)
    receiver.answer = lambda request: [b"T0KEN"]
    whys.append(road.carry(parcel()).why)
    receiver.kill()
    try:
        whys.append(road.carry(parcel()).why)
    finally:
        receiver.start()
    said = repr(whys) + caplog.text + repr(road.transport.link()) + repr(options(receiver))
    assert "no connection: Connection refused" in whys
    assert "T0KEN" not in said
    assert secret() not in said


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"secret_file": "open"}, "secret_file: .* has mode 0644"),
        ({"ca_file": "secret"}, "ca_file: .* holds no certificate"),
    ],
)
def test_an_unfit_file_is_told_before_anything_is_sent(receiver, tmp_path, keys, words):
    (tmp_path / "open").write_text(secret())
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "secret").write_text(secret())
    changed = {name: tmp_path / value for name, value in keys.items()}
    with pytest.raises(SettingsError, match=f"^{words}"):
        WEBHOOK.open(options(receiver, **changed), TOWER, SystemClock())


@pytest.mark.parametrize("url", ["https://x:0/", "https://x:99999/", "https://[::1/", "https://a..b/"])
def test_an_address_that_is_none(receiver, url):
    with pytest.raises(ValueError, match=r"^url: ") as caught:
        options(receiver, url=url).check()
    assert url not in str(caught.value)


def test_a_closed_one_leaves_no_thread(receiver, road):
    receiver.mute()
    try:
        assert road.transport.send(parcel(), road.now_ns)
        road.until(lambda: receiver.requests)
        road.transport.close()
        for thread in threading.enumerate():
            if thread.name == "webhook":
                thread.join(HANG_S)  # its time does not go on any more, so no limit ends it
                assert not thread.is_alive()
    finally:
        receiver.unmute()
