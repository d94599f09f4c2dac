"""`python -m arm64 system`: a board boots the image, is deployed to, hangs, has sensors, a camera, and no power."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from arm64.say import say
from arm64.system import blackout, root, service, tower
from arm64.system import kernel as kernels
from arm64.system.disk import make_ext4, overlay
from arm64.system.machine import Disk, Machine
from arm64.system.rig import Rig
from arm64.system.root import IMAGE_SERVICE

_WATCHDOG_S = 60.0  # of the unit
_CAMERA_S = 300.0
_TAKEN_PORT = 8099  # by a program of the check's own


def check(project: Path, work: Path) -> tuple[bool, dict[str, Any]]:
    """Run all parts on one disk, each after the one before; return whether all is good, and a record a part."""
    kernel = kernels.make(work)
    folder = work / "system/run"
    folder.mkdir(parents=True, exist_ok=True)
    rig = Rig(project, folder, kernel, root.make(project, work, kernel))
    disk = Disk(overlay(rig.root.disk, folder / "root.qcow2"), "qcow2")
    state = Disk(make_ext4(folder / "state.ext4", blackout.STATE_MIB, "firetower"))
    records: dict[str, Any] = {"machine": "QEMU virt, 4 x Cortex-A72, 1 GB", "kernel": kernel.version}
    with rig.board("image", disk, state) as machine:
        records["image"] = _image(machine)
        machine.run("rm -f /var/lib/firetower/events*")
        records["deploy"] = _deploy(rig, machine)
        records["bench"] = _bench(rig, machine)
        machine.run("sed -i '/^.dev.vda/s/rw,/ro,/' /etc/fstab")
        machine.shut_down()
    with rig.board("sealed", disk, state, read_only=True) as machine:
        records["sealed"] = _sealed(machine)
        records["sensors"] = _sensors(machine)
        records["camera"] = _camera(machine)
        records["watchdog"] = _watchdog(machine)
        machine.run("systemctl stop firetower && rm -f /var/lib/firetower/events*")
        machine.shut_down()
    records["power_cuts"] = blackout.check(rig, disk, state)
    parts = [record for record in records.values() if isinstance(record, dict)]
    return all(record["good"] for record in parts), records


def _image(machine: Machine) -> dict[str, Any]:
    """The image's own firetower, started by systemd."""
    ready_s = service.start(machine, IMAGE_SERVICE)
    time.sleep(30)  # some frames
    said, answer = service.show(machine, IMAGE_SERVICE), service.ask(machine)
    scored = answer["status"]["cameras"]["scene"]["scored"]
    record = {
        "good": said["ActiveState"] == "active" and answer["health"][0] == 200 and scored > 0,
        "ready_s": round(ready_s, 1),
        "health": answer["health"][0],
        "scored": scored,
        "memory": service.memory(machine, IMAGE_SERVICE),
        "counted_rss_bytes": answer["status"]["memory"]["rss_bytes"],
        "cgroup_bytes": int(said["MemoryCurrent"]),
    }
    machine.run(f"systemctl stop {IMAGE_SERVICE}")
    say(f"system image: READY after {ready_s:.0f} s, RSS {record['memory']['rss_bytes'] / 1e6:.0f} MB")
    return record


def _deploy(rig: Rig, machine: Machine) -> dict[str, Any]:
    """`firetower deploy` as a user runs it: the first time, again, and with a configuration that cannot start."""
    good_tower = tower.write(rig.folder / "tower")
    bad_tower = tower.write(rig.folder / "bad", port=_TAKEN_PORT)
    first = _call_deploy(rig, machine, good_tower)
    again = _call_deploy(rig, machine, good_tower)
    # `firetower check` refuses a port that its user may not have, and passes one in use: the running firetower's may be
    machine.run(
        "systemd-run --unit=squatter /opt/firetower/current/venv/bin/python -m http.server "
        f"--bind 127.0.0.1 {_TAKEN_PORT}"
    )
    bad = _call_deploy(rig, machine, bad_tower)
    said, answer = service.show(machine), service.ask(machine)
    record = {
        "good": first["exit"] == 0
        and first["changed"]
        and again["exit"] == 0
        and not again["changed"]
        and bad["exit"] == 1
        and "rolled back" in bad["said"]
        and said["ActiveState"] == "active",
        "first": first,
        "again": again,
        "cannot_start": bad,
        "health_after": answer["health"][0],
        "disk": machine.run("df -m --output=used / | tail -n 1").strip() + " MiB used of the root",
    }
    say(
        f"system deploy: first {first['seconds']:.0f} s, again {again['seconds']:.0f} s, rolled back {bad['exit'] == 1}"
    )
    return record


