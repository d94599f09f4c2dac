"""The whole command on pictures that it can learn, and the study."""

import json
from pathlib import Path

import pytest
import torch

from training.__main__ import command
from training.classify import measure

RECIPE = """
name = "test"
validation_images = 100
views = 2
calibration_images = 32
members = ["wide", "strided/0"]

[teachers.wide]
network = "resnet10-narrow"
stem = "full"
training = { epochs = 2, batch = 32, cutout_px = 0 }

[pairs.strided]
network = "resnet10-narrow"
stem = "strided"
training = { epochs = 3, batch = 32, cutout_px = 0 }
seeds = [0, 1]
quantization = { qat_epochs = 1 }
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "test.toml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def words(place, strips):
    return ["--recipe", str(place / "test.toml"), "--data", str(strips), "--work", str(place / "work")]


@pytest.fixture(scope="module")
def result(place, words):
    options = [
        "--result",
        str(place / "r.json"),
        "--page",
        str(place / "docs/page.md"),
        "--watts-per-busy-core",
        "5",
    ]
    assert command(["cifar10", *words, *options]) == 0
    return json.loads((place / "r.json").read_text())


def line(result, role, form):
    return next(x for x in result["summary"] if (x["role"], x["form"]) == (role, form))


def test_every_form_has_its_row(result):
    forms = {
        role: {x["form"] for x in result["summary"] if x["role"] == role}
        for role in ("teacher", "baseline", "student")
    }
    assert forms["teacher"] == {"fp32", "int8-ptq"}
    assert forms["baseline"] == {"fp32", "int8-ptq", "int8-qat", "int4", "int4-litert", "int2"}
    assert forms["student"] == forms["baseline"] | {"mixed"}
    assert {x["seeds"] for x in result["summary"] if x["form"] == "int8-qat"} == {2}


def test_only_what_ran_has_time_and_energy(result):
    for row in result["rows"]:
        ran = row["ran"] == "file"
        assert (row["latency_ms"] is not None) == (row["joules"] is not None) == ran
        assert ran == (row["form"] not in measure.SIMULATED)
        if ran:
            assert row["joules"] == pytest.approx(row["latency_ms"] / 1000 * 5)
    assert result["energy"] == {"source": "modelled:busy-core", "watts_per_busy_core": 5.0}


def test_one_seed_carries_no_spread(result):
    assert line(result, "student", "int4")["accuracy_sd"] is None
    assert line(result, "student", "fp32")["accuracy_sd"] is not None


def test_sizes_are_those_of_files_and_of_packed_bits(result):
    whole = line(result, "student", "fp32")["bytes"]
    assert 3 < whole / line(result, "student", "int8-qat")["bytes"] < 4.2
    assert whole / line(result, "student", "int4")["bytes"] > 6
    assert whole / line(result, "student", "int2")["bytes"] > 10


def test_replay_reaches_the_files_own_accuracy(result):
    replayed = result["replay"]
    role, group, seed, form = replayed["name"].split("-", 3)
    row = next(
        r
        for r in result["rows"]
        if (r["role"], r["group"], r["seed"], r["form"]) == (role, group, int(seed), form)
    )
    assert replayed["frames"] == 100
    assert replayed["accuracy"] == pytest.approx(row["test_accuracy"], abs=1e-9)


def test_raw_values_are_kept(result):
    timed = result["latency"]
    assert {len(file["invoke_ns"]) for file in timed["files"].values()} == {3}
    assert result["images"]["sha256"].keys() == {"training", "validation", "test"}
    assert result["training"]["student-strided-1"]["settings"]["distilled"] is True
    assert len(result["training"]["student-strided-1"]["history"]) == 3
    assert [test["form"] for test in result["tests"]] == ["fp32", "int8-ptq", "int8-qat"]
    assert len(result["tests"][0]["mcnemar"]) == 2
    tried = result["ptq"]["student-strided-0"]
    assert tried["calibration"].keys() == {"minmax", "percentile", "entropy"}
    assert tried["weights"].keys() == {"min_max_uniform_quantize", "MSE", "OCTAV"}
    assert tried["calibration"][tried["chosen"]] == max(tried["calibration"].values())


def test_the_page_is_made_of_the_result(result, place):
    page = (place / "docs/page.md").read_text()
    assert "| student, strided | INT8 QAT |" in page
    assert "Rows that are *simulated*" in page
    assert "## Sensitivity: student-strided-0" in page
    for name in ("accuracy", "training"):
        assert f"(page/{name}.svg)" in page
        assert (place / f"docs/page/{name}.svg").read_text().startswith("<?xml")


def test_a_second_run_trains_and_measures_nothing(result, place, words, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("a finished step ran again")

    for name in (
        "training.classify.fit.fit",
        "training.classify.measure.score_frames",
        "training.classify.latency._benchmark",
    ):
        monkeypatch.setattr(name, forbidden)
    assert command(["cifar10", *words, "--result", str(place / "again.json")]) == 0
    again = json.loads((place / "again.json").read_text())
    assert again["rows"] == [{**row, "joules": None} for row in result["rows"]]


def test_another_setting_trains_again_what_depends_on_it(result, place, words, monkeypatch):
    trained = []

    def seen(network, lesson, loss, training, seed, checkpoint, **_):
        trained.append(checkpoint.stem)
        return []

    monkeypatch.setattr("training.classify.fit.fit", seen)
    text = (place / "test.toml").read_text()
    (place / "test.toml").write_text(
        text.replace("views = 2", "views = 2\ndistillation = { temperature = 2.0 }")
    )
    try:
        assert command(["cifar10", *words, "--until", "train"]) == 0
    finally:
        (place / "test.toml").write_text(text)
    assert trained == ["student-strided-0", "student-strided-1"]


def test_damaged_logits_are_refused(result, place, words, monkeypatch):
    path = next((place / "work").glob("logits-*/logits.pt"))
    kept = path.read_bytes()
    path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    text = (place / "test.toml").read_text()
    (place / "test.toml").write_text(text.replace("views = 2", "views = 2\ndistillation = { alpha = 0.5 }"))
    try:
        with pytest.raises(ValueError, match="logits are damaged"):
            command(["cifar10", *words, "--until", "train"])
    finally:
        path.write_bytes(kept)
        (place / "test.toml").write_text(text)


def test_a_study_finds_resumes_and_plots(result, place, words):
    options = [
        *words,
        "--epochs",
        "1",
        "--result",
        str(place / "study.json"),
        "--plot",
        str(place / "study.svg"),
    ]
    assert command(["study", *options, "--trials", "2"]) == 0
    first = json.loads((place / "study.json").read_text())
    assert [trial["number"] for trial in first["trials"]] == [0, 1]
    assert {"temperature", "alpha", "learning_rate"} == set(first["best"]["parameters"])
    assert command(["study", *options, "--trials", "3"]) == 0
    again = json.loads((place / "study.json").read_text())
    assert again["trials"][:2] == first["trials"]
    assert len(again["trials"]) == 3
    assert (place / "study.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["study", "--trials", "0"], "must be 1 or more"),
        (["study", "--pair", "north"], "expected one of strided"),
        (["study", "--storage", "nosuchdatabase://x"], "cannot be opened"),
        (["cifar10", "--watts-per-busy-core", "-1"], "positive"),
        (["cifar10", "--recipe", "nosuch"], "nosuch"),
        (["cifar10", "--data", "/nonexistent"], "/nonexistent"),
    ],
)
def test_mistakes_are_usage_errors(words, options, said):
    with pytest.raises(ValueError, match=said):
        command([options[0], *words, *options[1:]])


def test_networks_that_were_trained_can_be_loaded_without_pickles(result, place):
    for path in (place / "work").glob("*/network.pt"):
        assert "fc.weight" in torch.load(path, weights_only=True)
