"""The service on the emulated board, asked over ssh: is it READY, what does its page say, what has it stored."""

from __future__ import annotations

import json
import time
from typing import Any

from arm64.system.machine import Machine

SERVICE = "firetower.service"
_ASK = """python3 - <<'END'
import json, urllib.error, urllib.request
def ask(path):
    try:
        with urllib.request.urlopen("http://127.0.0.1:8080" + path, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
print(json.dumps({"health": ask("/health"), "status": ask("/status.json")[1]}))
END
"""
_STORED = """python3 - <<'END'
import json, sqlite3
boot_id = open("/proc/sys/kernel/random/boot_id").read().strip()
database = sqlite3.connect("file:/var/lib/firetower/events.sqlite?mode=ro", uri=True)
rows = database.execute(
    "SELECT id, revision, document ->> '$.opened.boot_id' FROM event WHERE seq IN "
    "(SELECT seq FROM evidence WHERE hex(substr(jpeg, 1, 2)) = 'FFD8' AND hex(substr(jpeg, -2)) = 'FFD9')"
)
stored = {event: revision for event, revision, boot in rows if boot != boot_id}
waiting = "SELECT key FROM delivery JOIN message ON seq = message WHERE state != 'held'"
owed = [key for key, in database.execute(waiting)]
lost = {key: (word, detail) for key, word, detail in database.execute("SELECT key, word, detail FROM lost")}
counts = dict(database.execute("SELECT word, sum(count) FROM tally WHERE word != 'unheard' GROUP BY word"))
unaccounted = 2 * counts.get("committed", 0) - sum(counts.values()) - len(owed)
integrity = database.execute("PRAGMA integrity_check").fetchone()[0]
print(json.dumps(
    {"stored": stored, "owed": owed, "lost": lost, "unaccounted": unaccounted, "integrity": integrity}
))
END
"""


def start(machine: Machine, service: str = SERVICE) -> float:
    """Start it; systemctl returns when it is READY. Return after how many seconds (of this host, not of a board)."""
    started = time.monotonic()
    machine.run(f"systemctl start {service}", 600)
    return time.monotonic() - started


def show(machine: Machine, service: str = SERVICE) -> dict[str, str]:
    """Return what systemd says of it: its states, its process, its restarts, its memory."""
    names = "ActiveState,SubState,MainPID,NRestarts,Result,MemoryCurrent"
    said = machine.run(f"systemctl show --property={names} {service}")
    return dict(line.partition("=")[::2] for line in said.splitlines())


def ask(machine: Machine) -> dict[str, Any]:
    """Return the answer of /health, (status, document), and the document of /status.json."""
    return dict(json.loads(machine.run(_ASK)))


def memory(machine: Machine, service: str = SERVICE) -> dict[str, int]:
    """Return the resident and proportional set sizes of its process, in bytes, by the kernel's own count."""
    said = machine.run(f"cat /proc/$(systemctl show --property=MainPID --value {service})/smaps_rollup")
    sizes = {line.split(":")[0]: int(line.split()[1]) << 10 for line in said.splitlines()[1:]}
    return {name.lower() + "_bytes": sizes[name] for name in ("Rss", "Pss", "Private_Dirty")}


def stored(machine: Machine) -> dict[str, Any]:
    """Return what the store holds: of events, and of messages for the one sink.

    `stored` is the newest revision of each event that has a whole picture, by id; `owed`, the keys of messages that
    wait for the sink; `lost`, word and detail of those that it will not get, by key; `unaccounted`, how many more were
    committed than are owed, delivered or lost; `integrity`, SQLite's word.

    The service must not run. A recording played again opens the same events, with the same ids: those that were
    opened in the present boot prove nothing and are left out.
    """
    return dict(json.loads(machine.run(_STORED)))
