import argparse
import json
import re
import shutil
import zipfile

import msgspec
import pytest

from edge.command.bundle import register
from edge.errors import BundleError, DigestError, SettingsError, UnknownBackendError
from edge.model.alert import AlertRule
from edge.model.bundle import Bundle, bundled_path, write_bundle
from edge.model.horizon import HorizonRule
from edge.model.manifest import MANIFEST_NAME, decode, encode
from edge.model.registry import BACKENDS, suffixes
from tests.model.every import need


@pytest.fixture
def firetower(capsys):
    """Run `firetower bundle …`; return its exit code, stdout and stderr."""
    parser = argparse.ArgumentParser("firetower")
    register(parser.add_subparsers())

    def run(*words):
        options = parser.parse_args(["bundle", *map(str, words)])
        code = options.handler(options)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def cells(fixtures):
    return fixtures / "cells"


def last(text):
    return json.loads(text.splitlines()[-1])


def test_show_tells_people_what_a_bundle_is(firetower, cells):
    code, out, _ = firetower("show", cells)
    assert code == 0
    for said in (
        "brightness-cells 1",
        "smoke, dark",
        "smoke: opens at 1",
        "every event is an alert",
        "model.onnx",
        "1×48×64×3 int8",
        "60 s (1 to",
    ):
        assert said in out
    assert Bundle.open(cells).digest in out


def test_show_tells_when_an_event_becomes_an_alert(firetower, cells, tmp_path):
    folder = shutil.copytree(cells, tmp_path / "b")
    manifest = Bundle.open(folder).manifest
    rule = AlertRule(escalate_s=1800.0, persistence_s=300.0, growth=2.5, scores={"smoke": 4.0})
    ruled = msgspec.structs.replace(manifest, schema="1.2", alert=rule)
    (folder / MANIFEST_NAME).write_bytes(encode(ruled))
    code, out, _ = firetower("show", folder)
    assert code == 0
    said = "a candidate, an alert by smoke at 4, 2.5 times its cells, seen for 300 s, 1800 s open"
    assert said in out
    code, out, _ = firetower("show", folder, "--json")
    assert last(out)["alert"] == msgspec.to_builtins(rule)


def test_show_tells_how_far_from_the_horizon_thresholds_rise(firetower, cells, tmp_path):
    folder = tmp_path / "b"
    shutil.copytree(cells, folder)
    ruled = msgspec.structs.replace(
        decode((folder / MANIFEST_NAME).read_bytes()), horizon=HorizonRule(above=4, below=10, rise=1.5)
    )
    (folder / MANIFEST_NAME).write_bytes(encode(ruled))
    code, out, _ = firetower("show", folder)
    assert code == 0
    assert "horizon       opens 1.5 higher, 4 rows above it and 10 below" in out


def test_show_tells_programs_the_whole_manifest(firetower, cells):
    code, out, _ = firetower("show", cells, "--json")
    document = last(out)
    assert code == 0
    assert document["labels"] == ["smoke", "dark"]
    assert document["digest"] == Bundle.open(cells).digest
    assert len(out.splitlines()) == 1


def test_verify_checks_runs_and_compares(firetower, cells):
    pytest.importorskip("onnxruntime", reason="pip install 'firetower[onnx]'")
    code, out, err = firetower("verify", cells, "--parity")
    assert code == 0
    assert last(out)["selftest_steps"] == {"litert": 0, "onnx": 0}
    assert last(out)["parity_steps"] <= 1
    assert "model.tflite: runs on litert" in err


