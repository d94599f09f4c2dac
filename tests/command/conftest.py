from pathlib import Path

import pytest


@pytest.fixture
def fixtures() -> Path:
    """Return the folder of the committed model files."""
    return Path(__file__).parents[1] / "model/fixtures"
