"""The bills of materials are what is locked, and the licences of what is inside are told; no network is asked."""

import json
import re
import shutil
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.licenses import canonicalize_license_expression

from scripts import sbom
from scripts.locked import FOLDER, SETS, read

ROOT = Path(__file__).parents[1]
LABEL = re.search(r'image\.licenses="([^"]*)"', (ROOT / "Dockerfile.arm64").read_text().replace("\\\n", ""))[
    1
]
# CycloneDX 1.6, bom-1.6.schema.json: what must be there, and what may be said.
TYPES = {"application", "library", "machine-learning-model", "file"}
KEYS = {
    *("type", "bom-ref", "name", "version", "licenses", "purl", "externalReferences", "hashes", "components"),
}


@pytest.fixture
def copy(tmp_path):
    for path in ("pyproject.toml", sbom.CODECS, f"{sbom._MODEL}/manifest.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    shutil.copytree(ROOT / FOLDER, tmp_path / FOLDER)
    assert sbom.faults(tmp_path) == []
    return tmp_path


def bill(name):
    return json.loads(sbom.path_of(ROOT, name).read_text())


def inside(component):
    """A component and all in it."""
    yield component
    for inner in component.get("components", ()):
        yield from inside(inner)


def test_they_are_what_is_locked():
    assert sbom.faults(ROOT) == []


@pytest.mark.parametrize("name", sbom.TOLD)
def test_they_hold_what_the_format_asks_for(name):
    document = bill(name)
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert set(document) == {
        *("bomFormat", "specVersion", "version", "metadata", "components", "dependencies"),
    }
    tops = [document["metadata"]["component"], *document["components"]]
    every = [component for top in tops for component in inside(top)]
    for component in every:
        assert set(component) <= KEYS
        assert component["type"] in TYPES
        assert component["name"]
        for licence in component.get("licenses", ()):
            said = licence["expression"]
            assert canonicalize_license_expression(said) == said
        hashes = [*component.get("hashes", ())]
        for reference in component.get("externalReferences", ()):
            assert set(reference) == {"type", "url", "hashes"}
            assert reference["type"] == "distribution"
            hashes += reference["hashes"]
        assert all(one["alg"] == "SHA-256" and re.fullmatch("[0-9a-f]{64}", one["content"]) for one in hashes)
    known = [component["bom-ref"] for component in every if "bom-ref" in component]
    assert len(known) == len(set(known))
    dependencies = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert len(dependencies) == len(document["dependencies"])
    assert set(dependencies) | {ref for refs in dependencies.values() for ref in refs} <= set(known)


@pytest.mark.parametrize("name", sbom.TOLD)
def test_every_package_has_its_version_its_wheels_and_its_licence(name):
    lines = [
        line
        for line in read(ROOT / FOLDER / f"{name}.txt")
        if any(line.applies(target) for target in SETS[name].targets)
    ]
    components = {component["name"]: component for component in bill(name)["components"]}
    assert set(components) == {line.name for line in lines}
    for line in lines:
        component = components[line.name]
        assert component["purl"] == f"pkg:pypi/{line.name}@{line.version}"
        assert component["licenses"]
        digests = {one["hashes"][0]["content"] for one in component["externalReferences"]}
        assert digests
        assert digests <= line.sha256


def test_what_requires_what_is_told():
    dependencies = {each["ref"]: each["dependsOn"] for each in bill("onnx")["dependencies"]}
    assert any(ref.startswith("pkg:pypi/onnxruntime@") for ref in dependencies["firetower"])
    (of_starlette,) = (refs for ref, refs in dependencies.items() if ref.startswith("pkg:pypi/starlette@"))
    assert any(ref.startswith("pkg:pypi/anyio@") for ref in of_starlette)
    assert not any("onnxruntime" in json.dumps(component) for component in bill("device")["components"])


def of_av():
    (component,) = (one for one in bill("device")["components"] if one["name"] == "av")
    return component["externalReferences"][0]["hashes"][0]["content"]


@pytest.mark.parametrize(
    ("paths", "old", "new"),
    [
        ([f"{FOLDER}/{name}" for name in ("device.txt", "onnx.txt", "lock.json")], "six==1", "six==9"),
        ([f"{FOLDER}/device.txt"], f"--hash=sha256:{of_av()}", f"--hash=sha256:{'0' * 64}"),
        ([sbom.CODECS], "GPL-2.0-or-later", "GPL-2.0-only"),
        ([f"{sbom._MODEL}/manifest.json"], '"sha256": "a', '"sha256": "b'),
        (["pyproject.toml"], 'version = "0.1.0"', 'version = "0.2.0"'),
    ],
    ids=["version", "digest", "codec", "weights", "own"],
)
def test_what_has_changed_is_found(copy, paths, old, new):
    for path in paths:
        text = (copy / path).read_text()
        assert old in text
        (copy / path).write_text(text.replace(old, new))
    assert "device.cdx.json is not what is locked: python -m scripts.sbom" in sbom.faults(copy)


@pytest.mark.parametrize("package", ["av", "opencv-python-headless"])
def test_every_library_inside_a_wheel_has_its_licence_in_the_list(package):
    listed = {
        library for libraries, owner, _ in sbom.codecs(ROOT) for library in libraries if owner == package
    }
    files = [file.name for file in distribution(package).files if ".libs/" in str(file)]
    found = {re.match(r"lib[A-Za-z0-9-]+?(?=-[0-9a-f]{8}|-r0|\.so)", name)[0] for name in files}
    assert len(found) > 10
    assert found <= listed


def test_the_image_names_the_weights_terms_and_the_codecs():
    assert canonicalize_license_expression(LABEL) == LABEL
    parts = set(LABEL.split(" AND "))
    assert {"MIT", "LicenseRef-firetower-weights", "GPL-2.0-or-later"} <= parts
    assert {licence for _, _, licence in sbom.codecs(ROOT)} <= parts
