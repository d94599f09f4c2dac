"""The registry: complete records, no library before use, and what is made of them."""

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from edge.errors import MissingExtraError
from edge.model.registry import BACKENDS, suffixes
from tests.model.every import need

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WITH_PICTURES = {"cv2"}  # loaded with or without a backend
LIBRARIES = sorted({backend.library for backend in BACKENDS.values()} - WITH_PICTURES)
HELPS = ("--help", "run --help", "replay --help", "bundle import --help", "deploy --help", "bench --help")
USES = f"""
import contextlib, io, sys
from pathlib import Path

def tell(use):
    print(use, *sorted(set(sys.modules) & set({LIBRARIES!r})), sep=", ")

import edge.cli, edge.settings, edge.model.registry
tell("import")
print([backend.installed for backend in edge.model.registry.BACKENDS.values()])
tell("list")
edge.settings.parse({{"model": {{"backend": "litert"}}, "cameras": {{"a": {{"uri": "scene:"}}}}}}, Path())
tell("settings")
for words in {HELPS!r}:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        edge.cli.main(words.split())
    tell(words)
edge.cli.main(["bundle", "show"])
tell("show")
"""


def test_no_library_is_imported_before_it_is_used():
    done = subprocess.run([sys.executable, "-c", USES], cwd=ROOT, capture_output=True, text=True, check=True)
    told = [
        line
        for line in done.stdout.splitlines()
        if line.split(", ")[0] in {"import", "list", "settings", *HELPS, "show"}
    ]
    assert told == ["import", "list", "settings", *HELPS, "show"]


@pytest.mark.parametrize("name", BACKENDS)
def test_a_record_is_whole(name):
    backend = BACKENDS[name]
    assert (backend.name, backend.suffix[0]) == (name, ".")
    assert backend.suffix in suffixes()
    extras = PROJECT["optional-dependencies"]
    lines = PROJECT["dependencies"] if backend.extra is None else extras[backend.extra]
    assert any(line.startswith(backend.distribution) for line in lines)


@pytest.mark.parametrize("name", BACKENDS)
def test_the_library_comes_with_the_distribution(name):
    backend = BACKENDS[need(name)]
    assert backend.distribution in metadata.packages_distributions()[backend.library]


@pytest.mark.parametrize("name", BACKENDS)
def test_without_its_library_a_backend_says_what_to_install(name, fixtures, monkeypatch):
    backend = BACKENDS[name]
    package = "firetower" if backend.extra is None else f"firetower[{backend.extra}]"
    for module in {backend.library, *(one for one in sys.modules if one.startswith(f"{backend.library}."))}:
        monkeypatch.setitem(sys.modules, module, None)
    assert backend.installed == (backend.extra is None)
    model = (fixtures / f"cells/model{backend.suffix}").read_bytes()
    for use in (lambda: backend.describe(model, "m"), lambda: backend.probe(model, "m", {})):
        with pytest.raises(MissingExtraError) as missing:
            use()
        assert str(missing.value).startswith(f"the {backend.title} backend")
        assert str(missing.value).endswith(f"pip install '{package}'")


def test_the_documentations_table_is_made_of_the_records():
    install = {
        b.name: "–" if b.extra is None else f"`pip install 'firetower[{b.extra}]'`" for b in BACKENDS.values()
    }
    rows = [f"| `{b.name}` | {b.title} | `{b.suffix}` | {install[b.name]} |" for b in BACKENDS.values()]
    page = (ROOT / "docs/configuration.md").read_text()
    table = "\n".join(
        ["| backend | library | files | beyond the base install |", "|---|---|---|---|", *rows, ""]
    )
    assert f"\n{table}\n" in page, f"docs/configuration.md needs this table:\n{table}"
