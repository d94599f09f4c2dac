"""Footage as a camera of the daemon on a simulated clock."""

from itertools import pairwise

import pytest

from edge.camera.schedule import Schedule
from edge.camera.source import Session
from edge.errors import CameraError, FrameError
from firmware_sim.footage.fault import Fault, StreamFaults
from firmware_sim.footage.shot import Truth
from firmware_sim.footage.source import FootageSource
from firmware_sim.footage.still import Still, StillFootage
from tests.firmware_sim.footage.conftest import SIZE_PX, START_S, Wanderer
from tests.firmware_sim.footage.test_still import write


def opened(clock, *faults, cadence_s=60.0, footage=None, **keys):
    session = Session(clock, Schedule(cadence_s))
    stream = StreamFaults(tuple(faults), START_S)
    return FootageSource(footage or Wanderer(), session, clock.now_s, faults=stream, **keys)


def test_pictures_come_by_the_cadence_and_move_the_clock(clock):
    shots = []
    source = opened(clock, seen=shots.append)
    assert source.live
    times = []
    for _ in range(5):
        picture = source.read()
        times.append(clock.now_s() - START_S)
        assert picture.size_px == SIZE_PX
        assert (picture.source_ns, picture.wall_ns) == (None, None)
        assert (picture.to_rgb() == shots[-1].pixels).all()
    steps = [after - before for before, after in pairwise(times)]
    assert times[0] == 0
    assert all(54 <= step <= 66 for step in steps)
    assert [shot.taken_s - START_S for shot in shots] == times


def test_whoever_asks_when_a_picture_is_due_does_not_wait(clock):
    source = opened(clock)
    for minute in range(4):
        clock.now_ns = 5_000_000_000 + 60_000_000_000 * minute
        source.read()
        assert clock.now_s() == START_S + 60 * minute


def test_a_cut_ends_the_connection_and_lets_none_be_made(clock):
    cut = Fault(kind="cut", from_s=100, to_s=300)
    source = opened(clock, cut)
    source.read()
    source.read()
    with pytest.raises(CameraError, match="cut"):
        source.read()
    assert 100 <= clock.now_s() - START_S < 101
    with pytest.raises(CameraError, match="cannot be reached"):
        opened(clock, cut)
    clock.now_ns += 200_000_000_000
    assert opened(clock, cut).read()


def test_a_stall_is_silence_until_the_timeout(clock):
    source = opened(clock, Fault(kind="stall", from_s=50, to_s=1000), timeout_s=20)
    source.read()
    with pytest.raises(CameraError, match=r"nothing came .* for 20 s"):
        source.read()
    assert 74 <= clock.now_s() - START_S <= 81


def test_a_short_stall_only_delays(clock):
    source = opened(clock, Fault(kind="stall", from_s=50, to_s=65), timeout_s=20)
    source.read()
    assert source.read()
    assert 65 <= clock.now_s() - START_S < 66


def test_damaged_pictures_are_errors_of_their_own(clock):
    source = opened(clock, Fault(kind="corrupt", from_s=50, to_s=130))
    source.read()
    for _ in range(2):
        with pytest.raises(FrameError, match="damaged"):
            source.read()
    assert source.read()


def test_a_recordings_picture_is_given_once(clock, tmp_path):
    folder = write(tmp_path / "a", ["0.png", "1.png", "2.png"])
    stills = [Still(folder / f"{n}.png", START_S + 120 * n, Truth("unlabelled")) for n in range(3)]
    source = opened(clock, footage=StillFootage(stills))
    given = [(round(source.read().to_rgb().mean()), clock.now_s() - START_S) for _ in range(3)]
    assert [grey for grey, _ in given] == [0, 10, 20]
    assert [at for _, at in given] == [0, 120, 240]
    with pytest.raises(CameraError, match="nothing came"):  # it is over
        source.read()


def test_what_cannot_be_read_is_the_cameras_error(clock, tmp_path):
    folder = write(tmp_path / "a", ["0.png", "1.png"])
    stills = [Still(folder / f"{n}.png", START_S + 60 * n, Truth("unlabelled")) for n in range(2)]
    source = opened(clock, footage=StillFootage(stills))
    source.read()
    (folder / "1.png").unlink()
    with pytest.raises(CameraError, match=r"1\.png"):
        source.read()


def test_a_closed_source_gives_nothing_and_leaves_the_footage_open(clock):
    footage = Wanderer()
    source = opened(clock, footage=footage)
    source.read()
    source.close()
    source.close()
    with pytest.raises(CameraError):
        source.read()
    assert not footage.closed


def test_a_patient_one_waits_once_until_its_picture_is_due(clock):
    waits = []
    wait = clock.wait
    clock.wait = lambda signal, seconds: waits.append(seconds) or wait(signal, seconds)
    source = opened(clock, patient=True)
    for _ in range(3):
        source.read()
    assert waits == [54.0, 60.0]
    assert clock.now_s() - START_S == 114.0
