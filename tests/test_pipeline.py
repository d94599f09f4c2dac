"""From frames to events with a runtime made by hand: what is remembered, when it starts anew, what events say."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alert.event import Alerted, Darkness, Event, Stamp
from edge.errors import FrameError, RuntimeModelError
from edge.frame import Frame
from edge.image import RgbImage
from edge.model.alert import AlertRule
from edge.model.bundle import Bundle
from edge.model.calm import Calm
from edge.model.loaded import Model
from edge.model.manifest import Cadence, Confirmation, FileSpec, Manifest, TensorSpec, Threshold
from edge.model.runtime import Inference, State, Tensor
from edge.pipeline import Pipeline

STATE = TensorSpec(name="s", role="state_in", shape=(1,), dtype="float32", state="count")
SPEC = FileSpec(
    sha256="0" * 64,
    bytes=1,
    backend="litert",
    tensors=(
        TensorSpec(
            name="f", role="frame", shape=(1, 64, 64, 3), dtype="uint8", layout="NHWC", scale=1 / 255, zero_point=0
        ),
        TensorSpec(name="y", role="scores", shape=(1, 4, 4, 1), dtype="float32"),
        STATE,
        TensorSpec(name="t", role="state_out", shape=(1,), dtype="float32", state="count"),
    ),
)  # fmt: skip


class CountingRuntime:
    """A cell's score is 10 where its brightest pixel is white, else −10; the state counts frames."""

    name = "litert"

    def __init__(self) -> None:
        self.states: list[float] = []
        self.broken = False
        self.conditions: list[float] | None = None

    def zero_state(self) -> State:
        return (np.zeros(1, np.float32),)

    def infer(self, write_frame: Callable[[Tensor], None], state: State) -> Inference:
        if self.broken:
            raise RuntimeModelError("broken on purpose")
        buffer = np.zeros((1, 64, 64, 3), np.uint8)
        write_frame(buffer)
        self.states.append(float(state[0][0]))
        cells = buffer[0].max(axis=2).reshape(4, 16, 4, 16).max(axis=(1, 3))
        scores = np.where(cells == 255, 10, -10).astype(np.float32)[..., None]
        told = None if self.conditions is None else np.float32(self.conditions)
        return Inference(scores, (state[0] + 1,), 5, told)


RULE = Confirmation(hits=2, window=3, close_after=2)


def make(
    masks: list | None = None, *, rule: Confirmation = RULE, **more: object
) -> tuple[Pipeline, CountingRuntime, list[str]]:
    manifest = Manifest(
        schema="1.0", name="m", version="1", task="cells", kind="logits", labels=("smoke",), cell_stride_px=16,
        files={"model.tflite": SPEC}, confirmation=rule, state_gap_s=100.0,
        **{"thresholds": {"smoke": Threshold(open=1.0, keep=0.0)}} | more,
    )  # fmt: skip
    runtime, stages = CountingRuntime(), []
    model = Model(Bundle(Path("b"), Path("b"), manifest, "d" * 64), SPEC, runtime)
    pipeline = Pipeline(
        model,
        lambda frame: Stamp(model_s=frame.model_ns / 1e9),
        lambda stage, _ns: stages.append(stage),
        {"c": masks or []},
        night_alerts=("loud",),
    )
    return pipeline, runtime, stages


def frame(second: float, *, white: tuple[int, int] | None = None, size: tuple[int, int] = (64, 64)) -> Frame:
    pixels = np.zeros((*size, 3), np.uint8)
    if white is not None:
        pixels[white[0] : white[0] + 8, white[1] : white[1] + 8] = 255
    ns = round(second * 1e9)
    return Frame(RgbImage(pixels), 0, ns, ns, ns, ns)


def test_state_starts_at_zero_and_is_handed_back_per_camera() -> None:
    pipeline, runtime, stages = make()
    for second in range(3):
        pipeline.score("c", frame(second))
    pipeline.score("d", frame(0))
    pipeline.score("c", frame(3))
    assert runtime.states == [0, 1, 2, 0, 3]
    assert stages[:4] == ["preprocess", "invoke", "handover", "detect"]


@pytest.mark.parametrize(
    ("second", "size", "restarts"),
    [
        (110, (64, 64), False),
        (111.5, (64, 64), True),
        (9.9, (64, 64), True),
        (10, (64, 64), False),
        (11, (32, 64), True),
    ],
)
def test_state_starts_anew_after_a_gap_a_jump_back_or_another_size(
    second: float, size: tuple, restarts: bool
) -> None:
    pipeline, runtime, _ = make()
    pipeline.score("c", frame(10))
    assert pipeline.score("c", frame(second, size=size)).restarted is restarts
    assert runtime.states == [0, 0 if restarts else 1]


