"""What a horizon brings and costs: a cloud high above it, a fire at it, and fires planted on both places."""

import msgspec
import numpy as np

from edge.detect.horizon import PICTURES
from edge.model.alert import AlertRule
from edge.model.horizon import HorizonRule
from firmware_sim.scene.fire import fires
from scoring.planted import SHIPPED, Plant
from tests.training.gate import made
from training.gate.decide import decided
from training.gate.horizon import RULE, Result, measure
from training.gate.judged import Recorded
from training.gate.plant import Background, Lot, PlantedShots, decide_lot
from training.gate.recording import from_files, record, save
from training.gate.stream import parts_of, streams
from training.smoke.data.read import read

RIDGE, SKY, LAND = (
    (1, 0),
    (0, 3),
    (2, 0),
)  # of a grid of 4 × 4; the horizon between the second row and the third
RISE = HorizonRule(above=1, below=1, rise=3.0)
MANIFEST = msgspec.structs.replace(made.MANIFEST, alert=AlertRule(escalate_s=600.0), horizon=RISE)
GREY = 175  # a score of 2.5, above `open` and not above the raised threshold


def picture(number, bright=None):
    """Sky over land, a cell of it brighter."""
    rng = np.random.default_rng(number)
    pixels = rng.normal(125, 2, (64, 64, 1)).repeat(3, axis=2)
    pixels[32:] = rng.normal(60, 15, (32, 64, 1))
    if bright is not None:
        row, col = bright
        pixels[row * 16 : row * 16 + 16, col * 16 : col * 16 + 16] = GREY
    return pixels.clip(0, 255).astype(np.uint8)


def shown(number, count, at=None, first=PICTURES + 2):
    """So many pictures, a cell bright from the twelfth to the twentieth."""
    return [picture(number + i, at if first <= i < first + 8 else None) for i in range(count)]


def stream_of(folder):
    day, quiet = 86_400, "n" * 30
    told = [
        made.write(folder, "cloud", quiet, shown(0, 30, SKY)),
        made.write(
            folder, "fire", "n" * 12 + "s" * 8 + "n" * 10, shown(100, 30, RIDGE), begin=made.EPOCH + day
        ),
    ]
    for frame in told[1]["frames"]:
        frame["boxes"] = [[0, 16, 16, 32]] if frame["boxes"] else []
    made.save(folder, told)
    (stream,) = streams(parts_of([read(folder)]))
    return stream


def planted(model, folder, seed, where, begin):
    """Leave a fire as `plant` does."""
    labels = "n" * 6 + "s" * 8 + "n" * 6
    source = folder / f"source-{seed}"
    source.mkdir()
    wrote = made.write(source, "fire", labels, shown(500, 20, where, 6), begin=begin, camera="cam")
    row, col = where
    for frame in wrote["frames"]:
        frame["boxes"] = [[col * 16, row * 16, col * 16 + 16, row * 16 + 16]] if frame["boxes"] else []
    (truth,) = made.save(source, [wrote])
    (stream,) = streams(parts_of([read(source)]))
    shots = stream.shots()
    for name, at in (("with", where), ("without", None)):
        save(
            record(model, truth.id, shots, list(shown(500, 20, at, 6)).__getitem__), folder, f"{seed}-{name}"
        )
    (fire,) = fires("judge", ["cloud"], 1)
    kept = PlantedShots(
        fire=msgspec.to_builtins(fire), background="cloud", stream="cam", truth=truth, grey_levels=None
    )
    (folder / f"{seed}.json").write_bytes(msgspec.json.encode(kept))
    return Plant(
        seed=seed, background="cloud", stream="cam", condition="clear", contrast="", colour="", cut=None, small=False,
        grey_levels=None, bare=True, found_s={}, alert_s={}, void=False,
    )  # fmt: skip


def test_openings_views_and_fires_are_told_with_it_and_without(tmp_path):
    model = made.model(MANIFEST)
    data = tmp_path / "data"
    data.mkdir()
    stream = stream_of(data)
    shots = stream.shots()
    one = Recorded(stream, record(model, stream.name, shots, from_files(shots)))
    late, early = made.EPOCH + 86_400 * 2, made.EPOCH - 86_400
    plants = [
        planted(model, tmp_path, 1, RIDGE, late),
        planted(model, tmp_path, 2, SKY, late),
        planted(model, tmp_path, 3, SKY, early),  # before any picture of the stream
    ]
    found = measure(model, [one], plants, dict.fromkeys((1, 2, 3), tmp_path), "python -m training evaluate")
    (row,) = found.streams
    assert (row.name, row.frames, row.views, row.held) == ("cam", 60, 1, 1)
    assert 60 - 2 * PICTURES < row.banded <= 60 - PICTURES + 1
    assert (row.off.openings, row.off.alarms, row.off.found) == (1, 1, 1)
    assert (row.on.openings, row.on.alarms, row.on.found) == (0, 0, 1)
    assert (found.cameras, found.known, found.rule) == (1, 1, RISE)
    assert [(fire.banded, fire.off_s is None, fire.on_s is None) for fire in found.fires] == [
        (True, False, False),
        (True, False, True),
        (False, False, False),
    ]
    assert (found.planted, found.found, found.lost, found.delay_s) == (3, 3, 1, 0)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Result) == found


def test_a_bundle_without_the_rule_is_measured_with_a_stated_one(tmp_path):
    model = made.model(msgspec.structs.replace(MANIFEST, horizon=None))
    stream = stream_of(tmp_path)
    shots = stream.shots()
    recording = record(model, stream.name, shots, from_files(shots))
    found = measure(model, [Recorded(stream, recording)], [], {}, "")
    assert found.rule == RULE
    assert found.known == 1
    assert (found.planted, found.delay_s) == (0, None)


def test_the_decision_anew_has_the_horizon_of_the_pictures_and_else_none(tmp_path):
    model = made.model(MANIFEST)
    stream = stream_of(tmp_path)
    shots = stream.shots()
    recording = record(model, stream.name, shots, from_files(shots))
    again = decided(model, stream.name, shots, recording, luma=from_files(shots))
    assert [msgspec.structs.replace(event, id="") for event in again.events] == [
        msgspec.structs.replace(event, id="") for event in recording.events
    ]
    assert again.banded > 0
    assert decided(model, stream.name, shots, recording).banded == 0


def test_a_lot_is_decided_with_the_horizon_of_its_background_before_the_ignition(tmp_path):
    model, late = made.model(MANIFEST), made.EPOCH + 86_400
    data = tmp_path / "data"
    data.mkdir()
    made.save(data, [made.write(data, "cloud", "n" * 30, shown(0, 30), begin=late - 1800)])
    (stream,) = streams(parts_of([read(data)]))
    (fire,) = fires("judge", ["cloud"], 1)
    planted(model, tmp_path, fire.seed, SKY, late)
    for count, found in ((30, False), (PICTURES - 1, True)):
        place = Background("cloud", "cam", "g", tuple(stream.shots()[:count]))
        (one,) = decide_lot(model, Lot((fire,), {"cloud": place}, {}), tmp_path)
        assert (one.found_s[SHIPPED] is not None) is found
        assert one.found_s["no horizon"] is not None
