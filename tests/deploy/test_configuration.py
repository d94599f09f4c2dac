"""A configuration on its way: what is found here, what travels, and how its paths read there."""

import tomllib
from pathlib import Path, PurePosixPath

import pytest

from deploy.configuration import Configuration, _redacted, gather, health_url
from edge.errors import SettingsError
from edge.model.bundle import Bundle, bundled_path
from edge.uplink.command import new_operator

STATE = PurePosixPath("/var/lib/firetower")


def secret(path: Path, text: str = "hunter2-hunter2-hunter2") -> Path:
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def tower(folder: Path, text: str, backend: str | None = None) -> tuple[Configuration, dict]:
    path = folder / "tower.toml"
    path.write_text(text)
    scratch = folder / "scratch"
    scratch.mkdir()
    made = gather(path, STATE, scratch, backend)
    return made, tomllib.loads((scratch / "tower.toml").read_text())


def test_every_file_lies_beside_it_under_the_key_that_names_it(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    secret(tmp_path / "north.password")
    secret(elsewhere / "token")
    secret(tmp_path / "anna.key", new_operator("anna", "operator").line())
    (tmp_path / "clip.mp4").write_bytes(b"clip")
    made, there = tower(
        tmp_path,
        f"""
        [model]
        bundle = "{bundled_path()}"
        [cameras.north]
        uri = "rtsp://192.0.2.7/stream"
        password_file = "north.password"
        masks = [[[0.0, 0.0], [1.0, 0.0], [1.0, 0.3]]]
        [cameras.clip]
        uri = "file:clip.mp4"
        loop = true
        [store]
        path = "events.sqlite"
        [web]
        host = "0.0.0.0"
        token_file = "{elsewhere}/token"
        [operators]
        anna = "anna.key"
        """,
    )
    assert there["cameras"]["north"]["password_file"] == "cameras.north.password_file"
    assert there["cameras"]["clip"]["uri"] == "file:cameras.clip.uri"
    assert there["cameras"]["north"]["masks"] == [[[0.0, 0.0], [1.0, 0.0], [1.0, 0.3]]]
    assert there["store"]["path"] == "/var/lib/firetower/events.sqlite"
    assert there["web"]["token_file"] == "web.token_file"
    assert there["operators"]["anna"] == "operators.anna"
    assert there["model"]["bundle"] == "model.bundle.zip"
    modes = {file.name: file.mode for file in made.files}
    assert modes == {
        "tower.toml": 0o640,
        "model.bundle.zip": 0o640,
        "cameras.north.password_file": 0o600,
        "web.token_file": 0o600,
        "operators.anna": 0o600,
        "cameras.clip.uri": 0o640,
    }
    packed = next(file.path for file in made.files if file.name == "model.bundle.zip")
    Bundle.open(packed).verify()
    assert str(tmp_path) not in (tmp_path / "scratch/tower.toml").read_text()
    assert health_url(made.settings) == "http://127.0.0.1:8080/health"


def test_the_same_content_has_the_same_name_and_another_secret_another(tmp_path: Path) -> None:
    names = []
    for number, password in enumerate(("a" * 20, "a" * 20, "b" * 20)):
        folder = tmp_path / str(number)
        folder.mkdir()
        secret(folder / "p", password)
        made, _ = tower(folder, '[cameras.a]\nuri = "rtsp://x/"\npassword_file = "p"\n')
        names.append(made.digest())
    assert names[0] == names[1] != names[2]


def test_absolute_and_missing_store_paths_stay(tmp_path: Path) -> None:
    made, there = tower(tmp_path, '[cameras.a]\nuri = "scene:"\n[store]\npath = "/data/events.sqlite"\n')
    assert there["store"]["path"] == str(made.store) == "/data/events.sqlite"
    (tmp_path / "b").mkdir()
    assert tower(tmp_path / "b", '[cameras.a]\nuri = "scene:"\n')[0].store is None


def test_the_backend_of_the_command_line_wins(tmp_path: Path) -> None:
    made, there = tower(tmp_path, '[cameras.a]\nuri = "scene:"\n', "onnx")
    assert there["model"] == {"backend": "onnx"}
    assert made.settings.model.backend == "onnx"


@pytest.mark.parametrize(("backend", "extras"), [(None, ()), ("litert", ()), ("onnx", ("onnx",))])
def test_a_backend_brings_its_extra(tmp_path: Path, backend: str | None, extras: tuple[str, ...]) -> None:
    assert tower(tmp_path, '[cameras.a]\nuri = "scene:"\n', backend)[0].extras == extras


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[cameras.a]\nuri = "scene:"\ncadence = 5\n', "cameras.a: unknown key 'cadence'"),
        (
            '[cameras.a]\nuri = "rtsp://x/"\npassword_file = "absent"\n',
            "cameras.a.password_file: .*does not exist",
        ),
        (
            '[cameras.a]\nuri = "rtsp://x/"\npassword_file = "open"\n',
            "cameras.a.password_file: .*others may use it",
        ),
        ('[cameras.a]\nuri = "folder:frames"\n', "cameras.a.uri: .*not a plain file"),
        ('[cameras.a]\nuri = "scene:"\ncadence_s = 1\n', "cameras.a.cadence_s: the model .* was trained for"),
        (
            '[cameras.a]\nuri = "scene:"\n[operators]\nanna = "short"\n',
            "operators.anna: .*name, role and key",
        ),
        ('[cameras.a]\nuri = "scene:"\n[web]\nport = 0\n', "web.port: 0 takes a free port"),
        ('[cameras.a]\nuri = "scene:"\n[web]\nhost = "0.0.0.0"\n', "web.host: .*set token_file"),
        ('[cameras.a]\nuri = "scene:"\n[web]\ntoken_file = "short"\n', "web.token_file: .*16 or more"),
        (
            '[cameras.a]\nuri = "scene:"\n[store]\npath = "../e.sqlite"\n',
            "store.path: .*absolute path on the tower",
        ),
        (
            '[cameras.a]\nuri = "scene:"\n[store]\npath = "~/e.sqlite"\n',
            "store.path: .*absolute path on the tower",
        ),
        ('[cameras.a]\nuri = "scene:"\n[store]\npath = "."\n', "store.path: .*absolute path on the tower"),
        *(
            (
                f'[cameras.a]\nuri = "scene:"\n[store]\npath = "{path}"\n',
                "store.path: .*would have to write into /.*, which is the system's",
            )
            for path in ("/events.sqlite", "//events.sqlite", "//etc/events.sqlite", "/home/pi/events.sqlite")
        ),
    ],
)
def test_mistakes_are_found_on_the_host(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "open").write_text("hunter2\n")
    (tmp_path / "open").chmod(0o644)
    secret(tmp_path / "short", "short")
    with pytest.raises(SettingsError, match=message):
        tower(tmp_path, text)


