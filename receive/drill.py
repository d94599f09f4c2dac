"""`firetower drill`: sends a marked test event through the whole chain of a tower, and tells when each step came."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge.alert.drill import id_of
from edge.alert.evidence import CROP, THUMBNAIL
from edge.clock import Clock, SystemClock
from edge.errors import SettingsError
from edge.text import plain
from edge.uplink import topic
from edge.uplink.command import Order, read_operator, sign
from edge.uplink.gate import HEARTBEATS, Answer
from edge.uplink.payload import EventDocument
from receive import listener
from receive.broker import Broker, add_arguments, broker_of
from receive.errors import MessageError
from receive.inbox import TOWER
from receive.message import answer_of, beat_of, event_of, image_of
from receive.order import Sending, check, heartbeat, order_of
from receive.session import Delivered, Session

_HELP = """\
Send a marked test event through the whole chain of a tower, and tell when each step came. It goes the way of an alert:
through the tower's disk to every sink that gets alerts at once. DRILL is the first word of every text and is burnt into
every picture. It counts nowhere, and a real event goes first and ends it.

  firetower drill tower-7 --as anna.key --broker mqtts://broker.example

Whoever watches at this broker gets it like an alert. Exit 0 when every step came, 1 when one did not; the last line of
stdout is JSON.
"""
STEPS = ("sent", "taken", "committed", "opened", THUMBNAIL, CROP, "closed")
_PICTURE = (
    "no picture came. Look at `uplink.day_bytes`, at the largest packet that the broker takes, at whether it lets the "
    "tower write firetower/{tower}/camera/+/image, and at the tower's log"
)
_LOOK_AT = {
    "taken": "the tower did not answer. A sink of it must have this broker, and the broker must let it read "
    "firetower/{tower}/command and write firetower/{tower}/answer/#",
    "committed": "it is not on the tower's disk. Look at its /health, and at `store.path`",
    "opened": "no event came. Look at the tower's /health and log, at `queue` and `sinks` of its heartbeat, at "
    "`uplink.day_bytes`, at severities and origins of the sink that has this broker, and at whether the broker lets "
    "the tower write firetower/{tower}/event",
    THUMBNAIL: _PICTURE,
    CROP: _PICTURE,
    "closed": "it goes on: it is closed when every sink has it, or after 10 minutes. Another sink is slow or away",
}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a drill; the last line of stdout.

    Attributes:
        schema: of this record.
        tower: its id.
        drill: id of the event.
        good: whether every step came.
        steps: seconds from the signing by our clock, at `sent` until the broker had it; `committed`: from the
            tower's beginning by its own clock. None: it did not come.
        why: what the tower said; empty where it did not answer.
        text: of the opening, the line for people; empty where it did not come.
        watches: that listen at this broker.
    """

    schema: str = "firetower.drill/1"
    tower: str
    drill: str
    good: bool
    steps: dict[str, float | None]
    why: str
    text: str
    watches: list[str]


@dataclass(slots=True)
class Drill:
    """A drill as it is seen from here.

    Args:
        order: that was sent.
        answers: topic of the answer.
        say: told each step.
    """

    order: Order
    answers: str
    say: Callable[[str], None]
    why: str = ""
    text: str = ""
    refused: bool = False
    steps: dict[str, float] = field(default_factory=dict)
    watches: set[str] = field(default_factory=set)
    trouble: str = ""

    @property
    def id(self) -> str:
        """The event's."""
        return id_of(self.order.id)

    @property
    def over(self) -> bool:
        """Whether nothing more is to come."""
        return self.refused or STEPS[-1] in self.steps

    def take(self, delivered: Delivered, at_s: float) -> None:
        """Note what came, and when.

        Raises:
            MessageError: it is not what it says.
        """
        tower = self.order.tower
        if delivered.topic == self.answers:
            if delivered.correlation == self.order.id.encode():
                self._answer(answer_of(tower, delivered), at_s)
            return
        match delivered.topic.split("/"):
            case [topic.ROOT, _, "event"]:
                self._event(delivered, at_s)
            case [topic.ROOT, _, "camera", camera, "image"] if delivered.body and not delivered.retained:
                key = f"{self.id}.1."
                picture = image_of(camera, delivered)
                if picture.key.startswith(key):
                    self.step(picture.key.removeprefix(key), at_s, f"{len(picture.body) / 1000:.1f} kB")
            case [listener.ROOT, name, "available"]:
                (self.watches.add if delivered.body == topic.ONLINE else self.watches.discard)(name)
            case [topic.ROOT, _, "health"] if delivered.body:
                beat_of(tower, delivered)
                self.trouble = msgspec.json.decode(delivered.body, type=_Trouble).told

    def report(self) -> Report:
        """Return what became of it."""
        return Report(
            tower=self.order.tower,
            drill=self.id,
            good=all(step in self.steps for step in STEPS),
            steps={step: self.steps.get(step) for step in STEPS},
            why=self.why,
            text=self.text,
            watches=sorted(self.watches),
        )

    def explain(self) -> None:
        """Say which steps did not come, and what to look at for the first of them."""
        if self.refused:
            self.say(f"{self.order.tower} does not drill: {self.why}")
            return
        missing = [step for step in STEPS if step not in self.steps]
        if missing:
            first = next(step for step in missing if step != "committed" or "opened" in self.steps)
            over = "it was closed before that. An event of a live camera goes first and ends a drill"
            why = over if "closed" in self.steps else _LOOK_AT[first].format(tower=self.order.tower)
            self.say(f"did not come: {', '.join(missing)}")
            self.say(f"{first}: {why}")
            if self.trouble:
                self.say(f"the newest heartbeat of {self.order.tower} says: {self.trouble}")
        if self.watches:
            self.say(f"listening here: {', '.join(sorted(self.watches))}")
        else:
            self.say("no `firetower watch` says that it listens here: nobody may get a real one")

    def _answer(self, answer: Answer, at_s: float) -> None:
        self.why = answer.why
        if answer.word == "done":
            self.step("taken", at_s, answer.why)
        else:
            self.refused = True

    def _event(self, delivered: Delivered, at_s: float) -> None:
        message = event_of(self.order.tower, delivered)
        if not message.key.startswith(f"{self.id}."):
            self.say(
                f"also came: {message.text}"
            )  # who drills hears it, so the tower may count it as delivered
            return
        document = msgspec.json.decode(delivered.body, type=EventDocument)
        if document.type == "opened":
            self.text = message.text
            if document.committed_s is not None:
                self.step("committed", document.committed_s, "after it was begun, by the tower's own clock")
        if document.type in STEPS:
            self.step(document.type, at_s, message.text)

    def step(self, step: str, at_s: float, more: str) -> None:
        """Note a step once."""
        if step in STEPS and step not in self.steps:
            self.steps[step] = round(at_s, 3)
            self.say(f"{at_s:7.2f} s  {step:<9}  {more}")


