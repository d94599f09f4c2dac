"""`requirements/SET.cdx.json`: what a set installs, as a bill of materials (CycloneDX); made of what is locked.

`make lock` writes them; `python -m scripts.sbom` writes them anew without solving anything. No network is asked.
Source: CycloneDX 1.6, JSON; package URLs; PEP 770.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name

from scripts.locked import FOLDER, PROJECT, SETS, Line, Set, applies, fits, read, recorded, tags_of

ROOT = Path(__file__).resolve().parents[1]
TOLD = ("device", "onnx")  # what is installed on a tower
CODECS = "edge/camera/CODECS-LICENSE.md"
_MODEL = "edge/model/smoke"
_WEIGHTS = "LicenseRef-firetower-weights"
_SPDX = {  # what packages say that do not speak SPDX
    "Apache 2.0": "Apache-2.0",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "3-Clause BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}
_ROW = re.compile(r"^\| (lib[^|]*) \| ([a-z0-9-]+) \| ([^|]+) \|$", re.MULTILINE)

Licences = Callable[[str, str], str | None]


def path_of(root: Path, name: str) -> Path:
    """Return where the bill of a set is."""
    return root / FOLDER / f"{name}.cdx.json"


def write(root: Path) -> None:
    """Write the bill of each set; licences are those that the packages installed here state."""
    for name in TOLD:
        path_of(root, name).write_text(_text(document(root, name, _stated)), encoding="utf-8")


def faults(root: Path) -> list[str]:
    """Say what is wrong with the bills below a folder that has what is locked; licences are taken as they are."""
    return [
        f"{path_of(root, name).name} is not what is locked: python -m scripts.sbom"
        for name in TOLD
        if (old := path_of(root, name)).read_text(encoding="utf-8")
        != _text(document(root, name, _told(json.loads(old.read_text(encoding="utf-8")))))
    ]


def document(root: Path, name: str, licences: Licences) -> dict[str, Any]:
    """Return the bill of a set.

    Args:
        root: has pyproject.toml, the locked requirements and the model.
        name: of the set.
        licences: (package, version) → SPDX expression or the package's own words; None: unknown.
    """
    each, project = SETS[name], tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    lines = {
        line.name: line
        for line in read(root / FOLDER / f"{name}.txt")
        if any(line.applies(target) for target in each.targets)
    }
    record, inside = recorded(root), _inside(root)
    components = [
        _component(line, each, record, licences, inside.get(package, []))
        for package, line in sorted(lines.items())
    ]
    edges = _edges(each, lines, record, project)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _own(root, project["project"])},
        "components": components,
        "dependencies": [
            {"ref": _ref(package, lines), "dependsOn": sorted(_ref(other, lines) for other in edges[package])}
            for package in (PROJECT, *sorted(lines))
        ],
    }


def _own(root: Path, project: dict[str, Any]) -> dict[str, Any]:
    """Return firetower itself, with the model that its wheel holds."""
    manifest = json.loads((root / _MODEL / "manifest.json").read_text(encoding="utf-8"))
    weights = {
        "type": "machine-learning-model",
        "bom-ref": manifest["name"],
        "name": manifest["name"],
        "version": manifest["version"],
        "licenses": [{"expression": _WEIGHTS}],
        "components": [
            {
                "type": "file",
                "name": f"{_MODEL}/{name}",
                "hashes": [{"alg": "SHA-256", "content": file["sha256"]}],
            }
            for name, file in sorted(manifest["files"].items())
            if file.get("backend")
        ],
    }
    return {
        "type": "application",
        "bom-ref": PROJECT,
        "name": PROJECT,
        "version": project["version"],
        "licenses": [{"expression": project["license"]}],
        "purl": _purl(PROJECT, project["version"]),
        "components": [weights],
    }


def _component(
    line: Line, each: Set, record: dict[str, Any], licences: Licences, inside: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return a package: with the wheels that the set's targets may install, and the libraries in them."""
    tags = frozenset().union(*map(tags_of, each.targets))
    wheels = record[f"{line.name}=={line.version}"]["wheels"]
    said = licences(line.name, line.version)
    return {
        "type": "library",
        "bom-ref": _purl(line.name, line.version),
        "name": line.name,
        "version": line.version,
        **({} if said is None else {"licenses": [_licence(said)]}),
        "purl": _purl(line.name, line.version),
        "externalReferences": [
            {"type": "distribution", "url": file, "hashes": [{"alg": "SHA-256", "content": digest}]}
            for file, digest in sorted(wheels.items())
            if digest in line.sha256 and fits(file, tags)
        ],
        **({"components": inside} if inside else {}),
    }


def _inside(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the libraries inside of packages, as the list of codecs has them."""
    found = defaultdict(list)
    for libraries, package, licence in codecs(root):
        for library in libraries:
            found[package].append({"type": "library", "name": library, "licenses": [{"expression": licence}]})
    return found


def codecs(root: Path) -> list[tuple[tuple[str, ...], str, str]]:
    """Return (libraries, package, SPDX expression) of each row of the list of codecs."""
    rows = _ROW.findall((root / CODECS).read_text(encoding="utf-8"))
    return [(tuple(libraries.split(", ")), package, licence) for libraries, package, licence in rows]


def _edges(
    each: Set, lines: dict[str, Line], record: dict[str, Any], project: dict[str, Any]
) -> dict[str, set[str]]:
    """Return what each package requires, on any of the set's targets."""
    edges, seen = defaultdict[str, set[str]](set), set[tuple[str, str]]()
    for target in each.targets:
        waiting = each.roots(project)
        while waiting:
            wanted = waiting.pop()
            if (key := (str(target), str(wanted))) in seen:
                continue
            seen.add(key)
            name = str(canonicalize_name(wanted.name))
            locked = record[name if name == PROJECT else f"{name}=={lines[name].version}"]
            required = [one for one in locked["requires"] if applies(one, target, ["", *wanted.extras])]
            edges[name] |= {str(canonicalize_name(one.name)) for one in required} - {name}
            waiting += required
    return edges


def _ref(package: str, lines: dict[str, Line]) -> str:
    return PROJECT if package == PROJECT else _purl(package, lines[package].version)


def _purl(package: str, version: str) -> str:
    return f"pkg:pypi/{package}@{version}"


def _licence(said: str) -> dict[str, Any]:
    try:
        return {"expression": str(canonicalize_license_expression(said))}
    except InvalidLicenseExpression:
        return {"license": {"name": said}}


def _stated(package: str, version: str) -> str | None:
    """Return what an installed package says of its licence; None where it says nothing or another one is installed."""
    try:
        about = metadata(package)
    except PackageNotFoundError:
        return None
    if about["Version"].partition("+")[0] != version:
        return None
    said = [*about.get_all("License-Expression", []), *about.get_all("License", [])]
    said += [text for text in about.get_all("Classifier", []) if text.startswith("License ::")]
    words = next((text for text in said if "\n" not in text), None)
    return None if words is None else _SPDX.get(words, words)


def _told(document: dict[str, Any]) -> Licences:
    """Return the licences of a bill."""

    def say(package: str, version: str) -> str | None:
        return known.get((package, version))

    known = {
        (each["name"], each["version"]): text for each in document["components"] for text in _words(each)
    }
    return say


def _words(component: dict[str, Any]) -> Iterator[str]:
    for licence in component.get("licenses", ()):
        yield licence["expression"] if "expression" in licence else licence["license"]["name"]


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    write(ROOT)
    sys.exit(0)
