"""The decision from stored score maps is the daemon's own, to the last bit of its events."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.clock import SystemClock
from edge.counter.drops import Account
from edge.errors import FrameError
from edge.model.calm import Calm
from edge.model.manifest import Confirmation, Threshold
from edge.replay import replay
from scoring.day import WARM_UP
from scoring.planted import SHIPPED
from tests.training.gate import made
from training.gate.decide import RULES_OFF, decide, judge, shifted, variants
from training.gate.recording import from_files, load, record, save
from training.gate.stream import Part, Shot, Stream, streams

HERE, THERE = (0, 0), (2, 3)
TOLD = msgspec.structs.replace(made.MANIFEST, schema="1.4", conditions=("night",))


def shots(times_s):
    return [Shot(f"{i:03}.png", Path(), round(t * 1e9), (64, 64)) for i, t in enumerate(times_s)]


def hard():
    """A plume, a corrupt picture, darkness, the same picture again and again, a gap, a plume on the next day."""
    level = [90] * 8 + [3] * 6 + [90] * 20
    pictures = [made.picture(i, HERE if 3 <= i < 20 else None, at) for i, at in enumerate(level)]
    pictures[8:14] = [made.picture(i, None, 6) for i in range(8, 14)]
    pictures[5] = None
    pictures[16] = pictures[17] = pictures[18] = pictures[15]
    pictures[26:34] = [made.picture(i, THERE) for i in range(26, 34)]
    times = [i * 60.0 if i < 24 else 86_400.0 + i * 60.0 for i in range(34)]
    return pictures, times


def reader(pictures):
    def read(index):
        if pictures[index] is None:
            raise FrameError("corrupt")
        return pictures[index]

    return read


def test_events_from_stored_maps_equal_the_pipelines_own_to_the_last_bit(tmp_path):
    pictures, times = hard()
    model, some, read = made.model(), shots(times), reader(pictures)
    recording = record(model, "cam", some, read)
    network = model.runtime
    assert isinstance(network, made.BrightRuntime)
    assert network.asked == len(recording.maps)
    causes = {seen.cause for seen in recording.seen}
    assert causes == {None, "corrupt", "dark", "frozen"}
    save(recording, tmp_path, "r")
    again = load(tmp_path / "r.json", tmp_path / "r.npz")
    asked = network.asked
    events = decide(model, "cam", some, again, read=read)
    assert network.asked == asked  # the network was not needed
    assert msgspec.json.encode(events) == msgspec.json.encode(recording.events)
    assert len(events) == 2
    assert events[0].darkness is not None
    assert {event.severity for event in events} == {"alert"}


def test_a_recording_is_what_a_replay_of_the_daemon_gives(tmp_path):
    """The folder's camera with a table of times, and the gate's own source: the same events."""
    pictures, times = hard()
    sequence = made.write(tmp_path, "s", "n" * 34, pictures)
    lines = []
    for frame, time_s in zip(sequence["frames"], times, strict=True):
        frame["epoch"] = made.EPOCH + round(time_s)
        lines.append(f"{frame['file'].split('/')[1]},{frame['epoch']}")
    (tmp_path / "times.csv").write_text("\n".join(lines))
    truth = made.save(tmp_path, [sequence])[0]
    part = Part(truth, tuple(tmp_path / frame.file for frame in truth.frames))
    (stream,) = streams([part])
    model = made.model()
    recording = record(model, stream.name, stream.shots(), from_files(stream.shots()))
    clip, keys, account = str(tmp_path / "s"), {"times_csv": tmp_path / "times.csv"}, Account()
    events = {}
    for step in replay(
        clip,
        made.model(),
        clock=SystemClock(),
        record=lambda *_: None,
        account=account,
        keys=keys,
        name="cam",
    ):
        events.update({event.id: event for event in step.events})
    assert msgspec.json.encode(list(events.values())) == msgspec.json.encode(recording.events)
    assert account.balance().scored == len(recording.maps)


def test_frames_are_told_by_what_became_of_them(tmp_path):
    pictures, times = hard()
    sequence = made.write(tmp_path, "s", "n" * 34, pictures)
    for frame, time_s in zip(sequence["frames"], times, strict=True):
        frame["epoch"] = made.EPOCH + round(time_s)
    truth = made.save(tmp_path, [sequence])[0]
    stream = Stream("cam", (Part(truth, tuple(tmp_path / f.file for f in truth.frames)),))
    model = made.model()
    recording = record(model, "cam", stream.shots(), reader(pictures))
    (day,) = judge(model, stream, recording, recording.events)
    causes = [frame.cause for frame in day.frames]
    # hits 2: one frame after each start of the state; the darkness is no gap of 15 minutes, the night is
    assert [i for i, cause in enumerate(causes) if cause == WARM_UP] == [0, 24]
    assert [i for i, cause in enumerate(causes) if cause == "corrupt"] == [5]
    assert [i for i, cause in enumerate(causes) if cause == "dark"] == list(range(8, 14))
    assert causes.count("frozen") == 2
    assert day.frames[23].lasts_s == 120  # a gap counts as twice the usual interval
    assert {frame.night for frame in day.frames} == {
        None
    }  # dark pictures are no night: nobody knows the place
    placed = msgspec.structs.replace(truth, latitude_deg=0.0, longitude_deg=0.0)  # from 22:13 UTC on
    (day,) = judge(model, Stream("cam", (Part(placed, stream.parts[0].paths),)), recording, recording.events)
    assert {frame.night for frame in day.frames} == {True}


def test_each_rule_is_off_in_its_variant_and_all_in_the_last():
    rules = variants(made.MANIFEST)
    assert list(rules) == [SHIPPED, "no confirmation", "no hysteresis", "no severity", RULES_OFF]
    off = rules[RULES_OFF]
    assert off.confirmation == Confirmation(hits=1, window=1, close_after=2)
    assert (off.alert, off.thresholds["smoke"]) == (None, Threshold(open=1.0, keep=1.0))
    assert "no severity" not in variants(msgspec.structs.replace(made.MANIFEST, alert=None))
    pictures = [made.picture(i, HERE if i == 4 else None) for i in range(10)]
    some, model = shots([i * 60.0 for i in range(10)]), made.model()
    recording = record(model, "cam", some, reader(pictures))
    counts = [
        len(decide(model, "cam", some, recording, rules[name])) for name in (SHIPPED, "no confirmation")
    ]
    assert counts == [0, 1]


def test_a_recording_keeps_the_conditions_of_each_scored_frame(tmp_path):
    pictures, times = hard()
    model, some = made.model(TOLD), shots(times)
    recording = record(model, "cam", some, reader(pictures))
    assert recording.conditions.shape == (len(recording.maps), 1)
    save(recording, tmp_path, "r")
    again = load(tmp_path / "r.json", tmp_path / "r.npz")
    assert np.array_equal(again.conditions, recording.conditions)
    assert again.conditions.dtype == np.float32
    plain = record(made.model(), "cam", some, reader(pictures))
    assert plain.conditions is None
    save(plain, tmp_path, "p")
    assert load(tmp_path / "p.json", tmp_path / "p.npz").conditions is None


def test_a_decision_from_stored_conditions_holds_what_the_pipeline_held():
    rule = msgspec.structs.replace(TOLD.alert, persistence_s=60.0, held=("night",))
    manifest = msgspec.structs.replace(TOLD, alert=rule)
    pictures = [made.picture(i, HERE if i >= 2 else None, 35) for i in range(12)]
    some, model = shots([i * 60.0 for i in range(12)]), made.model(manifest)
    recording = record(model, "cam", some, reader(pictures))
    events = decide(model, "cam", some, recording, read=reader(pictures))
    assert msgspec.json.encode(events) == msgspec.json.encode(recording.events)
    assert [(event.severity, event.held) for event in events] == [("candidate", ("night",))]
    rules = variants(manifest)
    assert list(rules)[3:5] == ["no hold", "no severity"]
    assert rules[RULES_OFF].alert is None
    (loud,) = decide(model, "cam", some, recording, rules["no hold"])
    assert (loud.severity, loud.alerted.by) == ("alert", "persistence")


CALM = msgspec.structs.replace(
    made.MANIFEST,
    schema="1.4",
    thresholds={"smoke": Threshold(open=12.0, keep=11.0)},
    calm=Calm(margin=2.0, fall=12.0, least=5),
)


def test_without_the_calm_rule_a_faint_plume_in_a_calm_picture_is_not_found():
    pictures = [made.picture(i, HERE if i >= 15 else None) for i in range(22)]
    some, model = shots([i * 60.0 for i in range(22)]), made.model(CALM)
    recording = record(model, "cam", some, reader(pictures))
    assert [event.threshold for event in decide(model, "cam", some, recording)] == [0.0]
    rules = variants(CALM)
    assert list(rules)[-2:] == ["no calm", RULES_OFF]
    assert rules["no calm"] == msgspec.structs.replace(CALM, calm=None)
    assert decide(model, "cam", some, recording, rules["no calm"]) == []
    assert shifted(CALM, 1.0).calm == CALM.calm
    (event,) = decide(model, "cam", some, recording, shifted(CALM, 1.0))
    assert event.threshold == 1.0  # the end of the fall moves with the threshold


def test_thresholds_move_by_logits_and_probabilities_stay_such():
    higher = shifted(made.MANIFEST, 2.0)
    assert higher.thresholds["smoke"] == Threshold(open=3.0, keep=2.0)
    likely = msgspec.structs.replace(
        made.MANIFEST, kind="probabilities", thresholds={"smoke": Threshold(open=0.5, keep=0.25)}
    )
    moved = shifted(likely, 1.0).thresholds["smoke"]
    assert moved.open == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert moved.keep == pytest.approx(1 / (1 + np.exp(np.log(3) - 1.0)))
    assert shifted(made.MANIFEST, 0.0) == made.MANIFEST
