"""`firetower check`: how it looks at cameras, and what it says of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from edge import cli
from edge.camera.source import Picture, Session
from edge.command import check
from edge.image import RgbImage
from tests.camera.conftest import write_clip
from tests.uplink.mosquitto import Mosquitto

MASK = "masks = [[[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]]]\n"


def checked(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> tuple[int, dict, str]:
    (folder / "tower.toml").write_text(f"{text}[web]\nenabled = false\n")
    code = cli.main(["check", str(folder / "tower.toml")])
    told = capsys.readouterr()
    return code, json.loads(told.out.splitlines()[-1])["checks"], told.err


class OnePicture:
    live = False

    def read(self) -> Picture:
        return Picture((64, 64), 0, None, 0, lambda: RgbImage(np.zeros((64, 64, 3), np.uint8)))

    def close(self) -> None:
        pass


def test_a_camera_is_tried_with_its_own_cadence_and_without_one_with_the_models(
    tmp_path, capsys, monkeypatch
):
    sessions: list[Session] = []
    monkeypatch.setattr(
        check, "open_source", lambda _options, session: sessions.append(session) or OnePicture()
    )
    cameras = '[cameras.a]\nuri = "scene:"\ncadence_s = 90\n[cameras.b]\nuri = "scene:"\n'
    assert checked(tmp_path, capsys, cameras)[0] == 0
    assert [session.schedule.cadence_s for session in sessions] == [90, 60]
    assert all(session.schedule.trial for session in sessions)


@pytest.mark.parametrize("masks", ["", MASK])
def test_a_camera_that_shows_other_pictures_than_before_is_named_with_its_masks(tmp_path, capsys, masks):
    write_clip(tmp_path / "clip.mp4", rotation=180, hflip=True)
    code, checks, said = checked(tmp_path, capsys, f'[cameras.east]\nuri = " FILE:clip.mp4"\n{masks}')
    assert code == 0
    note = checks["cameras.east"]["note"]
    assert note.startswith("its pictures are mirrored, unlike in earlier versions")
    assert ("cameras.east.masks" in note) is bool(masks)
    assert f"ok      cameras.east: {note}" in said
    assert checks["model"] == {"ok": True, "error": None, "note": None}


def test_a_camera_whose_alerts_are_not_held_at_night_is_named(tmp_path, capsys):
    text = '[cameras.a]\nuri = "scene:?frames=2"\nnight_alerts = true\n[cameras.b]\nuri = "scene:?frames=2"\n'
    code, checks, said = checked(tmp_path, capsys, text)
    assert code == 0
    assert checks["cameras.a"]["note"].startswith("night_alerts: ")
    assert "ok      cameras.a: night_alerts" in said
    assert checks["cameras.b"]["note"] is None


@pytest.mark.parametrize("loop", ["true", "false"])
def test_a_folder_without_a_whole_picture_is_told_with_one_of_its_files(tmp_path, capsys, loop):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_text("no picture")
    code, checks, said = checked(
        tmp_path, capsys, f'[cameras.east]\nuri = "folder:{tmp_path}"\nloop = {loop}\n'
    )
    assert code == 1
    error = checks["cameras.east"]["error"]
    assert f"the last error: image '{tmp_path / '2.jpg'}' is corrupt" in error
    assert "picture" in error.partition("the last error")[0]
    assert f"cameras.east: {error}" in said


def test_the_way_to_each_sink_is_tried(tmp_path, capsys):
    broker = Mosquitto(tmp_path)
    sinks = {"hq": broker.port, "gone": 1}
    text = '[tower]\nid = "tower-7"\n[cameras.a]\nuri = "scene:"\n' + "".join(
        f'[sinks.{name}]\nurl = "mqtt://127.0.0.1:{port}"\n' for name, port in sinks.items()
    )
    code, checks, said = checked(tmp_path, capsys, text)
    assert code == 1
    assert checks["sinks.hq"] == {"ok": True, "error": None, "note": None}
    assert checks["sinks.gone"]["error"].startswith("mqtt://127.0.0.1:1: ")
    assert "FAILED  sinks.gone: mqtt://127.0.0.1:1: " in said
    broker.kill()


def test_an_unfit_secret_of_a_sink_is_a_wrong_configuration(tmp_path, capsys):
    (tmp_path / "word").write_text("secret")
    (tmp_path / "word").chmod(0o644)
    (tmp_path / "tower.toml").write_text(
        '[tower]\nid = "tower-7"\n[cameras.a]\nuri = "scene:"\n[web]\nenabled = false\n'
        '[sinks.hq]\nurl = "mqtt://127.0.0.1"\nuser = "t"\npassword_file = "word"\n'
    )
    for command in ("check", "run"):
        assert cli.main([command, str(tmp_path / "tower.toml")]) == 2
        assert "sinks.hq.password_file: " in capsys.readouterr().err


def test_the_governor_says_what_it_misses_and_what_it_would_do_now(tmp_path, capsys):
    (tmp_path / "charge.toml").write_text("voltage_v = 12.25\n")
    row = '[[governor.bands]]\nname = "slow"\neconomy = "cadence"\n'
    limits = "charge = [0.3, 0.4]\nvoltage_v = [12.4, 12.6]\n"
    text = f'[cameras.a]\nuri = "scene:"\n[governor]\nfile = "{tmp_path}/charge.toml"\n{row}{limits}'
    code, checks, said = checked(tmp_path, capsys, text)
    assert code == 0
    note = "no charge: their limits are left out; now: slow: battery at 12.25 V, until above 12.6 V"
    assert checks["governor"] == {"ok": True, "error": None, "note": note}
    assert f"ok      governor: {note}" in said
    assert "governor" not in checked(tmp_path, capsys, '[cameras.a]\nuri = "scene:"\n')[1]
