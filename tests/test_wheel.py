"""The wheel in an empty environment, run from a folder that has packages of the same names."""

import email
import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(out.glob("firetower-*.whl"))


def test_wheel_holds_all_packages_the_model_and_the_terms(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "edge/cli.py",
        "edge/model/smoke/model.tflite",
        "edge/model/smoke/manifest.json",
        "edge/model/WEIGHTS-LICENSE.md",
        "training/smoke/experiment.py",
        "training/cifar10/report/template/page.md.jinja",
        "training/gate/template/arms.md.jinja",
        "training/gate/template/smoke.md.jinja",
        "training/smoke/card.md.jinja",
        "training/smoke/search/page.md.jinja",
        "training/smoke/corrections.json",
        "training/smoke/detector/card.md.jinja",
        "training/export/layout.md.jinja",
        "training/cifar10/recipe/tiny.toml",
        "firmware_sim/rtsp_child.py",
        "firmware_sim/tower/scenario/first-light.toml",
        "benchmarks/latency.py",
        "deploy/step/survey.sh",
        "deploy/template/firetower.service",
        "receive/watch.py",
    ):
        assert needed in names
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]
    for lock in ("device", "onnx", "pip"):  # what `firetower deploy` installs with this wheel
        packed = f"firetower-0.1.0.dist-info/extra_metadata/requirements/{lock}.txt"
        text = zipfile.ZipFile(wheel).read(packed)
        assert text == (ROOT / f"requirements/{lock}.txt").read_bytes()
    licences = {name.partition(".dist-info/licenses/")[2] for name in names}
    own_terms = {"LICENSE", "edge/model/WEIGHTS-LICENSE.md", "edge/camera/CODECS-LICENSE.md"}
    assert own_terms <= licences
    about = email.message_from_bytes(zipfile.ZipFile(wheel).read("firetower-0.1.0.dist-info/METADATA"))
    assert about["License-Expression"] == "MIT AND LicenseRef-firetower-weights"
    assert set(about.get_all("License-File")) == own_terms
    for name in ("device", "onnx"):
        packed = zipfile.ZipFile(wheel).read(f"firetower-0.1.0.dist-info/sboms/{name}.cdx.json")
        assert packed == (ROOT / f"requirements/{name}.cdx.json").read_bytes()


def test_installed_wheel_runs_beside_a_foreign_benchmarks(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(home / "bin/python")]
    subprocess.run([*pip, "install", "--quiet", "--no-compile", str(wheel)], check=True)
    work = tmp_path / "work"
    for package in ("benchmarks", "training", "edge"):
        (work / package).mkdir(parents=True)
        (work / package / "__init__.py").write_text('raise ImportError("the wrong package")\n')

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [home / "bin/firetower", *arguments],
            cwd=work,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done

    assert run("--version").stdout.startswith("firetower ")
    assert "latency" in run("bench", "--help").stdout
    quick = ("--runs", "2", "--warmup", "1", "--processes", "1", "--seconds", "0.1", "--json", "pi.json")
    bench = run("bench", *quick)
    assert "onnx is left out" in bench.stderr
    assert [row["backend"] for row in json.loads(bench.stdout.splitlines()[-1])["rows"]] == ["litert"]
    assert "B / A" in run("bench", "compare", "pi.json", "pi.json").stdout
    last = run("replay", "scene:quiet?frames=4").stdout.splitlines()[-1]
    assert json.loads(last)["counters"]["latency"]["invoke"]["run"]["count"] == 4
    final = json.loads(run("run").stdout.splitlines()[-1])
    assert final["events"]["opened"] >= 1
    assert "firetower[train]" in run("train", "smoke", "--data", ".", "--out", "b", code=2).stderr
    assert "firetower[onnx]" in run("replay", "--backend", "onnx", "scene:quiet?frames=1", code=2).stderr
    listed = subprocess.run([*pip, "list"], check=True, capture_output=True, text=True).stdout
    assert "torch" not in listed
