import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alert.event import Alerted, Event, Stamp
from scoring.score import Alerts, ScoredFrame, SequenceResult, score_sequence
from scoring.summary import summarise
from scoring.truth import TruthError, TruthFrame, TruthSequence

CELL = (10.0, 10.0)
PLUME = (100.0, 100.0, 140.0, 120.0)
LABELS = {"n": "no_smoke", "u": "uncertain", "s": "smoke", "x": "unlabelled"}
IGNITION = 10_000.0
MODEL_0 = 500.0  # model time starts anywhere


def truth(labels, *, ignition_at=None, step_s=60.0, boxes=None, times=None, **more):
    """Make a sequence from one letter per frame; smoke frames have the plume's box unless `boxes` says otherwise."""
    if ignition_at is None:
        ignition_at = len(labels) - len(labels.lstrip("n"))
    times = times or [i * step_s for i in range(len(labels))]
    frames = tuple(
        TruthFrame(
            f"sequences/v/{i:03}.jpg",
            LABELS[letter],
            IGNITION + times[i] - times[min(ignition_at, len(times) - 1)],
            boxes=((PLUME,) if letter == "s" else ()) if boxes is None else boxes.get(i, ()),
        )
        for i, letter in enumerate(labels)
    )
    values = {
        "ignition_epoch": IGNITION if ignition_at < len(labels) else None,
        "box_annotated": True,
        **more,
    }
    return TruthSequence("v", "cam", "fire", "g0", 640, 480, frames, **values)


def scored(sequence, scores=None, skip=()):
    start = sequence.frames[0].epoch or 0.0
    return [
        ScoredFrame(
            name=frame.name,
            model_s=MODEL_0 + (i * 60.0 if frame.epoch is None else frame.epoch - start),
            score=0.0 if scores is None else scores[i],
        )
        for i, frame in enumerate(sequence.frames)
        if i not in skip
    ]


def event(sequence, first, last=None, box=(110, 105, 120, 115)):
    times = {frame.name: frame.model_s for frame in scored(sequence)}

    def stamp(i):
        return Stamp(model_s=times[sequence.frames[i].name])

    return Event(
        id=f"e{first}", revision=1, phase="opened", camera="cam", label="smoke", bundle="m", opened=stamp(first),
        updated=stamp(first), closed=None if last is None else stamp(last), peak=1.0, box_px=box,
        opening_box_px=box, sightings=3,
    )  # fmt: skip


def judge(sequence, *events, skip=(), cell=CELL):
    return score_sequence(sequence, scored(sequence, skip=skip), events, cell)


def verdicts(result):
    return [(opening.verdict, opening.counts) for opening in result.openings]


def test_an_event_on_the_plume_after_ignition_is_a_find():
    sequence = truth("nnnuusss")  # ignition with frame 3, first box with frame 5
    result = judge(sequence, event(sequence, 6))
    assert verdicts(result) == [("find", 0)]
    assert (result.judged, result.boxed) == (True, True)
    assert (result.found_s, result.first_box_s) == (180.0, 120.0)
    assert result.openings[0].frame == "006.jpg"
    assert result.openings[0].cells_off == 0


def test_a_find_before_the_first_box_counts_and_the_first_find_gives_the_time():
    sequence = truth("nnnuusss")
    result = judge(sequence, event(sequence, 7), event(sequence, 3))
    assert verdicts(result) == [("find", 0), ("find", 0)]
    assert result.found_s == 0.0


def test_an_event_that_opens_before_ignition_is_a_false_alarm_even_if_it_stays_on_the_plume():
    sequence = truth("nnnsss")
    result = judge(sequence, event(sequence, 2))
    assert verdicts(result) == [("false_alarm", 1)]
    assert result.found_s is result.found_any_s is None


def test_a_false_alarm_counts_again_every_15_minutes_while_it_is_open():
    sequence = truth("n" * 60)
    for last, counts in ((1, 1), (15, 1), (16, 2), (31, 3), (None, 4)):
        assert verdicts(judge(sequence, event(sequence, 0, last))) == [("false_alarm", counts)]


