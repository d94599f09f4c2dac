"""Text of strangers on its way to terminals, logs and pages."""

import io
import json
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import cli
from edge.alert.event import Event, Stamp
from edge.health import CameraHealth, Health
from edge.log import Limiter, PlainFormatter
from edge.model.bundle import Bundle, write_bundle
from edge.model.manifest import Confirmation, Threshold
from edge.text import plain, plain_json
from edge.web.page import render

ROOT = Path(__file__).parents[1]
EVIL = "\x1b]0;owned\x07\x9b2J\u202esmoke\r\n\x7f\ud800"


@given(st.text())
def test_nothing_in_it_acts_and_nothing_is_lost(text):
    shown = plain(text)
    assert shown.isprintable()
    if text.isprintable():
        assert shown == text
    if "\\" not in text and text.isascii():
        assert shown.encode().decode("unicode_escape") == text


def test_escapes():
    assert plain(EVIL) == r"\x1b]0;owned\x07\x9b2J\u202esmoke\r\n\x7f\ud800"
    assert plain("Rauch über dem Tal 🔥 ½") == "Rauch über dem Tal 🔥 ½"


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))))
def test_json_means_the_same(document):
    line = msgspec.json.encode(document)
    shown = plain_json(line)
    assert msgspec.json.decode(shown) == json.loads(shown) == document
    assert shown.decode().isprintable()


def test_the_log_writes_a_message_as_one_line():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainFormatter("%(levelname)s %(message)s"))
    logger = logging.Logger("a")  # noqa: LOG001 — outside of the tree that pytest listens to
    logger.addHandler(handler)
    logger.warning("camera said %s", EVIL)
    try:
        int(EVIL)
    except ValueError:
        logger.exception("bug")
    first, *rest = stream.getvalue().split("\n")
    assert first == f"WARNING camera said {plain(EVIL)}"
    assert all(line.isprintable() for line in rest)
    assert rest[0] == "ERROR bug"
    assert r"ValueError: invalid literal" in rest[-2]


def test_the_daemons_log_is_such(monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    from edge.log import configure  # noqa: PLC0415

    configure(logging.INFO, "%(message)s")
    (limiter,) = logging.root.handlers
    assert isinstance(limiter, Limiter)
    assert isinstance(limiter._target.formatter, PlainFormatter)
    limiter.close()


def test_the_page_shows_what_it_shows():
    name = EVIL[:-1] + "<script>"
    health = Health(
        healthy=True, reasons=[], cameras={name: CameraHealth(state="ok", age_s=1.0, reason=name)}
    )
    page = render(name, {name: {name: name}}, health)
    assert "<script>" not in page
    assert all(line.isprintable() for line in page.split("\n"))


@pytest.fixture
def evil(tmp_path):
    """A bundle whose labels, tensors, metrics and place hold what a terminal would obey."""
    good = Bundle.open(ROOT / "tests/model/fixtures/cells")
    labels = tuple(f"{EVIL[:-1]}{number}" for number in range(len(good.manifest.labels)))
    manifest = msgspec.structs.replace(
        good.manifest,
        labels=labels,
        thresholds={labels[0]: Threshold(open=-1e9, keep=-1e9)},
        confirmation=Confirmation(hits=1, window=1, close_after=1),
        cadence=None,
        metrics={EVIL[:-1]: [EVIL[:-1]]},
        provenance={"by": EVIL[:-1]},
    )
    contents = {name: good.read(name) for name in manifest.files}
    return write_bundle(tmp_path / "b\x1b[2J\u202e", manifest, contents)


def on_terminal(*commands):
    """Run commands in one process on a terminal of its own; return what reaches it."""
    ours, theirs = pty.openpty()
    code = "import json, sys; from edge.cli import main; [main(words) for words in json.loads(sys.argv[1])]"
    process = subprocess.Popen(
        [sys.executable, "-c", code, json.dumps([list(map(str, words)) for words in commands])],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    came = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            piece = b""
        if not piece:
            break
        came += piece
    os.close(ours)
    assert process.wait() == 0
    return came.decode()


def test_no_escape_of_a_stranger_reaches_a_terminal(evil, tmp_path):
    file = tmp_path / "tower.toml"
    file.write_text(
        f"[model]\nbundle = {json.dumps(str(evil.path))}\n[web]\nenabled = false\n"
        '[cameras.a]\nuri = "scene:quiet?frames=4"\npace = "fast"\n'
    )
    came = on_terminal(
        ("bundle", "show", evil.path),
        ("bundle", "show", "--json", evil.path),
        ("bundle", "show", str(evil.path) + EVIL[:-3]),
        ("replay", "--json", "--frames", "--bundle", evil.path, "scene:quiet?frames=4"),
        ("run", file),
        ("replay", tmp_path / "none\x1b[2J.mp4"),
    )
    for line in came.replace("\r\033[K", "").split("\r\n"):  # our own, before a line of the log
        assert line.isprintable(), line
    assert "Traceback" not in came
    label = plain(EVIL[:-1])
    assert came.count(f" {label}0 at 0 s, box") == came.count(f"opened   a: {label}0 since") == 1


def test_events_of_a_stranger_are_told_in_printable_lines(capsys, tmp_path):
    moment = Stamp(model_s=1.0)
    event = Event(
        id="a", revision=1, phase="closed", camera="c", label=EVIL[:-1], bundle="b", opened=moment, updated=moment,
        closed=moment, peak=1.0, box_px=(0, 0, 1, 1), opening_box_px=(0, 0, 1, 1), sightings=1,
    )  # fmt: skip
    written = tmp_path / "expected.json"
    written.write_bytes(msgspec.json.encode({"event": event}) + b'\n{"counters": {}}\n')
    assert cli.main(["replay", "--expect", str(written), "scene:quiet?frames=2"]) == 1
    said = capsys.readouterr()
    assert all(line.isprintable() for line in said.err.split("\n"))
    assert "smoke" in said.err
