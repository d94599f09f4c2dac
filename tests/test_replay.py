"""A recording through the pipeline: the same each time, every frame accounted for, closed at its end."""

import itertools
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge.alert.database import Database
from edge.alert.event import Darkness, Event, Stamp
from edge.camera.file import FileOptions
from edge.camera.planes import PlanarImage
from edge.clock import SystemClock
from edge.command.run import make_counters
from edge.counter.drops import Account, Balance
from edge.daemon import Daemon
from edge.errors import CameraError, RuntimeModelError, SettingsError
from edge.model.bundle import Bundle
from edge.model.loaded import Model, load_model
from edge.model.manifest import Confirmation, FileSpec, Manifest, TensorSpec, Threshold
from edge.model.runtime import Inference, State, Tensor
from edge.replay import Step, address, clip_name, replay
from edge.settings import Settings
from tests.camera.conftest import write_clip
from tests.test_daemon import OpenStore

SIZE_PX, CADENCE_S = 64, 60.0
SPEC = FileSpec(
    sha256="0" * 64,
    bytes=1,
    backend="litert",
    tensors=(
        TensorSpec(
            name="frame", role="frame", shape=(1, SIZE_PX, SIZE_PX, 3), dtype="uint8", layout="NHWC",
            scale=1 / 255, zero_point=0,
        ),
        TensorSpec(name="scores", role="scores", shape=(1, 4, 4, 1), dtype="float32"),
    ),
)  # fmt: skip
MANIFEST = Manifest(
    schema="1.0", name="bright", version="1", task="cells", kind="logits", labels=("smoke",), cell_stride_px=16,
    files={"model.tflite": SPEC}, thresholds={"smoke": Threshold(open=1.0, keep=0.0)},
    confirmation=Confirmation(hits=2, window=3, close_after=2),
)  # fmt: skip


class BrightRuntime:
    """A cell scores above zero where it is brighter than 200; fails at a frame if told to."""

    name = "litert"

    def __init__(self, fails_at: int | None = None) -> None:
        self._fails_at = fails_at
        self._calls = itertools.count()

    def zero_state(self) -> State:
        return ()

    def infer(self, write_frame: Callable[[Tensor], None], _state: State) -> Inference:
        if next(self._calls) == self._fails_at:
            raise RuntimeModelError("broken on purpose")
        buffer = np.zeros((1, SIZE_PX, SIZE_PX, 3), np.uint8)
        write_frame(buffer)
        means = buffer[0].reshape(4, 16, 4, 16, 3).mean(axis=(1, 3, 4))
        return Inference((means[..., None] - 200).astype(np.float32), (), 7)