def test_it_does_not_count_again_in_uncertain_or_smoke_frames():
    sequence = truth("n" * 20 + "u" * 20 + "s" * 20)
    assert verdicts(judge(sequence, event(sequence, 10))) == [("false_alarm", 1)]
    assert verdicts(judge(sequence, event(sequence, 2))) == [("false_alarm", 2)]


def test_openings_elsewhere_are_mislocalised_in_smoke_and_left_out_when_uncertain():
    sequence = truth("nnnuusss")
    away = (300, 300, 310, 310)
    result = judge(sequence, event(sequence, 6, box=away), event(sequence, 4, box=away))
    assert verdicts(result) == [("mislocalised", 0), ("left_out", 0)]
    assert result.found_s is None


def test_localised_means_within_two_cells_of_the_alarms_cell():
    sequence = truth("nnsss")
    # The cell around the middle (x, 110) reaches from x − 5 to x + 5; the plume ends at 140.
    for middle, verdict, off in ((165, "find", 2.0), (166, "mislocalised", 2.1), (120, "find", 0.0)):
        (opening,) = judge(sequence, event(sequence, 3, box=(middle - 5, 105, middle + 5, 115))).openings
        assert (opening.verdict, opening.cells_off) == (verdict, pytest.approx(off))


def test_cells_need_not_be_square():
    sequence = truth("nnsss")
    (opening,) = judge(sequence, event(sequence, 3, box=(180, 105, 190, 115)), cell=(20.0, 5.0)).openings
    assert opening.cells_off == pytest.approx((185 - 10 - 140) / 20)
    (opening,) = judge(sequence, event(sequence, 3, box=(115, 150, 125, 160)), cell=(20.0, 5.0)).openings
    assert opening.cells_off == pytest.approx((155 - 2.5 - 120) / 5)


def test_a_huge_box_does_not_find_everything():
    sequence = truth("nnsss")
    assert verdicts(judge(sequence, event(sequence, 3, box=(0, 0, 640, 480)))) == [("mislocalised", 0)]


def test_the_truth_is_that_of_the_nearest_boxed_frame_and_the_looser_count_takes_any():
    later = (400.0, 100.0, 440.0, 120.0)
    sequence = truth("nnuussss", boxes={4: (PLUME,), 7: (later,)})
    on_later = (415, 105, 425, 115)
    early = judge(sequence, event(sequence, 3, box=on_later))
    assert verdicts(early) == [("left_out", 0)]
    assert early.openings[0].cells_off_any == 0
    assert (early.found_s, early.found_any_s) == (None, 60.0)
    assert verdicts(judge(sequence, event(sequence, 6, box=on_later))) == [("find", 0)]
    assert verdicts(judge(sequence, event(sequence, 5, box=on_later))) == [("mislocalised", 0)]


def test_without_boxes_nothing_is_found_but_alarms_before_ignition_count():
    for sequence in (truth("nnnuss", boxes={}), truth("nnnuss", box_annotated=False)):
        result = judge(sequence, event(sequence, 1), event(sequence, 4), event(sequence, 3))
        assert verdicts(result) == [("false_alarm", 1), ("left_out", 0), ("left_out", 0)]
        assert not result.boxed
        assert result.found_s is result.found_any_s is None
        assert result.quiet_s == 180


def test_unreliable_or_untimed_sequences_tell_of_frames_only():
    unreliable = truth("nnsss", reliable=False)
    no_ignition = truth("nnsss", ignition_epoch=None)
    for sequence in (unreliable, no_ignition):
        result = judge(sequence, event(sequence, 0))
        assert (result.judged, result.openings, result.quiet_s) == (False, (), 0.0)
        assert [frame.open for frame in result.frames] == [True] * 5
    frames = tuple(TruthFrame(f.file, f.label, None, boxes=f.boxes) for f in unreliable.frames)
    untimed = TruthSequence("v", "c", "f", "g", 640, 480, frames, box_annotated=True)
    result = judge(untimed)
    assert (result.judged, result.quiet_s, len(result.frames)) == (False, 0.0, 5)


