"""From the configuration to a governor at work."""

from __future__ import annotations

from pathlib import Path

from edge.clock import Clock, Trusted, wall_synchronised
from edge.device.device import Device
from edge.device.linux import LinuxDevice
from edge.device.ve_direct import OpenPort, SerialPort
from edge.governor.governor import Governor
from edge.governor.sensor import sensors_of
from edge.settings import Settings
from edge.zone import zone_of


def governor_of(
    settings: Settings,
    clock: Clock,
    root: Path = Path("/"),
    *,
    device: Device | None = None,
    trusted: Trusted = wall_synchronised,
    open_port: OpenPort = SerialPort,
) -> Governor | None:
    """Return the governor that the configuration asks for; None where it has no section `[governor]`.

    Args:
        settings: checked.
        clock: the tower's.
        root: where proc/ and sys/ are.
        device: the board; the one below `root` if absent.
        trusted: says whether the wall clock is synchronised.
        open_port: opens the line of a charge controller.
    """
    options = settings.governor
    if options is None:
        return None
    sensors = sensors_of(
        ve_direct=options.ve_direct,
        file=options.file,
        command=options.command,
        device=LinuxDevice(root) if device is None else device,
        clock=clock,
        root=root,
        open_port=open_port,
    )
    return Governor(
        options.table,
        sensors,
        clock,
        battery_v=options.battery_v,
        zone=zone_of(settings.tower.timezone),
        trusted=trusted,
    )