def _call_deploy(rig: Rig, machine: Machine, file: Path) -> dict[str, Any]:
    config = machine.ssh_config(rig.folder / "ssh_config")
    command = [
        sys.executable,
        "-m",
        "edge",
        "deploy",
        "root@board",
        str(file),
        "--ssh-config",
        str(config),
        "--wait-s",
        "300",
    ]
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=rig.project,
        env={**os.environ, "PYTHONPATH": str(rig.project)},
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    lines = done.stdout.splitlines()
    told = json.loads(lines[-1]) if done.returncode == 0 and lines else {}
    return {
        "exit": done.returncode,
        "seconds": round(time.monotonic() - started, 1),
        "changed": told.get("changed"),
        "warnings": told.get("warnings"),
        "said": "" if done.returncode == 0 else done.stderr.strip()[-500:],
    }


def _bench(rig: Rig, machine: Machine) -> dict[str, Any]:
    """`firetower bench` on the board, and its file read here. Its times are the emulator's, so none is kept."""
    command = "/opt/firetower/current/venv/bin/firetower bench --runs 3 --warmup 1 --processes 1 --seconds 1"
    machine.run(
        f"systemctl stop firetower; {command} --json /tmp/bench.json >/dev/null; systemctl start firetower",
        1800,
    )
    file = rig.folder / "bench.json"
    file.write_text(machine.run("cat /tmp/bench.json"))
    compare = [sys.executable, "-m", "benchmarks", "compare", str(file), str(file)]
    done = subprocess.run(compare, cwd=rig.project, capture_output=True, text=True, check=False)
    say(f"system bench: ran; compare here exits with {done.returncode}")
    return {"good": done.returncode == 0, "compare_exit": done.returncode, "said": done.stderr.strip()[-300:]}


def _sealed(machine: Machine) -> dict[str, Any]:
    """The board after its root became read-only: the service is up without a hand."""
    machine.run("until systemctl is-active -q firetower; do sleep 2; done", 600)
    mounted = machine.run("findmnt -no OPTIONS /").strip()
    failed = machine.run("systemctl list-units --failed --plain --no-legend | cut -d' ' -f1").split()
    answer = service.ask(machine)
    record = {
        "good": mounted.startswith("ro") and not failed and answer["health"][0] in {200, 503},
        "root": mounted,
        "failed_units": failed,
    }
    say(f"system sealed: root {mounted}; failed units: {failed or 'none'}")
    return record


def _sensors(machine: Machine) -> dict[str, Any]:
    """Files in place of the kernel's sensors; the page shows them, and follows a change."""
    machine.run(tower.sensor_script())
    machine.run("systemctl restart firetower", 600)
    before = _sensed(machine)
    machine.run(
        f"cd {tower.SENSORS_AT}; echo 70500 > thermal/thermal_zone0/temp; echo 41 > power_supply/BAT0/capacity"
    )
    time.sleep(5)
    after = _sensed(machine)
    expected = ({"temperature_c": 61.234, "charge": 0.87}, {"temperature_c": 70.5, "charge": 0.41})
    told = [{name: seen[name] for name in ("temperature_c", "charge")} for seen in (before, after)]
    good = tuple(told) == expected and before["energy_source"] == "measured:ina226"
    say(f"system sensors: {before} then {after}")
    return {"good": good, "before": before, "after": after}


def _sensed(machine: Machine) -> dict[str, Any]:
    status = service.ask(machine)["status"]
    return {
        "temperature_c": status["device"]["condition"]["temperature_c"],
        "charge": status["device"]["condition"]["charge"],
        "energy_source": status["energy"]["source"],
    }


def _camera(machine: Machine) -> dict[str, Any]:
    """Frames of the kernel's own test camera, plugged in late, through the unit's rules for devices."""
    machine.run("modprobe vivid; udevadm settle")
    name = machine.run("cat /sys/class/video4linux/video0/name").strip()
    until_s = time.monotonic() + _CAMERA_S
    while (answer := service.ask(machine))["status"]["cameras"]["lens"][
        "scored"
    ] < 2 and time.monotonic() < until_s:
        time.sleep(10)
    counts, judged = answer["status"]["cameras"]["lens"], answer["health"][1]["cameras"]["lens"]
    say(f"system camera: {name}: {counts['scored']} frames scored, {judged['state']}")
    return {"good": counts["scored"] >= 2, "device": name, "counts": counts, "health": judged}


def _watchdog(machine: Machine) -> dict[str, Any]:
    """A process that stands still: the service manager ends it and starts another."""
    before = service.show(machine)
    machine.run(f"kill -STOP {before['MainPID']}")
    hung = time.monotonic()
    until_s = hung + 4 * _WATCHDOG_S
    after = before
    while time.monotonic() < until_s:
        after = service.show(machine)
        if after["MainPID"] not in {before["MainPID"], "0"} and after["ActiveState"] == "active":
            break
        time.sleep(2)
    seconds = time.monotonic() - hung
    why = machine.run("journalctl -u firetower -o cat --no-pager | grep -i watchdog | tail -n 1")
    good = after["ActiveState"] == "active" and after["MainPID"] != before["MainPID"] and "atchdog" in why
    say(f"system watchdog: READY again after {seconds:.0f} s ({why.strip()})")
    return {
        "good": good,
        "back_after_s": round(seconds, 1),
        "restarts": after["NRestarts"],
        "journal": why.strip(),
    }