def test_openings_that_nobody_labelled_before_ignition_count_neither_way():
    sequence = truth("xxxnss", ignition_at=4)
    result = judge(sequence, event(sequence, 1))
    assert verdicts(result) == [("left_out", 0)]
    assert result.found_any_s is None


def test_frames_without_times_have_no_hours_even_if_there_is_no_fire():
    frames = tuple(TruthFrame(f"{i}.jpg", "no_smoke") for i in range(3))
    sequence = TruthSequence("v", "c", "f", "g", 640, 480, frames)
    result = judge(sequence, event(sequence, 1))
    assert (result.judged, result.openings, result.quiet_s) == (False, (), 0.0)


def test_a_sequence_without_any_fire_counts_without_ignition():
    sequence = truth("nnnnn")
    assert sequence.ignition_epoch is None
    result = judge(sequence, event(sequence, 1, 2))
    assert result.judged
    assert not result.boxed
    assert verdicts(result) == [("false_alarm", 1)]
    assert result.openings[0].offset_s is None
    assert result.quiet_s == 300


def test_an_uncertain_frame_leaves_the_rest_of_a_quiet_day_in_the_count():
    sequence = truth("nnunn", ignition_epoch=None)
    result = judge(sequence, event(sequence, 0, 1), event(sequence, 2, 3))
    assert verdicts(result) == [("false_alarm", 1), ("left_out", 0)]
    assert (result.judged, result.quiet_s) == (True, 240)


def test_quiet_time_leaves_gaps_out():
    # Steps 60, 60, 3600, 60, 60: the gap counts twice the median; the last frame counts the median.
    sequence = truth("nnnnnn", times=[0, 60, 120, 3720, 3780, 3840])
    assert judge(sequence).quiet_s == 60 + 60 + 120 + 60 + 60 + 60


def test_quiet_time_is_that_of_no_smoke_frames_that_were_scored():
    sequence = truth("nnnnuuss")
    assert judge(sequence).quiet_s == 240
    assert judge(sequence, skip=(0, 1)).quiet_s == 120
    assert judge(sequence, skip=(1, 3, 5, 7)).quiet_s == 240, "a slower cadence is no gap"
    assert judge(truth("nn"), skip=(1,)).quiet_s == 0, "one frame has no cadence"


def test_a_frame_is_positive_while_an_event_is_open():
    sequence = truth("nnuunsss")
    result = judge(sequence, event(sequence, 1, 3), event(sequence, 6))
    assert [(f.index, f.smoke, f.open) for f in result.frames] == [
        (0, False, False), (1, False, True), (4, False, False), (5, True, False), (6, True, True), (7, True, True),
    ]  # fmt: skip


def test_an_event_that_the_end_of_the_recording_closed_was_open_to_the_end():
    sequence = truth("nnss")
    assert [f.open for f in judge(sequence, event(sequence, 2, 3)).frames] == [False, False, True, True]


def test_scores_and_indices_are_kept_for_the_ranking():
    sequence = truth("nuss")
    result = score_sequence(sequence, scored(sequence, [0.5, 9.0, 1.5, 2.5], skip=(2,)), [], CELL)
    assert [(f.index, f.score) for f in result.frames] == [(0, 0.5), (3, 2.5)]
    assert (result.frames_total, result.frames_scored) == (4, 3)


def test_model_times_that_were_rounded_still_meet_their_frame():
    sequence = truth("nnnsss")
    frames = [
        ScoredFrame(name=f.name, model_s=f.model_s + 1e-9 * (-1) ** i, score=0.0)
        for i, f in enumerate(scored(sequence))
    ]
    for first in range(6):
        result = score_sequence(sequence, frames, [event(sequence, first)], CELL)
        assert result.openings[0].frame == f"{first:03}.jpg"


