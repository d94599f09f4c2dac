"""Kills: the daemon is ended by `kill -9` at moments of chance while it commits and sends."""

from __future__ import annotations

import time

from benchmarks.delivery.campaign import Campaign
from benchmarks.delivery.station import Station
from benchmarks.torture.attack import Attack, Ground, Outcome

_EARLY = 0.5  # so many hit a daemon that is not ready yet
_EARLY_S, _LATE_S = 2.0, 1.5


def attack(ground: Ground) -> Outcome:
    """Kill it again and again; then let it live until nothing waits."""
    outcome = Outcome()
    with Station(ground.folder / "station") as station:
        campaign = Campaign(ground, station, cadence_s=0.4)
        times = ground.either(20, 500)
        began_s = time.monotonic()
        for life in range(times):
            with campaign.live() as tower:
                outcome.tried += 1
                if life and ground.random.random() < _EARLY:
                    time.sleep(ground.random.uniform(0, _EARLY_S))
                else:
                    tower.begin().until(tower.announced, "a revision is announced")
                    time.sleep(ground.random.uniform(0, _LATE_S))
                tower.kill()
                campaign.enter(tower)
                campaign.end_fault()
                outcome.survived += "Traceback" not in tower.log
            if (life + 1) % 20 == 0:
                took_s = time.monotonic() - began_s
                ground.tell(
                    f"{life + 1} of {times} kills in {took_s:.0f} s, {len(campaign.committed)} revisions"
                )
        campaign.judge(outcome, campaign.drain())
    return outcome


ATTACKS = (
    Attack(
        "kills",
        "kill -9",
        "killed at moments of chance while it commits and sends; then it lives until nothing waits",
        (75, 1500),
        attack,
    ),
)
