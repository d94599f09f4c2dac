from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.health import CameraHealth, Health
from edge.web.page import render

ATTACK = "<script>alert(1)</script>\"'&"


class Collector(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text.append(data)


def parse(page):
    collector = Collector()
    collector.feed(page)
    return collector


def health(state="ok", name="north", reason="frames are scored"):
    camera = CameraHealth(state=state, age_s=1.25, reason=reason)
    return Health(healthy=state == "ok", reasons=[], cameras={name: camera})


def test_the_page_shows_the_tower_its_cameras_and_the_status():
    status = {"latency": {"invoke": {"run": {"p99_ms": 12.345678}}}, "energy": {"watts": None}}
    page = render("Mount Hope", status, health())
    assert "<title>Mount Hope · firetower</title>" in page
    assert '<meta name="viewport"' in page
    text = parse(page).text
    for expected in ("Mount Hope", "healthy", "north", "1.2 s ago", "invoke · run · p99_ms", "12.35", "–"):
        assert expected in text


def test_conditions_that_stand_are_in_the_cameras_row():
    camera = CameraHealth(state="ok", age_s=1.0, reason="frames are scored", conditions=("low_sun", "<b>"))
    page = render("t", {}, Health(healthy=True, reasons=[], cameras={"north": camera}))
    assert "frames are scored · low_sun, &lt;b&gt;</td>" in page


def test_an_unhealthy_tower_says_so():
    page = render("t", {}, health("stale", reason="no frame scored"))
    assert "unhealthy" in parse(page).text
    assert '<td class="bad">stale</td>' in page


@settings(deadline=None)
@given(st.sampled_from([ATTACK]) | st.text(), st.text())
def test_nothing_that_is_shown_becomes_markup(text, key):
    plain = parse(render("x", {"k": {"k": "v"}}, health()))
    got = parse(render(text, {key: {key: text}}, health(name=text, reason=text)))
    assert got.tags == plain.tags
    assert got.links == plain.links


def test_it_needs_nothing_from_elsewhere():
    page = parse(render("x", {"list": [1, 2.5, None]}, health()))
    assert all(link.startswith("/") for link in page.links)
    assert "script" not in page.tags
    assert "1, 2.5, –" in page.text