def test_what_does_not_fit_the_truth_is_an_error():
    sequence = truth("nns")
    frames = scored(sequence)
    with pytest.raises(TruthError, match=r"sequence 'v': scored frame 'other.jpg' is not in the truth"):
        score_sequence(sequence, [ScoredFrame(name="other.jpg", model_s=0, score=0)], [], CELL)
    with pytest.raises(TruthError, match=r"'000.jpg' was scored after '002.jpg', against the truth's order"):
        score_sequence(sequence, [frames[2], frames[0]], [], CELL)
    with pytest.raises(TruthError, match=r"score nan at 500.0 s is not finite"):
        score_sequence(sequence, [ScoredFrame(name="000.jpg", model_s=500.0, score=float("nan"))], [], CELL)
    with pytest.raises(TruthError, match=r"event e0 opened at 500.0 s, before the first scored frame"):
        score_sequence(sequence, frames[1:], [event(sequence, 0)], CELL)
    with pytest.raises(TruthError, match="event e0"):
        score_sequence(sequence, [], [event(sequence, 0)], CELL)


def test_no_frames_at_all_is_a_miss():
    result = score_sequence(truth("nnss"), [], [], CELL)
    assert (result.boxed, result.found_s, result.quiet_s, result.frames) == (True, None, 0.0, ())


spans = st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39), st.booleans()), max_size=6)


@given(st.integers(1, 20), st.integers(0, 10), st.integers(1, 10), spans)
def test_each_opening_has_one_verdict_and_the_rules_hold(quiet, uncertain, smoke, some):
    sequence = truth("n" * quiet + "u" * uncertain + "s" * smoke)
    total = len(sequence.frames)
    events = [
        event(sequence, a, None if b <= a else b, (115, 105, 125, 115) if near else (500, 400, 510, 410))
        for a, b, near in some
        if a < total and b < total
    ]
    result = judge(sequence, *events)
    assert len(result.openings) == len(events)
    for opening, this in zip(result.openings, events, strict=True):
        first = int((this.opened.model_s - MODEL_0) / 60)
        assert (opening.verdict == "false_alarm") == (first < quiet) == (opening.counts > 0)
        near = this.opening_box_px[0] == 115
        assert (opening.verdict == "find") == (first >= quiet and near)
        assert (opening.verdict == "mislocalised") == (first >= quiet + uncertain and not near)
    finds = [opening.offset_s for opening in result.openings if opening.verdict == "find"]
    assert result.found_s == min(finds, default=None)
    for frame in result.frames:
        moment = MODEL_0 + frame.index * 60.0
        end = MODEL_0 + (total - 1) * 60.0
        assert frame.open == any(
            e.opened.model_s <= moment
            and (e.closed is None or moment < e.closed.model_s or e.closed.model_s == end)
            for e in events
        )
    assert result.quiet_s == quiet * 60


def test_the_order_of_events_does_not_matter():
    sequence = truth("n" * 20 + "u" * 3 + "s" * 10)
    events = [event(sequence, 1, 18), event(sequence, 21), event(sequence, 25)]
    results = {
        (r.found_s, tuple(sorted(verdicts(r))))
        for p in itertools.permutations(events)
        if (r := judge(sequence, *p))
    }
    assert results == {(60.0, (("false_alarm", 2), ("find", 0), ("find", 0)))}


def alerted(one, sequence, index, box=None):
    """Make an event a candidate until a frame; until the end without one."""
    if index is None:
        return msgspec.structs.replace(one, severity="candidate")
    at = Stamp(model_s=scored(sequence)[index].model_s)
    alert = Alerted(at=at, by="growth", revision=2, box_px=one.opening_box_px if box is None else box)
    return msgspec.structs.replace(one, alerted=alert)


def test_without_a_rule_the_figures_of_events_and_alerts_are_the_same():
    sequence = truth("n" * 20 + "uusss")
    result = judge(
        sequence, event(sequence, 2, 19), event(sequence, 23), event(sequence, 24, box=(9, 9, 19, 19))
    )
    assert verdicts(result) == [("false_alarm", 2), ("find", 0), ("mislocalised", 0)]
    assert result.alerts == Alerts(
        found_s=result.found_s, found_any_s=result.found_any_s, openings=result.openings
    )
    assert [frame.alert for frame in result.frames] == [frame.open for frame in result.frames]


