"""The people behind a simulated tower: what they tell it, signed as `firetower command` does, and what it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from edge.settings import Settings
from edge.uplink.command import Operator, Order, sign
from edge.uplink.gate import Answer
from edge.uplink.heartbeat import HealthDocument
from edge.uplink.registry import kind_with
from edge.uplink.transport import Command
from firmware_sim.tower.clock import NS
from firmware_sim.tower.link import Ear
from firmware_sim.tower.plan import NEWEST, Plan, Say
from firmware_sim.tower.run import Word

AGAIN_S = 10.0  # before another try of what could not be said yet


class People:
    """Who stands at the receivers of one tower.

    Args:
        plan: of the scenario.
        ears: of its sinks, by name.
    """

    def __init__(self, plan: Plan, ears: Mapping[str, Ear]) -> None:
        key = hashlib.sha256(f"simulated operator {plan.seed}".encode()).digest()
        self.operator = Operator("warden", "admin", key)
        self._tower = plan.settings.tower.id or ""
        self._begin_s, self._ears = plan.begin_s, ears
        self._waiting = sorted(plan.said, key=lambda say: say.at_s)
        self._sinks = _sinks(plan.settings)
        self._again_ns = 0
        self._said: list[tuple[float, Say, str]] = []  # when, what, and the id of its order

    @property
    def due_ns(self) -> int | None:
        """When somebody wants to say something, in nanoseconds since 1970 UTC; None: nobody ever will."""
        if not self._waiting:
            return None
        return max(round((self._begin_s + self._waiting[0].at_s) * NS), self._again_ns)

    def say(self, now_ns: int) -> bool:
        """Say what is due; return whether anything was said."""
        said = False
        for say in [say for say in self._waiting if self._begin_s + say.at_s <= now_ns / NS]:
            order = self._order(say, now_ns / NS)
            sink = say.sink or self._sink
            if order is None or sink is None:
                continue
            body = sign(order, self.operator)
            self._ears[sink].commands.append((now_ns, Command(body, ("answer", order.id.encode()))))
            self._said.append((now_ns / NS, say, order.id))
            self._waiting.remove(say)
            said = True
        self._again_ns = now_ns + round(AGAIN_S * NS)
        return said

    def words(self) -> tuple[Word, ...]:
        """Return all that was to be said, and what the tower answered, as far as it did."""
        answers: dict[str | None, str] = {}
        for ear in self._ears.values():
            for arrival in ear.told:
                if arrival.parcel.channel == "answer":
                    answer = msgspec.json.decode(arrival.parcel.body, type=Answer)
                    answers[answer.id] = f"{answer.word}: {answer.why}"
        told = [Word(at_s=at_s, command=_text(say), answer=answers.get(id_)) for at_s, say, id_ in self._said]
        unsaid = [
            Word(at_s=self._begin_s + say.at_s, command=_text(say), answer=None) for say in self._waiting
        ]
        return tuple(sorted((*told, *unsaid), key=lambda word: word.at_s))

    @property
    def _sink(self) -> str | None:
        return self._sinks[0] if self._sinks else None

    def _order(self, say: Say, now_s: float) -> Order | None:
        """Return what is to be signed; None where people cannot say it yet."""
        sink = say.sink or self._sink
        heard = None if sink is None else _newest_beat(self._ears[sink])
        if heard is None or sink is None:
            return None
        arguments = dict(say.arguments)
        if arguments.get("event") == NEWEST:
            event = _newest_event(self._ears[sink])
            if event is None:
                return None
            arguments["event"] = event
        return Order(
            tower=self._tower,
            id=f"simulated-{len(self._said) + 1:04d}",
            command=say.command,
            arguments=arguments,
            boot_id=heard.boot_id,
            sequence=heard.sequence,
            sent_at=datetime.fromtimestamp(now_s, UTC),
            clock_trusted=True,
        )


def _sinks(settings: Settings) -> list[str]:
    """Return the sinks that commands can come through."""
    return [name for name, sink in settings.sinks.items() if "answer" in kind_with(sink).channels]


def _newest_beat(ear: Ear) -> HealthDocument | None:
    for arrival in reversed(ear.told):
        if arrival.parcel.channel == "health":
            return msgspec.json.decode(arrival.parcel.body, type=HealthDocument)
    return None


def _newest_event(ear: Ear) -> str | None:
    for arrival in reversed(ear.got.values()):
        event = arrival.parcel.attributes.get("event")
        if event is not None:
            return event
    return None


def _text(say: Say) -> str:
    given = " ".join(f"{name}={value}" for name, value in say.arguments.items())
    return f"{say.command} {given}".strip()
