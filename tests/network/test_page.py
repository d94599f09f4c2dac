"""docs/network.md looks at every library."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_direct_dependency_was_looked_at():
    page = (ROOT / "docs/network.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = {
        re.match(r"[\w-]+", line)[0]
        for line in [*project["dependencies"], *(one for extra in extras for one in extra)]
    }
    named = set(re.findall(r"[\w-]+", page))
    assert len(wanted) > 30
    assert wanted - {"firetower"} - named == set()