def test_an_alert_is_a_find_from_ignition_on_and_its_older_candidate_stays_a_false_alarm():
    sequence = truth("n" * 20 + "sssss")
    result = judge(sequence, alerted(event(sequence, 2), sequence, 22))
    assert verdicts(result) == [("false_alarm", 2)]
    assert result.found_s is None
    assert verdicts(result.alerts) == [("find", 0)]
    assert (result.alerts.found_s, result.alerts.openings[0].frame) == (120.0, "022.jpg")
    assert result.alerts.openings[0].offset_s == 120.0
    assert [frame.index for frame in result.frames if frame.open] == list(range(2, 25))
    assert [frame.index for frame in result.frames if frame.alert] == list(range(22, 25))


def test_an_alert_before_ignition_is_a_false_alarm_of_its_own_age():
    sequence = truth("n" * 60)
    result = judge(sequence, alerted(event(sequence, 0), sequence, 40))
    assert (verdicts(result), verdicts(result.alerts)) == ([("false_alarm", 4)], [("false_alarm", 2)])


def test_what_stays_a_candidate_is_no_alert():
    sequence = truth("nnnsss")
    result = judge(sequence, alerted(event(sequence, 4), sequence, None))
    assert (verdicts(result), result.found_s) == ([("find", 0)], 60.0)
    assert result.alerts == Alerts(found_s=None, found_any_s=None, openings=())
    assert not any(frame.alert for frame in result.frames)


def test_an_alert_is_localised_where_it_was_when_it_became_one():
    sequence = truth("nnnsss")
    away, plume = (300, 300, 310, 310), (110, 105, 120, 115)
    drifted = judge(sequence, alerted(event(sequence, 3, box=plume), sequence, 5, box=away))
    assert (verdicts(drifted), verdicts(drifted.alerts)) == ([("find", 0)], [("mislocalised", 0)])
    arrived = judge(sequence, alerted(event(sequence, 3, box=away), sequence, 5, box=plume))
    assert (verdicts(arrived), verdicts(arrived.alerts)) == ([("mislocalised", 0)], [("find", 0)])
    assert arrived.alerts.found_s == 120.0


def test_results_from_before_severities_are_read():
    sequence = truth("nnnsss")
    result = judge(sequence, event(sequence, 4))
    document = msgspec.to_builtins(result)
    del document["alerts"]
    document["frames"] = [frame[:4] for frame in document["frames"]]
    old = msgspec.json.decode(msgspec.json.encode(document), type=SequenceResult)
    assert (old.alerts, old.openings, old.frames[0].alert) == (None, result.openings, None)
    assert summarise([old], draws=0) == summarise([result], draws=0)


def carried(sequence, minutes_before, last=None):
    """An event from before the sequence."""
    here = event(sequence, 0, last)
    opened = Stamp(model_s=MODEL_0 - 60.0 * minutes_before)
    return msgspec.structs.replace(here, id="old", opened=opened, updated=opened)


def with_carried(sequence, old, *events):
    return score_sequence(sequence, scored(sequence), events, CELL, [old])


def test_an_event_from_the_day_before_opens_nothing_but_counts_again_as_it_ages():
    """Ten minutes old at the first frame: 15 minutes with frame 5, 30 with frame 20; closed with frame 25."""
    sequence = truth("n" * 40)
    result = with_carried(sequence, carried(sequence, 10, 25))
    assert verdicts(result) == [("false_alarm", 2)]
    assert sum(frame.open for frame in result.frames) == 25
    assert verdicts(with_carried(sequence, carried(sequence, 10, 4))) == []
    assert result.alerts == Alerts(found_s=None, found_any_s=None, openings=result.openings)


def test_an_event_that_ended_the_day_before_leaves_nothing():
    sequence = truth("n" * 10)
    old = msgspec.structs.replace(carried(sequence, 30), closed=Stamp(model_s=MODEL_0))
    result = with_carried(sequence, old)
    assert (result.openings, sum(frame.open for frame in result.frames)) == ((), 0)


def test_a_fire_is_not_found_by_an_event_from_the_day_before():
    sequence = truth("nnnsssss")
    result = with_carried(sequence, carried(sequence, 1))
    assert (result.found_s, result.boxed) == (None, True)
    assert all(frame.open for frame in result.frames)
