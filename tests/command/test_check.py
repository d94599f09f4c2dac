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
