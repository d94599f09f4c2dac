"""The memory of the hour in the pipeline: what it holds back, what breaks through, and what it may learn from."""

import itertools
import logging
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.alert.event import Stamp
from edge.alert.hour import Hour
from edge.alert.keeper import Keeper
from edge.alert.place import Place
from edge.alert.recorder import Recorder
from edge.clock import SystemClock, utc_text, wall_synchronised
from edge.detect.memory import SLOT_S
from edge.frame import Frame
from edge.hour import SAVE_S, trusted_s
from edge.image import RgbImage
from edge.model.alert import AlertRule
from edge.model.bundle import Bundle
from edge.model.calm import Calm
from edge.model.loaded import Model
from edge.model.manifest import Confirmation, FileSpec, Manifest, TensorSpec, Threshold
from edge.model.memory import MemoryRule
from edge.model.runtime import Inference
from edge.pipeline import Pipeline

DAY_S = 86_400
NOON_S = 20_000 * DAY_S + 43_200
GRID = (6, 8)
SPEC = FileSpec(
    sha256="0" * 64, bytes=1, backend="litert",
    tensors=(
        TensorSpec(
            name="f", role="frame", shape=(1, 96, 128, 3), dtype="uint8", layout="NHWC", scale=1 / 255, zero_point=0
        ),
        TensorSpec(name="y", role="scores", shape=(1, *GRID, 1), dtype="float32"),
    ),
)  # fmt: skip
ALERT = AlertRule(escalate_s=3600.0, growth=4.0, scores={"smoke": 5.0})
PLACE = (2, 3)
RULE = MemoryRule()
QUIET = (0, 1, 2, 16, 30, 44, 58, 72, 86, 100)  # minutes, closer than the gap of the state


class Told:
    """A runtime that hands out the map that it was told."""

    name = "litert"

    def __init__(self):
        self.map = None

    def zero_state(self):
        return ()

    def infer(self, write_frame, state):
        write_frame(np.zeros((1, 96, 128, 3), np.uint8))
        return Inference(self.map, state, 0)


