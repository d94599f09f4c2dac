"""The whole way, against a real sshd on loopback: the real daemon in a virtual environment of its own."""

import json
import signal
import stat
import urllib.request
from pathlib import Path, PurePosixPath

import pytest

from deploy.command import _ignored, command
from deploy.errors import RefusedError, StartError, TargetError
from deploy.target import SshTarget

TOKEN = "a-token-of-sixteen-or-more"


def write_tower(folder: Path, port: int, *, name: str = "tower-7", model: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    for file, secret in (("web.token", TOKEN), ("north.password", "hunter2")):
        (folder / file).write_text(secret + "\n")
        (folder / file).chmod(0o600)
    path = folder / "tower.toml"
    path.write_text(
        f"""
[tower]
name = "{name}"
[cameras.scene]
uri = "scene:"
loop = true
pace = "fast"
[cameras.north]
uri = "rtsp://127.0.0.1:9/stream"
user = "viewer"
password_file = "north.password"
timeout_s = 1
[web]
port = {port}
token_file = "{folder}/web.token"
[store]
path = "events.sqlite"
{model}
"""
    )
    return path


def test_deploys_changes_nothing_twice_and_rolls_back(
    loopback, wheels: Path, tmp_path: Path, unused_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def deploy(tower: Path, *more: str) -> tuple[dict, str]:
        capsys.readouterr()
        words = [loopback.destination, str(tower), "--ssh-config", str(loopback.ssh_config)]
        words += ["--prefix", str(loopback.root), "--wheels", str(wheels), "--settle-s", "0", *more]
        assert command(words) == 0
        out, err = capsys.readouterr()
        assert "hunter2" not in out + err
        assert TOKEN not in out + err
        return json.loads(out.splitlines()[-1]), err

    tower = write_tower(tmp_path / "tower", unused_port)
    opt, etc = loopback.root / "opt/firetower", loopback.root / "etc/firetower"

    dry, told = deploy(tower, "--dry-run")
    assert dry["dry_run"]
    assert "ExecStart=" in told
    assert "useradd --system" in told
    assert list(loopback.root.iterdir()) == []
    assert loopback.calls() == []

    first, told = deploy(tower)
    assert first["changed"]
    assert first["before"] is None
    assert any(text.startswith("cameras.north: ") for text in first["cameras"])  # reported, not rolled back
    assert (opt / "current").readlink() == Path(f"releases/{first['release']}")
    config = opt / "current/config"
    assert stat.S_IMODE(config.stat().st_mode) == 0o750
    assert stat.S_IMODE((config / "tower.toml").stat().st_mode) == 0o640
    assert stat.S_IMODE((config / "web.token_file").stat().st_mode) == 0o600
    assert not (opt / "incoming").exists()
    request = urllib.request.Request(f"http://127.0.0.1:{unused_port}/status.json")
    request.add_header("Authorization", f"Bearer {TOKEN}")
    assert json.load(urllib.request.urlopen(request))["tower"] == "tower-7"
    assert (loopback.root / "var/lib/firetower/events.sqlite").exists()

    calls = loopback.calls()
    second, told = deploy(tower)
    assert not second["changed"]
    assert second["release"] == first["release"]
    assert "nothing to do" in told
    assert loopback.calls() == calls

    third, _ = deploy(write_tower(tmp_path / "tower", unused_port, name="tower-8"))
    assert third["before"] == first["release"]
    assert json.load(urllib.request.urlopen(request))["tower"] == "tower-8"
    assert (opt / "previous").readlink() == Path(f"releases/{first['release']}")
    assert len(list((opt / "venvs").iterdir())) == 2  # of the requirements, and of firetower

    broken = write_tower(tmp_path / "tower", port_that_is_taken(loopback), name="tower-9")
    with pytest.raises(StartError, match=f"rolled back to {third['release']}, which runs again"):
        deploy(broken)
    assert "cannot listen on" in capsys.readouterr().err
    assert json.load(urllib.request.urlopen(request))["tower"] == "tower-8"
    assert (opt / "current").readlink() == Path(f"releases/{third['release']}")

    unfit = write_tower(tmp_path / "tower", unused_port)
    unfit.write_text(unfit.read_text().replace("events.sqlite", "/nowhere/events.sqlite"))
    with pytest.raises(RefusedError, match="store"):
        deploy(unfit)
    assert (opt / "current").readlink() == Path(f"releases/{third['release']}")

    again, _ = deploy(write_tower(tmp_path / "tower", unused_port))  # back to the first, which is still there
    assert again["release"] == first["release"]
    assert {folder.name for folder in (opt / "releases").iterdir()} == {first["release"], third["release"]}
    assert len([folder for folder in etc.iterdir() if folder.is_dir()]) == 2


def port_that_is_taken(loopback) -> int:
    """Return sshd's own."""
    return int(loopback.ssh_config.read_text().split()[1])


def test_an_unknown_host_key_is_refused_and_the_error_says_what_to_do(loopback, tmp_path: Path) -> None:
    known = loopback.ssh_config.with_name("known_hosts")
    known.write_text("")
    with pytest.raises(TargetError, match="log in once by hand"):
        command(
            [
                loopback.destination,
                str(write_tower(tmp_path / "t", 8080)),
                "--ssh-config",
                str(loopback.ssh_config),
            ]
        )
    assert known.read_text() == ""


@pytest.mark.parametrize("program", ["rsync", "scp"])
def test_files_arrive_under_their_names(loopback, tmp_path: Path, program: str) -> None:
    (tmp_path / "it's a file").write_text("content")
    with SshTarget(loopback.destination, config=loopback.ssh_config) as target:
        target.has_rsync = program == "rsync"
        target.copy({"tower.toml": tmp_path / "it's a file"}, PurePosixPath(loopback.root))
        with pytest.raises(TargetError, match="copying failed"):
            target.copy(
                {"tower.toml": tmp_path / "it's a file"}, PurePosixPath(loopback.root / "absent/absent")
            )
    assert (loopback.root / "tower.toml").read_text() == "content"


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert signal.SIGHUP in _ignored()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.SIGTERM not in _ignored()