def test_verify_leaves_out_a_file_for_an_unknown_backend_and_says_so(firetower, cells, tmp_path):
    whole = Bundle.open(cells)
    files = dict(whole.manifest.files)
    files["model.onnx"] = msgspec.structs.replace(files["model.onnx"], backend="npu-2")
    manifest = msgspec.structs.replace(whole.manifest, files=files)
    write_bundle(tmp_path / "b", manifest, {name: whole.read(name) for name in files})
    code, out, err = firetower("verify", tmp_path / "b")
    assert code == 0
    assert last(out)["selftest_steps"] == {"litert": 0}
    assert re.search(r"model\.onnx: not run; .*'npu-2', which this firetower does not know", err)
    with pytest.raises(UnknownBackendError):
        firetower("verify", tmp_path / "b", "--parity")


def test_verify_refuses_a_bundle_that_nothing_here_can_run(firetower, cells, tmp_path):
    whole = Bundle.open(cells)
    files = {"model.npu": msgspec.structs.replace(whole.manifest.files["model.onnx"], backend="npu-2")}
    manifest = msgspec.structs.replace(whole.manifest, files=files)
    write_bundle(tmp_path / "b", manifest, {"model.npu": whole.read("model.onnx")})
    with pytest.raises(BundleError, match="it has one for: npu-2"):
        firetower("verify", tmp_path / "b")


def test_verify_names_the_file_that_is_wrong(firetower, cells, tmp_path):
    folder = shutil.copytree(cells, tmp_path / "b")
    (folder / "card.md").write_bytes((folder / "card.md").read_bytes().upper())
    with pytest.raises(DigestError, match=r"card\.md"):
        firetower("verify", folder)


def test_pack_and_unpack(firetower, cells, tmp_path):
    code, out, _ = firetower("pack", cells, tmp_path / "a.zip")
    assert code == 0
    assert last(out)["bytes"] == (tmp_path / "a.zip").stat().st_size
    code, out, _ = firetower("unpack", tmp_path / "a.zip", tmp_path / "b")
    assert code == 0
    assert last(out)["digest"] == Bundle.open(cells).digest
    with pytest.raises(BundleError, match="already there"):
        firetower("unpack", tmp_path / "a.zip", tmp_path / "b")


PACKED_BYTES = {"litert": 97_400, "onnx": 104_300}  # as docs/models.md says; at most 160,000


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_pack_for_one_backend_is_light_and_verifies_by_itself(firetower, tmp_path, backend):
    need(backend)
    archive, whole = tmp_path / "a.zip", Bundle.open(bundled_path())
    code, out, _ = firetower("pack", bundled_path(), archive, "--backend", backend)
    assert code == 0
    packed = Bundle.open(archive)
    assert last(out) == {"archive": str(archive), "bytes": archive.stat().st_size, "digest": packed.digest}
    assert archive.stat().st_size == pytest.approx(PACKED_BYTES[backend], rel=0.02)  # zlibs differ a little
    with zipfile.ZipFile(archive) as source:
        model = source.getinfo(f"model{BACKENDS[backend].suffix}").compress_size
        assert {entry.filename for entry in source.infolist()} == {
            "manifest.json", "card.md", "selftest.npz", f"model{BACKENDS[backend].suffix}",
        }  # fmt: skip
    assert archive.stat().st_size - model <= 20_000
    assert packed.manifest.provenance == {**whole.manifest.provenance, "packed_from": whole.digest}
    code, out, _ = firetower("verify", archive)
    assert code == 0
    assert last(out)["selftest_steps"].keys() == {backend}
    assert packed.pack(tmp_path / "again.zip", backend) == packed.digest
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_a_pack_for_a_backend_without_a_file_is_refused(firetower, cells, tmp_path):
    firetower("pack", cells, tmp_path / "a.zip", "--backend", "onnx")
    with pytest.raises(BundleError, match="no model for the backend 'litert', it has one for: onnx"):
        firetower("pack", tmp_path / "a.zip", tmp_path / "b.zip", "--backend", "litert")
    assert not (tmp_path / "b.zip").exists()


