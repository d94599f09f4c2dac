"""Signing, and what a signature that is checked lets through."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import CommandError, SettingsError
from edge.uplink.command import (
    BODY_BYTES_MAX,
    KINDS,
    Order,
    SignedCommand,
    arguments_of,
    first_sequence,
    new_operator,
    opened,
    read_operator,
    sign,
)

ANNA = new_operator("anna", "operator")
BO = new_operator("bo", "admin")
OPERATORS = {one.name: one for one in (ANNA, BO)}
FIT: dict[str, dict[str, object]] = {
    "acknowledge": {"event": "0a1b", "note": "I look"},
    "confirm": {"event": "0a1b"},
    "dismiss": {"event": "0a1b", "note": "dust"},
    "picture": {"camera": "north"},
    "frame": {"event": "0a1b"},
    "drill": {},
    "fire_risk": {"level": "high"},
    "snooze": {"camera": "north", "duration_s": 600, "reason": "burning by permit"},
}


def order(**changes):
    plain = {
        "tower": "tower-7",
        "id": "3f2a9c01d4e5",
        "command": "acknowledge",
        "arguments": {"event": "0a1b"},
        "boot_id": "boot",
        "sequence": 17,
        "sent_at": datetime(2026, 11, 29, 10, 0, tzinfo=UTC),
    }
    return Order(**plain | changes)


def reason(body, operators=OPERATORS):
    with pytest.raises(CommandError) as raised:
        opened(body, operators)
    return raised.value.reason


def test_what_was_signed_is_opened():
    assert opened(sign(order(), ANNA), OPERATORS) == (ANNA, order())
    assert set(FIT) == set(KINDS)
    for command, arguments in FIT.items():
        given_ = arguments_of(order(command=command, arguments=arguments), KINDS[command])
        assert arguments.items() <= msgspec.to_builtins(given_).items()


def test_every_part_is_signed():
    signed = msgspec.json.decode(sign(order(), ANNA), type=SignedCommand)
    replace = msgspec.structs.replace
    others = (
        {"tower": "tower-8"}, {"id": "3f2a9c01d4e6"}, {"command": "dismiss"}, {"arguments": {"event": "0a1c"}},
        {"boot_id": "other"}, {"sequence": 18}, {"clock_trusted": True}, {"valid_s": 80_000.0},
        {"sent_at": datetime(2026, 11, 29, 10, 1, tzinfo=UTC)},
    )  # fmt: skip
    for other in others:
        text = msgspec.json.encode(order(**other)).decode()
        assert reason(msgspec.json.encode(replace(signed, order=text))) == "unsigned", other
    assert {name for other in others for name in other} | {"schema"} == set(Order.__struct_fields__)
    for by in ("bo", "nobody", "anna "):
        assert reason(msgspec.json.encode(replace(signed, by=by))) == "unsigned"
    for signature in ("", "0" * 64, "é" * 20, signed.signature[:-1]):
        assert reason(msgspec.json.encode(replace(signed, signature=signature))) == "unsigned"
    assert reason(msgspec.json.encode(signed), {}) == "unsigned"
    assert reason(msgspec.json.encode(signed), {"anna": new_operator("anna", "operator")}) == "unsigned"


def test_a_name_does_not_reach_into_the_order():
    """The line feed between the two is in no name, so no other split of the same bytes has the same signature."""
    signed = msgspec.json.decode(sign(order(), ANNA), type=SignedCommand)
    moved = msgspec.structs.replace(signed, by="anna\n{", order=signed.order[1:])
    assert reason(msgspec.json.encode(moved)) == "unsigned"


@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
def test_what_is_no_command_is_malformed(body):
    assert reason(body) == "malformed"


def test_wrong_forms_are_malformed():
    for body in (
        b"[" * BODY_BYTES_MAX,
        b'{"by": "anna", "order": "\\ud800", "signature": ""}',
        b'{"by": "\\udfff", "order": "", "signature": ""}',
        b" " * (BODY_BYTES_MAX + 1),
        sign(order(), ANNA)[:-1] + b',"more": 1}',
    ):
        assert reason(body) in {"malformed", "unsigned"}
        assert reason(body, {}) in {"malformed", "unsigned"}
    for unfit in ({"sequence": -1}, {"valid_s": 0}, {"valid_s": 1e9}, {"id": "x"}, {"boot_id": "b" * 100}):
        assert reason(sign(order(**unfit), ANNA)) == "malformed"


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("acknowledge", {}),
        ("acknowledge", {"event": "../../etc"}),
        ("acknowledge", {"event": 7}),
        ("confirm", {"event": "0a", "camera": "north"}),
        ("picture", {"camera": "a\nb"}),
        ("fire_risk", {"level": "extreme"}),
        ("snooze", {"camera": "north", "duration_s": 14_401, "reason": "x"}),
        ("snooze", {"camera": "north", "duration_s": -1, "reason": "x"}),
        ("snooze", {"camera": "north", "duration_s": 60}),
        ("snooze", {"camera": "north", "duration_s": 60, "reason": ""}),
    ],
)
def test_unfit_arguments_are_refused(command, arguments):
    with pytest.raises(CommandError, match=command) as raised:
        arguments_of(order(command=command, arguments=arguments), KINDS[command])
    assert raised.value.reason == "unfit"


def test_a_key_file_holds_an_operator(tmp_path):
    file = tmp_path / "anna.key"
    file.write_text(ANNA.line() + "\n")
    file.chmod(0o600)
    assert read_operator(file, "operators.anna") == ANNA
    assert ANNA.line().split()[2] not in repr(ANNA)
    file.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_operator(file, "operators.anna")


@pytest.mark.parametrize(
    "line",
    ["", "anna", "anna operator", "anna operator c2hvcnQ=", "anna chief {key}", "Anna operator {key}",
     "anna operator {key} more", "anna operator é", "anna operator !{key}"],
)  # fmt: skip
def test_a_key_file_of_another_form_is_refused(tmp_path, line):
    file = tmp_path / "anna.key"
    key = ANNA.line().split()[2]
    file.touch(mode=0o600)
    file.write_text(line.format(key=key))
    with pytest.raises(SettingsError, match="anna") as raised:
        read_operator(file, "operators.anna")
    assert key not in str(raised.value)


def test_each_role_may_do_what_those_before_may():
    roles = {command: kind.role for command, kind in KINDS.items()}
    assert roles["picture"] == "observer"
    assert roles["snooze"] == "admin"
    may = {
        role: {c for c, kind in KINDS.items() if new_operator("x", role).may(kind)}
        for role in ("observer", "operator", "admin")
    }
    assert may["observer"] < may["operator"] < may["admin"] == set(KINDS)


@given(st.lists(st.integers(1_000_000_000, 10**12), min_size=2, max_size=20), st.integers(0, 10**15))
def test_no_later_run_of_a_boot_uses_a_number_again(gaps_ns, start_ns):
    """Heartbeats at these gaps, and each one may be the last of a run."""
    now_ns, used = start_ns, first_sequence(start_ns)
    for gap_ns in gaps_ns:
        now_ns += gap_ns
        assert first_sequence(now_ns) > used
        used += 1
