"""Memory: the daemon with and without a sink at a broker, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.delivery.campaign import Campaign
from benchmarks.delivery.station import Station
from benchmarks.torture.attack import Attack, Ground, Outcome

_MOST_MB = 6.0
_WATCH_S = 10.0
_OF: dict[str, Sequence[str]] = {"without": (), "mqtt": ("broker",), "mqtt_and_webhook": ("broker", "hook")}


def attack(ground: Ground) -> Outcome:
    """Let it live for a while with no sink, with MQTT, and with both, in turns; compare the medians.

    Nothing happens but heartbeats, then the same with events, whose pictures go to the sinks. Only the first is judged:
    what events take differs from life to life. PSS is kept for whoever reads it; it falls while other daemons run.
    """
    outcome = Outcome()
    kept: dict[str, dict[str, list[float]]] = {}
    with Station(ground.folder / "station") as station:
        for turn in range(ground.either(1, 3)):
            for eventful in (False, True):
                for name, sinks in _OF.items():
                    folder = ground.folder / f"{turn}-{eventful}-{name}"
                    folder.mkdir()
                    campaign = Campaign(
                        Ground(folder, ground.random, ground.short, ground.tell),
                        station,
                        sinks=sinks,
                        uplink=("heartbeat_s = 5",),
                    )
                    with campaign.live(quiet=not eventful) as tower:
                        outcome.tried += 1
                        tower.begin()
                        time.sleep(_WATCH_S)
                        for what, size_mb in _taken_mb(tower.process.pid).items():
                            key = f"{what}{'_with_events' if eventful else ''}_mb"
                            kept.setdefault(key, {}).setdefault(name, []).append(size_mb)
                        tower.end()
                        outcome.survived += 1
    rss = {name: statistics.median(values) for name, values in kept["rss_mb"].items()}
    more_mb = rss["mqtt"] - rss["without"]
    outcome.measured |= {
        **kept,
        "mqtt_more_mb": round(more_mb, 2),
        "mqtt_and_webhook_more_mb": round(rss["mqtt_and_webhook"] - rss["without"], 2),
    }
    if more_mb > _MOST_MB:
        outcome.wrong += 1
        outcome.why.append(f"MQTT takes {more_mb:.1f} MB more; at most {_MOST_MB:g} MB are allowed")
    return outcome


def _taken_mb(process: int) -> dict[str, float]:
    """Return what a process takes: resident, and its proportional share of that."""
    found = {}
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        name, _, size = line.partition(":")
        if name in ("Rss", "Pss"):
            found[name.lower()] = round(int(size.split()[0]) * 1024 / 1e6, 2)
    return found


ATTACKS = (
    Attack(
        "memory",
        "memory with MQTT",
        "the daemon with no sink, with MQTT, and with both, in turns; MQTT may take 6 MB more",
        (0, 270),
        attack,
    ),
)
