"""The daemon at work when the power goes: its disk rebuilt at many points, and what comes back from each."""

from __future__ import annotations

import subprocess
import time
from typing import Any

from arm64.say import say
from arm64.system import power_cut, service
from arm64.system.disk import make_ext4
from arm64.system.machine import Disk, MachineError
from arm64.system.power_cut import Cut, Listener, Promise
from arm64.system.rig import Rig

STATE_MIB = 96
CUTS = 60
_SEED = 20261124
_PROMISES = 60  # how many to wait for before the power goes
_WRITING_S = 900
_BOOTED_CUTS = 3  # of all of them, so many boot the whole board
_LOUD = """
mkdir -p /run/systemd/system/firetower.service.d
printf '[Service]\\nStandardOutput=journal+console\\n' > /run/systemd/system/firetower.service.d/console.conf
systemctl daemon-reload
"""


def check(rig: Rig, disk: Disk, state: Disk) -> dict[str, Any]:
    """Let it write, take the power away, rebuild the disk at many points, and see what comes back."""
    log = rig.folder / "state.log"
    base = rig.folder / "base.ext4"
    subprocess.run(["cp", "--sparse=always", str(state.image), str(base)], check=True)
    promises = _write_until_cut(rig, disk, Disk(state.image, log=log))
    cuts = power_cut.make_cuts(base, log, rig.folder / "cuts/images", CUTS, _SEED)
    records = _come_back(rig, disk, cuts, promises)
    spread = cuts[:: -max(1, len(cuts) // _BOOTED_CUTS)][:_BOOTED_CUTS]  # from the last, which owes most
    booted = [_boot_after(rig, disk, cut, promises) for cut in spread]
    good, whole = (sum(record["good"] for record in some) for some in (records, booted))
    owing = sum(record["promised_events"] > 0 for record in records)
    say(
        f"system power cuts: {good} of {len(records)} points good, {owing} of them owed events, "
        f"{whole} of {len(booted)} booted whole"
    )
    return {
        "good": 2 * owing >= len(records) == good and whole == len(booted),
        "promises": len(promises),
        "points_owing": owing,
        "points": records,
        "booted": booted,
        "seed": _SEED,
    }


def _write_until_cut(rig: Rig, disk: Disk, state: Disk) -> list[Promise]:
    """Return what was promised until the power went, in the middle of it."""
    assert state.log is not None
    with rig.board("writing", disk, state, read_only=True) as machine:
        machine.run(_LOUD)
        with Listener(machine.console, state.log) as listener:
            machine.run("systemctl restart firetower", 600)
            until_s = time.monotonic() + _WRITING_S
            while len(listener.promises) < _PROMISES and time.monotonic() < until_s:
                time.sleep(1)
            machine.cut()
    say(f"system power cuts: {len(listener.promises)} revisions promised before the power went")
    return listener.promises


_RETURN = """
systemctl stop firetower
umount /var/lib/firetower
fsck=0
e2fsck -p /cuts/{name} >/dev/null 2>&1 || fsck=$?
mount -o loop,noatime,nodev,nosuid,noexec,data=ordered /cuts/{name} /var/lib/firetower
ready=true
systemctl start firetower || ready=false
systemctl stop firetower
aside=$(ls /var/lib/firetower | grep -c corrupt || true)
echo "$fsck $ready $aside"
"""


def _come_back(rig: Rig, disk: Disk, cuts: list[Cut], promises: list[Promise]) -> list[dict[str, Any]]:
    """Mount each disk on a running board, start the service on it, and read what it has."""
    images = Disk(
        make_ext4(rig.folder / "cuts.ext4", len(cuts) * STATE_MIB + 200, "cuts", cuts[0].image.parent)
    )
    spare = Disk(make_ext4(rig.folder / "spare.ext4", STATE_MIB, "firetower"))
    records = []
    with rig.board("return", disk, spare, images, read_only=True) as machine:
        machine.run("mkdir -p /run/cuts; mount /dev/vdc /run/cuts; modprobe loop")
        for cut in cuts:
            said = machine.run(
                _RETURN.format(name=cut.image.name).replace("/cuts/", "/run/cuts/"), 900
            ).split()
            found = {
                "fsck": int(said[0]),
                "ready": said[1] == "true",
                "aside": int(said[2]),
                **service.stored(machine),
            }
            records.append(power_cut.judge(cut, promises, found))
            if not records[-1]["good"]:
                say(f"system power cuts: {records[-1]}")
    return records


def _boot_after(rig: Rig, disk: Disk, cut: Cut, promises: list[Promise]) -> dict[str, Any]:
    """Boot the whole board with the disk as the cut left it."""
    with rig.board(f"after-{cut.writes}", disk, Disk(cut.image), read_only=True) as machine:
        try:
            machine.run("until systemctl is-active -q firetower; do sleep 2; done", 600)
            ready = True
        except (MachineError, subprocess.TimeoutExpired):
            ready = False
        machine.run("systemctl stop firetower", 300)
        aside = int(machine.run("ls /var/lib/firetower | grep -c corrupt || true"))
        found = {"fsck": None, "ready": ready, "aside": aside, **service.stored(machine)}
    return power_cut.judge(cut, promises, found)