class Tower:
    """A pipeline that is played maps, a minute apart; its clock may be trusted or not."""

    def __init__(self, alert=ALERT, rule=RULE, memory=None, calm=None):
        manifest = Manifest(
            schema="1.4", name="m", version="1", task="cells", kind="logits", labels=("smoke",), cell_stride_px=16,
            files={"model.tflite": SPEC}, thresholds={"smoke": Threshold(open=1.0, keep=0.0)},
            confirmation=Confirmation(hits=2, window=3, close_after=2), alert=alert, memory=rule, state_gap_s=900.0,
            calm=calm,
        )  # fmt: skip
        self.runtime = Told()
        model = Model(Bundle(Path("b"), Path("b"), manifest, "d" * 64), SPEC, self.runtime)
        self.trusted, self.turns = True, 0
        self.pipeline = Pipeline(
            model,
            lambda frame: Stamp(model_s=frame.model_ns / 1e9, utc=utc_text(frame.captured_wall_ns)),
            lambda _stage, _ns: None,
            memory=memory,
            wall_s=lambda frame: frame.captured_wall_ns / 1e9 if self.trusted else None,
        )
        self.events = {}

    def play(self, begin_s, maps, camera="c"):
        """Play maps and then quiet ones; return the minutes after `begin_s` at which events opened."""
        opened = []
        played = [*enumerate(maps), *((len(maps) + after, plain()) for after in QUIET)]
        for minute, plane in played:
            self.runtime.map = plane
            for event in self.frame(begin_s + 60 * minute, camera):
                self.events[event.id] = event
                if event.phase == "opened":
                    opened.append(minute)
        return opened

    def frame(self, when_s, camera="c", dark_s=None, turns=0):
        ns, dark_ns = round(when_s * 1e9), None if dark_s is None else round(dark_s * 1e9)
        image = RgbImage(np.full((96, 128, 3), round(when_s) // 60 % 251, np.uint8))
        frame = Frame(image, 0, ns, ns, ns, ns, dark_ns=dark_ns, turns=turns)
        return self.pipeline.score(camera, frame).events

    def kept(self, *, last=True):
        """Return what is written now."""
        return Hour(self.pipeline.hours.save(last=last)["c"].data)

    def reach(self, box=(2, 3, 3, 5), when_s=NOON_S + DAY_S):
        """Return the hull of what was reached about a moment."""
        return self.pipeline.hours.memory("c").reach(box, when_s)

    def counted(self, camera="c"):
        held = self.pipeline.hours.counted[camera]
        return held.held, held.released


SLOW = AlertRule(escalate_s=86_400.0, scores={"smoke": 5.0})  # only what is loud is an alert


def plain():
    return np.full((*GRID, 1), -6.0, np.float32)


def patch(score=2.0, height=1, width=2, at=PLACE):
    """Return a map with a region."""
    plane = plain()
    plane[at[0] : at[0] + height, at[1] : at[1] + width] = score
    return plane


def edged(cells):
    """Return the same region with so many more cells at its end that are above `keep` alone."""
    return np.maximum(patch(), patch(0.5, width=cells, at=(PLACE[0], PLACE[1] + 2)))


def cloud(minutes=10):
    """A region that comes, stays as it is, and goes."""
    return [patch()] * minutes


def fire(minutes=30):
    """A small plume that grows and grows brighter."""
    return [patch(1.2 + 0.1 * minute, 1 + minute // 5, 2 + minute // 6) for minute in range(minutes)]


def test_what_came_yesterday_at_this_hour_is_held_back_and_counted():
    tower = Tower()
    assert tower.play(NOON_S, cloud()) == [1]
    assert tower.counted() == (0, 0)
    assert tower.play(NOON_S + DAY_S, cloud()) == []
    assert tower.counted() == (1, 0)
    assert tower.play(NOON_S + DAY_S + 4 * 3600, cloud()) == [1]  # another hour


def test_off_is_as_if_there_were_none():
    for tower in (Tower(rule=None), Tower(memory=False)):
        assert [tower.play(NOON_S + day * DAY_S, cloud()) for day in range(3)] == [[1]] * 3
        assert tower.pipeline.hours.counted == {}
        assert tower.pipeline.hours.save(last=True) == {}


def test_the_operator_turns_it_on_for_a_bundle_that_says_nothing():
    tower = Tower(rule=None, memory=True)
    assert [tower.play(NOON_S + day * DAY_S, cloud()) for day in range(2)] == [[1], []]


@pytest.mark.parametrize("minutes", [12, 30])
@pytest.mark.parametrize(("alert", "latest"), [(None, 6), (ALERT, 10)])
def test_a_fire_at_the_same_hour_on_three_days_is_found_on_each(alert, latest, minutes):
    tower = Tower(alert=alert)
    opened = [tower.play(NOON_S + day * DAY_S, fire(minutes)) for day in range(3)]
    assert opened[0] == [1]
    assert all(day and day[0] <= latest for day in opened), opened  # by when it was an alert on the first day


def test_a_fire_that_neither_grows_nor_brightens_is_found_on_each_of_three_days():
    tower = Tower()
    opened = [tower.play(NOON_S + day * DAY_S, [patch()] * 90) for day in range(3)]
    assert opened[0] == [1]
    escalated = 60  # minutes until it became an alert on the first day: what follows taught nothing
    assert all(len(day) == 1 and day[0] <= escalated + 2 for day in opened), opened


def test_a_loud_fire_is_found_at_once_whatever_was_usual():
    tower = Tower()
    for day in range(3):
        tower.play(NOON_S + day * DAY_S, [patch(4.4)] * 20)
    assert tower.play(NOON_S + 3 * DAY_S, [patch(4.6)] * 20) == [1]


def test_a_region_wider_than_ever_about_this_hour_opens_at_once():
    tower = Tower()
    tower.play(NOON_S, cloud())
    wider = [patch()] * 4 + [edged(1)] * 2 + [edged(2)] * 4
    assert tower.play(NOON_S + DAY_S, wider) == [6]  # one cell wider is as usual
    assert tower.counted() == (1, 1)


def test_a_region_that_lasts_longer_than_ever_opens():
    tower = Tower()
    tower.play(NOON_S, cloud(12))
    assert tower.play(NOON_S + DAY_S, cloud(12)) == []
    assert tower.play(NOON_S + DAY_S + 120 * 60, cloud(2)) == [1]
    assert tower.play(NOON_S + 2 * DAY_S, cloud(20)) == [12]
    assert tower.counted() == (2, 1)


def test_nothing_is_held_back_for_less_than_the_least_time_because_it_lasts():
    tower = Tower(rule=MemoryRule(least_s=240.0))
    tower.play(NOON_S, cloud(2))
    assert tower.play(NOON_S + DAY_S, cloud(20)) == [6]


def test_what_broke_through_teaches_nothing_so_that_delays_do_not_add_up():
    tower = Tower(rule=MemoryRule(half_life_days=7.0))
    tower.play(NOON_S, cloud(8))
    assert [tower.play(NOON_S + day * DAY_S, cloud(40)) for day in range(1, 4)] == [[8]] * 3


def test_an_untrusted_clock_learns_nothing_and_raises_nothing():
    tower = Tower()
    tower.trusted = False
    assert tower.play(NOON_S, cloud()) == [1]
    assert tower.pipeline.hours.counted["c"].learned == 0
    tower.trusted = True
    assert tower.play(NOON_S + DAY_S, cloud()) == [1]
    assert tower.pipeline.hours.counted["c"].learned == 20
    tower.trusted = False
    assert tower.play(NOON_S + 2 * DAY_S, cloud()) == [1]


def test_a_clock_that_loses_its_trust_releases_what_is_held_back():
    tower = Tower()
    tower.play(NOON_S, cloud())
    opened = []
    for minute in range(6):
        tower.trusted = minute < 4
        tower.runtime.map = patch()
        opened += [minute for event in tower.frame(NOON_S + DAY_S + 60 * minute) if event.phase == "opened"]
    assert opened == [4]


def test_nothing_is_learned_while_an_alert_is_open():
    tower = Tower(alert=None)  # each event is one
    elsewhere = np.maximum(patch(), patch(0.5, at=(5, 0)))
    tower.play(NOON_S, [patch()] * 2 + [elsewhere] * 8)
    assert tower.pipeline.hours.counted["c"].learned == 20 - (10 - 1) - 1  # until it closes
    assert tower.reach((5, 0, 6, 2)) is None


def test_what_a_person_confirms_is_struck():
    tower = Tower()
    tower.play(NOON_S, cloud())
    (event,) = tower.events.values()
    tower.pipeline.confirm(event)
    assert tower.play(NOON_S + DAY_S, cloud()) == [1]


def test_nothing_is_learned_while_a_confirmed_event_is_open():
    tower = Tower()
    tower.runtime.map = patch()
    for minute in range(3):
        for event in tower.frame(NOON_S + 60 * minute):
            tower.pipeline.confirm(event)
    for minute in range(3, 30):
        tower.frame(NOON_S + 60 * minute)
    assert tower.pipeline.hours.counted["c"].learned == 2
    tower.play(NOON_S + 30 * 60, [])
    assert tower.play(NOON_S + DAY_S, cloud()) == [1]


def test_a_confirmed_event_of_another_size_or_without_a_date_strikes_the_whole_picture():
    for changes in ({"frame_px": (1, 1)}, {"opened": Stamp(model_s=0.0)}):
        tower = Tower()
        tower.play(NOON_S, cloud())
        (event,) = tower.events.values()
        tower.pipeline.confirm(msgspec.structs.replace(event, **changes))
        assert tower.play(NOON_S + DAY_S, cloud()) == [1]


def test_cameras_remember_apart():
    tower = Tower()
    tower.play(NOON_S, cloud(), "c")
    assert tower.play(NOON_S + DAY_S, cloud(), "d") == [1]
    assert tower.play(NOON_S + DAY_S, cloud(), "c") == []
    tower.pipeline.hours.restart("d")
    assert tower.play(NOON_S + 2 * DAY_S, cloud(), "c") == []
    assert tower.play(NOON_S + 2 * DAY_S, cloud(), "d") == [1]


def test_a_memory_goes_on_in_the_next_process():
    tower = Tower()
    tower.play(NOON_S, cloud())
    kept = tower.kept()
    assert tower.pipeline.hours.save(last=True) == {}
    again = Tower()
    again.pipeline.recall("c", kept)
    assert again.play(NOON_S + DAY_S, cloud()) == []


def test_a_damaged_memory_starts_anew_with_a_warning(caplog):
    tower = Tower()
    with caplog.at_level(logging.WARNING):
        tower.pipeline.recall("c", Hour(b"FTH1 and nothing more"))
    assert "camera 'c': its memory of the hour starts anew: damaged" in caplog.text
    assert tower.play(NOON_S, cloud()) == [1]


def test_it_is_written_rarely():
    tower = Tower()
    written = []
    for minute in range(0, 2 * DAY_S // 60, 5):
        tower.runtime.map = patch(0.5)
        tower.frame(NOON_S + 60 * minute)
        written += [minute] * len(tower.pipeline.hours.save())
    assert 1 <= len(written) <= 2 * DAY_S / SAVE_S + 1
    assert all((later - earlier) * 60 >= SAVE_S - SLOT_S for earlier, later in itertools.pairwise(written))


def test_only_a_clock_that_the_kernel_trusts_says_the_hour() -> None:
    frame = Frame(RgbImage(np.zeros((8, 8, 3), np.uint8)), 0, 1, 1_800_000_000_000_000_000, None, 1)
    assert trusted_s(frame) == (1.8e9 if wall_synchronised() else None)


@pytest.mark.parametrize("begin_s", [-7200.0, 70_000.0 * DAY_S])
def test_a_time_that_no_memory_can_keep_is_as_an_untrusted_one(begin_s):
    tower = Tower()
    assert tower.play(begin_s, cloud()) == [1]
    assert tower.pipeline.hours.save(last=True) == {}


def taught():
    """Return what a cloud at noon leaves on disk."""
    tower = Tower()
    tower.play(NOON_S, cloud())
    return tower.kept()


def test_what_a_turned_camera_forgot_is_written_at_once_and_does_not_come_back():
    tower = Tower()
    tower.pipeline.recall("c", taught())
    tower.runtime.map = plain()
    tower.frame(NOON_S + 7200)
    tower.pipeline.hours.save()
    tower.frame(NOON_S + 7260, turns=1)
    saved = tower.pipeline.hours.save()["c"]
    assert saved.urgent
    assert tower.pipeline.hours.save() == {}
    again = Tower()
    again.pipeline.recall("c", Hour(saved.data))
    assert again.play(NOON_S + DAY_S, cloud()) == [1]


def test_a_recall_after_a_turn_brings_nothing_back():
    tower = Tower()
    tower.runtime.map = plain()
    tower.frame(NOON_S + DAY_S - 7200)
    tower.frame(NOON_S + DAY_S - 7140, turns=1)
    tower.pipeline.recall("c", taught())
    assert tower.pipeline.hours.save()["c"].urgent  # what is on disk is of the old view
    assert tower.reach() is None


def test_a_late_recall_leaves_what_was_learned_meanwhile():
    tower = Tower()
    tower.play(NOON_S + DAY_S, [patch(0.5, at=(5, 0))] * 10)
    tower.play(NOON_S + DAY_S + 7200, [])
    tower.pipeline.recall("c", taught())
    assert tower.reach((5, 0, 6, 2), NOON_S + 2 * DAY_S) is not None
    assert tower.reach(when_s=NOON_S + 2 * DAY_S) is not None


@pytest.mark.parametrize("late", [False, True])
def test_what_a_confirmed_event_taught_is_struck_on_disk_too_and_in_a_recall_that_comes_late(late):
    kept, tower, before = taught(), Tower(), Tower()
    before.play(NOON_S, cloud())
    (event,) = before.events.values()
    steps = [lambda: tower.pipeline.recall("c", kept), lambda: tower.pipeline.confirm(event)]
    for step in reversed(steps) if late else steps:
        step()
    saved = tower.pipeline.hours.save()["c"]  # no frame came
    assert saved.urgent
    again = Tower()
    again.pipeline.recall("c", Hour(saved.data))
    assert again.play(NOON_S + DAY_S, cloud()) == [1]


@pytest.mark.parametrize("word", ["alerts", "confirmed"])
def test_what_the_store_knows_strikes_a_memory_that_a_power_cut_left_behind(word):
    kept, before = taught(), Tower()
    before.play(NOON_S, cloud())
    (event,) = before.events.values()
    tower = Tower()
    tower.pipeline.recall("c", Hour(kept.data, **{word: (event,)}))
    assert tower.pipeline.hours.save()["c"].urgent
    assert tower.play(NOON_S + DAY_S, cloud()) == [1]
    elsewhere = Tower()
    far = msgspec.structs.replace(event, box_px=(0, 80, 16, 96), opening_box_px=(0, 80, 16, 96))
    elsewhere.pipeline.recall("c", Hour(kept.data, **{word: (far,)}))
    assert elsewhere.play(NOON_S + DAY_S, cloud()) == ([] if word == "alerts" else [1])


def test_a_candidate_teaches_and_what_becomes_an_alert_strikes_what_it_taught():
    for last, opened in ((patch(), []), (patch(6.0), [1])):
        tower = Tower(alert=SLOW)
        tower.play(NOON_S, [patch()] * 80 + [last])  # over the ends of two half hours
        assert tower.play(NOON_S + DAY_S, cloud()) == opened
        if opened:
            tower = Tower(alert=SLOW)
            moved = [patch(at=(2, 0))] * 40 + [patch(at=(2, col)) for col in (1, 2, 3, 4, 5)] * 2
            tower.play(NOON_S, [*moved[:45], *[patch(at=(2, 5))] * 40, patch(6.0, at=(2, 5))])
            assert tower.reach((2, 0, 3, 8)) is None  # wherever it was


def test_what_becomes_an_alert_strikes_what_it_taught_before_midnight_and_before_the_night():
    tower, dusk_s = Tower(alert=SLOW), NOON_S + 11 * 3600
    for minute in range(10):
        tower.runtime.map = patch()
        tower.frame(dusk_s + 60 * minute)
    dawn_s = dusk_s + 6 * 3600
    tower.frame(dawn_s, dark_s=dawn_s - 60)
    assert tower.reach(when_s=dusk_s + DAY_S) is not None
    tower.runtime.map = patch(6.0)
    tower.frame(dawn_s + 60)
    assert tower.pipeline.hours.save()["c"].urgent
    assert tower.reach(when_s=dusk_s + DAY_S) is None


def test_an_alert_strikes_what_it_taught_though_the_clock_lost_its_trust():
    tower = Tower(alert=SLOW)
    tower.runtime.map = patch()
    for minute in range(80):
        tower.frame(NOON_S + 60 * minute)
    tower.trusted, tower.runtime.map = False, patch(6.0)
    tower.frame(NOON_S + 60 * 80)
    tower.trusted = True
    tower.play(NOON_S + 3 * 3600, [])
    assert tower.reach() is None


def test_what_broke_through_after_more_than_an_hour_taught_nothing():
    tower = Tower(alert=SLOW, rule=MemoryRule(half_life_days=7.0))
    tower.play(NOON_S, cloud(75))
    assert tower.play(NOON_S + DAY_S, cloud(140)) == [75]
    for minutes in range(0, 140, 30):  # the first day is gone by then
        assert tower.reach(when_s=NOON_S + 8 * DAY_S + 60 * minutes) is None


def test_what_broke_through_teaches_nothing_where_it_was_in_a_frame_that_hardly_shows_it():
    tower = Tower(alert=SLOW)
    tower.play(NOON_S, cloud())
    wide, faint = patch(width=4), patch(0.5, width=4)  # which no region shows
    tower.play(NOON_S + DAY_S, [*cloud(12), wide, wide, faint, wide, faint])
    assert tower.counted() == (1, 1)
    assert tower.reach((2, 3, 3, 7), NOON_S + 8 * DAY_S) is None


def test_what_broke_through_and_flows_into_an_older_event_still_teaches_nothing():
    tower = Tower(alert=SLOW)
    tower.play(NOON_S, cloud())
    older = patch(at=(2, 0), width=1)
    both = np.maximum(older, patch())
    bridged = patch(at=(2, 0), width=5)
    tower.play(NOON_S + DAY_S, [older] * 2 + [both] * 14 + [bridged] * 8)
    assert tower.counted() == (1, 1)
    assert tower.reach(when_s=NOON_S + 8 * DAY_S) is None


def test_a_confirmed_event_that_flows_into_an_older_one_still_teaches_nothing():
    tower = Tower(alert=SLOW)
    older, both = patch(at=(2, 0), width=1), np.maximum(patch(at=(2, 0), width=1), patch())
    for minute, plane in enumerate([older] * 2 + [both] * 2 + [patch(at=(2, 0), width=5)] * 9):
        tower.runtime.map = plane
        events = tower.frame(NOON_S + 60 * minute)
        if minute == 3:
            (event,) = events
            learned = tower.pipeline.hours.counted["c"].learned
            tower.pipeline.confirm(event)
    assert event.opening_box_px[0] > 16
    assert tower.pipeline.hours.counted["c"].learned == learned


def test_a_rise_is_measured_from_the_threshold_in_force():
    calm = Calm(margin=2.0, fall=3.0, window=20, lag=5, least=5)
    tower, quiet = Tower(calm=calm), [plain()] * 12
    weak = [patch(-1.5)] * 8  # opens at −2 on a calm camera
    assert tower.play(NOON_S, quiet + weak) == [13]
    assert tower.play(NOON_S + DAY_S, quiet + weak) == []
    assert tower.counted() == (1, 0)


@pytest.mark.parametrize("seen_again", [True, False])
def test_what_broke_through_in_a_frame_that_failed_is_told(seen_again):
    tower = Tower()
    tower.play(NOON_S, cloud())
    told, minute = [], -1
    for minute in range(12):
        tower.runtime.map = patch()
        held = tower.pipeline._pasts.of("c")
        if held is not None and tower.counted() == (1, 0):
            release = held.tracker.release

            def fail(numbers, release=release):
                release(numbers)
                if numbers:
                    raise RuntimeError("a bug")
                return []

            held.tracker.release = fail
        try:
            told += tower.frame(NOON_S + DAY_S + 60 * minute)
        except RuntimeError:
            break
    assert tower.counted() == (1, 1)
    assert told == []
    del held.tracker.release
    tower.runtime.map = patch() if seen_again else plain()
    for later in range(1, 4):
        told += tower.frame(NOON_S + DAY_S + 60 * (minute + later))
    assert [(event.revision, event.phase) for event in told] == [(1, "opened"), (2, "closed")][
        : 2 - seen_again
    ]


def played_to_disk(path, cuts, end):
    """Let a candidate of 80 minutes end, and keep what it did in a store; copy that after each step from then on."""
    tower = Tower(alert=SLOW)
    with Place(lambda: path) as place:
        keeper = Keeper(place, tower.pipeline.recall)
        recorder = Recorder(
            place, lambda _: None, SystemClock(), record=lambda *_: None, beat=lambda _: None,
            urgent=keeper.hurry, idle=keeper.step,
        )  # fmt: skip
        tower.runtime.map = patch()
        for minute in range(82):
            if minute == 80:
                copy(path, cuts)
                end(tower)
            events = tower.frame(NOON_S + 60 * minute, turns=tower.turns)
            for camera, saved in tower.pipeline.hours.save().items():
                keeper.offer(camera, saved.data, urgent=saved.urgent)
            for event in events:
                recorder.offer(event)
            while recorder.step(minute):
                if minute >= 80:
                    copy(path, cuts)


def copy(path, cuts):
    """Keep what a power cut would leave now."""
    folder = cuts / f"{len(list(cuts.iterdir()))}"
    folder.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, folder)


@pytest.mark.parametrize("end", ["alert", "turn"])
def test_a_power_cut_between_any_two_writes_brings_nothing_back(end, tmp_path):
    def alert(tower):
        tower.runtime.map = patch(6.0)

    def turn(tower):
        tower.turns = 1

    store, cuts = tmp_path / "store", tmp_path / "cuts"
    store.mkdir()
    cuts.mkdir()
    played_to_disk(store / "e.sqlite", cuts, {"alert": alert, "turn": turn}[end])
    known = []
    for cut in sorted(cuts.iterdir(), key=lambda folder: int(folder.name)):
        again = Tower(alert=SLOW)
        file = cut / "e.sqlite"
        with Place(lambda file=file: file) as place:  # type: ignore[misc]  # mypy infers no default of a lambda
            list(place.open(()))
            (kept,) = place.hours().values()
            events = place._store().events()
            again.pipeline.recall("c", kept)
        known.append(again.reach() is not None)
        over = any(event.severity == "alert" or event.closed != event.updated for event in events)
        assert not (over and known[-1]), (end, cut.name)
    assert len(known) >= 3
    assert known[0]
    assert not known[-1]
