"""The courier: takes what waits to the sinks' transports, one parcel at a time each, and settles what comes of it.

One thread, driven by `step`; the clock may be simulated. What must not be lost is in the outbox. Heartbeats and states
are made when they are sent, so that only the newest ever goes.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import msgspec

from edge.alert import fact
from edge.alert.post import Post
from edge.alert.route import Line, Message
from edge.clock import Clock
from edge.text import plain
from edge.uplink.budget import Balance, is_alert_text
from edge.uplink.transport import Command, Outcome, Parcel
from edge.uplink.way import BEAT, Way

_log = logging.getLogger(__name__)

TICK_S = 1.0
SAVE_S = 600.0  # between two notes of what is left of the budgets
UNFIT_S = 600.0  # before another try with a message of which no parcel can be made
BEAT_S = 60.0  # for so long the loop may be silent: a disk and each transport may take their time
LOG_S = 600.0  # between two lines about the same trouble
_AT_ONCE = 1000  # steps without a pause


@dataclass(frozen=True, slots=True)
class _Stumble:
    """A part of the work that failed: why, empty once it goes on; when it failed last, and when that was logged."""

    why: str
    at_ns: int
    logged_ns: int


class Writer(Protocol):
    """Makes the parcels, as they are at that moment."""

    def message(self, message: Message) -> Parcel:
        """Return a message as it goes now; its key is the message's."""
        ...

    def heartbeat(self, sequence: int, next_s: float) -> Parcel:
        """Return the health of the tower.

        Args:
            sequence: of this heartbeat.
            next_s: until the next one.
        """
        ...

    def states(self, sink: str) -> Sequence[Parcel]:
        """Return what a sink is told of each camera; sent when it changes, and with each heartbeat."""
        ...


Obey = Callable[[str, Command], Sequence[Parcel]]