class _Sink(msgspec.Struct):
    up: bool = True
    why: str = ""


class _Trouble(msgspec.Struct):
    """What a heartbeat says of what keeps messages."""

    reasons: list[str] = []
    sinks: dict[str, _Sink] = {}

    @property
    def told(self) -> str:
        away = [f"sink {name}: {sink.why}" for name, sink in self.sinks.items() if not sink.up]
        return "; ".join([*self.reasons, *away])


def command(argv: list[str]) -> int:
    """Run `firetower drill`; return 0 when every step came, 1 when one did not, 2 for wrong usage.

    Raises:
        SettingsError: an option is wrong.
        BrokerError: the broker cannot be reached, or the tower is not heard.
    """
    try:
        options = _parser().parse_args(argv)
    except SystemExit as end:  # argparse has said what was wrong
        return int(end.code or 0)
    report = run(broker_of(options), _sending(options), SystemClock(), _say)
    print(msgspec.json.encode(report).decode(), flush=True)
    return 0 if report.good else 1


def run(broker: Broker, sending: Sending, clock: Clock, say: Callable[[str], None]) -> Report:
    """Drill a tower; return when each step came.

    Raises:
        BrokerError: no link, the tower is not heard, or we may not command it.
    """
    name = secrets.token_hex(8)
    answers, root = topic.answer(sending.tower, name), f"{topic.ROOT}/{sending.tower}"
    session = Session(broker, f"drill.{name}", clock)
    try:
        session.subscribe([answers, f"{root}/health"])
        beat = heartbeat(session, sending.tower, clock)
        session.subscribe([f"{root}/event", f"{root}/camera/+/image", f"{listener.ROOT}/+/available"])
        order = order_of(sending, beat)
        drill = Drill(order, answers, say)
        begun_ns = clock.mono_ns()
        session.hand_over(
            topic.command(sending.tower),
            sign(order, sending.operator),
            expires_s=HEARTBEATS * beat.due_s,
            answer=(answers, order.id.encode()),
        )
        taken_s = (clock.mono_ns() - begun_ns) / 1e9
        drill.step("sent", taken_s, f"to {sending.tower}, in answer to its heartbeat {beat.sequence}")
        while not drill.over and clock.mono_ns() - begun_ns < sending.wait_s * 1e9:
            for delivered in session.turn(0.2):
                session.acknowledge(delivered)
                try:
                    drill.take(delivered, (clock.mono_ns() - begun_ns) / 1e9)
                except (MessageError, msgspec.DecodeError) as error:
                    say(f"{delivered.topic}: {error}")
    finally:
        session.close()
    drill.explain()
    return drill.report()


def _sending(options: argparse.Namespace) -> Sending:
    if not TOWER.match(options.tower):
        raise SettingsError(f"no tower has the id {options.tower!r}")
    if not 1 <= options.wait_s <= 3600:
        raise SettingsError(f"--wait-s: expected 1 to 3600, got {options.wait_s:g}")
    operator = read_operator(options.operator, "--as")
    arguments = {} if options.camera is None else {"camera": options.camera}
    sending = Sending(options.tower, "drill", arguments, operator, None, options.wait_s)
    check(sending)
    return sending


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firetower drill", description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tower", metavar="TOWER", help="id of the tower")
    parser.add_argument("--camera", metavar="NAME", help="of the tower (default: the first with a sink)")
    parser.add_argument(
        "--as", dest="operator", type=Path, metavar="FILE", required=True,
        help="your key file (`firetower command --make-key`)",
    )  # fmt: skip
    parser.add_argument(
        "--wait-s", type=float, default=180.0, metavar="S", help="for all steps together (default: 180)"
    )
    add_arguments(parser)
    return parser


def _say(text: str) -> None:
    print(plain(text), file=sys.stderr, flush=True)
