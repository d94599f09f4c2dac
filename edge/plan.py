"""What is asked of every camera, worked out from the configuration and the model before anything runs."""

from __future__ import annotations

from edge.camera.limit import Limits
from edge.camera.option import NetworkOptions, Options
from edge.camera.reader import Camera
from edge.camera.schedule import Schedule
from edge.detect.mask import blocked_cells
from edge.errors import SettingsError
from edge.model.manifest import Manifest
from edge.secret import read_secret
from edge.settings import Settings

DEFAULT_CADENCE_S = 60.0  # of a model that does not say what it was trained for


def plan(settings: Settings, manifest: Manifest) -> dict[str, Camera]:
    """Return every camera as it will be read, by name.

    Raises:
        SettingsError: as `cadences` and `plan_camera` do.
    """
    return {
        name: plan_camera(name, settings.cameras[name], cadence_s, settings.limits)
        for name, cadence_s in cadences(settings, manifest).items()
    }


def plan_camera(name: str, options: Options, cadence_s: float, limits: Limits) -> Camera:
    """Return one camera as it will be read.

    Raises:
        SettingsError: its password file is unfit.
    """
    secret = options.password_file if isinstance(options, NetworkOptions) else None
    password = None if secret is None else read_secret(secret, f"cameras.{name}.password_file")
    return Camera(name, options, Schedule(cadence_s), password, limits)


def cadences(settings: Settings, manifest: Manifest) -> dict[str, float]:
    """Return the seconds between scored frames of every camera: its own, else the model's default.

    Raises:
        SettingsError: the model cannot do what is asked: a cadence that it was not trained for, masks for a
            classifier, or masks that leave nothing to look at.
    """
    for name, camera in settings.cameras.items():
        if manifest.task == "classify" and camera.masks:
            raise SettingsError(
                f"cameras.{name}.masks: a classifier sees the whole frame; masks need a 'cells' model"
            )
        if camera.masks and any(blocked_cells(camera.masks, grid).all() for grid in _grids(manifest)):
            raise SettingsError(
                f"cameras.{name}.masks: they cover the whole frame, so that nothing would be looked at"
            )
    return {name: _cadence_s(name, camera, manifest) for name, camera in settings.cameras.items()}


def _grids(manifest: Manifest) -> set[tuple[int, int]]:
    """Return (rows, cols) of the scores of each model file."""
    shapes = (file.one("scores").shape for file in manifest.model_files().values())
    return {(shape[1], shape[2]) for shape in shapes}


def _cadence_s(name: str, camera: Options, manifest: Manifest) -> float:
    trained = manifest.cadence
    if camera.cadence_s is None:
        return DEFAULT_CADENCE_S if trained is None else trained.default_s
    if trained is not None and not trained.min_s <= camera.cadence_s <= trained.max_s:
        raise SettingsError(
            f"cameras.{name}.cadence_s: the model '{manifest.name}' was trained for "
            f"{trained.min_s:g} to {trained.max_s:g} s, got {camera.cadence_s:g}"
        )
    return camera.cadence_s