def test_an_event_opens_grows_and_closes() -> None:
    pipeline, _, _ = make()
    told = []
    for second in range(8):
        white = (20, 20) if second in {1, 2, 3} else None
        told += [(second, e) for e in pipeline.score("c", frame(second, white=white)).events]
    assert [(s, e.phase, e.revision) for s, e in told] == [(2, "opened", 1), (5, "closed", 2)]
    opened, closed = told[0][1], told[1][1]
    assert opened.id == closed.id
    assert opened.opening_box_px == (16, 16, 32, 32)
    assert closed.updated.model_s == 3
    assert opened.bundle == "m@1#" + "d" * 12
    again, _, _ = make()
    ids = [e.id for s in range(3) for e in again.score("c", frame(s, white=(20, 20) if s else None)).events]
    assert ids == [opened.id]


def test_the_newest_sight_is_known_though_no_revision_tells_it() -> None:
    pipeline, _, _ = make()
    (opened,) = seen(pipeline, [0.0, 1.0])
    assert seen(pipeline, [2.0, 3.0]) == []
    assert pipeline.sight(opened) == Stamp(model_s=3.0)
    assert seen(pipeline, [4.0], None) == []
    assert pipeline.sight(opened) == Stamp(model_s=3.0)
    (closed,) = seen(pipeline, [5.0], None)
    assert (closed.updated, closed.closed) == (Stamp(model_s=3.0), Stamp(model_s=5.0))
    assert pipeline.sight(opened) is None
    assert pipeline.sight(msgspec.structs.replace(opened, camera="another")) is None


def test_a_restart_closes_what_was_open_once_the_frame_was_scored() -> None:
    pipeline, runtime, _ = make()
    for second in range(2):
        pipeline.score("c", frame(second, white=(20, 20)))
    runtime.broken = True
    with pytest.raises(RuntimeModelError):
        pipeline.score("c", frame(500))
    runtime.broken = False
    scored = pipeline.score("c", frame(501))
    assert [e.phase for e in scored.events] == ["closed"]
    assert pipeline.close("c", frame(502)) == ()


def test_masks_block_and_letterbox_bars_never_count() -> None:
    left = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    pipeline, _, _ = make(masks=[left])
    for second in range(4):
        assert not pipeline.score("c", frame(second, white=(20, 20))).events
    assert any(pipeline.score("c", frame(s, white=(20, 40))).events for s in range(4, 8))
    wide, _, _ = make()
    events = [e for s in range(4) for e in wide.score("c", frame(s, white=(0, 0), size=(64, 128))).events]
    assert events[0].opening_box_px == (0, 0, 32, 32)


def test_a_frame_with_a_score_that_is_no_number_leaves_the_memory_as_it_was() -> None:
    pipeline, runtime, stages = make()
    pipeline.score("c", frame(0))
    infer = runtime.infer
    runtime.infer = lambda write, state: replace(
        infer(write, state), scores=np.full((4, 4, 1), np.nan, np.float32)
    )
    with pytest.raises(FrameError, match="not finite"):
        pipeline.score("c", frame(1))
    with pytest.raises(FrameError, match="not finite"):
        pipeline.score("c", frame(500))
    runtime.infer = infer
    assert not pipeline.score("c", frame(2)).restarted
    assert runtime.states == [0, 1, 0, 1]
    assert len(stages) == 8


def test_one_plume_a_camera_and_ids_that_differ() -> None:
    pipeline, _, _ = make()
    ids = [
        event.id
        for second in range(2)
        for camera in ("c", "d")
        for event in pipeline.score(camera, frame(second, white=(20, 20))).events
    ]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(("score", "phases"), [(0.79, []), (0.8, ["opened"])])
def test_a_classifier_alerts_over_its_threshold_and_boxes_the_whole_frame(
    score: float, phases: list[str]
) -> None:
    spec = FileSpec(
        sha256="0" * 64, bytes=1, backend="litert",
        tensors=(SPEC.tensors[0], TensorSpec(name="y", role="scores", shape=(1, 2), dtype="float32")),
    )  # fmt: skip
    manifest = Manifest(
        schema="1.0", name="m", version="1", task="classify", kind="probabilities", labels=("clear", "smoke"),
        files={"model.tflite": spec}, thresholds={"smoke": Threshold(open=0.8, keep=0.5)},
        confirmation=Confirmation(hits=2, window=3, close_after=2),
    )  # fmt: skip
    runtime = CountingRuntime()
    runtime.infer = lambda _write, state: Inference(np.float32([[[1 - score, score]]]), state, 5)
    pipeline = Pipeline(
        Model(Bundle(Path("b"), Path("b"), manifest, "d" * 64), spec, runtime),
        lambda frame: Stamp(model_s=frame.model_ns / 1e9),
        lambda _stage, _ns: None,
        {"c": [[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]]},  # a mask has no cells to block here
    )
    events = [e for second in range(3) for e in pipeline.score("c", frame(second, size=(48, 96))).events]
    assert [event.phase for event in events] == phases
    assert all((event.label, event.box_px) == ("smoke", (0, 0, 96, 48)) for event in events)


