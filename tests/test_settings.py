"""The configuration: what is wrong is said with the path of its key."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.folder import FolderOptions
from edge.camera.option import Options, SizedOptions
from edge.camera.registry import KINDS
from edge.errors import SettingsError
from edge.secret import read_secret
from edge.settings import load, parse

SCENE = {"uri": "scene:"}
RTSP = {"uri": "rtsp://cam/x"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"cameras": {"a": SCENE}, "operators": {"anna": "absent"}}, "operators.anna: .*does not exist"),
        ({"cameras": {"a": SCENE}, "operators": {"Anna Maria": "x"}}, "operators"),
        ({}, "the file: .*cameras"),
        ({"cameras": {}}, "cameras: no camera"),
        ({"camera": {}}, "the file: unknown key 'camera'; did you mean 'cameras'"),
        (
            {"cameras": {"north": {**SCENE, "cadence_ms": 5}}},
            "cameras.north: unknown key 'cadence_ms'; did you mean",
        ),
        (
            {"cameras": {"north": {**SCENE, "cadence_s": "60s"}}},
            "cameras.north.cadence_s: .*unit is in the key",
        ),
        ({"cameras": {"north": {**SCENE, "cadence_s": -1}}}, "cameras.north.cadence_s: Expected"),
        (
            {"cameras": {"north": {**SCENE, "cadence_s": float("nan")}}},
            "cameras.north.cadence_s: expected a finite",
        ),
        ({"cameras": {"north": {}}}, "cameras.north: .*uri"),
        ({"cameras": {"north": {"uri": "clip.mp4"}}}, "cameras.north.uri: expected file:"),
        (
            {"cameras": {"north": {"uri": "file:absent.mp4"}}},
            "cameras.north.uri: .*absent.mp4 does not exist",
        ),
        (
            {"cameras": {"north": {**RTSP, "password_file": "absent"}}},
            "cameras.north.password_file: .*does not exist",
        ),
        (
            {"cameras": {"north": {**SCENE, "masks": [[[0, 0], [2, 1], [1, 1]]]}}},
            r"cameras.north.masks\[0\]\[1\]",
        ),
        (
            {"cameras": {"north": {**SCENE, "masks": [[[0, 0], [1, 1]]]}}},
            r"cameras.north.masks\[0\]: .*length",
        ),
        (
            {"cameras": {"north": {"uri": "csi:", "width_px": 1280}}},
            "cameras.north.height_px: missing; give both",
        ),
        (
            {"cameras": {"north": {"uri": "csi:", "width_px": 1281, "height_px": 720}}},
            "cameras.north.width_px: Expected",
        ),
        ({"cameras": {"north": {"uri": "csi:", "fps": 0}}}, "cameras.north.fps: Expected"),
        ({"cameras": {"north": {"uri": "csi:", "codec": "mjpeg"}}}, "cameras.north.codec: Invalid"),
        (
            {"cameras": {"north": {"uri": "csi:", "extra_args": "--vflip"}}},
            "cameras.north.extra_args: Expected `array`",
        ),
        (
            {"cameras": {"north": {"uri": "csi:", "extra_args": ["--roi", "0\0"]}}},
            r"cameras.north.extra_args\[1\]: Expected",
        ),
        (
            {"cameras": {"north": {**RTSP, "fps": 5}}},
            "cameras.north.fps: belongs to csi: cameras, this one is rtsp:$",
        ),
        (
            {"cameras": {"north": {"uri": "https://cam/x", "width_px": 640, "height_px": 480}}},
            "cameras.north.width_px: belongs to csi:, v4l2:.* cameras, this one is http:, https:$",
        ),
        (
            {"cameras": {"north": {"uri": "csi:", "loop": True}}},
            "cameras.north.loop: belongs to file:, folder:, scene:.* cameras, this one is csi:$",
        ),
        ({"cameras": {"north": {**RTSP, "threads": 2}}}, "cameras.north: unknown key 'threads'"),
        *(
            (
                {"cameras": {"north": {"uri": uri}}},
                "cameras.north.uri: expected file:PATH, folder:PATH, rtsp://…, http://…, https://…, csi:, .*scene:",
            )
            for uri in ("ftp://viewer:hunter2@cam/x", "rtsp:cam/x", "/dev/video0", "csi")
        ),
        ({"cameras": {"a": {**SCENE, "privacy": [[[0, 0], [1, 1]]]}}}, r"cameras.a.privacy\[0\]: Expected"),
        (
            {"cameras": {"a": {**SCENE, "privacy": [[[0, 0], [1, 1], [2, 0]]]}}},
            r"cameras.a.privacy.*: Expected",
        ),
        ({"cameras": {"a name": SCENE}}, "cameras: .*matching regex"),
        ({"cameras": {"north": 5}}, "cameras.north: Expected `object`"),
        ({"cameras": {"a": SCENE}, "model": {"bundle": "absent"}}, "model.bundle: .*does not exist"),
        (
            {"cameras": {"a": SCENE}, "model": {"backend": "torch"}},
            "model.backend: 'torch' is unknown; expected litert or onnx",
        ),
        ({"cameras": {"a": SCENE}, "model": {"threads": 0}}, "model.threads: Expected"),
        ({"cameras": {"a": SCENE}, "web": {"port": 70000}}, "web.port: Expected"),
        ({"cameras": {"a": SCENE}, "store": {"max_bytes": 10}}, "store.max_bytes: Expected"),
        ({"cameras": {"a": SCENE}, "energy": {"source": "guess"}}, "energy.source: Invalid"),
        ({"cameras": {"a": SCENE}, "limits": {"picture_pixels": 100}}, "limits.picture_pixels: Expected"),
        ({"cameras": {"a": SCENE}, "limits": {"packet_bytes": 0}}, "limits.packet_bytes: Expected"),
        ({"cameras": {"a": SCENE}, "limits": {"picture": 1}}, "limits: unknown key 'picture'; did you mean"),
        (
            {"cameras": {"a": {"uri": "csi:", "width_px": 16384, "height_px": 16384}}},
            "cameras.a.width_px: 16384x16384 px are more than limits.picture_pixels",
        ),
    ],
)
def test_errors_name_the_key(document: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(document, tmp_path)
    assert re.match(message, str(caught.value)), caught.value


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "t.toml").write_text('[cameras.a]\nuri = "folder:frames"\n[store]\npath = "e.sqlite"\n')
    loaded = load(tmp_path / "t.toml")
    assert loaded.cameras["a"].uri == f"folder:{tmp_path / 'frames'}"
    assert loaded.store.path == tmp_path / "e.sqlite"
    assert loaded.web.host == "127.0.0.1"


def test_a_file_that_is_a_folder_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    camera = {"uri": "file:frames", "folder_cadence_s": 5, "loop": True}
    loaded = parse({"cameras": {"a": camera}}, tmp_path).cameras["a"]
    assert loaded.uri == f"file:{tmp_path / 'frames'}"
    assert isinstance(loaded, FolderOptions)
    assert loaded.folder_cadence_s == 5


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    camera = {"uri": f"folder:{tmp_path}", "times_zone": "Athens"}
    assert str(refusal({"cameras": {"a": camera}})).startswith(
        "cameras.a.times_zone: 'Athens' is no time zone"
    )


@pytest.mark.parametrize("value", [1, "true", None])
def test_alerts_at_night_are_a_choice_of_yes_or_no(tmp_path: Path, value: object) -> None:
    camera = {"uri": "scene:", "night_alerts": value}
    assert str(refusal({"cameras": {"a": camera}})).startswith("cameras.a.night_alerts: ")
    assert not parse({"cameras": {"a": {"uri": "scene:"}}}, tmp_path).cameras["a"].night_alerts


def valid(key: str, folder: Path) -> object:
    """A value that the key may have."""
    known: dict[str, object] = {
        "masks": [], "privacy": [], "user": "viewer", "loop": True, "pace": "fast", "width_px": 640, "height_px": 480,
        "codec": "h264", "fps": 2, "extra_args": ["--vflip"], "transport": "udp",
        "times_zone": "Europe/Athens", "snapshot": True, "heading_deg": 214.0, "fov_deg": 60.0,
        "heading_error_deg": 1.5, "night_alerts": True,
    }  # fmt: skip
    if key.endswith("_s"):
        return 60.0
    if key in known:
        return known[key]
    (folder / key).touch()
    return key


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schemes[0])
def test_a_kind_takes_its_own_keys_and_no_others(kind: Any, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    rest = {"path": "place", "url": "//cam/x", "name": ""}[kind.address]
    uri = f"{kind.schemes[0]}:{rest}"
    if kind.schemes[0] == "file":
        (tmp_path / "clip.mp4").touch()
        uri = "file:clip.mp4"
    table = {key: valid(key, tmp_path) for key in kind.keys - {"uri"}}
    camera = parse({"cameras": {"a": {"uri": uri, **table}}}, tmp_path).cameras["a"]
    assert type(camera) is kind.options
    assert issubclass(kind.options, SizedOptions) == ("width_px" in kind.keys)
    for other in KINDS:
        for key in other.keys - kind.keys - set(Options.__struct_fields__):
            said = refusal({"cameras": {"a": {"uri": uri, key: valid(key, tmp_path)}}}, tmp_path)
            assert said is not None
            assert said.startswith(f"cameras.a.{key}: belongs to ")
            assert other.shown in said.partition(" cameras, ")[0]
            assert said.endswith(f"this one is {kind.shown}")


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"[cameras", b"a = nan", b"a = " + b"[" * 5000, b"a = " + b"1" * 5000]
)
def test_what_is_no_configuration_names_the_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"t\.toml: "):
        load(path)
    with pytest.raises(SettingsError, match="cannot read"):
        load(tmp_path / "absent.toml")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


SECTIONS = ["cameras", "model", "web", "store", "energy", "tower"]
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
paths = st.text(st.characters(codec="utf-8"), max_size=300) | st.sampled_from(["~nobody-here/x", "x" * 5000])
keys = st.sampled_from([*sorted({key for kind in KINDS for key in kind.keys}), "cadence"])


def refusal(document: dict[str, Any], folder: Path = Path("/nonexistent")) -> str | None:
    try:
        parse(document, folder)
    except SettingsError as error:
        return str(error)
    return None


@given(st.dictionaries(st.sampled_from(SECTIONS), values))
def test_whatever_it_holds_it_is_loaded_or_refused_by_its_key(document: dict[str, Any]) -> None:
    assert (refusal(document) or "the file: ").startswith((*SECTIONS, "the file: "))


@given(
    name=names, table=st.dictionaries(keys, values | paths.map(lambda path: f"file:{path}") | st.just("csi:"))
)
def test_an_error_of_a_camera_starts_with_its_name(name: str, table: dict[str, Any]) -> None:
    where = f"cameras.{name}"
    assert (refusal({"cameras": {name: table}}) or where).startswith(where)


@given(name=names, key=st.sampled_from(["password_file", "times_csv", "uri"]), path=paths)
def test_a_path_of_a_camera_is_checked_whatever_it_is(name: str, key: str, path: str) -> None:
    value, where = f"folder:{path.lstrip('/')}" if key == "uri" else path, f"cameras.{name}.{key}: "
    other = RTSP if key == "password_file" else {"uri": "folder:/"}
    said = refusal({"cameras": {name: {**other, key: value}}}) or where
    assert said.startswith(where)
    assert "belongs to" not in said


@given(st.binary(max_size=60) | st.text(st.sampled_from('[]{}="#.\n a1'), max_size=60).map(str.encode))
def test_whatever_the_file_holds_the_error_names_it(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:  # no such text has a camera
        load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_secrets_of_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("hunter2\n")
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600") as caught:
        read_secret(path, "cameras.a.password_file")
    assert "hunter2" not in str(caught.value)
    path.chmod(0o600)
    assert read_secret(path, "cameras.a.password_file") == "hunter2"
    path.write_text("\n")
    with pytest.raises(SettingsError, match="only line"):
        read_secret(path, "cameras.a.password_file")