class Courier:
    """Carries for one tower.

    Args:
        post: what waits.
        ways: one for each sink.
        writer: makes the parcels.
        obey: does a command that came from a sink; returns the answer, and what was asked for.
        heartbeat_s: between two heartbeats.
        first: sequence of the first heartbeat; of a boot, none comes twice.
        now_ns: monotonic time.
    """

    def __init__(
        self,
        post: Post,
        ways: Sequence[Way],
        writer: Writer,
        *,
        obey: Obey,
        heartbeat_s: float,
        first: int,
        now_ns: int,
    ) -> None:
        self._post = post
        self._ways = ways
        self._writer = writer
        self._obey = obey
        self._heartbeat_ns = round(heartbeat_s * 1e9)
        self._started_ns = now_ns
        self._first = first
        self._beats = 0
        self._states: dict[str, Sequence[Parcel]] = {}
        self._nudge = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._nudge)  # when nobody is left to nudge: who does is late
        self._ticked_ns: int | None = None
        self._saved_ns: int | None = None
        self._stumbles: dict[str, _Stumble] = {}

    @property
    def trouble(self) -> str | None:
        """Why a part of it does not go on, for an error that nobody foresaw; None where all do; from any thread."""
        return next((f"{what}: {one.why}" for what, one in dict(self._stumbles).items() if one.why), None)

    @property
    def heard(self) -> bool:
        """Whether the newest heartbeat has arrived wherever there is a way; from any thread."""
        return all(way.gone or way.beat == self.sequence for way in self._ways)

    @property
    def sequence(self) -> int:
        """Of the newest heartbeat that is due, sent or not."""
        return self._first + self._beats

    def step(self, now_ns: int) -> bool:
        """Do what can be done now; return whether anything was, so that more may be at once.

        Args:
            now_ns: monotonic time, real or simulated.
        """
        self._beats = (now_ns - self._started_ns) // self._heartbeat_ns
        if self._ticked_ns is None or now_ns - self._ticked_ns >= TICK_S * 1e9:
            self._ticked_ns = now_ns
            self._try("the outbox", lambda: self._tick(now_ns), now_ns)
        served = [
            self._try(f"sink '{way.sink}'", partial(self._serve, way, now_ns), now_ns)
            for way in self._ways
            if not way.gone
        ]
        return any(served)

    def run(self, clock: Clock, stopping: threading.Event, beat: Callable[[float], None]) -> None:
        """Carry until `stopping` is set and `nudge` was called.

        Args:
            clock: the machine's.
            stopping: ends it.
            beat: told that the loop turns, and for how many seconds it may now be silent.
        """
        while not stopping.is_set():
            if self._try("the courier", lambda: self._turn(clock, beat), clock.mono_ns()) is None:
                clock.wait(stopping, TICK_S)

    def _turn(self, clock: Clock, beat: Callable[[float], None]) -> bool:
        """Do what can be done, and wait until there is more."""
        beat(BEAT_S)
        for _ in range(_AT_ONCE):
            if not self.step(clock.mono_ns()):
                break
        wait_s = max(0.0, (self.wake_ns(clock.mono_ns()) - clock.mono_ns()) / 1e9)
        select.select([self._nudge, *self.filenos()], [], [], wait_s)
        with suppress(BlockingIOError):
            os.eventfd_read(self._nudge)
        return True

    def nudge(self) -> None:
        """Say that something new waits; from any thread."""
        with suppress(OSError):
            os.eventfd_write(self._nudge, 1)

    def wake_ns(self, now_ns: int) -> int:
        """Return when `step` wants to be called next, if nothing comes in before."""
        soonest = [way.transport.wake_ns(now_ns) for way in self._ways if not way.gone]
        return min([now_ns + round(TICK_S * 1e9), *soonest])

    def filenos(self) -> list[int]:
        """Return what to wait on until then."""
        found = (way.transport.fileno() for way in self._ways if not way.gone)
        return [number for number in found if number is not None]

    def close(self) -> None:
        """Let go of all links; what was in hand is sent again by the next process."""
        self._save_budgets()
        for way in self._ways:
            if not way.gone:
                way.transport.close()

    def _try(self, what: str, call: Callable[[], bool], now_ns: int) -> bool | None:
        """Do a part of the work; None where it fails, whatever the error is, and while it pauses after that.

        The others go on. It is logged once in LOG_S.
        """
        before = self._stumbles.get(what)
        if before is not None and 0 <= now_ns - before.at_ns < TICK_S * 1e9:
            return None
        try:
            done = call()
        except Exception as error:  # noqa: BLE001 — logged within limits; the other parts go on
            logged_ns = None if before is None else before.logged_ns
            if logged_ns is None or not 0 <= now_ns - logged_ns < LOG_S * 1e9:
                logged_ns = now_ns
                _log.exception("%s: an error that nobody foresaw; it is tried again", what)
            self._stumbles[what] = _Stumble(plain(repr(error)), now_ns, logged_ns)
            return None
        if before is not None and before.why:
            self._stumbles[what] = replace(before, why="", at_ns=now_ns - round(TICK_S * 1e9))
        return done

    def _tick(self, now_ns: int) -> bool:
        for line in self._post.tick():
            _log.warning("%s", line)
        self._states = {way.sink: self._writer.states(way.sink) for way in self._ways}
        if self._saved_ns is None:
            self._resume_budgets(now_ns)
        elif now_ns - self._saved_ns >= SAVE_S * 1e9:
            self._save_budgets()
            self._saved_ns = now_ns
        return True

    def _serve(self, way: Way, now_ns: int) -> bool:
        """Do what can be done on one way; return whether anything was."""
        came = way.transport.step(now_ns)
        way.meter(now_ns)
        for one in came:  # each on its own: what a transport says it says once
            try:
                self._heed(way, one, now_ns)
            except Exception:  # noqa: BLE001 — logged; the rest of what came is noted
                _log.exception("sink '%s': what came of it is not noted", way.sink)
                if isinstance(one, Outcome):
                    way.postpone(one.key, UNFIT_S, now_ns)
        if way.gone or not way.is_free(now_ns):
            return bool(came)
        return self._send_next(way, now_ns) or bool(came)

    def _heed(self, way: Way, one: Command | Outcome, now_ns: int) -> None:
        if isinstance(one, Command):
            way.answer(answer for answer in self._obey(way.sink, one) if answer.channel in way.channels)
        else:
            self._settle(way, one, now_ns)

    def _settle(self, way: Way, outcome: Outcome, now_ns: int) -> None:
        settled = way.settle(outcome, now_ns)
        if settled is None:
            return
        parcel, message = settled
        refused = outcome.word == "refused" and way.is_state(parcel)
        if refused or (outcome.word == "failed" and outcome.alone):
            if way.refuse(parcel, outcome, now_ns):
                _log.warning("sink '%s': %s is not taken: %s", way.sink, parcel.key, outcome.why)
        elif outcome.word in ("refused", "shed", "gone"):
            _log.warning("sink '%s': %s is %s: %s", way.sink, parcel.key, outcome.word, outcome.why)
        if outcome.word == "gone":
            way.gone = True
            way.transport.close()
            self._post.leave(way.sink, outcome.why)
        elif message is None:
            self._settle_state(way, parcel, outcome)
        elif outcome.word != "failed":
            self._post.settle(message, outcome.word, outcome.why)
            if outcome.word == "unheard":
                way.unheard.add(message.key)
            elif outcome.word == "delivered" and parcel.channel == "event":
                way.repeat()  # somebody listens now: the others go again at once

    def _settle_state(self, way: Way, parcel: Parcel, outcome: Outcome) -> None:
        if outcome.word == "failed":
            if outcome.alone and parcel.channel == "health":
                way.repeat()  # it would have been the time for that
        elif parcel in way.answers:
            way.answers.remove(parcel)
        elif parcel.channel == "health":
            way.beat = way.beating
            way.repeat()
            way.forget_expiring()
        else:
            way.states[parcel.key] = parcel

    def _send_next(self, way: Way, now_ns: int) -> bool:
        """Hand over what comes first: alerts, answers, the heartbeat and states, then the rest."""
        message = self._take(way, is_alert_text, now_ns)
        if message is None:
            state = self._next_state(way, now_ns)
            if state is not None:
                return way.send(state, None, now_ns)
            message = self._take(way, way.budget.admits, now_ns)
        if message is None:
            way.repeating = False
            return False
        try:
            parcel = self._writer.message(message)
        except Exception:  # noqa: BLE001 — logged; the others go on
            _log.exception("message %s: no parcel can be made of it", message.key)
            way.postpone(message.key, UNFIT_S, now_ns)
            return True
        largest = way.transport.link().largest_bytes
        if largest is not None and len(parcel.body) > largest:
            why = f"{len(parcel.body)} bytes are more than the {largest} that the sink takes"
            self._post.settle(message, "refused", why)
            _log.warning("sink '%s': message %s: %s", way.sink, message.key, why)
            return True
        return way.send(parcel, message, now_ns)

    def _take(self, way: Way, admit: Callable[[Line], bool], now_ns: int) -> Message | None:
        skip = way.late(now_ns) | way.unheard
        return self._post.take(
            way.sink, lambda line: way.lets(line, now_ns) and admit(line), skip, unheard=way.repeating
        )

    def _next_state(self, way: Way, now_ns: int) -> Parcel | None:
        """Return an answer, the heartbeat where it is due, or a state that changed."""
        for answer in way.answers:
            if not way.waits(answer.key, now_ns):
                return answer
        if way.beat != self.sequence:
            way.beating = self.sequence
            if "health" not in way.channels:
                way.beat = way.beating
                way.repeat()
            elif not way.waits(BEAT, now_ns):
                next_ns = self._started_ns + (self._beats + 1) * self._heartbeat_ns
                return self._writer.heartbeat(self.sequence, (next_ns - now_ns) / 1e9)
        for state in self._states.get(way.sink, ()):
            known = way.states.get(state.key)
            changed = known is None or known.body != state.body
            if changed and state.channel in way.channels and not way.waits(state.key, now_ns):
                return state
        return None

    def _resume_budgets(self, now_ns: int) -> None:
        """Go on from what an earlier process left of the budgets, once the store is open."""
        for way in self._ways:
            name = f"balance {way.sink}"
            kept = self._post.recall(name)
            if kept is None:
                return
            left = fact.read(name, kept, Balance)
            if left is not None:
                way.budget.resume(left, self._post.rules.boot, now_ns)
        self._saved_ns = now_ns

    def _save_budgets(self) -> None:
        for way in self._ways:
            if way.budget.left_bytes is not None:
                balance = msgspec.json.encode(way.budget.balance(self._post.rules.boot)).decode()
                self._post.remember(f"balance {way.sink}", balance)