def test_closing_a_recording_closes_its_events_once() -> None:
    pipeline, _, _ = make()
    for second in range(2):
        pipeline.score("c", frame(second, white=(20, 20)))
    assert [e.phase for e in pipeline.close("c", frame(1))] == ["closed"]
    assert pipeline.close("c", frame(1)) == ()


def test_another_view_starts_state_anew_and_closes_what_was_open() -> None:
    pipeline, runtime, _ = make()
    (opened,) = [e for s in range(2) for e in pipeline.score("c", frame(s, white=(20, 20))).events]
    scored = pipeline.score("c", replace(frame(2, white=(20, 20)), turns=1, view=1))
    (closed,) = scored.events
    assert (closed.id, closed.revision, closed.phase) == (opened.id, 2, "closed")
    assert (scored.restarted, scored.open_events) == (True, 0)
    later = [pipeline.score("c", replace(frame(s, white=(20, 20)), turns=1, view=1)) for s in (3, 4)]
    assert [one.restarted for one in later] == [False, False]
    assert runtime.states == [0, 1, 0, 1, 2]
    (again,) = later[0].events
    assert (again.id == opened.id, again.phase) == (False, "opened")


def test_each_change_of_the_view_counts_though_its_own_frame_was_dropped_and_it_came_back() -> None:
    pipeline, _, _ = make()
    pipeline.score("c", frame(0))
    assert pipeline.score("c", replace(frame(9), turns=2, view=0)).restarted
    # a recording that begins again: its times jump back, its view does not
    assert pipeline.score("c", replace(frame(1), turns=2, view=0)).restarted
    assert not pipeline.score("c", replace(frame(2), turns=2, view=0)).restarted


def test_a_camera_that_turned_in_the_dark_keeps_no_event_of_before() -> None:
    pipeline, _, _ = make()
    for second in range(2):
        pipeline.score("c", frame(second, white=(20, 20)))
    pipeline.darken("c", frame(60))
    morning = replace(frame(50_000), dark_ns=49_940 * 10**9, turns=1, view=1)
    scored = pipeline.score("c", morning)
    assert [event.phase for event in scored.events] == ["closed"]
    assert scored.open_events == 0


def test_an_open_event_stays_open_through_darkness_and_says_so() -> None:
    pipeline, runtime, _ = make()
    opened = [e for s in range(2) for e in pipeline.score("c", frame(s, white=(20, 20))).events][-1]
    dusk = frame(60)
    (dark,) = pipeline.darken("c", dusk)
    assert (dark.id, dark.revision, dark.phase, dark.closed) == (opened.id, 2, "updated", None)
    assert dark.darkness == Darkness(since=Stamp(model_s=60.0), until=None)
    assert dark.updated == opened.updated
    assert pipeline.darken("c", dusk) == ()
    assert pipeline.darken("d", dusk) == ()
    morning = replace(frame(50_000), dark_ns=49_940 * 10**9)
    scored = pipeline.score("c", morning)
    assert scored.restarted
    assert runtime.states == [0, 1, 0]
    assert scored.open_events == 1
    (lit,) = scored.events
    assert (lit.id, lit.revision, lit.phase) == (opened.id, 3, "updated")
    assert lit.darkness == Darkness(since=Stamp(model_s=60.0), until=Stamp(model_s=50_000.0))
    assert pipeline.darken("c", dusk) == ()
    (closed,) = pipeline.score("c", frame(50_060)).events
    assert (closed.revision, closed.phase, closed.darkness) == (4, "closed", lit.darkness)
    assert closed.updated.model_s == 1.0


def test_a_plume_that_is_seen_again_after_the_night_is_the_same_event_in_one_revision() -> None:
    pipeline, _, _ = make()
    opened = [e for s in range(2) for e in pipeline.score("c", frame(s, white=(20, 20))).events][-1]
    pipeline.darken("c", frame(60))
    (again,) = pipeline.score("c", replace(frame(50_000, white=(20, 20)), dark_ns=49_940 * 10**9)).events
    assert (again.id, again.revision, again.sightings) == (opened.id, 3, 3)
    assert again.updated.model_s == 50_000
    assert again.darkness.until == again.updated
    assert pipeline.darken("c", frame(60_000))[0].darkness == Darkness(since=Stamp(model_s=60_000.0))


