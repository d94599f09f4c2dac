"""`make lock`: the requirements of each set of extras, pinned, with the digests of their files.

uv solves all sets at once, so a board gets the versions that the tests ran with. No address of an index is written.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from deploy.errors import WheelError
from deploy.pip import run_pip
from deploy.wheelhouse import pip_target
from scripts import sbom
from scripts.locked import FOLDER, PROJECT, RECORD, SETS, Target, faults, fits, only_for, read, tags_of

ROOT = Path(__file__).resolve().parents[1]
_HEADER = "# Made by `make lock` from pyproject.toml; not edited by hand.\n"


def write(root: Path) -> None:
    """Solve anew, the newest that pyproject.toml allows, and write every set, the record and the bills of materials.

    Raises:
        subprocess.CalledProcessError: uv finds no solution; it has said why.
    """
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "pyproject.toml").write_bytes((root / "pyproject.toml").read_bytes())
        # One version of each package for all Pythons where there is one: see the markers in `faults`.
        _uv(scratch, "lock", "--fork-strategy", "fewest")
        for name, each in SETS.items():
            out = folder / f"{name}.txt"
            words = ("--frozen", "--no-emit-project", "--no-header", *each.words())
            out.write_text(_HEADER + _uv(scratch, "export", *words), encoding="utf-8")
        solved = tomllib.loads((Path(scratch) / "uv.lock").read_text(encoding="utf-8"))
    record = {
        f"{package['name']}=={package['version']}": _recorded(package)
        for package in solved["package"]
        if package["name"] != PROJECT
    }
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    sbom.write(root)


def _uv(folder: str, *words: str) -> str:
    command = [sys.executable, "-m", "uv", "--quiet", *words, "--project", folder]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _recorded(package: dict[str, Any]) -> dict[str, Any]:
    """Return what the record keeps of a package: its wheels for our targets, and what it requires."""
    tags = frozenset().union(*map(tags_of, _targets()))
    files = {unquote(wheel["url"].rpartition("/")[2]): wheel["hash"] for wheel in package.get("wheels", [])}
    requires = [_requirement(each) for each in package.get("dependencies", [])]
    for extra, optional in package.get("optional-dependencies", {}).items():
        requires += [only_for(_requirement(each), extra) for each in optional]
    wheels = {file: digest.removeprefix("sha256:") for file, digest in files.items() if fits(file, tags)}
    return {"requires": requires, "wheels": wheels}


def _requirement(dependency: dict[str, Any]) -> str:
    extras = f"[{','.join(dependency['extra'])}]" if "extra" in dependency else ""
    marker = f" ; {dependency['marker']}" if "marker" in dependency else ""
    return f"{dependency['name']}{extras}{marker}"


def ask_pip(root: Path) -> Iterator[str]:
    """Let pip look for every file: it also heeds the newest Python that a package runs on, which uv does not."""
    targets = _targets()
    for count, target in enumerate(targets, 1):
        print(f"{count} of {len(targets)}: pip looks for the files of {target} (up to a minute)", flush=True)
        sets = [read(root / FOLDER / f"{name}.txt") for name, each in SETS.items() if target in each.targets]
        pins = {f"{line.name}=={line.version}" for lines in sets for line in lines if line.applies(target)}
        words = (
            "--dry-run",
            "--ignore-installed",
            "--target=.",
            *pip_target(target.python, target.platforms),
        )
        try:
            run_pip("install", *words, *sorted(pins))
        except WheelError as error:
            yield f"{target}: {error}"


def _targets() -> list[Target]:
    return list(dict.fromkeys(target for each in SETS.values() for target in each.targets))


def main() -> int:
    """Write the sets, check them; return the exit code."""
    print("uv solves all sets (seconds)", flush=True)
    write(ROOT)
    found = [*faults(ROOT), *sbom.faults(ROOT), *ask_pip(ROOT)]
    for text in found:
        print(text, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
