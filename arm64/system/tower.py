"""The tower that is deployed to the emulated board: a recording, a camera of the kernel's, sensors made of files."""

from __future__ import annotations

import textwrap
from pathlib import Path

from arm64 import clip

_SCENE = "scene:plume?frames=30&ignition=6"

SENSORS = {
    "thermal/thermal_zone0/type": "cpu-thermal",
    "thermal/thermal_zone0/temp": "61234",
    "power_supply/BAT0/type": "Battery",
    "power_supply/BAT0/status": "Discharging",
    "power_supply/BAT0/capacity": "87",
    "hwmon/hwmon0/name": "ina226",
    "hwmon/hwmon0/power1_input": "3500000",
}
SENSORS_AT = "/run/sensors"


def write(folder: Path, *, port: int = 8080) -> Path:
    """Write tower.toml and its recording: a plume again and again, as fast as the board can, and a v4l2 camera.

    Its sink is never there, so that everything stays owed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clip.write(folder / "plume.mp4", _SCENE, (480, 640), 1)
    text = f"""
        [tower]
        id = "emulated"
        name = "emulated"
        [cameras.lens]
        uri = "v4l2:/dev/video0"
        [cameras.recording]
        uri = "file:plume.mp4"
        loop = true
        pace = "fast"
        [sinks.nobody]
        url = "mqtt://127.0.0.1:9"
        origins = ["live", "recording"]
        [web]
        port = {port}
    """
    path = folder / "tower.toml"
    path.write_text(textwrap.dedent(text))
    return path


def sensor_script() -> str:
    """Return a shell script that writes the sensors' files and shows them to the service in place of the kernel's."""
    lines = []
    for name, value in SENSORS.items():
        path = f"{SENSORS_AT}/{name}"
        lines += [f"mkdir -p $(dirname {path})", f"echo {value} > {path}"]
    classes = sorted({name.partition("/")[0] for name in SENSORS})
    binds = " ".join(f"{SENSORS_AT}/{name}:/sys/class/{name}" for name in classes)
    drop_in = "/run/systemd/system/firetower.service.d"
    lines += [
        f"mkdir -p {drop_in}",
        f"printf '[Service]\\nBindReadOnlyPaths={binds}\\n' > {drop_in}/sensors.conf",
    ]
    return "\n".join([*lines, "systemctl daemon-reload"])
