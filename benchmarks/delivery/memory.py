"""Memory: the daemon with and without a sink at a broker, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.delivery.campaign import Campaign
from benchmarks.delivery.station import Station
from benchmarks.torture.attack import Attack, Ground, Outcome

_MOST_MB = 6.0
_WATCH_S = 10.0
_OF: dict[str, Sequence[str]] = {"without": (), "mqtt": ("broker",), "mqtt_and_webhook": ("broker", "hook")}


def attack(ground: Ground) -> Outcome:
    """Let it live for a while with no sink, with MQTT, and with both, in turns; compare the medians."""
    outcome = Outcome()
    pss_mb: dict[str, list[float]] = {name: [] for name in _OF}
    with Station(ground.folder / "station") as station:
        for turn in range(ground.either(1, 3)):
            for name, sinks in _OF.items():
                folder = ground.folder / f"{turn}-{name}"
                folder.mkdir()
                campaign = Campaign(
                    Ground(folder, ground.random, ground.short, ground.tell), station, sinks=sinks
                )
                with campaign.live() as tower:
                    outcome.tried += 1
                    began = {sink: len(station.taken(sink)) for sink in sinks}
                    tower.begin()
                    time.sleep(_WATCH_S)
                    tower.until(partial(_more, station, began), "messages arrive")
                    pss_mb[name].append(_pss_mb(tower.process.pid))
                    tower.end()
                    outcome.survived += 1
    medians = {name: statistics.median(values) for name, values in pss_mb.items()}
    more_mb = medians["mqtt"] - medians["without"]
    outcome.measured |= {
        "pss_mb": pss_mb,
        "mqtt_more_mb": round(more_mb, 2),
        "mqtt_and_webhook_more_mb": round(medians["mqtt_and_webhook"] - medians["without"], 2),
    }
    if more_mb > _MOST_MB and not ground.short:
        outcome.wrong += 1
        outcome.why.append(f"MQTT takes {more_mb:.1f} MB more; at most {_MOST_MB:g} MB are allowed")
    return outcome


def _more(station: Station, began: Mapping[str, int]) -> bool:
    return all(len(station.taken(sink)) > number for sink, number in began.items())


def _pss_mb(pid: int) -> float:
    """Return the proportional set size of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 2)
    raise OSError("/proc/PID/smaps_rollup states no Pss")


ATTACKS = (
    Attack(
        "memory",
        "memory with MQTT",
        "the daemon with no sink, with MQTT, and with both, in turns; MQTT may take 6 MB more",
        (0, 150),
        attack,
    ),
)
