"""What overrides what."""

from hypothesis import given
from hypothesis import strategies as st

from edge.governor.band import ECONOMIES
from edge.governor.spell import NOTICE_S
from tests.governor.situation import Day


def test_economies_come_in_their_order_as_a_battery_empties() -> None:
    day, seen = Day(), []
    for volts in (13.0, 12.25, 12.05, 11.7, 11.3):
        economies = day.step(voltage_v=volts).economies
        assert economies == ECONOMIES[: len(economies)]
        seen.append(economies[-1] if economies else None)
    assert seen == [None, "threads", "cadence", "sleep", "cut_off"]


def test_the_cadence_is_the_slowest_that_a_band_asks_for() -> None:
    day = Day(charge=0.55)
    assert day.step().cadence == 0
    assert day.step(risk="low").cadence == 0.5
    assert day.step(charge=0.3).cadence == 1.0


def test_an_open_event_and_high_risk_keep_cameras_open() -> None:
    for told, why in (
        ({"open_event": True}, "an event is open"),
        ({"risk": "high"}, "the fire risk is high"),
    ):
        day = Day(voltage_v=11.7)
        assert day.step(NOTICE_S).asleep
        ruling = day.step(**told)
        assert not ruling.asleep
        assert ruling.spell is None
        assert ruling.kept_awake == why
        assert 0 <= ruling.cadence <= 1
        for _ in range(20):
            assert not day.step(60).asleep


def test_an_event_that_opens_after_the_announcement_ends_it() -> None:
    day = Day(voltage_v=11.7)
    assert day.step(NOTICE_S / 2).spell is not None
    assert day.step(NOTICE_S / 4, open_event=True).spell is None
    assert not day.step(NOTICE_S).asleep


def test_only_an_imminent_cut_off_overrides() -> None:
    day = Day(voltage_v=11.3)
    ruling = day.step(NOTICE_S, open_event=True, risk="high")
    assert ruling.asleep
    assert ruling.cut_off
    assert ruling.kept_awake is None


def test_who_needs_no_sleep_is_not_kept_awake() -> None:
    assert Day(voltage_v=12.8).step(open_event=True).kept_awake is None


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "after_s": st.sampled_from([1, 10, 60, 600, 3600]),
                "voltage_v": st.one_of(st.none(), st.floats(9.1, 15)),
                "charge": st.one_of(st.none(), st.floats(0.01, 1)),
                "temperature_c": st.one_of(st.none(), st.floats(-20, 110)),
                "risk": st.sampled_from(["low", "neutral", "high"]),
                "open_event": st.booleans(),
                "minute": st.one_of(st.none(), st.integers(0, 1439)),
            }
        ),
        max_size=40,
    )
)
def test_whatever_comes_no_sleep_is_unannounced_and_none_with_an_event(
    steps: list[dict[str, object]],
) -> None:
    day = Day()
    before = None
    for step in steps:
        ruling = day.step(**step)
        if ruling.asleep:
            assert ruling.spell is not None
            assert before is not None
            assert before.spell is not None, "closed without a word before"
            assert before.spell.from_ns <= day.now_s * 1e9
        held = step["open_event"] or step["risk"] == "high"
        if held and not ruling.cut_off:
            assert not ruling.asleep
        before = ruling
