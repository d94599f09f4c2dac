"""The compose file, as far as reading tells: compose itself is not in Debian 12."""

from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "deploy/compose.yaml"


def test_the_container_is_confined_bounded_and_watched() -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which the extra `train` brings")
    document = yaml.safe_load(FILE.read_text())
    service = document["services"]["firetower"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["restart"] == "always"
    assert service["user"].split(":")[0] not in {"0", "root"}
    assert set(service["secrets"]) == set(document["secrets"])
    assert {volume.split(":")[0] for volume in service["volumes"]} >= set(document["volumes"])
    assert service["healthcheck"]["test"] == ["CMD", "python3", "-m", "deploy.health"]
