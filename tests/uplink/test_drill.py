"""The drill of a tower: when it may begin, and when it is over."""

import pytest

from edge.alert.drill import begun, ended
from edge.alert.event import Stamp
from edge.alert.evidence import CROP, THUMBNAIL
from edge.alert.place import Place
from edge.alert.post import Post
from edge.alert.route import Route, Rules
from edge.errors import CommandError
from edge.settings import parse
from edge.uplink.command import OfDrill, Order, new_operator
from edge.uplink.configured import rules_of
from edge.uplink.drill import LAST_S, Drill
from edge.uplink.gate import Given
from edge.uplink.sink import Kind, SinkOptions
from tests.alert.event import event
from tests.alert.owing import SECOND, Clock, anything, photo
from tests.alert.test_post import Inline

ANN = new_operator("ann", "operator")
ORIGINS = {"south": "recording", "north": "live"}


class Tower:
    """A store, what waits, and a drill; each revision is on disk at once, and told."""

    def __init__(self, folder, *routes):
        self.clock = Clock()
        routes = routes or (Route("a", drills=True),)
        self.post = Post(Rules(routes, boot="b1", origins=ORIGINS), self.clock, Inline())
        self.place = Place(lambda: folder / "e.db", post=self.post)
        list(self.place.open(()))
        self.drill = Drill(ORIGINS, self.post, self.stamp)
        self.told = []
        self.disk_hangs = False

    def stamp(self):
        return Stamp(model_s=self.clock.now_ns / 1e9, mono_ns=self.clock.now_ns, boot_id="b1")

    def commit(self, one, *roles):
        assert self.place.commit(one, None, [photo(role) for role in roles])
        self.told.append((one.id, one.phase))
        self.drill.told(one)

    def begin_drill(self, event_id, camera, at):
        one = begun(event_id, camera, (240, 320), "m@1#0", at)
        if not self.disk_hangs:
            self.commit(one, THUMBNAIL, CROP)
        return one

    def end_drill(self, one, at):
        self.commit(ended(one, at))

    def begin(self, camera=None, number=1, alerts=()):
        order = Order(
            tower="tower-7", id=f"0123456789-{number}", command="drill", arguments={}, boot_id="b1", sequence=1,
            sent_at="2026-11-29T10:00:00Z",
        )  # fmt: skip
        given = Given(order, OfDrill(camera=camera), ANN, self.clock.now_ns)
        return self.drill.begin(given, self, dict(alerts))

    def after(self, seconds):
        self.clock.now_ns += round(seconds * SECOND)
        self.drill.tick(self, self.clock.now_ns)

    def drain(self, sink="a", word="delivered"):
        keys = []
        while message := self.post.take(sink, anything):
            self.post.settle(message, word)
            keys.append(message.key)
        return keys


@pytest.fixture
def tower(tmp_path):
    made = Tower(tmp_path)
    yield made
    made.place.close()


@pytest.mark.parametrize("word", ["delivered", "unheard", "refused"])
def test_it_is_closed_when_every_sink_had_it(tower, word):
    assert tower.begin() == "drill.0123456789-1 of camera north is begun, for a"
    tower.after(1)
    assert len(tower.told) == 1
    tower.drain(word=word)
    tower.after(1)
    tower.after(1)
    assert tower.told == [("drill.0123456789-1", "opened"), ("drill.0123456789-1", "closed")]
    assert tower.drain() == ["drill.0123456789-1.2"]
    tower.begin(number=2)
    assert len(tower.told) == 3


def test_it_is_not_closed_before_it_is_on_disk(tower):
    tower.disk_hangs = True
    tower.begin()
    tower.after(1)
    assert tower.told == []
    tower.commit(begun("drill.0123456789-1", "north", (240, 320), "m@1#0", tower.stamp()))
    tower.drain()
    tower.after(1)
    assert [phase for _, phase in tower.told] == ["opened", "closed"]


def test_it_is_closed_when_it_took_too_long(tower):
    tower.begin()
    tower.after(LAST_S - 1)
    assert len(tower.told) == 1
    tower.after(1)
    assert tower.told[-1] == ("drill.0123456789-1", "closed")
    assert tower.drain() == [], "what nobody was told of in time is told to nobody"
    assert tower.post.queue().words["ended"] == 3


def test_a_real_event_ends_it_also_while_the_disk_takes_nothing(tower):
    tower.begin()
    tower.post.keep(event("e"))
    tower.drill.told(event("e"))
    tower.after(1)
    assert tower.told[-1] == ("drill.0123456789-1", "closed")
    assert tower.drain() == ["e.1"]


def test_a_recording_and_another_drill_do_not_end_it(tower):
    tower.begin()
    other = event("old")
    tower.drill.told(
        type(other)(**{f: getattr(other, f) for f in other.__struct_fields__} | {"camera": "south"})
    )
    tower.drill.told(event("drill.other"))
    tower.after(1)
    assert len(tower.told) == 1


@pytest.mark.parametrize(
    ("camera", "alerts", "why"),
    [
        ("east", {}, "there is no camera east; there are south, north"),
        ("south", {}, "no sink gets alerts of camera south at once: its origin is recording"),
        (None, {"e": "north"}, "alert e of camera north is open"),
    ],
)
def test_it_is_refused(tower, camera, alerts, why):
    with pytest.raises(CommandError, match=why) as refused:
        tower.begin(camera, alerts=alerts)
    assert refused.value.reason == "unfit"
    assert tower.told == []


def test_one_at_a_time_and_none_for_the_alert_of_a_recording(tower):
    tower.begin(alerts={"e": "south"})
    with pytest.raises(CommandError, match="one drill at a time"):
        tower.begin(number=2)
    assert len(tower.told) == 1


@pytest.mark.parametrize(
    "route",
    [
        Route("a"),
        Route("a", drills=True, escalation=1),
        Route("a", drills=True, severities=("candidate",)),
    ],
)
def test_no_sink_without_a_field_for_it_or_without_alerts(tmp_path, route):
    tower = Tower(tmp_path, route)
    with pytest.raises(CommandError, match="no sink gets alerts of camera south"):
        tower.begin()
    tower.place.close()


def test_brokers_and_webhooks_have_a_field_for_it_and_a_kind_that_does_not_say_has_none(tmp_path):
    (tmp_path / "s").touch(0o600)
    document = {
        "tower": {"id": "tower-7"},
        "cameras": {"north": {"uri": "rtsp://127.0.0.1/"}},
        "sinks": {"a": {"url": "mqtt://127.0.0.1"}, "b": {"url": "https://127.0.0.1/x", "secret_file": "s"}},
    }
    assert [route.drills for route in rules_of(parse(document, tmp_path), "b1").routes] == [True, True]
    assert not Kind(("x",), "x", SinkOptions, frozenset(), lambda *_: None, lambda *_: "").drill