def test_a_damaged_bundle_is_found_on_the_host(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/manifest.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"model\.bundle: .*manifest\.json"):
        tower(tmp_path, '[model]\nbundle = "bundle"\n[cameras.a]\nuri = "scene:"\n')


def test_credentials_in_an_address_are_not_shown_and_warned_of(tmp_path: Path) -> None:
    made, there = tower(tmp_path, '[cameras.a]\nuri = "rtsp://viewer:hunter2@192.0.2.7/hunter3?hunter4"\n')
    assert there["cameras"]["a"]["uri"] == "rtsp://viewer:hunter2@192.0.2.7/hunter3?hunter4"
    assert "hunter" not in made.shown + "".join(made.warnings)
    assert any("holds a password" in text for text in made.warnings)


def test_of_a_sinks_url_scheme_and_host_are_shown() -> None:
    shown = _redacted(
        {"cameras": {}, "sinks": {"chat": {"url": "https://hooks.example:444/hunter2?hunter3"}}}
    )
    assert 'url = "https://hooks.example:444"\n' in shown


def test_a_sink_travels_with_its_files(tmp_path: Path) -> None:
    secret(tmp_path / "broker.password")
    made, there = tower(
        tmp_path,
        """
        [tower]
        id = "tower-7"
        [cameras.a]
        uri = "scene:"
        [sinks.ops]
        url = "mqtts://broker.example:8883"
        user = "tower-7"
        password_file = "broker.password"
        """,
    )
    assert there["sinks"]["ops"]["password_file"] == "sinks.ops.password_file"
    assert {file.name: file.mode for file in made.files}["sinks.ops.password_file"] == 0o600


def test_a_file_that_others_cannot_read_here_is_closed_there(tmp_path: Path) -> None:
    for name, mode in (("open.pem", 0o644), ("closed.pem", 0o400)):
        (tmp_path / name).write_text("certificate")
        (tmp_path / name).chmod(mode)
    made, _ = tower(
        tmp_path,
        """
        [cameras.a]
        uri = "https://x/"
        ca_file = "open.pem"
        [cameras.b]
        uri = "https://x/"
        ca_file = "closed.pem"
        """,
    )
    assert {file.name: oct(file.mode) for file in made.files if file.name != "tower.toml"} == {
        "cameras.a.ca_file": "0o640",
        "cameras.b.ca_file": "0o600",
    }