def bright_model(fails_at: int | None = None) -> Model:
    return Model(Bundle(Path("b"), Path("b"), MANIFEST, "d" * 64), SPEC, BrightRuntime(fails_at))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight noisy images, a minute apart; the last three have a white corner."""
    rng = np.random.default_rng(1)
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(8):
        pixels = rng.integers(60, 120, (SIZE_PX, SIZE_PX, 3), np.uint8)
        if index >= 5:
            pixels[:16, :16] = 255
        cv2.imwrite(str(frames / f"{index:03}.png"), pixels)
    return frames


def run(
    clip: object, model: Model | None = None, cadence_s: float = 0.0
) -> tuple[list[Step], Balance, set[str]]:
    account, stages = Account(), set()
    steps = list(
        replay(
            str(clip), model or bright_model(), clock=SystemClock(), account=account, cadence_s=cadence_s,
            record=lambda stage, _ns: stages.add(stage), keys={"folder_cadence_s": CADENCE_S},
        )
    )  # fmt: skip
    return steps, account.balance(), stages


def told(steps: list[Step]) -> bytes:
    return b"\n".join(
        msgspec.json.encode(
            {
                "frame": step.frame.name,
                "model_ns": step.frame.model_ns,
                "scores": step.scores.tolist(),
                "events": step.events,
                "open": step.open_events,
            }
        )
        for step in steps
    )


def test_the_same_clip_gives_the_same_bytes(folder: Path) -> None:
    first, second = run(folder), run(folder)
    assert told(first[0]) == told(second[0])
    assert first[1] == second[1]


def test_the_bundled_model_gives_the_same_bytes_on_the_scene() -> None:
    def play() -> list[Step]:
        return run("scene:plume?frames=40", load_model(None))[0]

    first = play()
    assert told(first) == told(play())
    assert any(event.phase == "opened" for step in first for event in step.events)


def test_what_is_open_at_the_end_is_closed_with_the_last_step(folder: Path) -> None:
    steps, balance, stages = run(folder)
    assert [step.open_events for step in steps] == [0, 0, 0, 0, 0, 0, 1, 0]
    assert [event.phase for event in steps[6].events] == ["opened"]
    (closed,) = steps[7].events
    assert (closed.phase, closed.id, closed.revision) == ("closed", steps[6].events[0].id, 2)
    assert closed.closed is not None
    assert closed.closed.model_s == 7 * CADENCE_S
    assert closed.opened.mono_ns is None
    assert closed.opened.utc is None
    assert balance.scored == balance.decoded == 8
    assert {"decode", "convert", "preprocess", "invoke", "detect"} <= stages


def test_a_changed_view_closes_what_is_open_and_begins_anew(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    fields = np.kron(rng.integers(40, 140, (10, 10)), np.ones((8, 8), int))
    fields[16:32, 16:40] = 255  # one cell, at either place
    for index in range(14):
        left = 8 if index >= 6 else 0
        pixels = fields[:64, left : left + 64, None] + rng.normal(0, 2, (64, 64, 3))
        cv2.imwrite(str(tmp_path / f"{index:03}.png"), pixels.clip(0, 255).astype(np.uint8))
    steps, balance, _ = run(tmp_path)
    assert balance.scored == 14
    told = [(step.frame.name, event.phase) for step in steps for event in step.events]
    phases = [("001.png", "opened"), ("010.png", "closed"), ("011.png", "opened"), ("013.png", "closed")]
    assert [one for one in told if one[1] != "updated"] == phases
    assert [step.frame.view for step in steps] == [0] * 10 + [1] * 4


def test_corrupt_images_are_counted_and_passed_by(folder: Path) -> None:
    (folder / "003.png").write_bytes(b"no image")
    (folder / "007.png").write_bytes(b"")
    steps, balance, _ = run(folder)
    assert [step.frame.name for step in steps] == [f"00{index}.png" for index in (0, 1, 2, 4, 5, 6)]
    assert balance.decoded == 8
    assert balance.dropped["corrupt"] == 2
    assert balance.waiting == 0
    assert steps[-1].events[-1].phase == "closed"


def test_a_folder_without_a_whole_image_is_an_error(tmp_path: Path) -> None:
    for index in range(120):
        (tmp_path / f"{index:03}.jpg").write_bytes(b"no image")
    with pytest.raises(CameraError, match=r"none of 120 pictures is whole.*119\.jpg"):
        run(tmp_path)


@pytest.mark.parametrize("cadence_s", [0.0, 59.0, 120.0, 1000.0])
def test_every_frame_is_accounted_for(folder: Path, cadence_s: float) -> None:
    steps, balance, _ = run(folder, cadence_s=cadence_s)
    assert balance.scored == len(steps)
    assert balance.decoded == balance.scored + sum(balance.dropped.values())
    times = [step.frame.model_ns / 1e9 for step in steps]
    assert all(later - earlier >= cadence_s * 0.8 for earlier, later in itertools.pairwise(times))


def plain(event: Event) -> bytes:
    """An event without what the daemon's clocks alone can say."""
    moments = {
        key: value and Stamp(model_s=value.model_s)
        for key, value in (("opened", event.opened), ("updated", event.updated), ("closed", event.closed))
    }
    return msgspec.json.encode(msgspec.structs.replace(event, **moments))


@pytest.mark.parametrize("keyframe_s", [0.5, 3.0])  # keyframes alone are decoded, or all there is
def test_the_daemon_at_fast_pace_tells_the_same_events(tmp_path: Path, keyframe_s: float) -> None:
    pictures = np.random.default_rng(1).integers(60, 120, (80, SIZE_PX, SIZE_PX, 3), np.uint8)
    pictures[20:40, :16, :16] = 255
    pictures[55:76, 48:, 48:] = 255
    clip = write_clip(
        tmp_path / "clip.mp4",
        pictures=list(pictures),
        shape=(SIZE_PX, SIZE_PX),
        keyframe_every=round(keyframe_s * 10),
    )
    replayed, account = [], Account()
    for step in replay(
        str(clip), bright_model(), clock=SystemClock(), record=lambda *_: None, account=account,
        cadence_s=0.5, name="clip",
    ):  # fmt: skip
        replayed += step.events
    settings = Settings(cameras={"clip": FileOptions(uri=f"file:{clip}", pace="fast", cadence_s=0.5)})
    clock, announced = SystemClock(), []
    counters = make_counters(settings, clock, Path("/"))
    with Database(tmp_path / "e.sqlite") as database:
        Daemon(
            settings, bright_model(), OpenStore(database), counters, clock,
            notify=lambda _message: True, watchdog_s=None, announce=announced.append,
        ).run()  # fmt: skip
    assert [plain(event) for event in replayed] == [plain(one.event) for one in announced]
    assert {event.phase for event in replayed} >= {"opened", "closed"}
    assert len({event.id for event in replayed}) == 2
    assert account.balance() == counters.account("clip").balance()


