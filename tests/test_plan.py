"""What is asked of every camera: cadences, masks, secrets."""

from pathlib import Path

import msgspec
import pytest

from edge.camera.limit import Limits
from edge.camera.network import RtspOptions
from edge.camera.scene import SceneOptions
from edge.errors import SettingsError
from edge.model.bundle import Bundle, bundled_path
from edge.model.manifest import Manifest
from edge.plan import DEFAULT_CADENCE_S, cadences, plan, plan_camera
from edge.settings import Settings

TRIANGLE = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.5)]


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return Bundle.open(bundled_path()).manifest


def of(**camera: object) -> Settings:
    return Settings(cameras={"north": SceneOptions(uri="scene:", **camera)})


def test_a_cadence_is_the_cameras_own_else_the_models_else_the_usual(manifest: Manifest) -> None:
    trained = manifest.cadence
    assert trained is not None
    assert cadences(of(), manifest) == {"north": trained.default_s}
    assert cadences(of(cadence_s=trained.max_s), manifest) == {"north": trained.max_s}
    silent = msgspec.structs.replace(manifest, cadence=None)
    assert cadences(of(), silent) == {"north": DEFAULT_CADENCE_S}
    assert cadences(of(cadence_s=1.0), silent) == {"north": 1.0}


def test_what_the_model_cannot_do_is_refused(manifest: Manifest) -> None:
    assert manifest.cadence is not None
    for cadence_s in (manifest.cadence.min_s / 2, manifest.cadence.max_s * 2):
        with pytest.raises(SettingsError, match=r"^cameras\.north\.cadence_s: .*was trained for"):
            plan(of(cadence_s=cadence_s), manifest)
    assert plan(of(masks=[TRIANGLE]), manifest)
    with pytest.raises(SettingsError, match=r"^cameras\.north\.masks: a classifier sees"):
        plan(of(masks=[TRIANGLE]), msgspec.structs.replace(manifest, task="classify"))


def test_one_schedule_has_the_cadence_and_the_password_stays_hidden(
    manifest: Manifest, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    secret.chmod(0o600)
    options = RtspOptions(uri="rtsp://cam/x", password_file=secret, cadence_s=60.0)
    camera = plan(Settings(cameras={"north": options}), manifest)["north"]
    assert (camera.name, camera.options) == ("north", options)
    assert camera.schedule.cadence_s == 60.0
    assert camera.password == "hunter2"
    assert "hunter2" not in repr(camera)
    secret.chmod(0o644)
    with pytest.raises(SettingsError, match=r"^cameras\.north\.password_file: .*chmod 600"):
        plan_camera("north", options, 60.0, Limits())


def halves(at: float) -> list[list[tuple[float, float]]]:
    """Two masks: all to the left of a line, and all to the right of it."""
    left = [(0.0, 0.0), (at, 0.0), (at, 1.0), (0.0, 1.0)]
    return [left, [(at, 0.0), (1.0, 0.0), (1.0, 1.0), (at, 1.0)]]


@pytest.mark.parametrize("masks", [halves(0.3), halves(1.0)[:1], [*halves(0.7), TRIANGLE]])
def test_masks_over_the_whole_frame_are_refused(manifest: Manifest, masks: list[object]) -> None:
    with pytest.raises(SettingsError, match=r"^cameras\.north\.masks: they cover the whole frame"):
        plan(of(masks=masks), manifest)


def test_masks_that_leave_something_are_taken(manifest: Manifest) -> None:
    assert plan(of(masks=halves(0.5)[:1]), manifest)
    almost = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.9), (0.0, 1.0)]
    assert plan(of(masks=[almost]), manifest)
