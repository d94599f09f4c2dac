"""The locked requirements, and whether they meet pyproject.toml; no network is asked.

`requirements/SET.txt` is for `pip install --require-hashes`. `requirements/lock.json` says which wheel each digest is
of and what each package requires, so that `faults` can follow it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from deploy.board import GLIBC_LEAST, MACHINES, PYTHONS
from deploy.wheelhouse import platforms

PROJECT = "firetower"
FOLDER = "requirements"
RECORD = "lock.json"
_HASH = "--hash=sha256:"


@dataclass(frozen=True, slots=True)
class Target:
    """A machine that installs.

    Attributes:
        python: such as "3.11".
        machine: as the kernel calls it.
    """

    python: str
    machine: str

    def __str__(self) -> str:
        """Return it for people."""
        return f"Python {self.python} on {self.machine}"

    @property
    def platforms(self) -> tuple[str, ...]:
        """The tags of wheels that it can run, the newest first."""
        return platforms(self.machine, GLIBC_LEAST)

    def environment(self) -> dict[str, str]:
        """Return what markers ask for. Source: PEP 508."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


@cache
def tags_of(target: Target) -> frozenset[Tag]:
    """Return the tags of all wheels that a target can install."""
    major, minor = map(int, target.python.split("."))
    cpython = cpython_tags((major, minor), platforms=target.platforms)
    return frozenset((*cpython, *compatible_tags((major, minor), f"cp{major}{minor}", target.platforms)))


@dataclass(frozen=True, slots=True)
class Set:
    """Requirements that are installed together.

    Attributes:
        targets: on what.
        extras: of firetower; None without firetower's own requirements.
        group: of `[dependency-groups]`.
    """

    targets: tuple[Target, ...]
    extras: tuple[str, ...] | None = ()
    group: str | None = None

    def words(self) -> list[str]:
        """Return what uv is told of it."""
        if self.extras is None:
            return ["--only-group", str(self.group)]
        group = [] if self.group is None else ["--group", self.group]
        return [*group, *(word for extra in self.extras for word in ("--extra", extra))]

    def roots(self, project: dict[str, Any]) -> list[Requirement]:
        """Return what it asks for, as pyproject.toml says."""
        own = [] if self.extras is None else [f"{PROJECT}[{','.join(self.extras)}]"]
        group = [] if self.group is None else project["dependency-groups"][self.group]
        return [Requirement(text) for text in (*own, *group)]


_BOARDS = tuple(Target(python, machine) for python in PYTHONS for machine in MACHINES.values())
_HOST = (Target("3.11", "x86_64"),)
SETS = {
    "device": Set(_BOARDS),
    "onnx": Set(_BOARDS, ("onnx",)),
    "pip": Set(_BOARDS, None, "pip"),
    "build": Set(_BOARDS, None, "build"),
    "guest": Set((Target("3.11", "aarch64"),), ("onnx",), "guest"),
    "train": Set(_HOST, ("train",)),
    "test": Set(_HOST, ("onnx", "sim", "bench", "train", "dev")),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement of a set.

    Attributes:
        requirement: pinned.
        sha256: of the files that may be installed.
    """

    requirement: Requirement
    sha256: frozenset[str]

    @property
    def name(self) -> str:
        """The package's, in its normal form."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The one that it is pinned to."""
        return str(self.requirement.specifier).removeprefix("==")

    def applies(self, target: Target) -> bool:
        """Whether a target installs it."""
        return applies(self.requirement, target, [""])


def read(path: Path) -> list[Line]:
    """Read a file of requirements with digests."""
    found = []
    for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement, *digests = line.split(_HASH)
            found.append(Line(Requirement(requirement), frozenset(digest.strip() for digest in digests)))
    return found


def recorded(root: Path) -> dict[str, Any]:
    """Return what requires what, and which wheels there are; of firetower itself what pyproject.toml says.

    Returns:
        By `name==version`, and firetower by its name: `requires`, a list of requirements, and `wheels`, digests by
        file name.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    record = json.loads((root / FOLDER / RECORD).read_text(encoding="utf-8"))
    extras = project["optional-dependencies"]
    own = [only_for(text, extra) for extra, texts in extras.items() for text in texts]
    record[PROJECT] = {"requires": [*project["dependencies"], *own], "wheels": {}}
    for locked in record.values():
        locked["requires"] = list(map(Requirement, locked["requires"]))
    return dict(record)


def faults(root: Path) -> list[str]:
    """Say what is wrong with the sets below a folder that has pyproject.toml; asks no network."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    record = recorded(root)
    found = []
    for name, each in SETS.items():
        lines = read(root / FOLDER / f"{name}.txt")
        for target in each.targets:
            found += [
                f"{name}, {target}: {text}"
                for text in _faults_for(target, lines, each.roots(project), record)
            ]
        # The pip that fetches for a board reads markers as if for the machine that it runs on.
        for line in lines:
            if len({line.applies(target) for target in each.targets}) > 1:
                found.append(f"{name}: '{line.requirement}' is for some of its targets only")
    return found


def _faults_for(
    target: Target, lines: list[Line], roots: list[Requirement], record: dict[str, Any]
) -> Iterator[str]:
    """Follow what is required, from the roots on; `record` says what requires what."""
    chosen = {line.name: line for line in lines if line.applies(target)}
    tags, needed = tags_of(target), set[str]()
    waiting, seen = list(roots), set[str]()
    while waiting:
        wanted = waiting.pop()
        name = str(canonicalize_name(wanted.name))
        if (key := str(wanted)) in seen:
            continue
        seen.add(key)
        if name != PROJECT:
            line = chosen.get(name)
            if line is None:
                yield f"{name} is missing"
                continue
            needed.add(name)
            if not wanted.specifier.contains(line.version, prereleases=True):
                yield f"{name} {line.version} does not meet '{wanted}'"
            name = f"{name}=={line.version}"
            if name not in record:
                yield f"{RECORD} does not have {name}"
                continue
            wheels = record[name]["wheels"]
            if not any(digest in line.sha256 and fits(file, tags) for file, digest in wheels.items()):
                yield f"{name} has no digest of a wheel for it"
        waiting += [each for each in record[name]["requires"] if applies(each, target, ["", *wanted.extras])]
    for name in chosen.keys() - needed:
        yield f"{name} is required by nothing"


def applies(requirement: Requirement, target: Target, extras: Sequence[str]) -> bool:
    """Whether a requirement holds for a target that asks for any of these extras; "" is none."""
    environment = target.environment()
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in extras)


def fits(file: str, tags: frozenset[Tag]) -> bool:
    """Whether a wheel of that name can be installed by whoever has these tags."""
    return not tags.isdisjoint(parse_wheel_filename(file)[3])


def only_for(text: str, extra: str) -> str:
    """Return a requirement that holds for an extra only."""
    requirement, _, marker = text.partition(";")
    return f"{requirement} ; " + (f"({marker}) and " if marker else "") + f"extra == '{extra}'"