def test_a_picture_of_full_size_is_made_only_where_an_event_is_named_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, whole = [], PlanarImage.rgb
    monkeypatch.setattr(PlanarImage, "rgb", lambda image: made.append(1) or whole(image))
    pictures = np.random.default_rng(1).integers(60, 120, (12, SIZE_PX, SIZE_PX, 3), np.uint8)
    assert run(write_clip(tmp_path / "quiet.mp4", pictures=list(pictures), shape=(64, 64)))[1].scored == 12
    assert not made
    pictures[4:, :16, :16] = 255
    steps = run(write_clip(tmp_path / "plume.mp4", pictures=list(pictures), shape=(64, 64)))[0]
    assert [event.phase for step in steps for event in step.events] == ["opened", "closed"]
    assert len(made) == 1


def test_a_frame_that_fails_is_counted_and_ends_the_replay(folder: Path) -> None:
    account, steps = Account(), []
    playing = replay(
        str(folder), bright_model(fails_at=3), clock=SystemClock(), account=account, record=lambda *_: None
    )
    with pytest.raises(RuntimeModelError):
        steps.extend(playing)
    balance = account.balance()
    assert (balance.decoded, balance.scored, balance.dropped["failed"], balance.waiting) == (4, 3, 1, 0)


def test_clips_are_given_as_paths_or_addresses(folder: Path, tmp_path: Path) -> None:
    clip = tmp_path / "a.mp4"
    clip.touch()
    assert address(str(clip)) == f"file:{clip}"
    assert address(str(folder)) == f"folder:{folder}"
    assert address("scene:quiet") == "scene:quiet"
    assert clip_name(str(folder)) == "frames"
    assert clip_name(f"file:{clip}") == "a.mp4"
    assert clip_name("scene:") == "scene"


def test_what_is_no_recording_is_refused_without_its_password() -> None:
    with pytest.raises(SettingsError, match="no such file") as caught:
        address("rtsp://user:hunter2@127.0.0.1/x")
    assert "hunter2" not in str(caught.value)


def test_a_real_sequence_replays_the_same(shared_dir: Path) -> None:
    sequences = sorted((shared_dir / "data/wildfire/sequences").iterdir())
    if not sequences:
        pytest.skip("no sequences of frames in the folder of real data")
    first, second = (run(sequences[0], load_model(None), cadence_s=120.0)[0] for _ in range(2))
    assert len(first) > 10
    assert told(first) == told(second)


def test_an_event_stays_open_through_a_night_and_says_so(folder: Path) -> None:
    rng = np.random.default_rng(2)
    for index in range(8, 40):  # longer than the gap after which the model's state starts anew
        cv2.imwrite(str(folder / f"{index:03}.png"), rng.integers(0, 12, (SIZE_PX, SIZE_PX, 3), np.uint8))
    for index in range(40, 42):
        pixels = rng.integers(60, 120, (SIZE_PX, SIZE_PX, 3), np.uint8)
        pixels[:16, :16] = 255
        cv2.imwrite(str(folder / f"{index:03}.png"), pixels)
    steps, balance, _ = run(folder)
    assert balance.dropped["dark"] == 32
    assert balance.scored == 10
    events = [event for step in steps for event in step.events]
    assert len({event.id for event in events}) == 1
    since, until = (Stamp(model_s=index * CADENCE_S) for index in (8, 40))
    told = [(event.revision, event.phase, event.darkness) for event in events]
    night = Darkness(since=since, until=until)
    assert told == [
        (1, "opened", None),
        (2, "updated", Darkness(since=since)),
        (3, "updated", night),
        (4, "closed", night),
    ]
    assert [step.open_events for step in steps[6:]] == [1, 1, 1, 0]


def test_a_recording_that_ends_in_the_dark_says_so_of_what_is_open(folder: Path) -> None:
    for index in range(8, 14):
        cv2.imwrite(str(folder / f"{index:03}.png"), np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8))
    steps, _, _ = run(folder)
    told = [(event.revision, event.phase, event.darkness) for event in steps[-1].events]
    dark = Darkness(since=Stamp(model_s=8 * CADENCE_S))
    assert told == [(2, "updated", dark), (3, "closed", dark)]
