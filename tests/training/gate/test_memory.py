"""What a memory of the hour brings and costs: made days with the same cloud, and fires on the last of them."""

import msgspec
import numpy as np
import pytest

from edge.model.alert import AlertRule
from firmware_sim.scene.fire import fires
from scoring.planted import Plant
from tests.training.gate import made
from training.gate.judged import Recorded
from training.gate.memory import Result, measure
from training.gate.plant import PlantedShots
from training.gate.recording import from_files, record, save
from training.gate.stream import parts_of, streams
from training.smoke.data.read import read

DAY_S = 86_400
CLOUD, FIRE = (2, 3), (0, 0)
GREY = 180  # a score of 3, a logit and more above `open`
MANIFEST = msgspec.structs.replace(made.MANIFEST, alert=AlertRule(escalate_s=3600.0))


def cloud(day, number):
    """Three hours at five minutes' distance, the same cell bright in the same ten pictures of each day."""
    pictures = [made.picture(number + i) for i in range(36)]
    for pixels in pictures[6:9]:
        pixels[32:48, 48:64] = GREY
    return pictures, made.EPOCH + day * DAY_S


def stream_of(folder):
    told = []
    for day in range(3):
        pictures, begin = cloud(day, 100 * day)
        told.append(made.write(folder, f"day{day}", "n" * 36, pictures, begin=begin, step_s=300))
    made.save(folder, told)
    (stream,) = streams(parts_of([read(folder)]))
    return stream


def planted(model, folder, seed, where, begin):
    """Leave a fire as `plant` does, at a place and a time of day."""
    pictures = [made.picture(5000 + i, where if 6 <= i < 9 else None) for i in range(36)]
    quiet = [made.picture(5000 + i) for i in range(36)]
    source = folder / f"source-{seed}"
    source.mkdir()
    labels = "n" * 6 + "s" * 3 + "n" * 27
    (truth,) = made.save(
        source, [made.write(source, "fire", labels, pictures, begin=begin, step_s=300, camera="cam")]
    )
    (stream,) = streams(parts_of([read(source)]))
    shots = stream.shots()
    for name, frames in (("with", pictures), ("without", quiet)):
        save(record(model, truth.id, shots, list(frames).__getitem__), folder, f"{seed}-{name}")
    (fire,) = fires("judge", ["day2"], 1)
    kept = PlantedShots(
        fire=msgspec.to_builtins(fire), background="day2", stream="cam", truth=truth, grey_levels=None
    )
    (folder / f"{seed}.json").write_bytes(msgspec.json.encode(kept))
    return Plant(
        seed=seed, background="day2", stream="cam", condition="clear", contrast="", colour="", cut=None, small=False,
        grey_levels=None, bare=True, found_s={}, alert_s={}, void=False,
    )  # fmt: skip


def test_openings_and_fires_are_told_with_it_and_without(tmp_path):
    model = made.model(MANIFEST)
    data = tmp_path / "data"
    data.mkdir()
    stream = stream_of(data)
    shots = stream.shots()
    one = Recorded(stream, record(model, stream.name, shots, from_files(shots)))
    later = made.EPOCH + 2 * DAY_S
    plants = [
        planted(model, tmp_path, 1, FIRE, later + 60),  # at another hour than any of the day before
        planted(model, tmp_path, 2, CLOUD, made.EPOCH - DAY_S),  # before all that taught
    ]
    found = measure(model, [one], plants, {1: tmp_path, 2: tmp_path}, "python -m training evaluate")
    (row,) = found.streams
    assert (row.name, row.days, row.frames, row.accelerated) == ("cam", 4, 108, False)
    assert (row.off.openings, row.on.openings, row.held, row.released) == (3, 1, 2, 0)
    assert row.fewer == pytest.approx(2 / 3)
    assert row.on.open < row.off.open
    assert [(fire.seed, fire.lifted, fire.off_s == fire.on_s) for fire in found.fires] == [
        (1, True, True),
        (2, False, True),
    ]
    assert (found.planted, found.found, found.lost, found.found_lifted, found.lost_lifted) == (2, 2, 0, 1, 0)
    assert found.delay_s == 0
    assert msgspec.json.decode(msgspec.json.encode(found), type=Result) == found
    assert np.isfinite(found.rule["rise"])