def test_import_takes_everything_from_the_command_line(firetower, fixtures, tmp_path):
    (tmp_path / "labels.txt").write_text("plain\nrows\ncolumns\n")
    code, out, err = firetower(
        *("import", fixtures / "stripes_uint8.tflite", "--out", tmp_path / "b"),
        *(
            "--labels",
            tmp_path / "labels.txt",
            "--mean",
            "0.5,0.5,0.5",
            "--std",
            "0.5",
            "--scores",
            "probabilities",
        ),
        *("--fit", "stretch", "--alert", "rows=0.8:0.5", "--alert", "columns=0.9", "--name", "mine"),
    )
    bundle = Bundle.open(tmp_path / "b")
    assert code == 0
    assert last(out) == {"bundle": str(tmp_path / "b"), "digest": bundle.digest}
    assert f"firetower replay --bundle {tmp_path / 'b'}" in err
    limits = {label: (t.open, t.keep) for label, t in bundle.manifest.thresholds.items()}
    assert limits == {"rows": (0.8, 0.5), "columns": (0.9, 0.9)}
    assert bundle.manifest.normalisation.mean == (0.5, 0.5, 0.5)
    assert (bundle.manifest.name, bundle.manifest.fit) == ("mine", "stretch")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--labels", "absent.txt"), "no file 'absent.txt'"),
        ((), "--labels: needed"),
        (("--labels", "a,b"), "2 labels.*3 classes"),
        (
            ("--labels", "a,b,c", "--backend", "onnx"),
            "--backend: 'onnx' does not read .tflite; expected litert",
        ),
        (("--labels", "a,b,c", "--alert", "d=1"), r"--alert: 'd' is not among the labels \(a, b, c\)"),
        (("--labels", "a,b,c", "--alert", "a"), "--alert: 'a' is not LABEL=OPEN"),
        (("--labels", "a,b,c", "--alert", "a=high"), "'high' is not OPEN"),
        (("--labels", "a,b,c", "--mean", "127.5", "--std", "127.5"), "0…255"),
    ],
)
def test_wrong_options_say_what_to_do(firetower, fixtures, tmp_path, words, said):
    with pytest.raises(SettingsError, match=said):
        firetower("import", fixtures / "stripes_uint8.tflite", "--out", tmp_path / "b", *words)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    "words",
    [("--mean", "a,b"), ("--size", "224"), ("--size", "0x9"), ("--size", "axb"), ("--fit", "crop")],
)
def test_what_cannot_be_read_is_a_usage_error(firetower, fixtures, tmp_path, words, capsys):
    with pytest.raises(SystemExit) as exited:
        firetower(
            "import", fixtures / "stripes_uint8.tflite", "--out", tmp_path / "b", "--labels", "a,b,c", *words
        )
    assert exited.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_independent_labels_of_a_file_are_shown_so(firetower, fixtures, tmp_path):
    (tmp_path / "labels.csv").write_text("\ufeffid,name\n1,rows\n0,plain\n2,columns\n")
    firetower(
        *("import", fixtures / "stripes_uint8.tflite", "--out", tmp_path / "b", "--independent"),
        *("--labels", tmp_path / "labels.csv", "--scores", "probabilities"),
    )
    code, out, _ = firetower("show", tmp_path / "b")
    assert code == 0
    assert "scores are probabilities, independent of each other" in out
    assert "plain, rows, columns" in out


@pytest.mark.parametrize("words", [(), ("show",), ("verify",), ("pack",), ("unpack",), ("import",)])
def test_help_is_there(firetower, words, capsys):
    with pytest.raises(SystemExit) as exited:
        firetower(*words, "--help")
    assert exited.value.code == 0
    assert "usage: firetower bundle" in capsys.readouterr().out


def test_help_is_made_of_the_registry(firetower, capsys):
    with pytest.raises(SystemExit):
        firetower("import", "--help")
    said = capsys.readouterr().out
    assert f"--backend {{{','.join(BACKENDS)}}}" in said
    assert f"{' or '.join(suffixes())} file" in said
