import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.score import Alerts, FrameResult, Opening, SequenceResult
from scoring.summary import Figures, Summary, summarise


def opening(verdict="find", counts=0):
    return Opening(
        event="e", frame="f", offset_s=0.0, verdict=verdict, counts=counts, cells_off=0.0, cells_off_any=0.0
    )


def result(name, *, found_s=None, found_any_s=None, fire=None, group=None, boxed=True, judged=True, quiet_s=3600.0,
           first_box_s=120.0, openings=(), frames=(), alerts=None):  # fmt: skip
    return SequenceResult(
        id=name, fire=fire or name, group=group or name, judged=judged, boxed=boxed, quiet_s=quiet_s,
        first_box_s=first_box_s, found_s=found_s, found_any_s=found_any_s if found_s is None else found_s,
        openings=tuple(openings), frames_total=10, frames_scored=10,
        frames=tuple(FrameResult(*frame) for frame in frames), alerts=alerts,
    )  # fmt: skip


def test_views_and_fires_are_counted_apart():
    got = summarise(
        [
            result("a1", fire="a", group="g0", found_s=60.0),
            result("a2", fire="a", group="g1"),
            result("b1", fire="b", group="g1", found_any_s=300.0),
            result("c1", fire="c", group="g2", boxed=False),
        ]
    )
    assert (got.sequences, got.views, got.fires, got.groups) == (4, 3, 2, 2)
    assert (got.found_views.count, got.found_views.total) == (1, 3)
    assert (got.found_views_any.count, got.found_views_any.total) == (2, 3)
    assert (got.found_fires.count, got.found_fires.total) == (1, 2)
    assert got.found_views.low < 1 / 3 < got.found_views.high


def test_alarms_and_hours_add_up():
    got = summarise(
        [
            result("a", openings=[opening("false_alarm", 3), opening("mislocalised"), opening("left_out")]),
            result("b", openings=[opening("false_alarm", 1), opening()], boxed=False, quiet_s=7200.0),
        ]
    )
    assert (got.false_alarms.count, got.false_alarms.hours) == (4, 3.0)
    assert got.false_alarms.per_hour == pytest.approx(4 / 3)
    assert (got.mislocalised, got.openings_left_out) == (1, 1)


def test_times_have_misses_in_their_median():
    views = [result("a", found_s=60.0), result("b", found_s=300.0), result("c", found_s=0.0)]
    got = summarise(views)
    assert (got.ignition_to_event_s, got.first_box_to_event_s) == (60.0, -60.0)
    got = summarise([*views, result("d"), result("e")])
    assert (got.ignition_to_event_s, got.first_box_to_event_s) == (300.0, 180.0)
    assert summarise([*views, result("d"), result("e"), result("f")]).ignition_to_event_s is None


