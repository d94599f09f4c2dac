"""Addresses: which source, and what is shown of them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.address import options_for, redact, scrub
from edge.camera.folder import FolderSource
from edge.camera.scene import SceneSource
from edge.camera.video import VideoSource
from edge.errors import CameraError
from tests.camera.conftest import opened, session

_WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=4, max_size=20)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("rtsp://user:pass@10.0.0.7:554/live/1", "rtsp://10.0.0.7:554"),
        ("rtsp://user@cam/live", "rtsp://cam"),
        ("rtsp://cam", "rtsp://cam"),
        ("rtsp://user:p@ss/w#rd?@cam/live", "rtsp:…"),
        ("rtsp://cam/live@hd", "rtsp:…"),
        ("rtsp://user:p@ss@cam/live", "rtsp://cam"),
        ("rtsp://user:pass/live", "rtsp:…"),
        ("http://cam/video.mjpg?user=a&pwd=b#x", "http://cam"),
        ("http://cam?pwd=b", "http://cam"),
        ("http://cam#b", "http://cam"),
        ("http://[fe80::1]:80/x", "http://[fe80::1]:80"),
        ("http://u:p@[fe80::1%25eth0]/x", "http://[fe80::1%25eth0]"),
        ("http://fe80::1/x", "http:…"),
        ("HTTP://CAM:80/X", "http://CAM:80"),
        ("  RTSP://user:pass@Cam/live\n", "rtsp://Cam"),
        ("ftp://user:pass@cam/x", "ftp://cam"),
        ("file:/clips/a@b.mp4", "file:/clips/a@b.mp4"),
        ("file:///clips/a@b.mp4", "file:///clips/a@b.mp4"),
        ("folder:a b/c?d", "folder:a b/c?d"),
        ("/clips/a:b@c.mp4", "/clips/a:b@c.mp4"),
        ("clips/2026-08-01T10:00:00.mp4", "clips/2026-08-01T10:00:00.mp4"),
        ("scene:plume?seed=3", "scene:plume?seed=3"),
        ("v4l2:/dev/video0", "v4l2:/dev/video0"),
        ("clip.mp4", "clip.mp4"),
        ("a@b.mp4", "a@b.mp4"),
        ("rtsp:user:pass@cam/live", "rtsp:…"),
        ("rtsp:/user:pass@cam/live", "rtsp:…"),
        ("user:pass@10.0.0.7/live", "…"),
        ("10.0.0.7:554/live?pwd=b", "…"),
        ("foo:user:pass@cam/live", "…"),
        ("rtsp//user:pass@cam/live", "…"),
        ("csi://user:pass@cam", "csi:…"),
    ],
)
def test_redact(uri, shown):
    assert redact(uri) == shown


@pytest.mark.parametrize(
    "uri", ["foo:user:SECRET@cam/x", "user:SECRET@cam/x", "rtsp:user:SECRET@cam/x", "csi://u:SECRET@cam"]
)
def test_a_wrong_address_shows_no_password(uri):
    with pytest.raises(CameraError) as caught:
        opened(uri)
    assert "SECRET" not in str(caught.value)


@given(user=_WORD.filter(lambda word: ":" not in word), password=_WORD)
def test_no_password_passes_redact_or_scrub(user, password):
    uri = f"rtsp://{user}:{password}@tower:554/live"
    assert redact(uri) in ("rtsp://tower:554", "rtsp:…")  # the latter where '/', '?' or '#' are not quoted
    assert password not in scrub(f"x {uri} {password} {user}", uri, ()).replace("***", "")
    said = scrub(f"<{password}>", "rtsp://tower/live", (user, password))
    assert said == "<***>"


ADVICE = "cannot open 'rtsp://cam': no camera for 10 s: check its `user` and `password_file`"


@pytest.mark.parametrize("login", ["user", "check", "camera", "10"])
def test_a_login_that_is_a_word_of_our_own_texts_leaves_them_readable(login):
    assert scrub(ADVICE, f"rtsp://{login}:{login}@cam/live", (login, login), ours=True) == ADVICE
    assert login not in scrub(f"no {login} here", "rtsp://cam/live", (login,))


@pytest.mark.parametrize(("user", "password"), [("user", "check"), ("10", "7"), ("lookout", "hunter2")])
def test_a_login_in_an_address_is_hidden_in_our_own_texts_too(user, password):
    for told in (
        f"rtsp://{user}:{password}@cam/x",
        f"rtsp://{user}@cam",
        f"rtsp://x:{password}@cam",
        f"{user}:{password}",
    ):
        said = scrub(f"it leads to {told}", "rtsp://cam/live", (user, password), ours=True)
        assert f"//{user}" not in said
        assert f":{password}@" not in said
        assert "***" in said
    assert "hunter2" not in scrub("it says hunter2", "rtsp://cam/live", ("lookout", "hunter2"), ours=True)


@given(path=_WORD.filter(lambda word: not {"?", "#"} & {*word}), query=_WORD)
def test_no_path_and_no_query_passes_redact_or_scrub(path, query):
    uri = f"http://tower:554/{path}?token={query}"
    assert redact(uri) in ("http://tower:554", "http:…")
    for text in (uri, f"/{path}?token={query}", f"<token={query}>"):
        assert query not in scrub(f"0 {text}", uri, ()).replace("***", "").removeprefix("0 http://tower:554")


@pytest.mark.parametrize("address", ["FILE:{}", "  file:{}\n", "File://{} ", " {} "])
def test_capitals_and_blanks_around_an_address_do_not_count(make_clip, address):
    source = opened(address.format(make_clip()))
    assert source.read() is not None
    source.close()


@pytest.mark.parametrize("address", ["RTSP{}", " Rtsp{}\t"])
def test_a_stream_is_opened_by_an_address_in_capitals(served, address):
    host = served.rtsp.removeprefix("rtsp").replace("127.0.0.1", "LOCALHOST")
    source = opened(address.format(host), timeout_s=60)
    assert source.read() is not None
    source.close()


@given(st.text(max_size=60))
def test_any_text_as_an_address_is_a_source_or_a_camera_error(text):
    if text.partition(":")[0].lower() in ("http", "https", "rtsp"):
        text = text.replace("//", "")
    with contextlib.suppress(CameraError):
        opened(text, timeout_s=0.1).close()


def test_kinds(make_clip, tmp_path):
    clip = make_clip("clip: with colon.mp4")
    (tmp_path / "one.png").write_bytes(b"not read yet")
    for uri, kind in (
        (str(clip), VideoSource),
        (f"file:{clip}", VideoSource),
        (f"file://{clip}", VideoSource),
        (str(tmp_path), FolderSource),
        (f"folder:{tmp_path}", FolderSource),
        ("scene:", SceneSource),
    ):
        source = opened(uri)
        assert type(source) is kind, uri
        source.close()


@pytest.mark.parametrize(
    ("uri", "keys", "text"),
    [
        ("ftp://cam/x", {}, "unknown kind of camera 'ftp:'; expected one of"),
        ("", {}, "empty"),
        ("rtsp:///live", {}, "not an address of the form rtsp://host:port/path"),
        ("rtsp://u:p@cam:99999999/x", {}, "not an address"),
        ("scene:", {"timeout_s": 0}, "timeout_s is 0"),
        ("scene:", {"cadence_s": float("nan")}, "cadence_s is nan"),
        ("csi:front", {}, "csi:front.*expected csi: or csi:N"),
        ("v4l2:/dev/no-such-video", {}, "no video device"),
        ("folder:/no/such", {}, "cannot read folder"),
        ("folder:/no/such", {"folder_cadence_s": -1}, "folder_cadence_s is -1"),
        ("csi:", {"width_px": 640}, "height_px: missing; give both"),
        ("rtsp://cam/\0", {}, "broken camera address"),
    ],
)
def test_a_wrong_address_says_what_to_do(uri, keys, text):
    with pytest.raises(CameraError, match=text):
        opened(uri, **keys)


def test_an_https_camera_needs_a_certificate_file_that_exists(tmp_path):
    with pytest.raises(CameraError, match="ca_file"):
        opened("https://127.0.0.1:1/x", ca_file=tmp_path / "none.pem")


def test_a_session_holds_a_cadence():
    with pytest.raises(CameraError, match="'scene:': cadence_s is nan"):
        opened("scene:", session(float("nan")))


def test_options_do_not_show_their_address():
    assert "hunter2" not in repr(options_for("rtsp://viewer:hunter2@cam/x", user="hunter2"))
