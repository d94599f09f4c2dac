"""Outages of days on a simulated clock: outbox, post and courier as the daemon has them, over a scripted transport."""

from __future__ import annotations

import hashlib

import msgspec

from benchmarks.delivery.judge import judge, key_of, look, record, recovery_s
from benchmarks.delivery.scripted import HEARTBEAT_S, Clock, Inline, Pen, Script, State, nothing_to_say
from benchmarks.torture.attack import Attack, Ground, Outcome
from edge.alert.event import Event, Stamp
from edge.alert.evidence import Picture
from edge.alert.place import Place
from edge.alert.post import Post
from edge.alert.route import Note, Route, Rules
from edge.clock import utc_text
from edge.uplink.budget import Budget
from edge.uplink.courier import Courier
from edge.uplink.transport import Channel
from edge.uplink.way import Way

_NS = 1_000_000_000
_STEP_S = 30.0
_HOUR_S, _DAY_S = 3600.0, 86_400.0
_QUEUE_BYTES, _DAY_BYTES = 1 << 20, 1_500_000
_SINKS = ("broker", "hook")
_CHANNELS: dict[str, frozenset[Channel]] = {
    "broker": frozenset({"event", "image", "smoke", "health", "answer"}),
    "hook": frozenset({"event", "image"}),
}
_EVENTS_A_DAY, _KILLS_A_DAY, _STORMS_A_DAY = 16, 3, 0.3
_OUTAGE_S = {"up": (0.2 * _HOUR_S, 12 * _HOUR_S), "down": (0.1 * _HOUR_S, 60 * _HOUR_S)}


