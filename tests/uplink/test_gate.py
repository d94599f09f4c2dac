"""What the tower does with a command: the order of the checks, late and repeated ones, answers and counts."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from edge.errors import CommandError, StoreError
from edge.uplink.command import KINDS, Order, new_operator, sign
from edge.uplink.gate import STRANGERS_PER_MINUTE, TAKEN_MAX, Answer, Gate, Moment
from edge.uplink.transport import Command

PEOPLE = {
    "anna": new_operator("anna", "operator"),
    "bo": new_operator("bo", "admin"),
    "cy": new_operator("cy", "observer"),
}
SENT = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
WALL_NS = int(SENT.timestamp()) * 1_000_000_000
WHERE = ("firetower/tower-7/answer/x", b"17")
S = 1_000_000_000


class Tower:
    """A gate, and what was done behind it."""

    def __init__(self, **handlers):
        self.done = []
        self.handlers = dict.fromkeys(KINDS, self.do) | handlers
        self.sequence = 20
        self.age_s = 1.0
        self.now_ns = 0
        self.trusted = None
        self.gate = Gate("tower-7", "boot", 10, PEOPLE, self.handlers)
        self.ids = 0

    def do(self, given):
        self.done.append((given.by.name, given.order.command, given.arguments))
        return "as asked"

    def order(self, **changes):
        self.ids += 1
        plain = {
            "tower": "tower-7", "id": f"id-{self.ids:08}", "command": "confirm", "arguments": {"event": "a"},
            "boot_id": "boot", "sequence": self.sequence, "sent_at": SENT,
        }  # fmt: skip
        return Order(**plain | changes)

    def give(self, by="anna", **changes):
        return self.take(sign(self.order(**changes), PEOPLE[by]))

    def take(self, body, answer_to=WHERE):
        moment = Moment(self.now_ns, WALL_NS + round(self.age_s * 1e9), self.trusted, self.sequence)
        parcel = self.gate.take(Command(body, answer_to), moment)
        if parcel is None:
            return None
        assert parcel.channel == "answer"
        assert parcel.answers == answer_to
        return msgspec.json.decode(parcel.body, type=Answer)


def test_a_command_is_done_and_answered():
    tower = Tower()
    answer = tower.give()
    assert answer == Answer(
        tower="tower-7", id="id-00000001", command="confirm", word="done", reason=None, why="as asked",
        boot_id="boot", sequence=20, answered_at="2026-11-29T10:00:01.000+00:00", clock_trusted=None,
    )  # fmt: skip
    assert [(by, command, given.event) for by, command, given in tower.done] == [("anna", "confirm", "a")]
    assert tower.gate.counts == {"done": 1}


@pytest.mark.parametrize(
    ("reason", "by", "changes"),
    [
        ("elsewhere", "anna", {"tower": "tower-8"}),
        ("expired", "anna", {"boot_id": "an earlier one"}),
        ("expired", "anna", {"sequence": 9}),
        ("expired", "anna", {"sequence": 21}),
        ("expired", "anna", {"sequence": 17}),
        ("unknown", "anna", {"command": "reboot"}),
        ("unauthorised", "cy", {}),
        ("unauthorised", "anna", {"command": "fire_risk", "arguments": {"level": "low"}}),
        ("unfit", "anna", {"arguments": {"event": 1}}),
        ("malformed", "anna", {"sequence": -1}),
    ],
)
def test_a_refusal_says_why_and_is_counted(reason, by, changes):
    tower = Tower()
    answer = tower.give(by, **changes)
    assert (answer.word, answer.reason) == ("refused", reason)
    assert answer.why
    assert tower.done == []
    assert tower.gate.counts == {reason: 1}


def test_a_command_that_ends_in_a_bug_is_answered_and_counted_all_the_same(caplog):
    def bug(_given):
        raise KeyError("a bug")

    tower = Tower(confirm=bug)
    answer = tower.give()
    assert (answer.word, answer.reason) == ("failed", "failed")
    assert "an error of the tower's own: KeyError('a bug')" in answer.why
    assert tower.gate.counts == {"failed": 1}
    assert "Traceback" in caplog.text
    assert tower.give(command="dismiss").word == "done"


def test_who_signed_nothing_learns_nothing_of_the_order():
    tower = Tower()
    body = sign(tower.order(), new_operator("anna", "operator"))
    answer = tower.take(body)
    assert (answer.reason, answer.id, answer.command) == ("unsigned", None, None)
    assert tower.take(b"hello").reason == "malformed"
    assert tower.gate.counts == {"unsigned": 1, "malformed": 1}


def test_strangers_are_answered_a_few_times_a_minute_and_the_known_always():
    tower = Tower()
    answers = [tower.take(b"hello") for _ in range(50)]
    assert sum(answer is not None for answer in answers) == STRANGERS_PER_MINUTE
    assert tower.give().word == "done"
    assert tower.gate.counts == {"malformed": 50, "unanswered": 50 - STRANGERS_PER_MINUTE, "done": 1}
    tower.now_ns = 60 * S
    assert tower.take(b"hello").reason == "malformed"


def test_nothing_is_done_twice():
    tower = Tower()
    body = sign(tower.order(), PEOPLE["anna"])
    assert tower.take(body).word == "done"
    tower.sequence += 1
    again = tower.take(body)
    assert (again.word, again.reason) == ("refused", "repeated")
    assert "done: as asked" in again.why
    other = tower.order(id="id-00000001", command="dismiss", sequence=21)
    assert tower.take(sign(other, PEOPLE["bo"])).reason == "repeated"
    assert len(tower.done) == 1
    assert tower.gate.counts == {"done": 1, "repeated": 2}


def test_a_repeat_is_refused_also_when_its_id_is_forgotten():
    tower = Tower()
    first = sign(tower.order(), PEOPLE["anna"])
    tower.take(first)
    tower.sequence += 1
    for _ in range(TAKEN_MAX):
        assert tower.give().word == "done"
    assert tower.take(first).reason == "expired", "it answers a heartbeat of which no more is taken"
    assert tower.give().word == "done"


def test_a_command_lives_for_three_heartbeats():
    tower = Tower()
    body = [sign(tower.order(), PEOPLE["anna"]) for _ in range(4)]
    for later in range(3):
        tower.sequence = 20 + later
        assert tower.take(body[later]).word == "done"
    tower.sequence = 23
    answer = tower.take(body[3])
    assert answer.reason == "expired"
    assert "3 heartbeats" in answer.why


@pytest.mark.parametrize(
    ("ours", "theirs", "valid_s", "age_s", "later", "word"),
    [
        (True, True, 3600.0, 3599.0, 11, "done"),  # the link was away for an hour
        (True, True, 3600.0, 3601.0, 0, "refused"),
        (True, True, 3600.0, -59.0, 0, "done"),
        (True, True, 3600.0, -61.0, 0, "refused"),
        (False, True, 3600.0, 1.0, 11, "refused"),  # of three clocks that are not trusted, heartbeats decide
        (None, True, 3600.0, 1.0, 11, "refused"),
        (True, None, 3600.0, 1.0, 11, "refused"),
        (True, True, None, 1.0, 11, "refused"),
        (False, True, 3600.0, 9_999_999.0, 2, "done"),  # our clock lies, and three heartbeats have not come
        (True, False, 3600.0, 9_999_999.0, 2, "done"),
    ],
)
def test_time_decides_where_both_clocks_are_trusted(ours, theirs, valid_s, age_s, later, word):
    tower = Tower()
    body = sign(tower.order(valid_s=valid_s, clock_trusted=theirs), PEOPLE["anna"])
    tower.trusted, tower.age_s, tower.sequence = ours, age_s, 20 + later
    answer = tower.take(body)
    assert answer.word == word
    assert answer.reason in {None, "expired"}


def test_a_clock_set_back_lets_nothing_in_twice():
    tower = Tower()
    tower.trusted = True
    body = sign(tower.order(valid_s=60.0, clock_trusted=True), PEOPLE["anna"])
    assert tower.take(body).word == "done"
    tower.age_s, tower.sequence = 5000.0, 40
    assert tower.take(body).word == "refused"
    tower.age_s = 5.0
    assert tower.take(body).reason == "repeated"


def test_a_later_run_takes_nothing_of_the_one_before():
    body = sign(Tower().order(), PEOPLE["anna"])
    later = Tower()
    later.gate = Gate("tower-7", "boot", 21, PEOPLE, later.handlers)
    later.sequence = 21
    assert later.take(body).reason == "expired"
    assert later.done == []


def test_what_cannot_be_done_is_answered_and_not_tried_again():
    def full(given):
        raise StoreError("event store: the disk is full\n\x1b[2J" + "!" * 1000)

    def unfit(given):
        raise CommandError("unfit", "there is no such event")

    tower = Tower(confirm=full, dismiss=unfit)
    order = tower.order()
    answer = tower.take(sign(order, PEOPLE["anna"]))
    assert (answer.word, answer.reason) == ("failed", "failed")
    assert "disk is full" in answer.why
    assert answer.why.isprintable()
    assert len(answer.why) == 400
    assert tower.take(sign(order, PEOPLE["anna"])).reason == "repeated"
    assert tower.give(command="dismiss").reason == "unfit"
    assert tower.gate.counts == {"failed": 1, "repeated": 1, "unfit": 1}


def test_a_command_without_a_handler_is_unknown():
    tower = Tower()
    del tower.handlers["drill"]
    assert tower.give(command="drill", arguments={}).reason == "unknown"


def test_without_an_address_nothing_is_answered_and_it_is_done():
    tower = Tower()
    assert tower.take(sign(tower.order(), PEOPLE["anna"]), answer_to=None) is None
    assert len(tower.done) == 1


def test_answers_have_keys_of_their_own():
    tower = Tower()
    moment = Moment(5, WALL_NS, None, 20)
    parcels = [tower.gate.take(Command(b"x", WHERE), moment) for _ in range(3)]
    assert len({parcel.key for parcel in parcels}) == 3


def test_age_is_by_instants_not_by_their_writing():
    tower = Tower()
    tower.trusted = True
    sent = SENT.astimezone(timezone(timedelta(hours=-8)))
    assert tower.give(valid_s=60.0, clock_trusted=True, sent_at=sent).word == "done"