def test_frame_figures_by_hand():
    # 2 hits, 1 false positive, 1 miss, 1 right.
    frames = [
        (0, False, 0.1, False),
        (1, False, 0.6, True),
        (2, True, 0.5, True),
        (3, True, 0.9, True),
        (4, True, 0.2, False),
    ]
    got = summarise([result("a", frames=frames)])
    assert (got.smoke_frames, got.no_smoke_frames) == (3, 2)
    assert (got.precision, got.recall, got.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    # Pairs above: .5 > .1; .9 > .1, .6; .2 > .1: 4 of 6.
    assert got.auc.pooled == got.auc.within == pytest.approx(4 / 6)
    assert got.clock_auc.pooled == got.clock_auc.within == 1.0


def test_the_clock_is_blind_across_sequences_but_not_within():
    early = [(0, False, 0.0, False), (1, True, 1.0, True)]
    late = [(2, False, 0.0, False), (3, True, 1.0, True)]
    got = summarise([result("a", frames=early), result("b", frames=late)])
    assert (got.auc.pooled, got.auc.within) == (1.0, 1.0)
    assert (got.clock_auc.pooled, got.clock_auc.within) == (0.75, 1.0)


def test_sequences_with_one_class_have_no_auc_within():
    got = summarise([
        result("a", frames=[(0, False, 0.5, False)]),
        result("b", frames=[(0, False, 0.0, False), (1, True, 0.2, False)]),
    ])  # fmt: skip
    assert got.auc.within == 1.0
    assert got.auc.pooled == 0.5


def test_perfect_events_have_f1_of_one():
    frames = [(i, i > 4, float(i > 4), i > 4) for i in range(9)]
    got = summarise([result("a", frames=frames, found_s=0.0)])
    assert got.f1 == got.precision == got.recall == got.auc.pooled == 1


def test_nothing_gives_unknown_not_zero():
    got = summarise([])
    assert (got.found_views.share, got.false_alarms.per_hour, got.ignition_to_event_s) == (None, None, None)
    assert (got.f1, got.precision, got.recall, got.auc.pooled, got.clock_auc.within) == (None,) * 5
    assert summarise([result("a", frames=[(0, False, 0.1, False)])]).f1 is None


def test_alerts_are_summed_up_apart():
    openings = [opening("false_alarm", 3), opening("mislocalised"), opening("left_out"), opening()]
    alerts = Alerts(found_s=600.0, found_any_s=600.0, openings=(opening("false_alarm", 1), opening()))
    frames = [(0, False, 0.5, True, False), (1, True, 0.5, True, False), (2, True, 0.5, True, True)]
    silent = Alerts(found_s=None, found_any_s=None, openings=())
    got = summarise(
        [
            result("a", fire="x", found_s=60.0, openings=openings, frames=frames, alerts=alerts),
            result("b", fire="y", found_s=60.0, openings=[opening()], alerts=silent),
        ],
        draws=0,
    )
    assert (got.found_views.count, got.alerts.found_views.count, got.alerts.found_views.total) == (2, 1, 2)
    assert (got.found_fires.count, got.alerts.found_fires.count) == (2, 1)
    assert (got.false_alarms.count, got.alerts.false_alarms.count) == (3, 1)
    assert got.alerts.false_alarms.hours == got.false_alarms.hours == 2.0
    assert (got.mislocalised, got.alerts.mislocalised) == (1, 0)
    assert (got.openings_left_out, got.alerts.openings_left_out) == (1, 0)
    assert (got.ignition_to_event_s, got.alerts.ignition_to_event_s) == (60.0, None)
    assert (got.recall, got.alerts.recall) == (1.0, 0.5)
    assert (got.precision, got.alerts.precision) == (2 / 3, 1.0)


def test_figures_from_before_severities_are_read_and_count_as_both():
    got = summarise([result("a", found_s=60.0, openings=[opening("false_alarm", 3)])], draws=0)
    figures = {name: getattr(got, name) for name in Figures.__struct_fields__}
    assert got.alerts == Figures(**figures)
    document = msgspec.to_builtins(got)
    del document["alerts"]
    old = msgspec.convert(document, Summary)
    assert old.alerts is None
    assert old.found_views == got.found_views


def test_a_sequence_twice_is_an_error():
    with pytest.raises(ValueError, match="sequence 'a' comes twice"):
        summarise([result("a"), result("b"), result("a")])


frame = st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 5).map(float), st.booleans())
times = st.none() | st.integers(0, 2000).map(float)
results = st.lists(
    st.tuples(times, st.booleans(), st.sampled_from("xyz"), st.lists(frame, max_size=6)), max_size=6
).map(
    lambda items: [
        result(f"s{i}", found_s=found if boxed else None, boxed=boxed, fire=fire, group=fire, frames=frames)
        for i, (found, boxed, fire, frames) in enumerate(items)
    ]
)


@given(results, st.randoms(use_true_random=False))
def test_parts_merge_in_any_order_and_through_json(parts, random):
    shuffled = list(parts)
    random.shuffle(shuffled)
    again = msgspec.json.decode(msgspec.json.encode(shuffled), type=list[SequenceResult])
    one, two = summarise(parts, draws=20), summarise(again, draws=20)
    assert one == two
    data = msgspec.json.encode(one)
    assert b"NaN" not in data
    assert msgspec.json.decode(data, type=Summary) == one
    assert isinstance(json.loads(data), dict)


@given(results)
def test_figures_stay_within_their_bounds(parts):
    got = summarise(parts, draws=20)
    for value in (got.f1, got.precision, got.recall, got.auc.pooled, got.auc.within, got.found_views.share):
        assert value is None or 0 <= value <= 1
    assert got.found_views.count <= got.found_views.total == got.views
    assert got.found_fires.total == got.fires <= got.views