def test_a_frame_from_before_the_darkness_brings_no_light() -> None:
    pipeline, _, _ = make()
    for second in range(2):
        pipeline.score("c", frame(second, white=(20, 20)))
    assert pipeline.darken("c", frame(60))
    assert pipeline.score("c", frame(59, white=(20, 20))).events == ()


def test_darkness_before_an_event_is_none_of_its_own() -> None:
    pipeline, _, _ = make()
    for second in range(100, 102):
        pipeline.score("c", frame(second, white=(20, 20)))
    assert pipeline.darken("c", frame(60)) == ()


def test_a_gap_without_darkness_closes_and_a_candidate_from_before_the_night_is_forgotten() -> None:
    pipeline, _, _ = make()
    for second in range(2):
        pipeline.score("c", frame(second, white=(20, 20)))
    assert [e.phase for e in pipeline.score("c", replace(frame(500), dark_ns=10**9)).events] == ["closed"]
    pipeline.score("c", frame(510, white=(20, 20)))
    assert not pipeline.score("c", replace(frame(5_000, white=(20, 20)), dark_ns=600 * 10**9)).events


def seen(pipeline: Pipeline, seconds: list[float], white: tuple[int, int] | None = (20, 20)) -> list[Event]:
    return [e for second in seconds for e in pipeline.score("c", frame(second, white=white)).events]


def test_without_a_rule_every_event_is_an_alert_from_its_opening() -> None:
    pipeline, _, _ = make()
    (opened,) = seen(pipeline, [0, 1, 2])
    assert (opened.severity, opened.alerted) == ("alert", None)
    assert (opened.alert_at, opened.alert_box_px) == (opened.opened, opened.opening_box_px)
    assert opened.is_new_alert
    (closed,) = seen(pipeline, [3, 4], white=None)
    assert (closed.severity, closed.alert_at, closed.is_new_alert) == ("alert", opened.opened, False)


def test_a_candidate_becomes_an_alert_in_a_revision_of_its_own() -> None:
    pipeline, _, _ = make(alert=AlertRule(escalate_s=500.0, persistence_s=60.0))
    (opened,) = seen(pipeline, [0, 30, 60])
    assert (opened.phase, opened.severity, opened.alerted) == ("opened", "candidate", None)
    assert (opened.alert_at, opened.alert_box_px, opened.is_new_alert) == (None, None, False)
    (alert,) = seen(pipeline, [90])
    assert (alert.id, alert.phase, alert.severity, alert.revision) == (opened.id, "updated", "alert", 2)
    assert alert.alerted == Alerted(
        at=Stamp(model_s=90.0), by="persistence", revision=2, box_px=(16, 16, 32, 32)
    )
    assert alert.is_new_alert
    assert seen(pipeline, [120, 150]) == []
    closed = seen(pipeline, [180, 210], white=None)
    assert [(e.phase, e.severity, e.alerted) for e in closed] == [("closed", "alert", alert.alerted)]


def test_what_is_loud_enough_opens_as_an_alert() -> None:
    pipeline, _, _ = make(alert=AlertRule(escalate_s=500.0, scores={"smoke": 10.0}))
    (opened,) = seen(pipeline, [0, 30, 60])
    assert (opened.phase, opened.revision, opened.severity) == ("opened", 1, "alert")
    assert opened.alerted is not None
    assert (opened.alerted.by, opened.alerted.revision, opened.alert_at) == ("score", 1, opened.opened)
    assert opened.is_new_alert


def test_a_candidate_escalates_though_it_is_not_seen() -> None:
    rule = Confirmation(hits=1, window=1, close_after=20)
    pipeline, _, _ = make(alert=AlertRule(escalate_s=180.0), rule=rule)
    seen(pipeline, [0])
    assert seen(pipeline, [60, 120], white=None) == []
    (alert,) = seen(pipeline, [180], white=None)
    assert (alert.phase, alert.revision, alert.updated.model_s) == ("updated", 2, 0.0)
    assert alert.alerted == Alerted(
        at=Stamp(model_s=180.0), by="escalation", revision=2, box_px=alert.opening_box_px
    )
    assert seen(pipeline, [240, 300], white=None) == []


def test_a_night_keeps_the_severity_and_is_no_persistence() -> None:
    pipeline, _, _ = make(alert=AlertRule(escalate_s=500.0, persistence_s=150.0))
    seen(pipeline, [0, 60])
    (dark,) = pipeline.darken("c", frame(120))
    assert dark.severity == "candidate"
    morning = replace(frame(50_000, white=(20, 20)), dark_ns=49_940 * 10**9)
    (lit,) = pipeline.score("c", morning).events
    assert (lit.severity, lit.darkness.until) == ("candidate", Stamp(model_s=50_000.0))
    assert seen(pipeline, [50_060]) == []  # 60 s since the last dark picture, and 60 more
    (alert,) = seen(pipeline, [50_120])
    assert (alert.alerted.by, alert.alerted.at.model_s) == ("persistence", 50_120.0)
    (dark,) = pipeline.darken("c", frame(50_180))
    assert dark.alerted == alert.alerted