class Days:
    """A tower over days, and what chance does to it."""

    def __init__(self, ground: Ground) -> None:
        self.clock = Clock()
        self.committed: dict[str, Event] = {}
        self.open: dict[str, Event] = {}
        self.faults: list[tuple[str, set[str], float]] = []
        self.events = self.kills = 0
        self.links = {name: Script(self.clock) for name in _SINKS}
        self.random = ground.random
        self._store = ground.folder / "events.sqlite"
        self._next_s = {name: self.random.uniform(*_OUTAGE_S["up"]) for name in _SINKS}
        self._begin()

    def _begin(self) -> None:
        rules = Rules(tuple(map(Route, _SINKS)), boot=self.clock.boot, queue_bytes=_QUEUE_BYTES)
        self.post = Post(rules, self.clock, Inline())
        self.place = Place(lambda: self._store, post=self.post)
        for closed in self.place.open(()):
            self.committed[key_of(closed)] = closed
        self.open.clear()
        ways = [
            Way(name, link, _CHANNELS[name], Budget(_DAY_BYTES, self.clock.now_ns))
            for name, link in self.links.items()
        ]
        first = self.clock.now_ns // _NS
        self.courier = Courier(
            self.post, ways, Pen(self.clock), obey=nothing_to_say, heartbeat_s=HEARTBEAT_S, first=first,
            now_ns=self.clock.now_ns,
        )  # fmt: skip

    def kill(self) -> None:
        """End this life without a word, and begin the next one; perhaps in another boot."""
        self.kills += 1
        self.place.close()
        for link in self.links.values():
            link.restart()
        if self.random.random() < 0.3:
            self.clock.reboot()
        self._begin()

    def step(self, *, quiet: bool = False) -> None:
        """Let some time pass."""
        self.clock.move(_STEP_S)
        if not quiet:
            self._chance()
        for _ in range(50):
            if not self.courier.step(self.clock.now_ns):
                break

    def waits(self) -> bool:
        """Whether anything waits."""
        queue = self.post.queue()
        return queue is None or bool(queue.unsent or queue.unheard)

    def _chance(self) -> None:
        share = _STEP_S / _DAY_S
        if self.random.random() < _EVENTS_A_DAY * share:
            self._open()
        if self.random.random() < _STORMS_A_DAY * share:
            for _ in range(30):
                self._open(camera="stormy")
        for event in list(self.open.values()):
            if self.random.random() < _STEP_S / 900:
                self._go_on(event)
        if self.random.random() < 4 * share:
            self.post.note(
                Note(subject="camera", state="stale", text="said", at=self._stamp(), camera="north")
            )
        if self.random.random() < _KILLS_A_DAY * share:
            self.kill()
        for name, link in self.links.items():
            self._turn(name, link)

    def _turn(self, name: str, link: Script) -> None:
        """Let a link go or come back where it is time."""
        if self.clock.total_s() < self._next_s[name]:
            return
        if link.state == "up":
            troubles: list[State] = ["down", "down", "failing", "swallowing"]
            link.state = self.random.choice([*troubles, "unheard"] if name == "broker" else troubles)
            lasts = self.random.uniform(*_OUTAGE_S["down"])
        else:
            got = {one.key for one in link.taken}
            self.faults.append((name, set(self.committed) - got, self.clock.total_s()))
            link.state, lasts = "up", self.random.uniform(*_OUTAGE_S["up"])
        self._next_s[name] = self.clock.total_s() + lasts

    def _open(self, camera: str | None = None) -> None:
        self.events += 1
        stamp = self._stamp()
        x = self.random.randrange(400) if camera is None else 100
        event = Event(
            id=f"{self.events:024x}", revision=1, phase="opened", camera=camera or self.random.choice("abc"),
            label="smoke", bundle="m@1#0", opened=stamp, updated=stamp, closed=None, peak=0.5,
            box_px=(x, 10, x + 20, 30), opening_box_px=(x, 10, x + 20, 30), sightings=1,
            severity="alert" if camera else self.random.choice(("alert", "candidate")), frame_px=(480, 640),
        )  # fmt: skip
        self._commit(event)

    def _go_on(self, event: Event) -> None:
        stamp, closes = self._stamp(), self.random.random() < 0.25
        self._commit(
            msgspec.structs.replace(
                event,
                revision=event.revision + 1,
                phase="closed" if closes else "updated",
                updated=stamp,
                closed=stamp if closes else None,
            )
        )

    def _commit(self, event: Event) -> None:
        images = [self._picture("thumbnail", 5000), self._picture("crop", 15_000)]
        assert self.place.commit(event, None, images if event.phase != "closed" else ())
        self.committed[key_of(event)] = event
        self.open[event.id] = event
        if event.phase == "closed":
            del self.open[event.id]

    def _picture(self, role: str, size: int) -> Picture:
        jpeg = b"\xff\xd8\xff" + self.random.randbytes(size)
        digest = hashlib.sha256(jpeg).hexdigest()
        return Picture(role=role, jpeg=jpeg, sha256=digest, size_px=(10, 10), captured=self._stamp())

    def _stamp(self) -> Stamp:
        now_ns = self.clock.mono_ns()
        return Stamp(
            model_s=now_ns / _NS, mono_ns=now_ns, utc=utc_text(self.clock.wall_ns()), boot_id=self.clock.boot
        )


def attack(ground: Ground) -> Outcome:
    """Live through days of outages; then with good links until nothing waits."""
    days = Days(ground)
    whole = ground.either(2, 10)
    while days.clock.total_s() < whole * _DAY_S:
        days.step()
    for link in days.links.values():
        link.state = "up"
    ended_s = days.clock.total_s()
    while days.waits() and days.clock.total_s() < ended_s + 30 * _DAY_S:
        days.step(quiet=True)
    days.place.close()
    outbox = look(ground.folder / "events.sqlite", ground.folder / "copy")
    tried = len(days.faults) + days.kills
    outcome = Outcome(tried=tried, survived=tried)
    verdicts = {sink: judge(sink, days.committed, days.links[sink].taken, outbox) for sink in _SINKS}
    record(outcome, verdicts)
    took = [recovery_s(keys, days.links[sink].taken, end_s) for sink, keys, end_s in days.faults]
    outcome.measured |= {
        "days": whole,
        "kills": days.kills,
        "boots": days.clock.boots,
        "simulated_recovery_s": [one for one in took if one is not None],
    }
    return outcome


ATTACKS = (
    Attack(
        "days",
        "outages of days",
        "simulated days with links that are away for up to 60 hours, nobody who listens, kills, boots and storms, "
        "within 1 MiB of queue and 1.5 MB a day",
        (30, 120),
        attack,
    ),
)
