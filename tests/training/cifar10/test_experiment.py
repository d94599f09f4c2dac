"""The whole command on pictures that it can learn, and the study."""

import json
import os
import shutil
import sys
from pathlib import Path

import msgspec
import optuna
import pytest
import torch
from ai_edge_litert.schema_py_generated import TensorType
from ai_edge_quantizer.utils import tfl_flatbuffer_utils

from edge.errors import SettingsError
from tests.training.conftest import hits_of, pictures, write_strips
from training.__main__ import command, main
from training.cifar10 import experiment, recipe
from training.cifar10.recipe import Quantization
from training.cifar10.report import file, latency, measure, page
from training.cifar10.report.form import FORMS
from training.distill import fit
from training.distill.loop import DivergedError
from training.quantize import qat

RECIPE = (Path(recipe.__file__).with_name("recipe") / "tiny.toml").read_text()


# The first of these tests waits for a whole experiment: of minutes alone, of many beside other work.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module", autouse=True)
def two_rounds():
    """Time each file in two rounds, once in each order: half of the time of an experiment goes there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "ROUNDS", 2)
        yield


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


class OneTime:
    """The benchmark, which times the first file alone and says the same of all: where no time is looked at."""

    def __init__(self):
        self._true = latency._benchmark
        self._first = None

    def __call__(self, path, verb, *more):
        self._first = self._first or self._true(path, verb, *more)
        return self._first


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
        assert ran == (not FORMS[row["form"]].simulated)
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
    row = next(
        r for r in result["rows"] if f"{r['role']}-{r['group']}-{r['seed']}-{r['form']}" == replayed["name"]
    )
    assert replayed["frames"] == 300
    assert replayed["accuracy"] == pytest.approx(row["test_accuracy"], abs=1e-9)


def test_the_tests_follow_from_the_hits_of_each_image(result):
    hits = {
        (row["role"], row["seed"], row["form"]): hits_of(row, 300)
        for row in result["rows"]
        if row["group"] == "strided"
    }
    for row in result["rows"]:
        if row["group"] == "strided":
            assert hits[row["role"], row["seed"], row["form"]].mean() == pytest.approx(row["test_accuracy"])
    for test in result["tests"]:
        for seed, one in enumerate(test["mcnemar"]):
            before, after = (hits[role, seed, test["form"]] for role in ("baseline", "student"))
            assert test["gain"][seed] == pytest.approx(after.mean() - before.mean())
            assert (one["gained"], one["lost"]) == ((after & ~before).sum(), (before & ~after).sum())


def test_raw_values_are_kept(result):
    timed = result["latency"]
    assert {len(file["invoke_ns"]) for file in timed["files"].values()} == {latency.ROUNDS} == {2}
    assert {name: split["count"] for name, split in result["images"].items()} == {
        "training": 512,
        "validation": 256,
        "test": 300,
    }
    assert result["training"]["student-strided-1"]["settings"]["distilled"] is True
    assert len(result["training"]["student-strided-1"]["history"]) == 2
    assert [test["form"] for test in result["tests"]] == ["fp32", "int8-ptq", "int8-qat"]
    assert len(result["tests"][0]["mcnemar"]) == 2
    assert result["ptq"]["strided"]["network"] == "student-strided-0"
    tried = result["ptq"]["strided"]
    assert tried["calibration"].keys() == {"minmax", "percentile", "entropy"}
    assert tried["weights"].keys() == {"min_max_uniform_quantize", "MSE", "OCTAV"}
    assert tried["calibration"][tried["chosen"]] == max(tried["calibration"].values())


def test_the_page_is_made_of_the_result(result, place):
    page = (place / "docs/page.md").read_text()
    assert "| student, strided | INT8 QAT |" in page
    assert "Rows that are *simulated*" in page
    assert "## Sensitivity: strided, on student-strided-0" in page
    for name in ("accuracy", "training"):
        assert f"(page/{name}.svg)" in page
        assert (place / f"docs/page/{name}.svg").read_text().startswith("<?xml")


def test_a_second_run_trains_and_measures_nothing(result, place, words, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("a finished step ran again")

    for name in (
        "training.distill.fit.fit",
        "training.cifar10.bundle.scores",
        "training.cifar10.report.latency._benchmark",
    ):
        monkeypatch.setattr(name, forbidden)
    assert command(["cifar10", *words, "--result", str(place / "again.json")]) == 0
    again = json.loads((place / "again.json").read_text())
    assert again["rows"] == [{**row, "joules": None, "joules_source": None} for row in result["rows"]]


def test_another_setting_trains_again_what_depends_on_it(result, place, words, monkeypatch):
    trained = []

    def seen(network, lesson, loss, training, seed, checkpoint, **_):
        trained.append(checkpoint.parent.name.rsplit("-", 1)[0])
        return []

    monkeypatch.setattr("training.distill.fit.fit", seen)
    text = (place / "test.toml").read_text()
    (place / "test.toml").write_text(text.replace("temperature = 4.0", "temperature = 2.0"))
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
    (place / "test.toml").write_text(text.replace("alpha = 0.7", "alpha = 0.5"))
    try:
        with pytest.raises(ValueError, match=r"logits\.pt: damaged or gone"):
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
    other = [word if word != "1" else "2" for word in options]  # another length is another study
    assert command(["study", *other, "--trials", "1"]) == 0
    assert len(json.loads((place / "study.json").read_text())["trials"]) == 1
    assert command(["study", *options, "--trials", "3"]) == 0
    again = json.loads((place / "study.json").read_text())
    assert again["trials"][:2] == first["trials"]
    assert len(again["trials"]) == 3
    assert (place / "study.svg").stat().st_size > 1000


@pytest.mark.parametrize("call", ["optimize", "get_trials"])
def test_a_study_whose_database_is_lost_says_which(result, words, monkeypatch, call):
    def lost(*_, **__):
        raise optuna.exceptions.StorageInternalError("u:secret@host")

    monkeypatch.setattr(optuna.Study, call, lost)
    with pytest.raises(ValueError, match=r"--storage sqlite:///.*/study\.sqlite: lost meanwhile") as told:
        command(["study", *words, "--name", "lost"])
    assert "secret" not in str(told.value)


def test_what_is_compiled_is_kept_with_the_work(place, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")  # put back afterwards
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    with pytest.raises(SettingsError, match="nosuch"):
        command(["cifar10", "--recipe", "nosuch", "--work", str(place / "kept")])
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(place / "kept/compiled")


def test_compiling_needs_a_compiler(words, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ValueError, match="--compile needs a C\\+\\+ compiler"):
        command(["cifar10", *words, "--compile"])


def test_ctrl_c_and_errors_are_exit_codes(monkeypatch, capsys):
    def stopped(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["training", "cifar10", "--recipe", "nosuch"])
    assert main() == 2
    assert capsys.readouterr().err.startswith("training: recipe 'nosuch': neither a file")
    monkeypatch.setattr(experiment, "handle", stopped)
    assert main() == 130


def test_a_study_in_a_journal_goes_on_and_survives_a_trial_that_diverges(result, place, words, monkeypatch):
    options = [*words, "--epochs", "1", "--storage", f"journal:{place / 'journal.log'}"]
    options += ["--result", str(place / "journal.json")]
    assert command(["study", *options, "--trials", "1"]) == 0
    fitted, calls = fit.fit, []

    def first_diverges(*parts, **more):
        calls.append(parts)
        if len(calls) == 1:
            raise DivergedError("the loss is nan at step 1")
        return fitted(*parts, **more)

    monkeypatch.setattr(fit, "fit", first_diverges)
    assert command(["study", *options, "--trials", "2"]) == 0
    assert [trial["number"] for trial in json.loads((place / "journal.json").read_text())["trials"]] == [0, 2]


def test_a_sensor_of_the_machine_comes_before_the_stated_watts(result, place, words, monkeypatch):
    class Sensor:
        source = "measured:rapl"

    class Loud(OneTime):
        """That, with the energy of each file."""

        def __call__(self, path, verb, *more):
            if verb == "latency":
                return super().__call__(path, verb, *more)
            return {"summary": [{"j_per_inference_above_idle": 0.25}]}

    monkeypatch.setattr(latency, "choose_meter", Sensor)
    monkeypatch.setattr(latency, "_benchmark", Loud())
    out = ["--result", str(place / "sensor.json"), "--page", str(place / "sensor.md")]
    assert command(["cifar10", *words, *out, "--watts-per-busy-core", "5"]) == 0
    found = json.loads((place / "sensor.json").read_text())
    assert {row["joules"] for row in found["rows"]} == {0.25, None}
    assert {row["joules_source"] for row in found["rows"]} == {"measured:rapl", None}
    assert "Energy is `measured:rapl`" in (place / "sensor.md").read_text()


def test_the_page_says_what_was_aimed_at_and_how_teachers_compare(result, place):
    found = file.read(place / "r.json")
    pair = msgspec.structs.replace(found.recipe.pairs["strided"], aim=1.0)
    recipe = msgspec.structs.replace(found.recipe, pairs={"strided": pair})
    text = page.render(msgspec.structs.replace(found, recipe=recipe), [])
    assert "| student strided, FP32: accuracy | ≥ 100.00 % |" in text
    assert "**no**" in text
    assert found.teachers.members == ("teacher-resnet10", "baseline-strided-0")
    assert (
        f"On the validation split, the ensemble reaches {100 * found.teachers.validation_accuracy:.2f} %."
        in text
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["study", "--trials", "0"], "must be 1 or more"),
        (["study", "--pair", "north"], "expected one of strided"),
        (
            ["study", "--storage", "nosuchdatabase://u:secret@x/db?password=secret"],
            "nosuchdatabase://x/db: cannot be opened",
        ),
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


def test_int4_in_litert_keeps_the_stem_at_eight_bits(result, place):
    folder = next((place / "work").glob("student-strided-0-int4-litert-*")) / "bundle"
    tree = tfl_flatbuffer_utils.read_model((folder / "model.tflite").read_bytes())
    weights = [
        t for t in tree.subgraphs[0].tensors if t.type in {TensorType.INT8, TensorType.INT4} and t.buffer
    ]
    stored = {
        tuple(t.shape): t.type
        for t in weights
        if len(t.shape) == 4 and tree.buffers[t.buffer].data is not None
    }
    assert stored.pop((16, 3, 3, 3)) == TensorType.INT8
    assert set(stored.values()) == {TensorType.INT4}


def test_each_form_is_a_step_of_its_own(result, place):
    """INT4 as simulated and INT4 as it runs come from one training and are two rows."""
    ran = {line["form"]: line["ran"] for line in result["summary"] if line["role"] == "student"}
    assert (ran["int4"], ran["int4-litert"]) == ("simulated", "file")
    assert line(result, "student", "int4")["seeds"] == 1


def test_a_pair_on_all_images_takes_its_choices_from_its_sibling(place, strips, monkeypatch):
    monkeypatch.setattr(latency, "_benchmark", OneTime())
    text = RECIPE.replace("views = 2", "views = 2\npairs_on_all = true")
    text = text.replace('["resnet10", "strided/0"]', '["sibling"]')
    text = text.replace("[teachers.resnet10]", "[teachers.sibling]").replace(
        'stem = "full"', 'stem = "strided"'
    )
    text = text.replace("seeds = [0, 1]", 'seeds = [3]\nsibling = "sibling"')
    (place / "all.toml").write_text(text)
    options = ["--recipe", str(place / "all.toml"), "--data", str(strips), "--work", str(place / "all")]
    assert (
        command(["cifar10", *options, "--result", str(place / "all.json"), "--page", str(place / "all.md")])
        == 0
    )
    found = json.loads((place / "all.json").read_text())
    assert (
        found["sensitivity"]["strided"]["network"] == found["ptq"]["strided"]["network"] == "teacher-sibling"
    )
    assert found["ensemble"]["shape"] == [2, 768, 10]
    student = found["training"]["student-strided-3"]
    assert student["settings"]["split"] == "all"
    assert student["validation_accuracy"] is None
    page = (place / "all.md").read_text()
    assert "Baselines and students then trained on it, too." in page
    assert "`student-strided-3`: 2 epochs of 768 images" in page


def test_choices_do_not_look_at_test_images(result, place, strips, monkeypatch):
    """The same choices come out where every test image is another one."""
    (place / "choice.toml").write_text(RECIPE.replace("seeds = [0, 1]", "seeds = [0]"))
    monkeypatch.setattr(measure, "_measured", lambda shop, row, network, step: {"bits": {}})
    other = place / "poisoned"
    shutil.copytree(strips, other)
    pixels, labels = pictures(300, 99)
    write_strips(other, "test", pixels[::-1] ^ 255, labels)
    words = ["--recipe", place / "choice.toml", "--data", other, "--work", place / "choice"]
    assert command(["cifar10", *map(str, words), "--until", "evaluate"]) == 0
    chosen, poisoned = choices(place / "work"), choices(place / "choice")
    kinds = {name.partition("-")[0] for name in poisoned}
    assert kinds == {
        "teacher",
        "baseline",
        "student",
        "logits",
        "teachers",
        "ptq",
        "sensitivity",
        "corrections",
    } | {"qat8", "qat4", "qat2", "qat"}
    assert {name: chosen.get(name) for name in poisoned} == poisoned


def choices(work):
    """What was trained and chosen in a folder of steps, by the step."""
    found = {path.parent.name: json.loads(path.read_text()) for path in work.glob("*/record.json")}
    return {
        name: {key: record.get(key) for key in ("validation_accuracy", "methods", "layers", "bits")}
        for name, record in found.items()
        if record != {**record, "bits": {}}  # all but what is measured on the test images
    }


@pytest.mark.parametrize(
    ("setting", "kinds"),
    [("qat_learning_rate", {"qat8"}), ("low_bit_learning_rate", {"qat4", "qat2", "qat"})],
)
def test_each_learning_rate_trains_its_own_forms_again(result, place, words, monkeypatch, setting, kinds):
    rates = {}

    def trained(network, lesson, loss, training, seed, checkpoint, **_):
        rates[checkpoint.parent.name] = training.learning_rate
        return []

    monkeypatch.setattr(fit, "fit", trained)
    monkeypatch.setattr(measure, "measure", lambda *_: None)
    changed = place / "changed.toml"
    changed.write_text(RECIPE.replace("qat_epochs = 1", f"qat_epochs = 1, {setting} = 0.5"))
    assert command(["cifar10", "--recipe", str(changed), *words[2:], "--until", "evaluate"]) == 0
    assert set(rates.values()) == {0.5}
    assert {name.split("-")[0] for name in rates} == kinds


def test_a_mixed_choice_of_eight_bits_alone_is_trained_gently():
    settings = Quantization()
    gentle, low = settings.qat_learning_rate, settings.low_bit_learning_rate
    assert [qat.learning_rate(bits, settings) for bits in (8, {"a": 8}, {"a": 8, "b": 4}, 2)] == [
        gentle,
        gentle,
        low,
        low,
    ]