def test_light_can_bring_the_alert_in_one_revision() -> None:
    pipeline, _, _ = make(alert=AlertRule(escalate_s=60.0))
    (opened,) = seen(pipeline, [0, 30])
    pipeline.darken("c", frame(60))
    (lit,) = pipeline.score("c", replace(frame(50_000), dark_ns=49_940 * 10**9)).events
    assert (lit.revision, lit.severity, lit.alerted.by) == (3, "alert", "escalation")
    assert (lit.darkness.until, opened.id) == (lit.alerted.at, lit.id)


@pytest.mark.parametrize(
    ("cadence", "watched_s"), [(None, 90.0), (Cadence(min_s=1, default_s=30, max_s=40), 40.0)]
)
def test_what_was_due_and_not_scored_is_not_watched(cadence: Cadence | None, watched_s: float) -> None:
    """Frames come 90 s apart, where the model was trained for 40 at most: 50 of them were dropped."""
    pipeline, _, _ = make(alert=AlertRule(escalate_s=10 * watched_s), cadence=cadence)
    seconds = [90.0 * index for index in range(30)]
    events = seen(pipeline, seconds)
    assert [e.phase for e in events] == ["opened", "updated"]
    assert events[1].alerted.at.model_s == seconds[11]


def test_a_gap_by_day_closes_a_candidate_and_the_next_event_starts_anew() -> None:
    pipeline, _, _ = make(alert=AlertRule(escalate_s=90.0))
    seen(pipeline, [0, 60])
    closed, opened = seen(pipeline, [500, 560])
    assert (closed.phase, closed.severity) == ("closed", "candidate")
    assert (opened.phase, opened.severity) == ("opened", "candidate")
    (alert,) = seen(pipeline, [620, 680])
    assert (alert.id, alert.alerted.at.model_s) == (opened.id, 680.0)


def plain(events: list[Event]) -> list[Event]:
    """Return the last revision of each event without what the rule adds."""
    newest = {event.id: event for event in events}
    return [msgspec.structs.replace(e, severity="alert", alerted=None, revision=1) for e in newest.values()]


rules = st.builds(
    AlertRule,
    escalate_s=st.floats(60, 600),
    persistence_s=st.none() | st.floats(1, 60),
    growth=st.none() | st.floats(1.5, 3),
    scores=st.just({}) | st.just({"smoke": 10.0}),
)
whites = st.none() | st.tuples(st.integers(0, 56), st.integers(0, 56))


@given(rules, st.lists(st.tuples(whites, st.sampled_from([0.0, 30.0, 200.0]), st.booleans()), max_size=25))
def test_a_rule_opens_closes_and_moves_no_event_and_no_severity_falls(rule: AlertRule, steps: list) -> None:
    """The same frames with and without a rule, gaps by day and by night among them."""
    with_rule, without = make(alert=rule)[0], make()[0]
    events: tuple[list[Event], list[Event]] = ([], [])
    second = 0.0
    for white, step_s, dark in steps:
        picture = frame(second, white=white)
        second += step_s + 1
        for pipeline, told in ((with_rule, events[0]), (without, events[1])):
            if dark:
                dusk = frame(second - 1)
                told.extend(pipeline.darken("c", dusk))
            dark_ns = picture.model_ns - 1 if dark else None
            told.extend(pipeline.score("c", replace(picture, dark_ns=dark_ns)).events)
    for pipeline, told in ((with_rule, events[0]), (without, events[1])):
        told.extend(pipeline.close("c", frame(second)))
    assert plain(events[0]) == plain(events[1])
    assert all((e.severity, e.alerted) == ("alert", None) for e in events[1])
    for name in {event.id for event in events[0]}:
        revisions = [event for event in events[0] if event.id == name]
        assert [e.revision for e in revisions] == list(range(1, len(revisions) + 1))
        severities = [e.severity for e in revisions]
        assert severities == sorted(severities, reverse=True)  # c(andidate) after a(lert) never
        alerts = [e for e in revisions if e.severity == "alert"]
        assert {e.alerted for e in alerts} == ({alerts[0].alerted} if alerts else set())
        assert [e.is_new_alert for e in alerts] == [True, *[False] * (len(alerts) - 1)][: len(alerts)]


FAINT = Calm(margin=2.0, fall=12.0, window=20, lag=3, least=5)
HIGH = {"smoke": Threshold(open=12.0, keep=11.0)}


