"""The daemon in process, with a model and a store that fail on purpose."""

import dataclasses
import hashlib
import json
import logging
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from msgspec import UNSET

from edge.alert.database import Database
from edge.alert.event import Announcement, Event
from edge.alert.evidence import CROP, FULL, MAX_BYTES, NOW, SERIES, THUMBNAIL, Picture
from edge.alert.place import Place
from edge.alert.privacy import BLANK
from edge.alert.series import AFTER
from edge.alert.store import Store
from edge.camera.folder import FolderOptions
from edge.camera.network import RtspOptions
from edge.camera.scene import SceneOptions, parse_scene
from edge.camera.source import Picture as Shown
from edge.camera.view import View
from edge.clock import Clock, SystemClock
from edge.command.run import make_counters, serve
from edge.counter.drops import Account, Balance
from edge.daemon import Daemon
from edge.detect.horizon import PICTURES
from edge.errors import EdgeError, SettingsError, StallError, StoreError
from edge.frame import Frame
from edge.hour import Saved
from edge.image import RgbImage
from edge.model.alert import AlertRule
from edge.model.horizon import HorizonRule
from edge.model.loaded import Model, load_model
from edge.model.runtime import Inference, Runtime, State, Tensor
from edge.pipeline import Pipeline, Scored
from edge.replay import replay
from edge.settings import Model as ModelSettings
from edge.settings import Settings, Web
from edge.web.server import WebServer
from tests.governor.test_governor import Said, governor

HANG_S = 300.0


class JumpingClock(SystemClock):
    """The machine's clock, set ahead at will."""

    ahead_ns = 0

    def mono_ns(self) -> int:
        return super().mono_ns() + self.ahead_ns


class RememberingRuntime:
    """The shipped model's runtime, which computes each frame once: the tests score the same scene again and again."""

    def __init__(self, runtime: Runtime, frame: Tensor) -> None:
        self.name, self.zero_state = runtime.name, runtime.zero_state
        self._runtime, self._frame = runtime, frame
        self._known: dict[bytes, Inference] = {}

    def infer(self, write_frame: Callable[[Tensor], None], state: State) -> Inference:
        write_frame(self._frame)
        key = hashlib.sha256(b"".join(tensor.tobytes() for tensor in (self._frame, *state))).digest()
        if key not in self._known:
            frame = self._frame.copy()
            self._known[key] = self._runtime.infer(lambda buffer: np.copyto(buffer, frame), state)
        return self._known[key]


@pytest.fixture(scope="module")
def model() -> Model:
    loaded = load_model(None)
    spec = loaded.file.one("frame")
    return dataclasses.replace(
        loaded, runtime=RememberingRuntime(loaded.runtime, np.zeros(spec.shape, spec.dtype))
    )


class OpenStore(Store):
    """A store that is always there."""

    def open(self, mine: Collection[str]) -> Iterator[Event]:
        return self.close_orphans(mine)

    def keep(self, _event: Event, *_pictures: object) -> None:
        """Nobody is told."""


@contextmanager
def opened(folder: Path) -> Iterator[OpenStore]:
    with Database(folder / "e.sqlite") as database:
        yield OpenStore(database)


def daemon(
    model: Model,
    store: object,
    told: list[Announcement],
    uri: str = "scene:?frames=16&ignition=4",
    clock: Clock | None = None,
    **camera: object,
) -> Daemon:
    settings = Settings(cameras={"scene": SceneOptions(uri=uri, pace="fast", **camera)})
    clock = SystemClock() if clock is None else clock
    return Daemon(
        settings,
        model,
        store,
        make_counters(settings, clock, Path("/")),
        clock,
        notify=lambda _message: True,
        watchdog_s=None,
        announce=told.append,
    )


