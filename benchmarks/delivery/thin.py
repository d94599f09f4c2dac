"""A thin link: network namespaces with 2 kB/s each way (`tbf`) and 5% of the packets lost (iptables `statistic`)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from functools import partial
from typing import Self

from benchmarks.delivery.campaign import SINKS, Campaign
from benchmarks.delivery.station import Station
from benchmarks.torture.attack import Attack, Ground, Outcome
from benchmarks.tower import Tower, TowerError

_HILL, VALLEY = "10.77.0.2", "10.77.0.1"
_TOOLS = ("unshare", "nsenter", "ip", "tc", "iptables")
_RATE, _BURST, _LATENCY = "16kbit", "3000", "3s"
_LOSS = "0.05"
_EVENTS, _PULLED_S = 2, 1.0


class Link:
    """Two network namespaces with a thin cable between them, which end with this object; needs root.

    Attributes:
        hill, valley: what starts a program in either.
    """

    def __init__(self) -> None:
        self._holders = [_namespace() for _ in range(2)]
        self.hill, self.valley = (_inside(holder) for holder in self._holders)
        far = str(self._holders[1].pid)
        try:
            _do(
                self.hill,
                "ip",
                "link",
                "add",
                "hill0",
                "type",
                "veth",
                "peer",
                "name",
                "valley0",
                "netns",
                far,
            )
            for prefix, name, address in ((self.hill, "hill0", _HILL), (self.valley, "valley0", VALLEY)):
                _do(prefix, "ip", "link", "set", "lo", "up")
                _do(prefix, "ip", "address", "add", f"{address}/24", "dev", name)
                _do(prefix, "ip", "link", "set", name, "up")
                _do(
                    prefix, "ip", "link", "set", name, "gso_max_segs", "1"
                )  # tbf drops what is above its burst
                shape = f"rate {_RATE} burst {_BURST} latency {_LATENCY}".split()
                _do(prefix, "tc", "qdisc", "add", "dev", name, "root", "tbf", *shape)
                drop = f"-m statistic --mode random --probability {_LOSS} -j DROP".split()
                _do(prefix, "iptables", "-A", "INPUT", "-i", name, *drop)
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            raise TowerError(f"no thin link can be laid: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for holder in self._holders:
            holder.kill()
            holder.communicate()

    def set(self, *, up: bool) -> None:
        """Pull the cable, or put it back."""
        _do(self.hill, "ip", "link", "set", "hill0", "up" if up else "down")

    def is_up(self) -> bool:
        """Say whether the cable is there."""
        return ",UP" in _do(self.hill, "ip", "-o", "link", "show", "hill0")

    def sent_bytes(self) -> int:
        """Return what the hill sent so far."""
        said = _do(self.hill, "ip", "-s", "-o", "link", "show", "hill0")
        return int(said.rpartition("TX:")[2].split("\\")[1].split()[0])


def attack(ground: Ground) -> Outcome:
    """Send all that is committed over the thin link, over which the cable is pulled now and then."""
    if os.geteuid() != 0:
        return Outcome(left_out="it makes network namespaces: run as root")
    if absent := [name for name in _TOOLS if shutil.which(name) is None]:
        return Outcome(left_out=f"it needs {', '.join(absent)}: apt-get install util-linux iproute2 iptables")
    outcome = Outcome()
    with Link() as link, Station(ground.folder / "station", VALLEY, link.valley) as station:
        campaign = Campaign(ground, station, host=VALLEY, prefix=link.hill, cameras=("a",))
        with campaign.live() as tower:
            tower.begin()
            for number in range(1, _EVENTS + 1):
                outcome.tried += 1
                tower.until(partial(_has_opened, campaign, tower, number), "another event is opened")
                link.set(up=False)
                time.sleep(_PULLED_S)
                link.set(up=True)
                outcome.survived += 1
            tower.end()
            campaign.enter(tower)
        owed = campaign.end_fault()
        outbox = campaign.drain(most_s=1200)
        campaign.judge(outcome, outbox)
        outcome.measured |= {
            "owed_at_the_end": {sink: len(owed[sink]) for sink in SINKS},
            "sent_bytes": link.sent_bytes(),
        }
    return outcome


def _has_opened(campaign: Campaign, tower: Tower, number: int) -> bool:
    """Say whether there were so many events: each takes some 70 kB for each sink, over a minute of such a link."""
    campaign.note(tower)
    return len({event.id for event in campaign.committed.values()}) >= number


def _namespace() -> subprocess.Popen[bytes]:
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo made && exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    if holder.stdout.readline() != b"made\n":
        holder.kill()
        holder.communicate()
        raise TowerError("no network namespace can be made")
    return holder


def _inside(holder: subprocess.Popen[bytes]) -> list[str]:
    return ["nsenter", f"--net=/proc/{holder.pid}/ns/net", "--"]


def shape(prefix: list[str]) -> str:
    """Return what the kernel says of the rates there."""
    return _do(prefix, "tc", "qdisc", "show")


def loss(prefix: list[str]) -> str:
    """Return what the kernel says of the losses there."""
    return _do(prefix, "iptables", "-S", "INPUT")


def _do(prefix: list[str], *words: str) -> str:
    return subprocess.run([*prefix, *words], check=True, capture_output=True, text=True).stdout


ATTACKS = (
    Attack(
        "links",
        "2 kB/s, 5% lost",
        "2 kB/s each way, every twentieth packet lost, and a cable that is pulled now and then",
        (0, 500),
        attack,
    ),
)
