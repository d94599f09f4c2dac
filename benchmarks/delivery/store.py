"""What happens to the tower's own database: no room, damage; and a wall clock that jumps."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.delivery.campaign import SINKS, Campaign
from benchmarks.delivery.judge import look
from benchmarks.delivery.station import Station
from benchmarks.delivery.wire import Wire
from benchmarks.torture.attack import Attack, Ground, Outcome
from benchmarks.torture.clock import ShiftedClock
from benchmarks.torture.disk import Disk, as_root
from benchmarks.tower import Tower

_DISK_BYTES = 24 << 20  # the log alone may have 8 MiB
_VERSION_AT, _BIT = 18, 7  # in SQLite's header: "file format write version"; negative then
_YEAR_S = 365.25 * 86_400
_JUMPS_S = (_YEAR_S, -_YEAR_S, -1e18, 30 * _YEAR_S, -3600.0, 3600.0, 0.0)
_JUMP_S = 0.5


def full(ground: Ground) -> Outcome:
    """Fill the disk while events are committed and sent; they go out all the same, and then they are on disk."""
    outcome = Outcome()
    place = ground.folder / "disk"
    place.mkdir()
    with Disk(place, _DISK_BYTES) as disk, Station(ground.folder / "station") as station:
        campaign = Campaign(
            ground,
            station,
            store=place / "events.sqlite",
            seen=disk.folder / "events.sqlite",
            prefix=disk.prefix,
        )
        with campaign.live() as tower:
            tower.begin().until(lambda: all(map(campaign.got, SINKS)), "a first message arrives")
            for _ in range(ground.either(1, 3)):
                outcome.tried += 1
                before = _unstored(tower)
                disk.fill()
                tower.until(partial(_refuses, tower, before), "events are announced as not stored")
                disk.free()
                campaign.note(tower)
                campaign.recover(tower, campaign.end_fault())
                outcome.survived += 1
            tower.until(lambda: tower.trouble() is None, "it stores again")
            tower.end()
            campaign.enter(tower)
            if "Traceback" in tower.log:
                outcome.why.append("a traceback in the log")
        # what was kept in memory alone is in no count of the file
        campaign.judge(outcome, campaign.drain(), counted=False)
    if not campaign.unstored:
        outcome.why.append("nothing was announced as not stored: the disk was not full")
    return outcome


def clocks(ground: Ground) -> Outcome:
    """Let the wall clock jump while events are committed and sent; each keeps the times with which it was committed."""
    if shutil.which("gcc") is None:
        return Outcome(left_out="it compiles a library that shifts the clock: apt-get install gcc libc6-dev")
    outcome = Outcome()
    clock = ShiftedClock(ground.folder)
    with Station(ground.folder / "station") as station:
        campaign = Campaign(ground, station, environment=clock.environment)
        with campaign.live() as tower:
            tower.begin()
            for _ in range(ground.either(10, 60)):
                clock.shift(ground.random.choice(_JUMPS_S) + ground.random.uniform(-600, 600))
                outcome.tried += 1
                time.sleep(_JUMP_S)
                outcome.survived += tower.process.poll() is None
            clock.shift(0.0)
            campaign.note(tower)
            campaign.recover(tower, campaign.end_fault())
            tower.end()
            campaign.enter(tower)
        outbox = campaign.drain()
        campaign.judge(outcome, outbox)
    years = {(event.updated.utc or "?")[:4] for event in campaign.committed.values()}
    outcome.measured["years"] = sorted(years)
    if len(years) < 2:
        outcome.why.append(f"the clock did not jump: all revisions are of {sorted(years)}")
    return outcome


def damaged(ground: Ground) -> Outcome:
    """Damage the database of a killed daemon to which no sink could be reached; what is missing is what it held."""
    outcome = Outcome(tried=1)
    with Station(ground.folder / "station") as station, closing(Wire(station.broker_port)) as wire:
        campaign = Campaign(ground, station, broker_port=wire.port)
        with campaign.live() as tower:
            tower.begin().until(lambda: all(map(campaign.got, SINKS)), "a first message arrives")
            wire.fail("shut")
            station.mood("refuse")
            had = len(campaign.note(tower))
            tower.until(lambda: len(campaign.note(tower)) > had + 4, "events are committed during the outage")
            tower.kill()
            before = campaign.enter(tower)
        _fold(campaign.store)
        _flip(campaign.store)
        wire.fail("none")
        station.mood("well")
        with campaign.live() as tower:
            tower.begin().until(lambda: len(campaign.note(tower)) > 2, "events are committed to a new store")
            campaign.recover(tower, {sink: set(campaign.note(tower)) for sink in SINKS})
            tower.end()
            campaign.enter(tower)
            if "is damaged" not in tower.log:
                outcome.why.append("the log does not tell of the damage")
        outcome.survived += 1
        aside = sorted(ground.folder.glob(f"{campaign.store.name}.corrupt-*"))
        if len(aside) != 1:
            outcome.why.append(f"{len(aside)} files were kept aside; expected one")
            return outcome
        _flip(aside[0])
        kept = look(aside[0], ground.folder / "aside")
        if kept.waiting != before.waiting:
            outcome.why.append("what was kept aside does not hold what waited")
        outbox = campaign.drain()
        for sink in SINKS:
            # the tower's list of what it gave up before the damage, and what it then still owed
            outbox.lost.setdefault(sink, {}).update(kept.lost.get(sink, {}))
            gone = kept.waiting.get(sink, set()) - campaign.got(sink)
            gaps = set(campaign.committed) - campaign.got(sink) - set(outbox.lost[sink])
            if gaps - gone:
                outcome.why.append(
                    f"{sink}: {sorted(gaps - gone)[:5]} are missing, and were not in what was damaged"
                )
            outcome.measured[f"{sink}_held_by_the_damaged"] = len(gone)
            campaign.excused |= gone
        campaign.judge(outcome, outbox, counted=False)
    if not campaign.excused:
        outcome.why.append("nothing waited in what was damaged: the attack tried nothing")
    return outcome


def _refuses(tower: Tower, before: int) -> bool:
    return _unstored(tower) > before + 2


def _unstored(tower: Tower) -> int:
    return sum(not one.stored for one in tower.announced())


def _fold(store: Path) -> None:
    """Bring what is in the log into the file, so that the damage takes all of it."""
    with closing(sqlite3.connect(store)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[_VERSION_AT] ^= 1 << _BIT
    file.write_bytes(content)


ATTACKS = (
    Attack(
        "stores",
        "disk full",
        "a tmpfs fills up and gets room again while messages are committed and sent",
        (0, 90),
        as_root(full),
    ),
    Attack(
        "stores",
        "database damaged",
        "while no sink can be reached one bit of the database's header is turned; what is missing is what it held",
        (15, 20),
        damaged,
    ),
    Attack(
        "clocks",
        "wall clock jumps",
        "the wall clock jumps by years twice a second, also back; each message keeps the times of its commit",
        (15, 60),
        clocks,
    ),
)
