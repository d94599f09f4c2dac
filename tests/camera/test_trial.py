"""A trial decodes as the cadence will have it: clips whose keyframes are whole and the rest not, and the other way."""

from pathlib import Path
from typing import Any

import av
import pytest

from edge.camera.access_unit import Unit
from edge.camera.address import options_for
from edge.camera.keyframe import PacketChoice
from edge.camera.limit import Limits
from edge.camera.schedule import Schedule
from edge.camera.source import Session
from edge.camera.trial import Timed, Trial
from edge.command.check import _try_camera
from tests.camera.conftest import draw, opened, session, write_clip

S = 1_000_000_000
KEY_S = 1.0  # between keyframes of the clips
OFTEN, RARELY = KEY_S / 2, 3 * KEY_S  # cadences


def tried(path: Path, cadence_s: float, limits: Limits | None = None) -> tuple[str | None, str]:
    result = _try_camera("north", options_for(str(path)), cadence_s, limits or Limits())
    return result.error, result.note


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """Clips of 10 pictures a second: a good one, one whose pictures between keyframes are nonsense, one whose later
    keyframes are none."""
    folder = tmp_path_factory.mktemp("trial")
    write_clip(folder / "good.mp4", frames=40)
    with av.open(str(folder / "good.mp4")) as container, av.open(str(folder / "between.mp4"), "w") as copy:
        stream = copy.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            data = bytes(packet)
            spoiled: Any = av.Packet(
                data if packet.is_keyframe else data[:5] + bytes(b ^ 0x5A for b in data[5:])
            )
            spoiled.pts, spoiled.dts, spoiled.time_base = packet.pts, packet.dts, packet.time_base
            spoiled.is_keyframe, spoiled.stream = packet.is_keyframe, stream
            if packet.size:
                copy.mux(spoiled)
    with av.open(str(folder / "keys.mkv"), "w") as container:
        made: Any = container.add_stream("libx265", rate=10)
        made.height, made.width, made.pix_fmt = 64, 96, "yuv420p"
        made.options = {"x265-params": "log-level=none:keyint=-1:scenecut=0:bframes=0"}
        frames = (av.VideoFrame.from_ndarray(draw(number), format="rgb24") for number in range(40))
        for number, packet in enumerate(one for frame in (*frames, None) for one in made.encode(frame)):
            packet.is_keyframe = number % 10 == 0
            container.mux(packet)
    return folder


def test_a_good_camera_is_good_at_every_cadence(clips):
    assert tried(clips / "good.mp4", OFTEN) == tried(clips / "good.mp4", RARELY) == (None, "")


def test_what_decodes_alone_and_not_as_a_stream_is_good_where_keyframes_suffice(clips):
    assert tried(clips / "between.mp4", RARELY) == (None, "")
    error, _ = tried(clips / "between.mp4", OFTEN)
    assert error is not None
    assert "no picture in it can be decoded" in error


def test_what_decodes_as_a_stream_and_not_alone_is_good_where_all_is_decoded(clips):
    assert tried(clips / "keys.mkv", OFTEN) == (None, "")
    error, _ = tried(clips / "keys.mkv", RARELY)
    assert error is not None
    assert "no picture in it can be decoded" in error


def test_a_recording_with_one_keyframe_is_decoded_whole(tmp_path):
    path = write_clip(tmp_path / "short.mp4", frames=8)
    assert tried(path, RARELY) == (None, "")


def test_keyframes_too_far_apart_to_wait_for_are_named(tmp_path):
    path = write_clip(tmp_path / "far.mp4", frames=60, keyframe_every=50)
    error, note = tried(path, 60.0, Limits(packet_bytes=path.stat().st_size // 2))
    assert error is None
    assert note.startswith("no second keyframe came within 0 s and ")
    assert "not tried whether its keyframes can be decoded alone" in note


def packets(count: int, every: int) -> list[Timed]:
    """Packets of a tenth of a second."""
    made: list[Timed] = []
    for number in range(count):
        packet: Any = av.Packet(100)
        packet.is_keyframe = number % every == 0
        made.append(Timed(packet, number * S // 10))
    return made


def test_what_is_kept_is_handed_on_once_the_cadence_is_over(clock):
    schedule = Schedule(0.5, trial=True)
    trial = Trial(PacketChoice(schedule, intra_only=False), Session(clock, schedule), 10)
    came = packets(12, every=20)
    assert [len(trial.take([one])) for one in came] == [0] * 6 + [7] + [1] * 5


def test_of_close_keyframes_the_second_is_the_first_that_is_handed_on(clock):
    schedule = Schedule(5, trial=True)
    lost: Unit = "lost"
    trial = Trial(PacketChoice(schedule, intra_only=False), Session(clock, schedule), 10)
    before = packets(2, every=2)[1:]
    came = packets(6, every=3)
    assert trial.take([*before, came[0], Timed(lost, 0), *came[1:]]) == [before[0], *came[3:]]


def test_a_live_camera_is_waited_for_no_longer_than_its_timeout(clock):
    schedule = Schedule(60, trial=True)
    told = Session(clock, schedule)
    trial = Trial(PacketChoice(schedule, intra_only=False), told, 2)
    handed = []
    for number, one in enumerate(packets(40, every=100)):
        clock.now_ns = number * S // 10
        handed.append(len(trial.take([one])))
    assert handed == [0] * 21 + [22] + [1] * 18
    assert "no second keyframe came within 2 s and 22 packets" in told.untried[0]


def test_a_trial_of_every_picture_keeps_nothing(clips):
    source = opened(str(clips / "good.mp4"), Session(session().clock, Schedule(0, trial=True)))
    times_ns = []
    while (picture := source.read()) is not None:
        times_ns.append(picture.source_ns)
    source.close()
    assert times_ns == [number * S // 10 for number in range(40)]