def test_a_memory_of_the_hour_is_told_kept_and_recalled(
    model: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "e.sqlite"
    settings = Settings(
        cameras={"scene": SceneOptions(uri="scene:?frames=3", pace="fast")},
        model=ModelSettings(memory_of_the_hour=True),
    )
    clock = SystemClock()
    with Place(lambda: path) as place:
        list(place.open(()))
        place.keep_hour("scene", b"damaged")
        running = Daemon(
            settings, model, place, make_counters(settings, clock, Path("/")), clock,
            notify=lambda _message: True, watchdog_s=None, announce=lambda _: None,
        )  # fmt: skip
        running._pipeline.hours._wall_s = lambda frame: 1.8e9 + frame.model_ns / 1e9
        running.run()
        assert "camera 'scene': its memory of the hour starts anew: damaged" in caplog.text
        assert running.status()["memory_of_the_hour"] == {"scene": {"held": 0, "released": 0, "learned": 3}}
        assert b'firetower_hour_frames_learned_total{camera="scene"} 3.0' in running.metrics()
        kept = place.hours()["scene"].data
        assert kept.startswith(b"FTH1")
    told: list[Announcement] = []
    other = tmp_path / "other"
    other.mkdir()
    with opened(other) as store:  # off: nothing is told, read or written
        running = daemon(model, store, told, "scene:?frames=3")
        running.run()
        assert "memory_of_the_hour" not in running.status()
        assert b"firetower_hour" not in running.metrics()


def test_a_horizon_is_told_where_the_manifest_has_the_rule(model: Model, tmp_path: Path) -> None:
    manifest = msgspec.structs.replace(model.bundle.manifest, horizon=HorizonRule(above=1, below=1, rise=1))
    ruled = dataclasses.replace(model, bundle=dataclasses.replace(model.bundle, manifest=manifest))
    with opened(tmp_path) as store:
        running = daemon(ruled, store, [], f"scene:quiet?frames={PICTURES}")
        running.run()
        assert running.status()["horizon"] == {"scene": {"known": True, "held": 0}}
        assert b'firetower_horizon_known{camera="scene"} 1.0' in running.metrics()
        assert b'firetower_horizon_plumes_held_total{camera="scene"} 0.0' in running.metrics()
    other = tmp_path / "other"
    other.mkdir()
    with opened(other) as store:
        running = daemon(model, store, [], "scene:?frames=3")
        running.run()
        assert "horizon" not in running.status()
        assert b"firetower_horizon" not in running.metrics()


def balance(running: Daemon) -> Balance:
    return running._counters.account("scene").balance()


def test_events_are_on_disk_before_they_are_announced(model: Model, tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        running = daemon(model, store, told := [])
        running._recorder._announce = lambda one: told.append((one, store.events()))
        running.run()
        assert told
        for one, stored in told:
            assert one.stored
            assert one.event in stored
            assert store.evidence(one.event.id)
        json.dumps(running.status())
    counts = balance(running)
    assert counts.scored == counts.decoded == 16


def test_an_event_has_its_pictures_and_those_of_the_frames_after_it(model: Model, tmp_path: Path) -> None:
    offered: dict[str, list[str]] = {}
    with opened(tmp_path) as store:
        corner = [(0.0, 0.0), (0.3, 0.0), (0.3, 0.3), (0.0, 0.3)]
        running = daemon(model, store, [], privacy=[corner])
        offer, attach = running._recorder.offer, running._recorder.attach
        whole: list[Picture] = []

        def watched(take: Callable[..., None]) -> Callable[..., None]:
            def taken(event: Event, pictures: Sequence[Picture] = ()) -> None:
                offered.setdefault(event.id, []).extend(picture.role for picture in pictures)
                whole.extend(picture for picture in pictures if picture.role == FULL)
                take(event, pictures)

            return taken

        running._recorder.offer, running._recorder.attach = watched(offer), watched(attach)
        running.run()
        now = running.picture("scene")
        assert now is not None
        assert len(now.jpeg) <= MAX_BYTES[NOW]
        assert running.picture("another") is None
        status = running.status()["evidence"]
        metrics = running.metrics().decode()
    (roles,) = offered.values()
    assert roles[:2] == [THUMBNAIL, CROP]
    series = [role for role in roles if role.startswith(SERIES)]
    assert series == [f"{SERIES}.{number}" for number in range(1, len(series) + 1)]
    assert len(series) > AFTER + 1
    shown = cv2.imdecode(np.frombuffer(whole[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert (abs(shown[:40, :40].astype(int) - BLANK) <= 3).all()
    assert status["pictures"] == len(roles)
    assert status["failed"] == 0
    assert 0 < status["kept_bytes"] <= status["kept_most_bytes"]
    assert f"firetower_evidence_kept_bytes {float(status['kept_bytes'])}" in metrics
    assert f"firetower_evidence_pictures_total {float(len(roles))}" in metrics


class HangingRuntime:
    """A model that does not answer until `over`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.zero_state = runtime.zero_state
        self.asked, self.over = threading.Event(), threading.Event()

    def infer(self, *request: Any) -> Any:
        self.asked.set()
        self.over.wait()
        return self._runtime.infer(*request)


def until(condition: Callable[[], bool]) -> None:
    """Wait; a test that waits for ever is ended by its time limit."""
    while not condition():
        time.sleep(0.01)


def test_a_model_that_hangs_is_not_alive(model: Model, tmp_path: Path) -> None:
    clock, hanging = JumpingClock(), HangingRuntime(model.runtime)
    with opened(tmp_path) as store:
        running = daemon(dataclasses.replace(model, runtime=hanging), store, [], clock=clock)
        assert not running.live()  # it does not run yet
        thread = threading.Thread(target=running.run)
        thread.start()
        assert hanging.asked.wait(HANG_S)
        assert running.live()
        clock.ahead_ns = 100 * 10**9
        until(lambda: not running.live())
        hanging.over.set()
        thread.join(HANG_S)
    assert not running.live()  # it has ended


def test_it_lives_while_inference_and_every_camera_turn_whatever_disks_do(
    model: Model, tmp_path: Path
) -> None:
    clock = JumpingClock()
    with opened(tmp_path) as store:
        running = daemon(model, store, [], clock=clock)
    over = threading.Event()
    running._inference = threading.Thread(target=over.wait)
    running._inference.start()
    beat = running._heartbeats.beat
    for name in ("inference", "camera scene", "recorder"):
        beat(name)
    assert running.live()
    clock.ahead_ns = 1000 * 10**9
    beat("inference")
    assert not running.live()
    beat("camera scene")
    assert running.live()  # the recorder, which a disk may hold up, is silent
    clock.ahead_ns = 2000 * 10**9
    beat("camera scene", 60.0)
    assert not running.live()
    beat("inference")
    clock.ahead_ns = 2045 * 10**9
    beat("inference")
    assert running.live()  # a read may take its time
    over.set()
    running._inference.join()
    assert not running.live()


class FullDisk:
    """A store that takes nothing."""

    def __init__(self, store: OpenStore) -> None:
        self.counts, self.open = store.counts, store.open

    def commit(self, _event: Event, *_pictures: object) -> bool:
        raise StoreError("no space left")

    def keep(self, _event: Event, *_pictures: object) -> None:
        pass

    def add(self, _event: Event, _pictures: object) -> None:
        raise AssertionError("its revision is not on disk")


def test_what_is_not_on_disk_is_announced_as_such_and_is_counted(model: Model, tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        running = daemon(model, FullDisk(store), told := [])
        running.run()
        assert told
        assert not any(one.stored for one in told)
        assert [one.event.revision for one in told] == list(range(1, len(told) + 1))
        assert running.status()["events"]["unstored"] == len(told)
        assert running.status()["events"]["unsaved"] == 1
        assert not running.health().healthy
        assert "no space left" in running.health().reasons[0]
        assert not running.good
    assert balance(running).scored == 16


def test_an_event_waits_until_the_disk_takes_it(model: Model, tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        commit, tries = store.commit, []

        def sometimes(event: Event, evidence: bytes | None, *_more: object) -> bool:
            tries.append(event)
            if len(tries) < 4:
                raise StoreError("no space left")
            return commit(event, evidence)

        store.commit = sometimes
        running = daemon(model, store, told := [])
        running.run()
        assert told
        assert {one.event.id for one in told} == {event.id for event in store.events()}
        assert all(one.stored for one in told)
        assert store.evidence(told[0].event.id)
        assert running.good


def test_one_frame_that_cannot_be_scored_is_dropped_and_the_next_goes_on(
    model: Model, tmp_path: Path
) -> None:
    with opened(tmp_path) as store:
        running = daemon(model, store, [])
        score, seen = running._pipeline.score, []

        def failing(camera: str, frame: object) -> object:
            seen.append(frame)
            if len(seen) == 3:
                raise KeyError("a bug")
            return score(camera, frame)

        running._pipeline.score = failing
        running.run()
    counts = balance(running)
    assert counts.dropped["failed"] == 1
    assert counts.scored == 15
    assert counts.waiting == 0


@pytest.mark.parametrize("part", ["memory", "witness"])
def test_events_are_on_disk_though_a_part_behind_the_tracker_fails_in_each_frame(
    model: Model, tmp_path: Path, part: str
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("a bug")

    with opened(tmp_path) as store:
        running = daemon(model, store, [])
        if part == "memory":
            running._pipeline.hours.learn = running._pipeline.hours.save = broken
        else:
            running._witness._see = broken
        running.run()
        (event,) = store.events()
        assert (event.phase == "closed") is (
            part == "witness"
        )  # else it is closed when the daemon starts again
        assert running.good
    assert balance(running).dropped["failed"] == (16 if part == "memory" else 0)


def test_what_a_memory_forgot_is_handed_over_before_the_events_of_the_frame(
    model: Model, tmp_path: Path
) -> None:
    with opened(tmp_path) as store:
        running = daemon(model, store, [])
        order: list[tuple[str, bool]] = []
        offer = running._recorder.offer
        running._pipeline.hours.save = lambda **_: {"scene": Saved(b"x", urgent=True)}
        running._keeper.offer = lambda *_, urgent: order.append(("memory", urgent))
        running._recorder.offer = lambda *one: (order.append(("event", False)), offer(*one))[1]
        running.run()
    events = [index for index, (kind, _) in enumerate(order) if kind == "event"]
    assert events
    assert order[events[0] - 1] == ("memory", True)
    assert len(order) - len(events) == 16 + 1


def test_an_announcement_that_fails_loses_nothing(model: Model, tmp_path: Path) -> None:
    def broken(_one: Announcement) -> None:
        raise BrokenPipeError

    with opened(tmp_path) as store:
        running = daemon(model, store, [])
        running._announcer._sink = broken
        running.run()
        assert store.events()
        assert running.status()["events"]["untold"] == store.events()[0].revision
        assert running.good
    assert balance(running).dropped["failed"] == 0


def test_health_says_that_masks_were_made_for_another_view(model: Model, tmp_path: Path) -> None:
    masks = [[(0.0, 0.9), (1.0, 0.9), (1.0, 1.0)]]
    rng = np.random.default_rng(1)
    fields = np.kron(rng.integers(40, 200, (14, 18)), np.ones((8, 8), int))
    seen = {}
    with opened(tmp_path) as store:
        for turn in (True, False):
            running = daemon(model, store, [], masks=masks, turn=turn)
            for number in range(10):
                left = 8 if number >= 4 else 0
                pixels = fields[:96, left : left + 128, None] + rng.normal(0, 3, (96, 128, 3))
                image = RgbImage(pixels.clip(0, 255).astype(np.uint8))
                taken = Shown((96, 128), number * 10**11, 0, 0, partial(_same, image), "")
                running._intakes["scene"].take(taken, live=False)
            seen[turn] = running.health()
    turned, steady = (seen[turn].cameras["scene"] for turn in (True, False))
    assert (turned.turns, turned.view, steady.turns, steady.view) == (1, 1, 0, 0)
    assert "view changed at 1970-01-01T00:00:00" in turned.reason
    assert turned.reason.endswith("; made for another view: masks")
    assert seen[True].healthy
    assert "view" not in steady.reason


def _same(image: RgbImage) -> RgbImage:
    return image


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_inference_thread_is_an_error(model: Model, tmp_path: Path) -> None:
    def die(_timeout_s: float) -> None:
        raise ZeroDivisionError

    with opened(tmp_path) as store:
        running = daemon(model, store, [], loop=True)
        running._slots.take_oldest = die
        with pytest.raises(EdgeError, match="died"):
            running.run()


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_name_server_that_never_answers_starves_no_watchdog(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, asked = threading.Event(), []
    monkeypatch.setattr("socket.getaddrinfo", lambda *name, **_: asked.append(name) or over.wait())
    settings = Settings(cameras={"mute": RtspOptions(uri="rtsp://camera.invalid/x", timeout_s=1)})
    clock, fed, stalled = JumpingClock(), [], []
    with opened(tmp_path) as store:
        running = Daemon(
            settings,
            model,
            store,
            make_counters(settings, clock, Path("/")),
            clock,
            notify=lambda message: fed.append(clock.ahead_ns) if message == "WATCHDOG=1" else True,
            watchdog_s=4,
            announce=lambda _event: None,
        )

        def on_tick() -> None:
            stalled.extend(running._heartbeats.stalled(30))
            clock.ahead_ns += 20 * 10**9
            if clock.ahead_ns > 100 * 10**9:
                running.stop()

        running.run(on_tick)
        reasons = running.health().reasons
    over.set()
    assert len(asked) == 1
    assert not stalled
    assert fed[-1] >= 80 * 10**9
    assert "see to the name servers" in reasons[0]


def test_a_dead_camera_is_unhealthy_and_the_other_goes_on(
    model: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = Settings(
        cameras={
            "good": SceneOptions(uri="scene:", pace="fast", loop=True),
            "dead": RtspOptions(uri="rtsp://user:hunter2@127.0.0.1:9/hunter3?hunter4", timeout_s=1),
        }
    )
    clock, notes, answers = JumpingClock(), [], []
    with opened(tmp_path) as store:
        running = Daemon(
            settings,
            model,
            store,
            make_counters(settings, clock, Path("/")),
            clock,
            notify=lambda message: notes.append(message) or True,
            watchdog_s=4,
            announce=lambda _event: None,
        )
        web = WebServer("tower", running.status, running.health, running.metrics, live=running.live, port=0)

        def on_tick() -> None:
            if running.health().cameras["good"].state != "ok":
                return
            answers.append(fetch(web.url + "health"))
            if len(answers) == 1:
                clock.ahead_ns = 300 * 10**9  # longer than three cadences
                return
            answers.extend(fetch(web.url + path) for path in ("status.json", "metrics", ""))
            running.stop()

        try:
            running.run(on_tick)
        finally:
            web.stop()
    assert [code for code, _ in answers] == [200, 503, 200, 200, 200]
    judged = json.loads(answers[1][1])
    assert judged["cameras"]["good"]["state"] == "ok"
    assert judged["cameras"]["dead"]["state"] == "stale"
    assert re.fullmatch(r"dead: no frame scored for 3\d\d s .*; .*refused.*", *judged["reasons"])
    said = "".join(text for _, text in answers) + "".join(notes) + caplog.text
    assert "cannot open 'rtsp://127.0.0.1:9'" in said
    assert "hunter" not in said
    assert notes[0] == "READY=1"
    assert "WATCHDOG=1" in notes
    assert notes[-1] == "STOPPING=1"


class HangingDisk:
    """A store whose commits take until `over`."""

    def __init__(self, store: OpenStore) -> None:
        self.counts, self.open = store.counts, store.open
        self.commit_now = store.commit
        self.started, self.over = threading.Event(), threading.Event()

    def add(self, _event: Event, _pictures: object) -> None:
        pass

    def keep(self, _event: Event, *_pictures: object) -> None:
        pass

    def commit(self, event: Event, evidence: bytes | None, *_more: object) -> bool:
        self.started.set()
        self.over.wait()
        return self.commit_now(event, evidence)


def test_a_commit_that_hangs_holds_up_neither_frames_nor_the_end(
    model: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as store:
        disk = HangingDisk(store)
        running = daemon(model, disk, told := [])
        running.run()
        assert balance(running).scored == 16
        count = len(told)
        assert count
        assert not any(one.stored for one in told)
        assert running.status()["events"]["unsaved"] == 1
        assert "are not on disk at the end" in caplog.text
        assert not running.good
        disk.over.set()
        running._recorder._thread.join()
        assert len(told) == count
        assert len(store.events()) == 1


def test_a_commit_that_takes_long_is_unhealthy_and_restarts_nothing(model: Model, tmp_path: Path) -> None:
    clock = JumpingClock()
    with opened(tmp_path) as store:
        disk = HangingDisk(store)
        running = daemon(model, disk, told := [], clock=clock, loop=True)

        def on_tick() -> None:
            if not disk.started.is_set():
                return
            if told:  # by the main loop, since the recorder hangs
                assert not told[0].stored
                disk.over.set()
                running.stop()
                return
            assert clock.ahead_ns or not any(r.startswith("store") for r in running.health().reasons)
            clock.ahead_ns = 40 * 10**9
            assert not running.health().healthy
            assert re.fullmatch(
                r"store: 1 events are not on disk: waiting for 4\d s \(limit 30 s\)",
                running.health().reasons[0],
            )
            assert "recorder" not in running._heartbeats.stalled(30)

        running.run(on_tick)
    assert disk.over.is_set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_recorder_that_died_starves_the_watchdog(model: Model, tmp_path: Path) -> None:
    def bug(_stage: str, _ns: int) -> None:
        raise KeyError("a bug")

    clock, stalled = JumpingClock(), []
    with opened(tmp_path) as store:
        running = daemon(model, store, [], clock=clock, loop=True)
        running._recorder._record = bug

        def on_tick() -> None:
            if not running._recorder._thread.is_alive():
                clock.ahead_ns = 40 * 10**9
                stalled.extend(running._heartbeats.stalled(30))
                running.stop()

        running.run(on_tick)
    assert "recorder" in stalled


class Lame:
    """An uplink that does not carry."""

    def trouble(self) -> str | None:
        return "messages: the courier has died; see the log"

    def notices(self) -> list[str]:
        return ["sink 'a': no link: no carrier"]


def test_who_does_not_carry_messages_is_unhealthy_and_says_why(model: Model, tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        running = daemon(model, store, [])
        before = running.health()
        running._uplink = Lame()
        judged = running.health()
    assert (before.healthy, judged.healthy) == (True, False)
    assert judged.reasons[0] == "messages: the courier has died; see the log"
    assert judged.reasons[-1] == "sink 'a': no link: no carrier"


def test_a_store_that_breaks_leaves_the_other_counters(model: Model, tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        running = daemon(model, store, [])
        store.counts = broken_counts
        assert running.status()["events"]["stored"] is None
        assert balance(running).decoded == 0


def broken_counts(_wait_s: float) -> None:
    raise StoreError("the disk is gone")


def test_a_cadence_that_the_model_was_not_trained_for_is_refused(model: Model, tmp_path: Path) -> None:
    with (
        opened(tmp_path) as store,
        pytest.raises(SettingsError, match=r"cameras\.scene\.cadence_s"),
    ):
        daemon(model, store, [], cadence_s=1.0)


def test_a_daemon_that_stands_still_ends_at_once_whatever_holds_its_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stands_still(_daemon: Daemon, _on_tick: object) -> None:
        raise StallError("standing still: inference")

    def ended(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(Daemon, "run", stands_still)
    monkeypatch.setattr("os._exit", ended)
    monkeypatch.setattr("edge.command.run._on_signals", lambda _stop: None)
    settings = Settings(cameras={"a": SceneOptions(uri="scene:")}, web=Web(enabled=False))
    with pytest.raises(SystemExit, match="1"):
        serve(settings, SystemClock(), tmp_path)


def write_night(folder: Path) -> Path:
    """Twenty minutes of the scene, in which smoke rises; then a night; then two minutes of it again."""
    view, rng = View(parse_scene("scene:plume")), np.random.default_rng(1)
    night = [rng.integers(0, 9, (480, 640, 3), np.uint8) for _ in range(18)]
    for number, pixels in enumerate(
        [*map(view.render, range(18, 38)), *night, view.render(38), view.render(39)]
    ):
        assert cv2.imwrite(str(folder / f"{number:03}.png"), pixels[..., ::-1])
    return folder


def test_an_open_event_stays_open_through_the_night_and_says_so(model: Model, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    settings = Settings(cameras={"north": FolderOptions(uri=f"folder:{write_night(pictures)}", pace="fast")})
    with opened(tmp_path) as store:
        running = Daemon(
            settings,
            model,
            store,
            make_counters(settings, SystemClock(), Path("/")),
            SystemClock(),
            notify=lambda _message: True,
            watchdog_s=None,
            announce=(told := []).append,
        )
        commit, evidences = store.commit, {}

        def watched(event: Event, evidence: bytes | None, *_more: object) -> bool:
            evidences[event.revision] = evidence
            return commit(event, evidence)

        store.commit = watched
        running.run()
    events = [one.event for one in told]
    assert len({event.id for event in events}) == 1
    assert [event.revision for event in events] == list(range(1, len(events) + 1))
    dark = next(event for event in events if event.darkness is not None)
    assert (dark.phase, dark.darkness.since.model_s, dark.darkness.until) == ("updated", 20 * 60.0, None)
    lit = next(event for event in events if event.darkness is not None and event.darkness.until is not None)
    assert lit.darkness.until.model_s == 38 * 60.0
    assert events[-1].phase == "closed"
    assert [revision for revision, evidence in evidences.items() if evidence is None] == [
        dark.revision,
        events[-1].revision,
    ]
    assert running._counters.account("north").balance().dropped["dark"] == 18


def test_a_camera_is_dark_as_long_as_its_dark_pictures_come(model: Model, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(8):
        cv2.imwrite(str(pictures / f"{number}.png"), np.full((64, 64, 3), number, np.uint8))
    settings = Settings(cameras={"north": FolderOptions(uri=f"folder:{pictures}", pace="fast", loop=True)})
    clock, healths = JumpingClock(), []
    with opened(tmp_path) as store:
        running = Daemon(
            settings,
            model,
            store,
            make_counters(settings, clock, Path("/")),
            clock,
            notify=lambda _message: True,
            watchdog_s=None,
            announce=lambda _event: None,
        )

        def on_tick() -> None:
            sight = running._intakes["north"].sight
            if sight.darkness is None or sight.dark_mono_ns < clock.ahead_ns:
                return
            healths.append(running.health())
            clock.ahead_ns += 10**15  # longer than a night
            if len(healths) == 2:
                running.stop()

        running.run(on_tick)
    assert [health.cameras["north"].state for health in healths] == ["dark", "dark"]
    assert all(health.healthy for health in healths)
    assert healths[0].reasons == ["north: too dark to see smoke"]


@pytest.fixture
def ruled(model: Model) -> Model:
    """The bundled model with a rule for alerts: an event is a candidate for five minutes."""
    rule = AlertRule(escalate_s=300.0)
    manifest = msgspec.structs.replace(model.bundle.manifest, alert=rule)
    return dataclasses.replace(model, bundle=dataclasses.replace(model.bundle, manifest=manifest))


class NightRuntime:
    """The model, and that it is night."""

    def __init__(self, runtime: Runtime) -> None:
        self.name, self.zero_state, self._runtime = runtime.name, runtime.zero_state, runtime

    def infer(self, write_frame: Callable[[Tensor], None], state: State) -> Inference:
        told = np.float32([0.0, 1.0])
        return dataclasses.replace(self._runtime.infer(write_frame, state), conditions=told)


def test_health_and_metrics_name_the_conditions_that_stand(model: Model, tmp_path: Path) -> None:
    rule = AlertRule(escalate_s=300.0, held=("night",))
    manifest = msgspec.structs.replace(model.bundle.manifest, conditions=("fog", "night"), alert=rule)
    bundle = dataclasses.replace(model.bundle, manifest=manifest)
    telling = dataclasses.replace(model, bundle=bundle, runtime=NightRuntime(model.runtime))
    shown: list[tuple[dict, str]] = []
    with opened(tmp_path) as store:
        running = daemon(telling, store, [], "scene:?frames=3", loop=True)

        def look() -> None:
            camera = running.status()["health"]["cameras"]["scene"]
            shown.append((camera, running.metrics().decode()))
            if camera["conditions"] or len(shown) > 20:
                running.stop()

        running.run(look)
    camera, metrics = shown[-1]
    assert list(camera["conditions"]) == list(camera["held"]) == ["night"]
    assert camera["reason"].endswith("alerts held back: night")
    assert 'firetower_camera_condition{camera="scene",condition="night"} 1.0' in metrics


def test_a_candidate_becomes_an_alert_in_the_store_the_announcements_and_the_counts(
    ruled: Model, tmp_path: Path
) -> None:
    uri = "scene:?frames=22&ignition=4"
    with opened(tmp_path) as store:
        running = daemon(ruled, store, told := [], uri)
        running.run()
        status, metrics, (event,) = running.status()["events"], running.metrics().decode(), store.events()
    events = [one.event for one in told]
    assert (events[0].phase, events[0].severity) == ("opened", "candidate")
    (alert,) = [one for one in events if one.is_new_alert]
    assert (alert.phase, alert.alerted.by) == ("updated", "escalation")
    assert alert.alerted.at.model_s == events[0].opened.model_s + 300.0
    assert (event.phase, event.severity, event.alerted) == ("closed", "alert", alert.alerted)
    assert (status["opened"], status["alerted"]) == (1, 1)
    assert (status["stored"]["closed_events"], status["stored"]["closed_alerts"]) == (1, 1)
    assert 'firetower_events_total{phase="alerted"} 1.0' in metrics
    assert 'firetower_stored_alerts{state="closed"} 1.0' in metrics


def test_what_ends_as_a_candidate_is_counted_as_an_event_and_as_no_alert(
    ruled: Model, tmp_path: Path
) -> None:
    with opened(tmp_path) as store:
        running = daemon(ruled, store, [])
        running.run()
        status = running.status()["events"]
        assert [event.severity for event in store.events()] == ["candidate"]
    assert (status["opened"], status["alerted"]) == (1, 0)
    assert (status["stored"]["closed_events"], status["stored"]["closed_alerts"]) == (1, 0)


class GovernedTower:
    """A daemon that is not run but stepped, on a clock and a battery that are set by hand."""

    def __init__(self, model: Model, store: object) -> None:
        self.sensor = Said(voltage_v=13.0)
        self.governor, self.clock = governor(self.sensor)
        self.governor.begin(threading.Event())
        settings = Settings(cameras={"north": RtspOptions(uri="rtsp://192.0.2.1/")})
        self.daemon = Daemon(
            settings, model, store, make_counters(settings, self.clock, Path("/")), self.clock,
            notify=lambda _message: True, watchdog_s=None, announce=lambda _: None, governor=self.governor,
        )  # fmt: skip

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.clock.now_s += 1
            self.daemon._hand.step(self.daemon._risk(), open_event=self.daemon._pipeline.any_open)


def test_a_tower_that_sleeps_is_healthy_says_why_and_counts_what_it_did_not_watch(
    model: Model, tmp_path: Path
) -> None:
    with opened(tmp_path) as store:
        tower = GovernedTower(model, store)
        tower.run(30)
        report = tower.daemon.health().governor
        assert report is not UNSET
        assert report.bands == ()
        assert tower.daemon.due_s() == {"north": None}
        tower.sensor.said = {"voltage_v": 11.7}
        tower.run(200)
        health = tower.daemon.health()
        assert health.healthy
        assert health.cameras["north"].state == "governed"
        assert health.reasons[0].startswith("governor: not watching from 12:")
        due_s = tower.daemon.due_s()["north"]
        assert due_s == health.cameras["north"].due_s
        assert 0 < due_s < 1800
        assert tower.daemon.page_off()
        status = tower.daemon.status()["health"]
        assert status["governor"]["unwatched_s"]["sleep"] > 50
        metrics = tower.daemon.metrics().decode()
        assert f'firetower_camera_due_seconds{{camera="north"}} {due_s}' in metrics
        assert 'firetower_camera_state{camera="north",state="governed"} 1.0' in metrics
        assert "firetower_battery_volts 11.7" in metrics
        assert tower.daemon.power().voltage_v == pytest.approx(11.7, abs=0.001)
        tower.sensor.said = {"voltage_v": 13.0}
        tower.run(60)
        assert tower.daemon.health().cameras["north"].state == "starting"
        assert tower.daemon.health().cameras["north"].cadence_s == 50.0


def test_without_a_governor_nothing_is_said_of_one(model: Model, tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        running = daemon(model, store, [], "scene:?frames=1")
        assert b"governor" not in msgspec.json.encode(running.health())
        assert b"due_s" not in msgspec.json.encode(running.health())
        assert b"firetower_governor" not in running.metrics()
        assert b"firetower_unwatched" not in running.metrics()


def test_events_and_scores_are_equal_at_any_number_of_threads() -> None:
    one, two = load_model(None, threads=1), load_model(None, threads=2)

    def played(model: Model, later: Runtime | None = None) -> list[bytes]:
        """Play a short scene; from its sixth frame on with another runtime, where there is one."""
        score = Pipeline.score

        def shifted(self: Pipeline, camera: str, frame: Frame) -> Scored:
            if later is not None and frame.sequence == 5:
                self.use(later)
            return score(self, camera, frame)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Pipeline, "score", shifted)
            steps = replay(
                "scene:?frames=12&ignition=3", model, clock=SystemClock(), account=Account(),
                record=lambda _stage, _ns: None,
            )  # fmt: skip
            return [step.scores.tobytes() + msgspec.json.encode(step.events) for step in steps]

    told = played(one)
    assert any(b'"phase":"opened"' in step for step in told)
    assert played(two) == told
    assert played(two, one.runtime) == told