def test_an_event_that_opens_in_a_calm_picture_says_at_which_threshold() -> None:
    pipeline, _, _ = make(thresholds=HIGH, calm=FAINT)
    assert seen(pipeline, list(range(8)), white=None) == []
    (opened,) = seen(pipeline, [8, 9])
    assert opened.threshold == 0.0
    events = seen(pipeline, list(range(10, 60)))  # a long fire raises no bar: it stays open, and one event
    assert events == []
    closed = seen(pipeline, [60, 61], white=None)
    assert [(event.phase, event.threshold) for event in closed] == [("closed", 0.0)]
    assert b"threshold" in msgspec.json.encode(closed[0])


def test_without_the_rule_or_the_calm_an_event_has_no_threshold() -> None:
    loud, _, _ = make(thresholds={"smoke": Threshold(open=9.0, keep=8.0)}, calm=FAINT)
    (opened,) = seen(loud, [0, 1, 2])
    assert b"threshold" not in msgspec.json.encode(opened)
    never, _, _ = make(thresholds=HIGH)
    assert seen(never, list(range(8)), white=None) + seen(never, [8, 9, 10]) == []


def test_what_a_mask_blocks_is_no_part_of_the_calm() -> None:
    masked, _, _ = make([[(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]], thresholds=HIGH, calm=FAINT)
    assert seen(masked, list(range(8)), white=(4, 4)) == []
    (opened,) = seen(masked, [8, 9], white=(40, 40))
    assert opened.threshold == 0.0


def test_the_calm_starts_anew_with_the_state_and_closes_nothing_in_the_night() -> None:
    gap, _, _ = make(thresholds=HIGH, calm=FAINT)
    seen(gap, list(range(8)), white=None)
    assert seen(gap, [1000, 1001, 1002]) == []
    still, _, _ = make(thresholds=HIGH, calm=FAINT)
    seen(still, list(range(8)), white=None)
    still.score("c", replace(frame(50_000, white=(20, 20)), dark_ns=49_940 * 10**9))
    assert seen(still, [50_001, 50_002]) == []
    night, _, _ = make(thresholds=HIGH, calm=FAINT)
    seen(night, list(range(8)), white=None)
    (opened,) = seen(night, [8, 9])
    night.darken("c", frame(60))
    morning = night.score("c", replace(frame(50_000, white=(20, 20)), dark_ns=49_940 * 10**9))
    assert morning.restarted
    assert [(event.id, event.sightings) for event in morning.events] == [(opened.id, 3)]


def test_a_frame_that_fails_leaves_the_calm_as_it_was() -> None:
    pipeline, runtime, _ = make(thresholds=HIGH, calm=FAINT)
    seen(pipeline, list(range(7)), white=None)
    runtime.broken = True
    for second in range(7, 30):
        with pytest.raises(RuntimeModelError):
            pipeline.score("c", frame(second))
    runtime.broken = False
    assert seen(pipeline, [30, 31]) == []  # four frames are known, five are needed


def test_conditions_are_kept_per_camera_and_start_anew_with_the_state() -> None:
    pipeline, runtime, _ = make(conditions=("fog", "night"))
    assert pipeline.conditions("c") == ()
    runtime.conditions = [0.1, 0.9]
    scored = pipeline.score("c", frame(0))
    assert scored.conditions is not None
    assert scored.conditions.tolist() == np.float32([0.1, 0.9]).tolist()
    runtime.conditions = [0.0, 0.0]
    pipeline.score("d", frame(0))
    pipeline.score("c", frame(1))
    assert (pipeline.conditions("c"), pipeline.conditions("d")) == (("night",), ())
    pipeline.score("c", frame(1000))
    assert pipeline.conditions("c") == ()
    runtime.conditions = [1.0, 0.0]
    pipeline.score("d", replace(frame(50_000), dark_ns=49_940 * 10**9))
    assert pipeline.conditions("d") == ("fog",)


def test_a_model_that_tells_no_conditions_has_none() -> None:
    pipeline, _, _ = make()
    assert pipeline.score("c", frame(0)).conditions is None
    assert pipeline.conditions("c") is None


HELD = AlertRule(escalate_s=300.0, scores={"smoke": 10.0}, held=("night", "infrared"))
SCENE = ("fog", "night", "infrared")


def told_by(pipeline: Pipeline, camera: str, seconds: list[float]) -> list[Event]:
    return [e for s in seconds for e in pipeline.score(camera, frame(s, white=(20, 20))).events]


def test_at_night_a_loud_candidate_stays_one_and_says_why() -> None:
    pipeline, runtime, _ = make(alert=HELD, conditions=SCENE)
    runtime.conditions = [0.9, 0.9, 0.0]
    (opened,) = told_by(pipeline, "c", [0, 60])
    assert (opened.severity, opened.held) == ("candidate", ("night",))
    assert (pipeline.conditions("c"), pipeline.holds("c"), pipeline.holds("d")) == (
        ("fog", "night"),
        ("night",),
        (),
    )
    assert told_by(pipeline, "c", [120, 180]) == []
    runtime.conditions = [0.0, 1.0, 1.0]
    assert told_by(pipeline, "c", [240, 270, 300, 330]) == []
    (alert,) = told_by(pipeline, "c", [360])
    assert (alert.severity, alert.alerted.by, alert.held) == ("alert", "escalation", ("night", "infrared"))


def test_by_day_and_by_the_operators_choice_nothing_is_held() -> None:
    for camera, told in (("c", [0.9, 0.0, 0.0]), ("loud", [0.0, 1.0, 1.0])):
        pipeline, runtime, _ = make(alert=HELD, conditions=SCENE)
        runtime.conditions = told
        (opened,) = told_by(pipeline, camera, [0, 60])
        assert (opened.severity, opened.alerted.by) == ("alert", "score")
        assert pipeline.holds(camera) == ()
        assert b"held" not in msgspec.json.encode(opened)


def test_what_was_held_is_an_alert_by_its_first_loud_sight_of_the_day() -> None:
    pipeline, runtime, _ = make(alert=HELD, conditions=SCENE)
    runtime.conditions = [0.0, 1.0, 0.0]
    (opened,) = told_by(pipeline, "c", [0, 60])
    runtime.conditions = [0.0, 0.0, 0.0]
    events = told_by(pipeline, "c", [61 + second for second in range(5)])
    assert [(event.id, event.alerted.by, event.held) for event in events] == [
        (opened.id, "score", ("night",))
    ]


def test_an_event_that_is_an_alert_before_the_night_is_not_held_by_it() -> None:
    pipeline, runtime, _ = make(alert=HELD, conditions=SCENE)
    runtime.conditions = [0.0, 0.0, 0.0]
    (alert,) = told_by(pipeline, "c", [0, 60])
    runtime.conditions = [0.0, 1.0, 0.0]
    told_by(pipeline, "c", [120 + 10 * number for number in range(8)])
    (closed,) = pipeline.close("c", frame(200))
    assert (closed.severity, closed.alerted) == ("alert", alert.alerted)
    assert b"held" not in msgspec.json.encode(closed)


RULES = {
    "horizon": lambda pipeline: (pipeline.horizons, "told"),
    "memory": lambda pipeline: (pipeline.hours, "release"),
    "thresholds": lambda pipeline: (pipeline._pasts.of("c").thresholds, "learn"),
    "severity": lambda pipeline: (pipeline._pasts.of("c").severities, "update"),
    "risk": lambda pipeline: (pipeline, "_risk"),
    "stamp": lambda pipeline: (pipeline._revisions, "_stamp"),
    "lesson": lambda pipeline: (pipeline.hours, "learn"),
    "counter": lambda pipeline: (pipeline, "_record"),
}
SLOW = AlertRule(escalate_s=3.0)


def breaks(pipeline: Pipeline, part: str, *, once: bool = True) -> None:
    """Let a part fail when it is next asked, or always."""
    owner, name = RULES[part](pipeline)
    whole = getattr(owner, name)

    def fail(*_args: object, **_more: object) -> None:
        if once:
            setattr(owner, name, whole)
        raise RuntimeError("a bug")

    setattr(owner, name, fail)


def told_of(pipeline: Pipeline, seconds: range, white: tuple[int, int] | None, *, taken: bool) -> list[Event]:
    """Score frames, some of which fail; return what is told, with what is owed where somebody takes that."""
    told: list[Event] = []
    for second in seconds:
        try:
            told += pipeline.score("c", frame(second, white=white)).events
        except RuntimeError:
            told += pipeline.owed("c") if taken else ()
    return told


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("at", [1, 7])
@pytest.mark.parametrize("part", RULES)
def test_whatever_fails_behind_the_tracker_what_opened_and_closed_is_told(
    part: str, at: int, taken: bool
) -> None:
    pipeline, _, _ = make(alert=SLOW)
    told = told_of(pipeline, range(1), (20, 20), taken=taken)
    for second in range(1, 12):
        if second == at:  # opens with second 1, closes with second 7
            breaks(pipeline, part)
        told += told_of(pipeline, range(second, second + 1), (20, 20) if second < 6 else None, taken=taken)
    assert [(event.revision, event.phase, event.severity) for event in told] == [
        (1, "opened", "candidate"),
        (2, "updated", "alert"),
        (3, "closed", "alert"),
    ]
    assert len({event.id for event in told}) == 1
    assert told[0].opened.model_s in ({1.0, 2.0} if at == 1 else {1.0})
    assert pipeline._pasts.of("c").events == {}


@pytest.mark.parametrize("part", [part for part in RULES if part != "stamp"])
def test_a_part_that_fails_in_each_frame_keeps_no_opening_and_no_closing_back(part: str) -> None:
    pipeline, _, _ = make(alert=SLOW)
    told_of(pipeline, range(1), (20, 20), taken=True)
    breaks(pipeline, part, once=False)
    told = told_of(pipeline, range(1, 4), (20, 20), taken=True)
    assert [(event.phase, event.opened.model_s) for event in told] == [("opened", 1.0)]
    assert [event.phase for event in told_of(pipeline, range(4, 7), None, taken=True)][-1] == "closed"


def test_a_picture_that_cannot_be_decoded_again_holds_an_opening_over_to_the_next_frame() -> None:
    class Gone(RgbImage):
        def rgb(self) -> np.ndarray:
            raise FrameError("its file is gone")

    pipeline, _, _ = make()
    first, second = frame(0, white=(20, 20)), frame(1, white=(20, 20))
    pipeline.score("c", first)
    with pytest.raises(FrameError, match="gone"):
        pipeline.score("c", replace(second, image=Gone(second.image.rgb())))
    assert pipeline.owed("c") == ()
    (opened,) = seen(pipeline, [2.0])
    assert (opened.phase, opened.sightings) == ("opened", 2)


def test_closings_of_a_restart_are_told_though_its_frame_failed() -> None:
    pipeline, runtime, _ = make()
    seen(pipeline, [0.0, 1.0])
    breaks(pipeline, "lesson")
    with pytest.raises(RuntimeError):
        pipeline.score("c", frame(500))
    assert [event.phase for event in pipeline.owed("c")] == ["closed"]
    assert not pipeline.score("c", frame(501)).restarted
    assert runtime.states == [0, 1, 0, 1]


def test_an_alert_that_flows_into_another_event_in_a_frame_that_failed_makes_that_one_an_alert() -> None:
    pipeline, _, _ = make(alert=AlertRule(escalate_s=30.0, scores={"smoke": 9.0}), calm=None)
    runtime = pipeline._runtime
    infer, maps = runtime.infer, []
    runtime.infer = lambda write, state: replace(infer(write, state), scores=maps.pop(0))

    def plane(**cells: float) -> np.ndarray:
        made = np.full((4, 4, 1), -10, np.float32)
        for col in range(4):
            made[1, col] = cells.get(f"c{col}", -10)
        return made

    apart, merged = plane(c0=5.0, c3=10.0), plane(c0=5.0, c1=5.0, c2=5.0, c3=5.0)
    told: list[Event] = []
    for second, one in enumerate([plane(c0=5.0), apart, apart, merged, merged]):
        if second == 3:
            breaks(pipeline, "severity")
        maps.append(one)
        told += told_of(pipeline, range(second, second + 1), (20, 20), taken=True)
    last = {event.id: event for event in told}.values()
    assert sorted((event.phase, event.severity) for event in last) == [
        ("closed", "alert"),
        ("updated", "alert"),
    ]


def test_state_and_events_survive_a_sleep_of_the_governor_when_the_view_is_the_same() -> None:
    pipeline, runtime, _ = make()
    for second in (0, 60):
        opened = pipeline.score("c", frame(second, white=(20, 20))).events
    assert [event.phase for event in opened] == ["opened"]
    assert pipeline.any_open
    woken = pipeline.score("c", replace(frame(50_000, white=(20, 20)), naps=1))
    assert runtime.states == [0, 1, 2]
    assert woken.restarted
    assert woken.open_events == 1
    assert not [event for event in woken.events if event.phase == "closed"]
    pipeline.score("c", replace(frame(50_060, white=(20, 20)), naps=1))
    assert runtime.states[-1] == 3
    pipeline.score("c", replace(frame(60_000), naps=1))  # a gap that was no sleep
    assert runtime.states[-1] == 0
    assert not pipeline.any_open


def test_another_view_or_darkness_after_a_sleep_starts_state_anew() -> None:
    for change in ({"turns": 1, "view": 1}, {"dark_ns": 40_000 * 10**9}):
        pipeline, runtime, _ = make()
        pipeline.score("c", frame(0))
        pipeline.score("c", replace(frame(50_000), naps=1, **change))
        assert runtime.states == [0, 0]


def test_what_lowers_thresholds_and_conditions_start_anew_after_a_sleep() -> None:
    pipeline, runtime, _ = make(conditions=("night",))
    runtime.conditions = [1.0]
    for second in range(5):
        pipeline.score("c", frame(second))
    assert pipeline.conditions("c") == ("night",)
    runtime.conditions = [0.0]
    pipeline.score("c", replace(frame(50_000), naps=1))
    assert pipeline.conditions("c") == ()
