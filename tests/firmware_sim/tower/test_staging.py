"""Plans out of scenarios: what is opened, what the daemon is told, and one sun and one weather for all."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge.camera.option import Options
from edge.errors import MissingExtraError
from firmware_sim.footage.still import StillFootage
from firmware_sim.physics.place import Place
from firmware_sim.physics.sun import clear_sky
from firmware_sim.scene.day import morning_fog
from firmware_sim.scene.sun import Sun, sun_over
from firmware_sim.tower import sky
from firmware_sim.tower.cast import Camera, Scene
from firmware_sim.tower.errors import ScenarioError
from firmware_sim.tower.need import Sky
from firmware_sim.tower.plan import Plan
from firmware_sim.tower.scenario import Scenario, parse, read, shipped
from firmware_sim.tower.shown import Gallery
from firmware_sim.tower.staging import burns, replaced, staged

SMALL = {"width_px": 64, "height_px": 64}
TABLE = {
    "purpose": "One line.",
    "start": "2026-08-14T05:30:00",
    "lasts": "2h",
    "place": "46.5,8.0,1200",
    "cameras": {"north": {"scene": {"seed": 3, "heading_deg": 200, **SMALL}}},
    "fires": [{"name": "mill", "at": "20m", "bearing_deg": 210}],
    "demands": {"found_share": 1, "false_alerts_max": 0},
}


def scenario(folder: Path, **tables: object) -> Scenario:
    return parse({**TABLE, **tables}, folder / "mine.toml")


def small(one: Scenario) -> Scenario:
    """Return it with small pictures, so that it opens fast."""
    cameras = {
        name: camera if camera.scene is None else msgspec.structs.replace(
            camera, scene=msgspec.structs.replace(camera.scene, **SMALL)
        )
        for name, camera in one.cameras.items()
    }  # fmt: skip
    return msgspec.structs.replace(one, cameras=cameras)


def folder_of_sequences(folder: Path) -> Path:
    """Write two real sequences: one whose ignition is known, and one whose is not."""
    frames = []
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.jpg"), np.full((64, 64, 3), 90 + number, np.uint8))
        label = "no_smoke" if number < 2 else "smoke"
        frames.append({"file": f"{number}.jpg", "label": label, "epoch": 1e9 + 60 * number, "boxes": []})
    known = {
        "id": "a fire",
        "camera": "c",
        "fire": "f",
        "group": "g",
        "width": 64,
        "height": 64,
        "frames": frames,
    }
    both = [{**known, "ignition_epoch": 1e9 + 90, "reliable": True}, {**known, "id": "b", "reliable": False}]
    (folder / "sequences.json").write_text(json.dumps({"sequences": both}))
    return folder


@pytest.mark.parametrize("name", [name for name in shipped() if not read(name).wants_data])
def test_each_scenario_without_data_becomes_a_plan(name: str) -> None:
    one = small(read(name))
    with staged(one) as plan:
        assert plan.cameras.keys() == plan.settings.cameras.keys()
        assert (plan.name, plan.lasts_s, plan.demands) == (name, one.lasts, one.demands)
        assert {fire.fire for view in plan.cameras.values() for fire in view.footage.ignitions} == {
            fire.name for fire in one.fires
        }


def test_every_fire_of_the_scenarios_shows_within_half_an_hour() -> None:
    for name in shipped():
        one = small(read(name))
        sun_at = sun_over(one.where.latitude_deg, one.where.longitude_deg)
        weather = sky.weather_of(one.weather, one.seed, one.begin_s, one.lasts)
        for fire in one.fires:
            seen = []
            for camera in one.cameras.values():
                if camera.scene is None or not camera.scene.sees(fire.bearing_deg):
                    continue
                bare = msgspec.structs.replace(one, cameras={"c": msgspec.structs.replace(camera, faults=())})
                with ExitStack() as stack:
                    air_at = sky.air_of(one.weather, weather, one.seed, sun_at)
                    footage = Gallery(bare, None, sun_at, air_at).views(stack)["c"].footage
                    shot = footage.at(one.begin_s + max(fire.at, 0) + 1800)
                    assert shot is not None
                    seen += [sighting.fire for sighting in shot.truth.sightings]
            assert fire.name in seen, f"{name}: {fire.name}"


def plan_of(stack: ExitStack, one: Scenario, data: Path | None = None) -> Plan:
    return stack.enter_context(staged(one, data))


def test_the_daemon_is_told_what_the_scenario_knows_and_what_the_file_says_goes_first(tmp_path: Path) -> None:
    with ExitStack() as stack:
        settings = plan_of(stack, scenario(tmp_path)).settings
        assert (settings.tower.id, settings.tower.timezone) == ("simulated", "+01:00")
        assert (settings.tower.latitude, settings.tower.elevation_m) == (46.5, 1200)
        assert list(settings.sinks) == ["hq"]
        assert settings.cameras["north"].uri == "rtsp://simulated.invalid/north"
        assert (settings.cameras["north"].heading_deg, settings.cameras["north"].fov_deg) == (200, 60)
        assert settings.governor is None
        own = {
            "tower": {"timezone": "-08:00"},
            "cameras": {"north": {"cadence_s": 90, "heading_deg": 10}},
            "sinks": {"a": {"url": "mqtt://a.invalid"}},
            "governor": {},
        }
        told = plan_of(stack, scenario(tmp_path, tower=own)).settings
    assert (told.tower.timezone, told.tower.id) == ("-08:00", "simulated")
    north: Options = told.cameras["north"]
    assert (north.cadence_s, north.heading_deg, north.fov_deg) == (90, 10, 60)
    assert list(told.sinks) == ["a"]
    assert told.governor is not None


@pytest.mark.parametrize(
    ("tower", "said"),
    [
        ({"store": {"path": "x"}}, "tower.store: a simulated tower has its own"),
        ({"web": {"port": 1}}, "tower.web: a simulated tower has its own"),
        ({"cameras": {"south": {}}}, "tower.cameras.south: the scenario has no camera of that name"),
        (
            {"cameras": {"north": {"uri": "scene:"}}},
            "tower.cameras.north.uri: a simulated camera has its own",
        ),
        ({"cameras": {"north": {"cadence": 3}}}, "tower.cameras.north: unknown key 'cadence'; did you mean"),
        ({"uplink": {"heartbeat_s": "1m"}}, "tower.uplink.heartbeat_s: Expected `float`, got `str`"),
        ({"governer": {}}, "tower.the file: unknown key 'governer'; did you mean 'governor'?"),
        ({"tower": 3}, "tower.tower: Expected `object`, got `int`"),
    ],
)
def test_a_wrong_setting_is_named_with_its_path(tmp_path: Path, tower: dict[str, object], said: str) -> None:
    with pytest.raises(ScenarioError) as caught, staged(scenario(tmp_path, tower=tower)):
        pass
    assert str(caught.value).startswith(said)


def test_a_receiver_of_no_sink_is_an_error(tmp_path: Path) -> None:
    one = scenario(tmp_path, receivers={"duty": {"swallowed": 0.5}})
    with pytest.raises(ScenarioError, match=r"receivers.duty: there is no sink of that name"), staged(one):
        pass


def test_times_link_power_and_people_come_through_as_they_are_stated(tmp_path: Path) -> None:
    tables = {
        "link": {"bytes_s": 2000, "minutes_an_hour": 40, "delay": "2s", "outages": [{"from": "1m", "to": "2m"}]},
        "receivers": {"hq": {"unheard": [{"from": "3m"}], "swallowed": 0.1, "largest_bytes": 9000}},
        "power": {
            "board": "pi5", "panel_w": 50, "battery_wh": 100, "charge": 0.5, "snow": [{"at": "1h", "share": 0.5}],
            "broken": [{"sensor": "gauge", "kind": "zero", "from": "1m", "to": "5m"}],
        },
        "people": [{"at": "5m", "command": "acknowledge", "arguments": {"event": "newest"}}],
        "unplugged": [{"from": "7m", "to": "8m"}],
        "untrusted": [{"from": "0s"}],
        "late": "90s",
    }  # fmt: skip
    with staged(scenario(tmp_path, **tables)) as plan:
        assert (plan.line.bytes_s, plan.line.minutes_an_hour, plan.line.delay_s) == (2000, 40, 2)
        assert [(span.from_s, span.to_s) for span in plan.line.outages] == [(60, 120)]
        heard = plan.receivers["hq"]
        assert (heard.unheard[0].from_s, heard.unheard[0].to_s) == (180, None)
        assert (heard.swallowed, heard.largest_bytes) == (0.1, 9000)
        power = plan.power
        assert power is not None
        assert (power.profile.name, power.charge, power.snow[0].at_s) == ("pi5", 0.5, 3600)
        assert (power.site.panel.tilt_deg, power.site.panel.azimuth_deg) == (61.5, 180)
        assert (power.broken[0].sensor, power.broken[0].span.to_s) == ("gauge", 300)
        assert power.weather.start_s == plan.begin_s
        assert (plan.said[0].at_s, dict(plan.said[0].arguments)) == (300, {"event": "newest"})
        assert (plan.unplugged[0].from_s, plan.untrusted[0].to_s, plan.late_s) == (420, None, 90)
        assert type(plan.lasts_s) is float  # a record of the run takes no other


def test_a_panel_south_of_the_equator_faces_north(tmp_path: Path) -> None:
    power = {"panel_w": 50, "battery_wh": 100}
    with staged(scenario(tmp_path, place="-30,8", power=power)) as plan:
        assert plan.power is not None
        assert (plan.power.site.panel.azimuth_deg, plan.power.site.panel.tilt_deg) == (0, 45)


def test_the_seed_changes_land_and_weather_and_the_same_one_nothing(tmp_path: Path) -> None:
    pictures = []
    for seed in (1, 1, 2):
        with staged(scenario(tmp_path, seed=seed)) as plan:
            shot = plan.cameras["north"].footage.at(plan.begin_s + 3600)
            assert shot is not None
            pictures.append((shot.pixels.tobytes(), plan.seed))
    assert pictures[0] == pictures[1] != pictures[2]


def test_a_real_sequence_burns_when_the_scenario_says(tmp_path: Path) -> None:
    data = folder_of_sequences(tmp_path)
    one = scenario(tmp_path, fires=[], cameras={"c": {"sequence": "a fire", "ignition": "10m"}})
    with staged(one, data) as plan:
        view = plan.cameras["c"]
        assert view.kind == "real"
        assert isinstance(view.footage, StillFootage)
        assert [fire.epoch_s for fire in view.footage.ignitions] == [plan.begin_s + 600]
    lost = scenario(tmp_path, fires=[], cameras={"c": {"sequence": "c fire"}})
    with (
        pytest.raises(ScenarioError, match=r"cameras.c: the folder of --data has no sequence 'c fire'"),
        staged(lost, data),
    ):
        pass


def test_all_sequences_of_a_folder_are_those_whose_ignition_is_known(tmp_path: Path) -> None:
    one = scenario(tmp_path, fires=[], cameras={}, sequences={"ignition": "40m"})
    with staged(one, folder_of_sequences(tmp_path)) as plan:
        assert list(plan.cameras) == ["a-fire"]
        assert plan.cameras["a-fire"].footage.ignitions[0].epoch_s == plan.begin_s + 2400


@pytest.mark.parametrize("name", ["dry-lightning", "real-sequences"])
def test_without_data_it_says_what_is_missing(name: str) -> None:
    with (
        pytest.raises(ScenarioError, match=r"name a folder with sequences.json by --data FOLDER"),
        staged(read(name)),
    ):
        pass


def test_a_replaced_camera_keeps_its_faults_and_without_a_fire_nobody_judges_finds(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.jpg"), np.full((64, 64, 3), 90, np.uint8))
    faulty = {"north": {"scene": {"heading_deg": 200, **SMALL}, "faults": [{"kind": "dirt", "from": "1m"}]}}
    one = scenario(tmp_path, cameras=faulty)
    assert burns(one)
    other = replaced(one, cameras={"north": tmp_path}, place="40,-120", seed=7)
    assert not burns(other)
    assert other.cameras["north"].folder == str(tmp_path)
    assert [fault.kind for fault in other.cameras["north"].faults] == ["dirt"]
    assert (other.place, other.seed) == ("40,-120,0", 7)
    assert dict(other.demands) == {"false_alerts_max": 0}
    added = replaced(one, cameras={"east": tmp_path})
    assert list(added.cameras) == ["north", "east"]
    assert added.demands == one.demands
    with staged(added) as plan:
        assert plan.cameras["east"].kind == "clip"
    with pytest.raises(ScenarioError, match=r"cameras.north: .*none.mp4 does not exist"):
        replaced(one, cameras={"north": tmp_path / "none.mp4"})


def test_a_clip_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no clip")
    one = msgspec.structs.replace(scenario(tmp_path), cameras={"north": Camera(clip="a.mp4")})
    with pytest.raises(ScenarioError, match=r"cameras.north: clip '.*a.mp4': cannot be opened"), staged(one):
        pass


def test_picture_and_panel_have_one_sun_and_one_weather(tmp_path: Path) -> None:
    place, begin_s = Place(46.5, 8.0, 1200), 1_786_700_000.0
    sun_at = sky.sun_of(place, begin_s, 86_400)
    known = clear_sky(place, begin_s + np.array((3600.0, 40_000.0, 70_000.0)))
    for at_s, zenith_deg, azimuth_deg in zip(known.times_s, known.zenith_deg, known.azimuth_deg, strict=True):
        sun = sun_at(float(at_s))
        assert sun.elevation_deg == pytest.approx(90 - zenith_deg, abs=0.02)
        assert sun.azimuth_deg == pytest.approx(azimuth_deg, abs=0.05)
    stated = Sky(cover=(0.2, 0.8), fog=0.5, visibility_km=12, warmer_c=6)
    weather = sky.weather_of(stated, 1, begin_s, 3 * 86_400)
    assert [float(weather.cover[24 * day]) for day in range(3)] == [0.2, 0.8, 0.8]
    assert float(weather.warmth_c[0]) == 6
    air = sky.air_of(stated, weather, 1, sun_at)(begin_s + 40 * 3600)
    assert (air.cover, air.visibility_km) == (0.8, 12)
    before = sky.air_of(stated, weather, 1, sun_at)(begin_s - 60)  # a frozen picture may be asked for
    assert before.cover == 0.2


def test_without_pvlib_the_sun_is_the_almanacs(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise MissingExtraError("the sun of firetower sim", "sim")

    place = Place(46.5, 8.0)
    fine = sky.sun_of(place, 1_786_700_000.0, 3600)(1_786_703_000.0)
    monkeypatch.setattr(sky, "clear_sky", missing)
    plain = sky.sun_of(place, 1_786_700_000.0, 3600)(1_786_703_000.0)
    assert plain == sun_over(46.5, 8.0)(1_786_703_000.0)
    assert plain.elevation_deg == pytest.approx(fine.elevation_deg, abs=0.7)


def test_fog_stands_in_the_morning_alone() -> None:
    assert morning_fog(Sun(4, 80)) == 1
    assert morning_fog(Sun(40, 120)) < 0.01
    assert morning_fog(Sun(4, 280)) == 0


def test_a_scene_seed_beyond_the_judges_range_wraps(tmp_path: Path) -> None:
    one = scenario(tmp_path, seed=999_999_999, cameras={"north": {"scene": {"heading_deg": 200, **SMALL}}})
    assert one.cameras["north"].scene == Scene(heading_deg=200, width_px=64, height_px=64)
    with staged(one) as plan:
        assert plan.seed == 999_999_999
